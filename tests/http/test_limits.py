"""Token buckets with the time as an argument."""

from datetime import timedelta

import pytest

from classroom_sync.addresses import counted_as
from classroom_sync.limits import Strangers, TokenBuckets, per_address, per_holder
from tests.worlds import NOON


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


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_machine_that_has_many_addresses_is_counted_once(address: str, counted: str) -> None:
    assert counted_as(address) == counted


def test_strangers_are_locked_for_a_while_and_forgotten_when_there_are_many() -> None:
    strangers, lock = Strangers(most=3), timedelta(minutes=30)

    def takes(name: str, minutes: float) -> bool:
        return strangers.take(name, NOON + timedelta(minutes=minutes), 2, lock) is None

    assert [takes("a", 0), takes("a", 1), takes("a", 2), takes("b", 2)] == [True, True, False, True]
    assert strangers.take("a", NOON, 2, lock) == NOON + timedelta(minutes=31)
    assert [takes("a", 31), takes("a", 31), takes("a", 31)] == [True, True, False]
    for name in "bcdef":
        takes(name, 31)
    assert len(strangers._tries) == 3
    assert takes("a", 31)
