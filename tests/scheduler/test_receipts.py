"""Watched ranges and receipts: any order, duplication and offline replay give the same."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.questions import Answer
from scheduler.receipts import Progress, Receipt, ReceiptKind, progress
from scheduler.watched import share, union, within

DURATION = 2_400_000  # 40 minutes, in ms
SHARE = 0.8
NOON = datetime(2026, 9, 7, 4, 0, tzinfo=UTC)

_ranges = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), max_size=12)
_receipts = st.lists(
    st.builds(
        Receipt,
        at=st.integers(0, 5000).map(lambda s: NOON + timedelta(seconds=s)),
        id=st.integers(0, 30).map(lambda n: UUID(int=n)),
        kind=st.sampled_from(ReceiptKind),
        played=st.lists(st.tuples(st.integers(-10, 120), st.integers(-10, 120)), max_size=3).map(
            tuple
        ),
        note=st.sampled_from(["", "good"]),
    ),
    max_size=12,
)


def _at(minute: int, kind: ReceiptKind, number: int, *played: tuple[int, int]) -> Receipt:
    return Receipt(NOON + timedelta(minutes=minute), UUID(int=number), kind, played)


@given(_ranges)
def test_the_union_holds_each_millisecond_that_was_played_and_no_other(
    ranges: list[tuple[int, int]],
) -> None:
    found = union(ranges)
    assert {ms for a, b in found for ms in range(a, b)} == {
        ms for a, b in ranges for ms in range(a, b)
    }
    assert all(b < c for (_, b), (c, _) in pairwise(found))
    assert union(found) == found


def test_the_share_is_of_what_was_played_and_not_of_the_end_position() -> None:
    assert share([(2_340_000, 2_400_000)], DURATION) == pytest.approx(0.025)
    assert share([(0, 1_200_000), (600_000, 1_800_000)], DURATION) == pytest.approx(0.75)
    assert share([(0, 9_999_999), (-5, 3)], DURATION) == 1.0
    assert share([(0, 10)], 0) == 0.0
    assert within([(-50, 20), (90, 200)], 100) == ((0, 20), (90, 100))


@given(_receipts, st.randoms(use_true_random=False), st.integers(0, 12))
def test_order_duplication_and_replay_of_receipts_change_nothing(
    receipts: list[Receipt], random: object, cut: int
) -> None:
    once = progress(receipts, 100, SHARE)
    again = [*receipts, *receipts[:cut], *receipts[cut:]]
    random.shuffle(again)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert progress(again, 100, SHARE) == once


@given(_receipts, _receipts)
def test_more_receipts_never_take_anything_back(
    receipts: list[Receipt], later: list[Receipt]
) -> None:
    fresh = [r for r in later if r.id not in {known.id for known in receipts}]
    before, after = progress(receipts, 100, SHARE), progress([*receipts, *fresh], 100, SHARE)
    assert after.share >= before.share
    for name in ("fetched_at", "opened_at", "watched_at"):
        had, has = getattr(before, name), getattr(after, name)
        assert had is None or (has is not None and has <= had)


def test_a_recording_is_watched_when_four_fifths_of_it_have_been_played() -> None:
    played = [
        _at(0, ReceiptKind.OPENED, 1),
        _at(20, ReceiptKind.PLAYED, 2, (0, 1_200_000)),
        _at(31, ReceiptKind.PLAYED, 3, (1_200_000, 1_919_999)),
    ]
    assert progress(played, DURATION, SHARE).watched_at is None
    enough = progress(
        [_at(32, ReceiptKind.PLAYED, 4, (1_919_990, 1_920_000)), *played], DURATION, SHARE
    )
    assert enough.watched
    assert enough.watched_at == NOON + timedelta(minutes=32)
    assert enough.opened_at == NOON
    assert enough.played == ((0, 1_920_000),)


def test_what_was_opened_over_the_line_has_been_fetched_too() -> None:
    assert progress(
        [_at(3, ReceiptKind.OPENED, 1)], DURATION, SHARE
    ).fetched_at == NOON + timedelta(minutes=3)
    fetched = [_at(1, ReceiptKind.FETCHED, 2), _at(3, ReceiptKind.OPENED, 1)]
    assert progress(fetched, DURATION, SHARE).fetched_at == NOON + timedelta(minutes=1)


def test_a_document_is_watched_when_it_is_opened() -> None:
    assert progress([_at(1, ReceiptKind.FETCHED, 1)], None, SHARE) == Progress(
        NOON + timedelta(minutes=1), None, None, (), 0.0, (), ()
    )
    opened = progress([_at(2, ReceiptKind.OPENED, 1)], None, SHARE)
    assert (opened.watched, opened.share) == (True, 1.0)


def test_what_a_class_answered_last_is_its_answer() -> None:
    def answered(minute: int, number: int, *counts: int) -> Receipt:
        at = NOON + timedelta(minutes=minute)
        return Receipt(at, UUID(int=number), ReceiptKind.ANSWERED, answers=(Answer(counts),))

    first, second = answered(1, 9, 5, 3), answered(4, 2, 6, 2)
    assert progress([second, first, second], None, SHARE).answers == (Answer((6, 2)),)
    assert progress([first], None, SHARE).opened_at is None
    assert progress([], None, SHARE).answers == ()
