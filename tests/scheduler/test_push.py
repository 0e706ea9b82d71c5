"""Who is sent what by rule, and until when."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from scheduler.model import CalendarDay
from scheduler.push import (
    Material,
    Missed,
    PushRule,
    RuleKind,
    Sending,
    TargetClass,
    due_on,
    sendings,
)
from tests.worlds import FAR, HUB, MONDAY, NEAR, TERM

HOLIDAYS = replace(
    TERM,
    days=(
        CalendarDay(date(2026, 9, 25), None, "Mid-autumn"),
        CalendarDay(date(2026, 9, 20), date(2026, 9, 25), "works for it"),  # a Sunday
    ),
)
CLASSES = (
    TargetClass("far-3", 3, HUB),
    TargetClass("near-3", 3, HUB),
    TargetClass("far-5", 5, HUB),
)
SINCE = date(2026, 9, 1)


def _id(number: int) -> UUID:
    return UUID(int=number)


def _rule(kind: RuleKind, number: int = 1, **more: object) -> PushRule:
    base = PushRule(_id(number), kind, "music", (3,), None, 5, SINCE)
    return replace(base, **more)  # type: ignore[arg-type]  # fields of the rule


def _material(number: int, **more: object) -> Material:
    base = Material(_id(100 + number), "music", MONDAY + timedelta(days=number), HUB)
    return replace(base, **more)  # type: ignore[arg-type]  # fields of the material


def _sent(
    rules: list[PushRule],
    materials: list[Material],
    *,
    missed: tuple[Missed, ...] = (),
    sent: frozenset[tuple[UUID, str]] = frozenset(),
    last: dict[tuple[UUID, str], date] | None = None,
    today: date = MONDAY,
) -> list[tuple[int, str]]:
    found = sendings(rules, materials, missed, CLASSES, sent, last or {}, TERM, today)
    return [(s.material_id.int - 100, s.class_id) for s in found]


@pytest.mark.parametrize(
    ("sent_on", "days", "due"),
    [
        (date(2026, 9, 7), 1, date(2026, 9, 8)),
        (date(2026, 9, 11), 1, date(2026, 9, 14)),  # over a weekend
        (date(2026, 9, 18), 1, date(2026, 9, 20)),  # a Sunday that is worked
        (date(2026, 9, 24), 1, date(2026, 9, 28)),  # over a holiday
        (date(2026, 9, 7), 10, date(2026, 9, 20)),
        (date(2027, 1, 21), 10, date(2027, 1, 22)),  # no later than the term
        (date(2027, 2, 5), 2, date(2027, 2, 9)),  # outside of a term weekdays are counted
    ],
)
def test_due_dates_are_counted_in_school_days(sent_on: date, days: int, due: date) -> None:
    assert due_on(HOLIDAYS, sent_on, days) == due


def test_without_any_term_weekdays_are_counted() -> None:
    assert due_on(None, date(2026, 9, 11), 2) == date(2026, 9, 15)


def test_a_class_that_missed_a_lesson_is_sent_its_recording_once() -> None:
    lesson, link = _id(7), _id(70)
    recording = _material(0, session_id=lesson, had_by=frozenset({"far-3", "near-3"}))
    rule = _rule(RuleKind.MAKE_UP, subject=None, grades=(), school_days=10)
    missed = (Missed(link, lesson, "far-3", 0.4),)
    found = sendings(
        [rule], [recording, _material(1)], missed, CLASSES, frozenset(), {}, TERM, MONDAY
    )
    assert found == (Sending(rule.id, recording.id, "far-3", MONDAY + timedelta(days=14), link),)
    again = frozenset({(recording.id, "far-3")})
    assert _sent([rule], [recording], missed=missed, sent=again) == []


def test_a_missed_lesson_without_a_recording_sends_nothing() -> None:
    rule = _rule(RuleKind.MAKE_UP, subject=None, grades=())
    missed = (Missed(_id(70), _id(7), "far-3", 0.0),)
    assert _sent([rule], [_material(0), _material(1, session_id=_id(8))], missed=missed) == []


def test_a_subject_rule_sends_what_is_new_to_the_grades_that_did_not_have_it() -> None:
    had = _material(0, session_id=_id(7), had_by=frozenset({"far-3"}))
    rule = _rule(RuleKind.SUBJECT)
    others = [
        _material(1, subject="art"),
        _material(2, made_on=SINCE - timedelta(days=1)),
        _material(3, hub_code=NEAR),
    ]
    assert _sent([rule], [had, *others]) == [(0, "near-3")]
    assert _sent([replace(rule, grades=())], [had]) == [(0, "near-3"), (0, "far-5")]


def test_a_recording_that_is_not_published_goes_to_those_alone_who_missed_its_lesson() -> None:
    lesson, link = _id(7), _id(70)
    private = _material(0, session_id=lesson, shared=False)
    rules = [_rule(RuleKind.SUBJECT, 1), _rule(RuleKind.WEEKLY, 2, weekday=1)]
    missed = (Missed(link, lesson, "near-3", 0.4),)
    assert _sent(rules, [private], missed=missed) == []
    make_up = _rule(RuleKind.MAKE_UP, 3, subject=None, grades=())
    assert _sent([*rules, make_up], [private], missed=missed) == [(0, "near-3")]


def test_make_up_goes_before_a_subject_rule_for_the_same_recording() -> None:
    lesson, link = _id(7), _id(70)
    recording = _material(0, session_id=lesson)
    rules = [_rule(RuleKind.SUBJECT, 1), _rule(RuleKind.MAKE_UP, 2)]
    missed = [Missed(link, lesson, "near-3", 0.4)]
    found = sendings(rules, [recording], missed, CLASSES, frozenset(), {}, TERM, MONDAY)
    assert [(s.rule_id.int, s.class_id, s.participant_id) for s in found] == [
        (2, "near-3", link),
        (1, "far-3", None),
    ]


def test_a_weekly_plan_sends_the_oldest_that_is_left_once_a_week() -> None:
    rule = _rule(RuleKind.WEEKLY, weekday=3)
    materials = [_material(2), _material(0), _material(1)]
    wednesday = MONDAY + timedelta(days=2)
    assert _sent([rule], materials, today=MONDAY) == []
    assert _sent([rule], materials, today=wednesday) == [(0, "far-3"), (0, "near-3")]
    last = {(rule.id, "far-3"): wednesday}
    sent = frozenset({(_id(100), "far-3")})
    friday = wednesday + timedelta(days=2)  # the server was down, or a class came anew
    assert _sent([rule], materials, last=last, sent=sent, today=friday) == [(0, "near-3")]
    next_week = wednesday + timedelta(days=7)
    assert _sent([rule], materials, last=last, sent=sent, today=next_week) == [
        (1, "far-3"),
        (0, "near-3"),
    ]


def test_a_weekly_plan_rests_on_days_without_school() -> None:
    rule = _rule(RuleKind.WEEKLY, weekday=3)
    assert _sent([rule], [_material(0)], today=MONDAY + timedelta(days=5)) == []


def test_two_rules_never_send_a_class_the_same_twice() -> None:
    rules = [_rule(RuleKind.SUBJECT, 1), _rule(RuleKind.WEEKLY, 2, weekday=1)]
    assert _sent(rules, [_material(0)]) == [(0, "far-3"), (0, "near-3")]


def test_a_class_of_another_hub_is_sent_nothing() -> None:
    stranger = (TargetClass("other-3", 3, FAR),)
    rules = [_rule(RuleKind.SUBJECT)]
    assert sendings(rules, [_material(0)], (), stranger, frozenset(), {}, TERM, MONDAY) == ()


def test_a_make_up_workday_counts_in_the_week_whose_lessons_it_runs() -> None:
    """Sunday 20 September runs Friday's lessons of the week after."""
    rule = _rule(RuleKind.WEEKLY, weekday=1)
    sunday, wednesday = date(2026, 9, 20), date(2026, 9, 16)
    materials = [_material(0), _material(1)]
    sent, last = frozenset({(_id(100), "far-3")}), {(rule.id, "far-3"): wednesday}
    one = CLASSES[:1]
    found = sendings([rule], materials, (), one, sent, last, HOLIDAYS, sunday)
    assert [s.material_id for s in found] == [_id(101)]
    again = {(rule.id, "far-3"): sunday}
    thursday = date(2026, 9, 24)
    assert sendings([rule], materials, (), one, sent, again, HOLIDAYS, thursday) == ()
