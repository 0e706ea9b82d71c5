"""From evidence to attendance: the thresholds, and that nothing but evidence counts."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.attendance import AttendanceRules, derive, presence
from scheduler.makeups import MakeUp
from scheduler.model import (
    Attendance,
    AttendanceStatus,
    EvidenceSlice,
    HeadCount,
    Participant,
    ParticipantRole,
    Session,
    SessionKind,
    SessionState,
)
from tests.scheduler.test_session import NOON, SCHEDULED

WHO = UUID(int=1)
RULES = AttendanceRules()
ENDED = replace(SCHEDULED, state=SessionState.ENDED)
ROOM = Participant(WHO, ENDED.id, ParticipantRole.RECEIVING, "r", "c", None)
COUNT = HeadCount(WHO, 40, 38, "x", NOON)
A = AttendanceStatus


def there(
    since: float,
    until: float,
    *,
    sent: bool = True,
    got: bool = True,
    delay: float | None = None,
    loss: float | None = None,
) -> EvidenceSlice:
    start, end = (NOON + timedelta(seconds=s) for s in (since, until))
    return EvidenceSlice(WHO, start, end, sent, got, None, delay, loss)


def judged(
    *slices: EvidenceSlice,
    session: Session = ENDED,
    counts: tuple[HeadCount, ...] = (COUNT,),
    took_floor: bool = True,
) -> tuple[A, int, str | None]:
    found = derive(session, ROOM, slices, counts, took_floor=took_floor, rules=RULES)
    return found.status, found.seconds, found.cause


@pytest.mark.parametrize(
    ("until", "status", "cause"),
    [
        (2400, A.FULL, None),
        (1920, A.FULL, None),  # 32 of 40 minutes
        (1919, A.PARTIAL, "too_short"),
        (1200, A.PARTIAL, "too_short"),
        (1199, A.ABSENT, "too_short"),
    ],
)
def test_the_thresholds_of_the_rules(until: int, status: A, cause: str | None) -> None:
    assert judged(there(0, until)) == (status, until, cause)


def test_no_evidence_is_never_there() -> None:
    assert judged() == (A.ABSENT, 0, "never_there")


def test_only_what_falls_into_the_planned_minutes_counts() -> None:
    assert judged(there(-600, 3000))[1] == 2400


def test_a_valid_link_needs_a_head_count_and_if_interactive_the_floor() -> None:
    assert judged(there(0, 2400), counts=())[::2] == (A.PARTIAL, "no_head_count")
    assert judged(there(0, 2400), took_floor=False)[::2] == (A.PARTIAL, "no_interaction")
    broadcast = replace(ENDED, interactive=False)
    assert judged(there(0, 2400), session=broadcast, took_floor=False)[0] is A.FULL


def test_an_interactive_room_must_send_and_receive_a_listening_room_only_receive() -> None:
    assert judged(there(0, 2400, sent=False))[0] is A.ABSENT
    assert judged(there(0, 2400, got=False))[0] is A.ABSENT
    broadcast = replace(ENDED, interactive=False)
    assert judged(there(0, 2400, sent=False), session=broadcast)[0] is A.FULL


def test_short_gaps_are_presence_and_long_ones_interrupt() -> None:
    pieces = (there(0, 600), there(609, 1200), there(1261, 2400))
    found = derive(ENDED, ROOM, pieces, [COUNT], took_floor=True, rules=RULES)
    assert [(i.to_at - i.from_at).total_seconds() for i in found.intervals] == [1200, 1139]
    assert found.interruptions == 1


@pytest.mark.parametrize(
    ("state", "cause", "status"),
    [(SessionState.CANCELLED, "calendar", A.EXCUSED), (SessionState.MISSED, None, A.ABSENT)],
)
def test_sessions_that_were_not_held(state: SessionState, cause: str | None, status: A) -> None:
    session = replace(ENDED, state=state, cancel_cause=cause)
    assert judged(session=session)[0] is status


def test_the_last_head_count_holds() -> None:
    corrected = replace(COUNT, present=30, counted_at=NOON + timedelta(hours=1))
    found = derive(ENDED, ROOM, [], [corrected, COUNT], took_floor=True, rules=RULES)
    assert found.present == 30


DUE = NOON.date() + timedelta(days=14)
MADE = MakeUp(NOON.date() + timedelta(days=3), UUID(int=7), 40, 33)


def made_up(
    *makeups: MakeUp,
    slices: tuple[EvidenceSlice, ...] = (),
    session: Session = ENDED,
    counts: tuple[HeadCount, ...] = (COUNT,),
) -> tuple[A, str | None, date | None, date | None]:
    found = derive(
        session,
        ROOM,
        slices,
        counts,
        took_floor=True,
        rules=RULES,
        makeup_due_on=DUE,
        makeups=makeups,
    )
    assert found.valid == (found.status in (A.FULL, A.MADE_UP))
    return found.status, found.cause, found.makeup_due_on, found.made_up_on


@pytest.mark.parametrize("cause", ["school", "network"])
def test_a_lesson_that_the_school_or_the_network_cancelled_is_to_be_made_up(cause: str) -> None:
    session = replace(ENDED, state=SessionState.CANCELLED, cancel_cause=cause)
    assert made_up(session=session) == (A.EXCUSED, cause, DUE, None)
    assert made_up(MADE, session=session) == (A.MADE_UP, cause, DUE, MADE.on_day)


@pytest.mark.parametrize("cause", ["calendar", "bureau"])
def test_one_that_calendar_or_bureau_cancelled_is_not(cause: str) -> None:
    session = replace(ENDED, state=SessionState.CANCELLED, cancel_cause=cause)
    assert made_up(MADE, session=session) == (A.EXCUSED, cause, None, None)


def test_too_few_minutes_are_to_be_made_up_and_a_make_up_settles_it() -> None:
    assert made_up() == (A.ABSENT, "never_there", DUE, None)
    assert made_up(slices=(there(0, 1300),)) == (A.PARTIAL, "too_short", DUE, None)
    assert made_up(MADE) == (A.MADE_UP, "never_there", DUE, MADE.on_day)


def test_a_full_link_is_not_made_up_again_and_one_without_a_head_count_need_not_be() -> None:
    whole = (there(0, 2400),)
    assert made_up(MADE, slices=whole) == (A.FULL, None, None, None)
    assert made_up(slices=whole, counts=()) == (A.PARTIAL, "no_head_count", None, None)
    assert made_up(MADE, slices=whole, counts=())[0] is A.MADE_UP


def test_the_earliest_make_up_holds_with_its_head_count() -> None:
    later = MakeUp(MADE.on_day + timedelta(days=1), UUID(int=8), 40, 20)
    for order in ((MADE, later), (later, MADE)):
        found = derive(ENDED, ROOM, [], [COUNT], took_floor=True, rules=RULES, makeups=order)
        assert (found.made_up_by, found.present, found.seconds) == (MADE.by, 33, 0)


def test_a_research_meeting_asks_for_minutes_alone() -> None:
    meeting = replace(ENDED, kind=SessionKind.RESEARCH)
    teacher = Participant(WHO, ENDED.id, ParticipantRole.OBSERVER, None, None, "t")
    for until, status in ((2400, A.FULL), (1300, A.PARTIAL), (100, A.ABSENT)):
        slices = [there(0, until, sent=False)]
        found = derive(meeting, teacher, slices, [], took_floor=False, rules=RULES)
        assert (found.status, found.makeup_due_on) == (status, None)


@pytest.mark.parametrize(
    ("live", "closed", "there_until", "expected"),
    [
        (-540, -60, -60, (A.FULL, 480)),  # over before it was planned to begin
        (-540, -60, -300, (A.PARTIAL, 240)),
        (-540, 60, 60, (A.FULL, 600)),  # over soon after
        (-540, 60, -400, (A.ABSENT, 140)),
        (-540, 2400, 2400, (A.FULL, 2940)),  # as planned, begun early
        (300, 1500, 1500, (A.FULL, 1500)),  # ended early
        (300, 3000, 1500, (A.PARTIAL, 1500)),  # it went on, but not for this one
        (-540, -540, -300, (A.ABSENT, 0)),
    ],
)
def test_a_meeting_counts_what_really_was(
    live: int, closed: int, there_until: int, expected: tuple[A, int]
) -> None:
    at = {when: NOON + timedelta(seconds=when) for when in (live, closed)}
    meeting = replace(ENDED, kind=SessionKind.RESEARCH, live_at=at[live], closed_at=at[closed])
    teacher = Participant(WHO, ENDED.id, ParticipantRole.MEMBER, None, None, "t")
    slices = [there(min(live, 0), there_until)]
    found = derive(meeting, teacher, slices, [], took_floor=False, rules=RULES)
    assert (found.status, found.seconds) == expected
    assert 0 < found.planned_seconds <= 2400
    lesson = replace(meeting, kind=SessionKind.LIVE_LESSON)  # whose bell rings
    found = derive(lesson, ROOM, slices, [COUNT], took_floor=True, rules=RULES)
    assert (found.seconds, found.planned_seconds) == (max(0, min(there_until, 2400)), 2400)


pieces = st.lists(
    st.builds(
        lambda start, length, delay, loss: there(start, start + length, delay=delay, loss=loss),
        st.integers(-100, 2500),
        st.integers(1, 600),
        st.none() | st.integers(1, 500).map(float),
        st.none() | st.integers(0, 20).map(lambda n: n / 20),
    ),
    max_size=12,
)


@given(pieces, st.data())
def test_order_repetition_and_slicing_of_evidence_change_nothing(
    slices: list[EvidenceSlice], data: st.DataObject
) -> None:
    mixed = []
    for piece in slices:
        length = int((piece.to_at - piece.from_at).total_seconds())
        cuts = sorted({0, length, *data.draw(st.lists(st.integers(0, length), max_size=3))})
        parts = [
            replace(
                piece,
                from_at=piece.from_at + timedelta(seconds=start),
                to_at=piece.from_at + timedelta(seconds=end),
            )
            for start, end in pairwise(cuts)
        ]
        mixed += parts + data.draw(st.lists(st.sampled_from([piece, *parts]), max_size=3))
    mixed = data.draw(st.permutations(mixed))

    def judge(these: list[EvidenceSlice]) -> Attendance:
        return derive(ENDED, ROOM, these, [COUNT], took_floor=True, rules=RULES)

    assert judge(mixed) == judge(slices)


spans = st.lists(st.tuples(st.integers(-100, 2500), st.integers(1, 600)), max_size=12)


@given(spans)
def test_presence_is_never_more_than_evidence_and_merged_gaps(
    given_spans: list[tuple[int, int]],
) -> None:
    seconds = {s for start, length in given_spans for s in range(start, start + length)}
    inside = {s for s in seconds if 0 <= s < 2400}
    gaps = {
        s + n
        for s in inside
        if s + 1 not in seconds
        for n in range(1, 10)
        if any(s + m in seconds for m in range(n, 11))
    }
    assert judged(*(there(a, a + n) for a, n in given_spans))[1] <= len(inside | gaps)


def test_why_an_interval_ended_is_kept() -> None:
    last = replace(there(600, 602, got=False), reason="lost")
    [found] = presence(
        [there(0, 600), last],
        ParticipantRole.RECEIVING,
        interactive=True,
        since=NOON,
        until=NOON + timedelta(hours=1),
        rules=RULES,
    )
    assert found.reason == "lost"
