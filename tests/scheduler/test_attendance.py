"""From evidence to attendance: the thresholds, and that nothing but evidence counts."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.attendance import AttendanceRules, derive, presence
from scheduler.model import (
    AttendanceStatus,
    EvidenceSlice,
    HeadCount,
    Participant,
    ParticipantRole,
    Session,
    SessionState,
)
from tests.scheduler.test_session import NOON, SCHEDULED

WHO = UUID(int=1)
RULES = AttendanceRules()
ENDED = replace(SCHEDULED, state=SessionState.ENDED)
ROOM = Participant(WHO, ENDED.id, ParticipantRole.RECEIVING, "r", "c", None)
COUNT = HeadCount(WHO, 40, 38, "x", NOON)
A = AttendanceStatus


def there(since: float, until: float, *, sent: bool = True, got: bool = True) -> EvidenceSlice:
    return EvidenceSlice(
        WHO, NOON + timedelta(seconds=since), NOON + timedelta(seconds=until), sent, got
    )


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


spans = st.lists(st.tuples(st.integers(-100, 2500), st.integers(1, 600)), max_size=12)


@given(spans, st.randoms(use_true_random=False))
def test_order_repetition_and_slicing_of_evidence_change_nothing(
    given_spans: list[tuple[int, int]], random: st.random_module
) -> None:
    slices = [there(start, start + length) for start, length in given_spans]
    mixed = [
        piece
        for start, length in given_spans
        for cut in [length // 2]
        for piece in (there(start, start + cut), there(start + cut, start + length))
        if piece.from_at < piece.to_at
    ]
    mixed += mixed[::2]  # some came twice
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert judged(*slices) == judged(*mixed)


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
