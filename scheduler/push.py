"""Targeted push 精准帮扶推送: which class is sent what by rule, and until when it is due.

Three kinds of rules. `make_up`: a class that was there for less than the valid share of a lesson is
sent its recording (DOMAIN 9). `subject`: classes of some grades are sent whatever is new in a
subject. `weekly`: once a teaching week, from a weekday on, a class is sent the oldest of a subject
that it has not had. Nobody is sent what they were sent before, or took part in; and by the latter
two a recording is sent only once it is published, for children are in its pictures.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import islice
from uuid import UUID

from scheduler.calendar import TeachingDay, teaching_day, teaching_days, week_of
from scheduler.model import Term

MAKE_UP_DAYS = 10  # school days (DOMAIN 9)


class RuleKind(StrEnum):
    MAKE_UP = "make_up"
    SUBJECT = "subject"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class PushRule:
    """`subject` None: any (make_up only); `grades` empty: all; `weekday` (ISO) for weekly alone."""

    id: UUID
    kind: RuleKind
    subject: str | None
    grades: tuple[int, ...]
    weekday: int | None
    school_days: int  # from sending until it is due
    since: date  # what is older is not sent by it


@dataclass(frozen=True, slots=True)
class Material:
    """A recording or an upload that is ready to be sent."""

    id: UUID
    subject: str
    made_on: date
    hub_code: str  # the school it is of
    session_id: UUID | None = None  # a recording's lesson
    had_by: frozenset[str] = frozenset()  # classes that took part in that lesson
    shared: bool = True  # may go to other classes by rule: an upload, or a published recording


@dataclass(frozen=True, slots=True)
class TargetClass:
    """A class of a receiving school."""

    id: str
    grade: int
    hub_code: str  # its school's hub


@dataclass(frozen=True, slots=True)
class Missed:
    """A link whose class was there for `share` of the planned time, below what is valid."""

    participant_id: UUID
    session_id: UUID
    class_id: str
    share: float


@dataclass(frozen=True, slots=True)
class Sending:
    """What a rule decides: one material to one class. `participant_id`: the link it makes up."""

    rule_id: UUID
    material_id: UUID
    class_id: str
    due_on: date
    participant_id: UUID | None = None


def due_on(term: Term | None, sent_on: date, school_days: int) -> date:
    """The `school_days`-th school day after a date, but no later than the term's last day.

    Without a term that holds the date, weekdays are counted.
    """
    if term is None or not term.starts_on <= sent_on <= term.ends_on:
        weekdays = (day for day in _days_after(sent_on) if day.isoweekday() <= 5)
        return next(islice(weekdays, school_days - 1, None))
    days = teaching_days(term, sent_on + timedelta(days=1), term.ends_on)
    found = next(islice(days, school_days - 1, None), None)
    return found.day if found is not None else term.ends_on


def _days_after(day: date) -> Iterator[date]:
    while True:
        day += timedelta(days=1)
        yield day


def sendings(
    rules: Iterable[PushRule],
    materials: Sequence[Material],
    missed: Iterable[Missed],
    classes: Sequence[TargetClass],
    sent: frozenset[tuple[UUID, str]],
    last_weekly: Mapping[tuple[UUID, str], date],
    term: Term | None,
    today: date,
) -> tuple[Sending, ...]:
    """All that the rules send today. `sent`: pairs of material and class that were sent before;
    `last_weekly`: when a weekly rule last sent a class something.

    A class is sent one material once, by the first rule that says so: make-up comes first, for it
    says which lesson it makes up.
    """
    missed = tuple(missed)
    known = {each.id: each for each in classes}
    teaching = teaching_day(term, today) if term is not None else None
    done = set(sent)
    found: list[Sending] = []
    for rule in sorted(rules, key=lambda r: (list(RuleKind).index(r.kind), r.id)):
        if rule.kind is RuleKind.MAKE_UP:
            wanted = _make_ups(rule, materials, missed, known)
        elif rule.kind is RuleKind.SUBJECT:
            wanted = _new_in_subject(rule, materials, classes)
        else:
            wanted = _weekly(rule, materials, classes, done, last_weekly, term, teaching)
        due = due_on(term, today, rule.school_days)
        for material_id, class_id, participant_id in wanted:
            if (material_id, class_id) not in done:
                done.add((material_id, class_id))
                found.append(Sending(rule.id, material_id, class_id, due, participant_id))
    return tuple(found)


_Wanted = Iterator[tuple[UUID, str, UUID | None]]


def _make_ups(
    rule: PushRule,
    materials: Sequence[Material],
    missed: Iterable[Missed],
    classes: Mapping[str, TargetClass],
) -> _Wanted:
    recordings: dict[UUID, list[Material]] = {}
    for material in materials:
        if material.session_id is not None and _concerns(rule, material):
            recordings.setdefault(material.session_id, []).append(material)
    for link in missed:
        group = classes.get(link.class_id)
        if group is None or (rule.grades and group.grade not in rule.grades):
            continue
        for material in recordings.get(link.session_id, []):
            yield material.id, link.class_id, link.participant_id


def _new_in_subject(
    rule: PushRule, materials: Sequence[Material], classes: Sequence[TargetClass]
) -> _Wanted:
    for material in materials:
        for group in classes:
            if _may_have(rule, material, group):
                yield material.id, group.id, None


def _weekly(
    rule: PushRule,
    materials: Sequence[Material],
    classes: Sequence[TargetClass],
    done: set[tuple[UUID, str]],
    last_weekly: Mapping[tuple[UUID, str], date],
    term: Term | None,
    teaching: TeachingDay | None,
) -> _Wanted:
    assert rule.weekday is not None, "the database gives every weekly rule one"
    if term is None or teaching is None or teaching.weekday < rule.weekday:
        return
    for group in classes:
        last = last_weekly.get((rule.id, group.id))
        if last is not None and _week(term, last) >= teaching.week:
            continue
        waiting = (
            m
            for m in sorted(materials, key=lambda m: (m.made_on, m.id))
            if _may_have(rule, m, group) and (m.id, group.id) not in done
        )
        first = next(waiting, None)
        if first is not None:
            yield first.id, group.id, None


def _week(term: Term, day: date) -> int:
    """The teaching week that a date runs, which a make-up workday takes from another."""
    runs = teaching_day(term, day)
    return runs.week if runs is not None else week_of(term, day)


def _may_have(rule: PushRule, material: Material, group: TargetClass) -> bool:
    return (
        _concerns(rule, material)
        and material.shared
        and material.hub_code == group.hub_code
        and (not rule.grades or group.grade in rule.grades)
        and group.id not in material.had_by
    )


def _concerns(rule: PushRule, material: Material) -> bool:
    return rule.subject in (None, material.subject) and material.made_on >= rule.since
