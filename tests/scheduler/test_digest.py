"""The digest of a day: when it is made, what is owed and by when."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest

from scheduler.digest import DarkRoom, Link, digest, due, due_by, owes
from scheduler.model import AttendanceStatus, CalendarDay, Session, SessionKind, SessionState
from tests.worlds import MONDAY, NOON, TERM

A, S = AttendanceStatus, SessionState
EVENING = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)  # 18:00 in Shanghai
LINK = Link(
    UUID(int=1), UUID(int=2), MONDAY, "music", "far", "far-301", A.ABSENT, "never_there", False
)


def test_it_is_made_in_the_evening_of_each_zone_once() -> None:
    there = replace(TERM, id="u", zone="Europe/London")
    assert due([TERM, there], EVENING - timedelta(seconds=1), time(18), []) == []
    assert due([TERM, there], EVENING, time(18), []) == [("Asia/Shanghai", MONDAY)]
    assert due([TERM], EVENING, time(18), [("Asia/Shanghai", MONDAY)]) == []
    later = EVENING + timedelta(hours=7)  # 18:00 in London; past midnight in Shanghai
    assert due([TERM, there], later, time(18), []) == [("Europe/London", MONDAY)]


def test_two_terms_of_a_zone_have_one_digest_and_outside_of_a_term_there_is_none() -> None:
    assert due([TERM, replace(TERM, id="u")], EVENING, time(18), []) == [("Asia/Shanghai", MONDAY)]
    assert due([TERM], EVENING + timedelta(days=300), time(18), []) == []


@pytest.mark.parametrize(
    ("status", "cause", "is_owed"),
    [
        (A.FULL, None, False),
        (A.MADE_UP, None, False),
        (A.ABSENT, "never_there", True),
        (A.ABSENT, "not_held", True),
        (A.PARTIAL, "too_short", True),
        (A.PARTIAL, "no_head_count", False),  # it was there long enough
        (A.PARTIAL, "no_interaction", False),
        (A.EXCUSED, "calendar", False),
        (A.EXCUSED, "bureau", False),
        (A.EXCUSED, "school", True),
        (A.EXCUSED, "network", True),
        (None, None, False),
    ],
)
def test_what_fell_short_is_owed(status: A | None, cause: str | None, is_owed: bool) -> None:
    link = replace(LINK, status=status, cause=cause)
    assert owes(link) is is_owed
    assert owes(replace(link, made_up=True)) is False
    assert owes(replace(link, makeup=True)) is False


def test_ten_school_days_skip_weekends_and_holidays() -> None:
    assert due_by(TERM, MONDAY) == date(2026, 9, 21)
    week_off = tuple(CalendarDay(MONDAY + timedelta(days=n), None) for n in range(7, 12))
    assert due_by(replace(TERM, days=week_off), MONDAY) == date(2026, 9, 28)
    assert due_by(TERM, TERM.ends_on - timedelta(days=3)) is None


def session(state: S, day: date = MONDAY) -> Session:
    return Session(
        id=uuid4(),
        kind=SessionKind.LIVE_LESSON,
        lesson_id=None,
        on_day=day,
        subject="music",
        starts_at=NOON,
        ends_at=NOON + timedelta(minutes=40),
        interactive=True,
        state=state,
        cancel_cause=None,
        opened_at=None,
        live_at=None,
        closed_at=None,
        node_id=None,
        floor_participant_id=None,
        participants=(),
    )


def test_a_digest_counts_the_day_and_lists_what_is_owed_from_before() -> None:
    old = replace(LINK, on_day=date(2026, 8, 20), room_id="near")
    links = [
        LINK,
        old,
        replace(LINK, status=A.FULL, cause=None),
        replace(LINK, status=None, cause=None),
    ]
    dark = [DarkRoom(UUID(int=1), "far", NOON, None, 2)]
    states = [S.ENDED, S.ENDED, S.MISSED, S.CANCELLED, S.LIVE, S.SCHEDULED]
    sessions = [session(s) for s in states] + [session(S.ENDED, date(2026, 9, 8))]
    found = digest(TERM, MONDAY, sessions, links, dark)
    assert (found.planned, found.held, found.not_held, found.cancelled) == (6, 3, 1, 1)
    assert found.links == {"absent": 1, "full": 1, "open": 1}
    assert found.dark == tuple(dark)
    assert [(o.link.room_id, o.due_by, o.overdue) for o in found.owed] == [
        ("near", date(2026, 9, 14), False),
        ("far", date(2026, 9, 21), False),
    ]
    assert digest(TERM, date(2026, 9, 15), [], links, []).owed[0].overdue is True
