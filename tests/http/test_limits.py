"""Token buckets with the time as an argument."""

import pytest

from classroom_sync.limits import TokenBuckets, per_address, per_holder


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    buckets = TokenBuckets(rate=2.0, burst=3.0)
    assert [buckets.take("a", 10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("a", 10.4) == pytest.approx(0.1)
    assert buckets.take("a", 10.5) == 0.0
    assert buckets.take("a", 10.5) == pytest.approx(0.5)


def test_keys_do_not_share() -> None:
    buckets = TokenBuckets(rate=1.0, burst=1.0)
    assert (buckets.take("a", 0.0), buckets.take("b", 0.0)) == (0.0, 0.0)
    assert buckets.take("a", 0.0) == 1.0


def test_a_bucket_never_holds_more_than_a_burst() -> None:
    buckets = TokenBuckets(rate=100.0, burst=2.0)
    buckets.take("a", 0.0)
    assert [buckets.take("a", 1000.0) == 0.0 for _ in range(3)] == [True, True, False]


def test_memory_is_bounded_and_who_asks_most_is_remembered() -> None:
    buckets = TokenBuckets(rate=0.001, burst=1.0, most=10)
    buckets.take("often", 0.0)
    for n in range(1000):
        buckets.take(n, float(n) / 1000)
        assert buckets.take("often", float(n) / 1000) > 0
    assert len(buckets._levels) == 10


def test_48_rooms_behind_one_address_may_all_join_and_rejoin_at_once() -> None:
    """Two POSTs and six PATCHes each, four times within two seconds."""
    address, holder = per_address(), per_holder()
    for time in (0.0, 0.5, 1.0, 2.0):
        for room in range(48):
            for _ in range(8):
                assert address.take("one NAT", time) == 0.0
                assert holder.take(room, time) == 0.0
