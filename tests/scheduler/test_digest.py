"""The digest of a day: when it is made, what is owed and by when."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

from scheduler.digest import DarkRoom, Link, digest, due
from scheduler.model import AttendanceStatus, Session, SessionKind, SessionState
from tests.worlds import MONDAY, NOON, TERM

A, S = AttendanceStatus, SessionState
EVENING = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)  # 18:00 in Shanghai
LINK = Link(
    session_id=UUID(int=1),
    participant_id=UUID(int=2),
    on_day=MONDAY,
    subject="music",
    room_id="far",
    class_id="far-301",
    status=A.ABSENT,
    cause="never_there",
    makeup_due_on=date(2026, 9, 21),
    made_up_on=None,
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


def test_what_is_due_is_owed_until_it_is_made_up() -> None:
    assert LINK.owed
    assert not replace(LINK, makeup_due_on=None).owed
    assert not replace(LINK, status=A.MADE_UP, made_up_on=date(2026, 9, 15)).owed
    assert not replace(LINK, makeup=True).owed


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
    old = replace(LINK, on_day=date(2026, 8, 20), room_id="near", makeup_due_on=date(2026, 9, 4))
    links = [
        LINK,
        old,
        replace(LINK, status=A.FULL, cause=None, makeup_due_on=None),
        replace(LINK, status=None, cause=None, makeup_due_on=None),
    ]
    dark = [DarkRoom(UUID(int=1), "far", NOON, None, 2)]
    states = [S.ENDED, S.ENDED, S.MISSED, S.CANCELLED, S.LIVE, S.SCHEDULED]
    sessions = [session(s) for s in states] + [session(S.ENDED, date(2026, 9, 8))]
    found = digest(TERM.zone, MONDAY, sessions, links, dark)
    assert (found.planned, found.held, found.not_held, found.cancelled) == (6, 3, 1, 1)
    assert found.links == {"absent": 1, "full": 1, "open": 1}
    assert found.dark == tuple(dark)
    assert [(o.link.room_id, o.due_on, o.overdue) for o in found.owed] == [
        ("near", date(2026, 9, 4), True),
        ("far", date(2026, 9, 21), False),
    ]
