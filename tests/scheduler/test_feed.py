"""What subscribers are told, as the timetable changes: the same UID, a rising SEQUENCE."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from scheduler.feed import of_session, reconcile, wanted
from scheduler.model import FeedEntry, FeedEvent, Receiver, SessionKind, SessionState
from tests.scheduler.test_session import SCHEDULED
from tests.worlds import FAR, HUB

NOW = datetime(2026, 9, 1, tzinfo=UTC)
_STARTS = datetime(2026, 9, 7, 0, 30, tzinfo=UTC)
ENTRY = FeedEntry(
    uuid4(),
    None,
    SessionKind.LIVE_LESSON,
    _STARTS.date(),
    "music",
    _STARTS,
    _STARTS + timedelta(minutes=40),
    f"{HUB}-T1",
    f"{HUB}-R1",
    (Receiver(f"{FAR}-R1", f"{FAR}-301", None),),
    cancelled=False,
)
_numbers = itertools.count(1)


def _uid() -> UUID:
    return UUID(int=next(_numbers))


class Subscriber:
    """Somebody's calendar: what it holds by UID, after each time it was told."""

    def __init__(self, *entries: FeedEntry) -> None:
        self.events: dict[UUID, FeedEvent] = {}
        self.tell(entries)

    def tell(self, entries: Iterable[FeedEntry], now: datetime = NOW) -> list[FeedEvent]:
        changed = reconcile(self.events.values(), entries, now, _uid)
        for event in changed:
            known = self.events.get(event.uid)
            assert known is None or event.sequence >= known.sequence
            self.events[event.uid] = event
        return changed


def _later(entry: FeedEntry, delta: timedelta) -> FeedEntry:
    starts = entry.starts_at + delta
    return replace(entry, on_day=starts.date(), starts_at=starts, ends_at=entry.ends_at + delta)


def test_what_has_not_changed_is_not_told_again() -> None:
    subscriber = Subscriber(ENTRY)
    assert subscriber.tell([ENTRY], NOW + timedelta(days=1)) == []


_CHANGES: list[Callable[[FeedEntry], FeedEntry]] = [
    lambda e: replace(e, lead_room_id=f"{HUB}-R2"),
    lambda e: replace(e, lead_teacher_id=f"{HUB}-T2"),
    lambda e: replace(e, lead_teacher_id=f"{HUB}-T2", lead_room_id=f"{HUB}-R2"),
    lambda e: replace(e, receivers=()),
    lambda e: _later(e, timedelta(hours=2)),
    lambda e: _later(e, timedelta(days=2)),
    lambda e: replace(e, cancelled=True),
]


@pytest.mark.parametrize("change", _CHANGES)
@pytest.mark.parametrize("same_lesson", [True, False], ids=["same version", "new version"])
def test_a_changed_event_stays_itself_and_its_sequence_rises(
    change: Callable[[FeedEntry], FeedEntry], same_lesson: bool
) -> None:
    subscriber = Subscriber(ENTRY)
    changed = change(ENTRY)
    if not same_lesson:
        changed = replace(changed, lesson_id=uuid4())
    [event] = subscriber.tell([changed], NOW + timedelta(hours=1))
    assert subscriber.events == {event.uid: event}
    assert (event.sequence, event.entry) == (1, changed)
    assert event.created_at == NOW
    assert event.changed_at == NOW + timedelta(hours=1)


def test_a_republished_timetable_that_says_the_same_tells_subscribers_nothing() -> None:
    subscriber = Subscriber(ENTRY)
    [event] = subscriber.tell([replace(ENTRY, lesson_id=uuid4(), session_id=uuid4())])
    assert (event.sequence, event.changed_at) == (0, NOW)


def test_an_event_that_is_no_longer_held_is_cancelled_not_forgotten() -> None:
    subscriber = Subscriber(ENTRY)
    [event] = subscriber.tell([])
    assert (event.entry, event.sequence) == (replace(ENTRY, cancelled=True), 1)
    assert subscriber.tell([]) == []


def test_a_cancelled_event_that_is_held_after_all_comes_back_as_itself() -> None:
    subscriber = Subscriber(ENTRY)
    subscriber.tell([])
    [event] = subscriber.tell([ENTRY])
    assert (event.entry, event.sequence) == (ENTRY, 2)
    assert len(subscriber.events) == 1


def test_another_lesson_does_not_take_a_cancelled_events_place() -> None:
    subscriber = Subscriber(ENTRY)
    subscriber.tell([])
    other = replace(ENTRY, lesson_id=uuid4(), lead_teacher_id=f"{HUB}-T2")
    [event] = subscriber.tell([other])
    assert event.sequence == 0
    assert len(subscriber.events) == 2


def test_what_has_begun_is_not_rewritten() -> None:
    subscriber = Subscriber(ENTRY)
    assert subscriber.tell([], _STARTS + timedelta(minutes=1)) == []


def test_two_events_that_swap_their_times_stay_themselves() -> None:
    other = replace(
        _later(ENTRY, timedelta(hours=1)), lesson_id=uuid4(), receivers=(Receiver("r", "c", None),)
    )
    subscriber = Subscriber(ENTRY, other)
    before = {e.entry.receivers: uid for uid, e in subscriber.events.items()}
    subscriber.tell(
        [
            replace(_later(ENTRY, timedelta(hours=1)), lesson_id=uuid4()),
            replace(_later(other, -timedelta(hours=1)), lesson_id=uuid4()),
        ]
    )
    assert {e.entry.receivers: uid for uid, e in subscriber.events.items()} == before
    assert [e.sequence for e in subscriber.events.values()] == [1, 1]


def test_a_clock_that_was_set_back_does_not_make_changes_older() -> None:
    subscriber = Subscriber(ENTRY)
    [event] = subscriber.tell([], NOW - timedelta(hours=3))
    assert event.changed_at == NOW


@pytest.mark.parametrize(
    ("state", "cancelled"),
    [
        (SessionState.SCHEDULED, False),
        (SessionState.ENDED, False),
        (SessionState.CANCELLED, True),
        (SessionState.MISSED, True),
    ],
)
def test_a_session_that_is_not_held_is_a_cancelled_entry(
    state: SessionState, cancelled: bool
) -> None:
    assert of_session(replace(SCHEDULED, state=state)).cancelled is cancelled


def test_a_session_stands_for_its_lesson_on_its_day() -> None:
    assert [e.session_id for e in wanted([SCHEDULED], [])] == [SCHEDULED.id]


def test_a_whole_terms_events_keep_their_identity_when_republished() -> None:
    many = [
        replace(_later(ENTRY, timedelta(days=n % 100, minutes=n)), lesson_id=uuid4())
        for n in range(8_000)
    ]
    subscriber = Subscriber(*many)
    kept = [replace(e, lesson_id=uuid4()) for e in many if e.on_day.day != 9]
    subscriber.tell(kept)
    assert len(subscriber.events) == len(many)
    cancelled = [e for e in subscriber.events.values() if e.entry.cancelled]
    assert len(cancelled) == len(many) - len(kept)
