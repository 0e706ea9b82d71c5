"""Bounds of what is open and half open: who is refused, who pays, and that nothing is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.admission import Admission, Limits
from media.allowance import Allowance
from media.errors import Overloaded

LIMITS = Limits(
    of_node=10, of_participant=5, waiting=8, waiting_in_room=6, waiting_of_participant=3
)


def test_a_participant_pays_for_its_own_abandoned_resources() -> None:
    admission = Admission(LIMITS)
    assert [admission.admit(str(n), "r", "room") for n in range(5)] == [
        (),
        (),
        (),
        ("0",),
        ("1",),
    ]
    assert admission.waiting == 3
    assert admission.admit("lead", "r", "lead") == ()  # nobody else notices


def test_a_connected_resource_is_not_given_up() -> None:
    admission = Admission(LIMITS)
    admission.admit("first", "r", "room")
    admission.connected("first")
    assert [admission.admit(str(n), "r", "room") for n in range(4)] == [(), (), (), ("0",)]


def test_connected_resources_of_one_participant_are_bounded() -> None:
    admission = Admission(LIMITS)
    for n in range(5):
        admission.admit(str(n), "r", "room")
        admission.connected(str(n))
    with pytest.raises(Overloaded):
        admission.admit("more", "r", "room")
    assert admission.admit("other", "r2", "room") == ()  # the same name, in another room
    admission.gone("0")
    assert admission.admit("more", "r", "room") == ()


def test_those_who_wait_in_one_room_leave_place_for_other_rooms() -> None:
    admission = Admission(LIMITS)
    for n in range(6):
        admission.admit(str(n), "r", f"room {n}")
    with pytest.raises(Overloaded):
        admission.admit("6", "r", "room 6")
    assert admission.admit("5a", "r", "room 5") == ("5",)  # whose place it is already
    admission.connected("0")
    assert admission.admit("6", "r", "room 6") == ()
    assert admission.admit("other", "r2", "lead") == ()


def test_a_full_room_still_lets_a_reload_replace_what_it_left() -> None:
    limits = Limits(of_node=99, waiting_in_room=4, waiting_of_participant=2)
    admission = Admission(limits)
    for n in range(4):
        admission.admit(str(n), "r", f"room {n // 2}")
    assert admission.admit("4", "r", "room 1") == ("2",)


def test_a_full_node_refuses() -> None:
    admission = Admission(LIMITS)
    for n in range(10):
        admission.admit(str(n), f"r{n}", "lead")
        admission.connected(str(n))
    with pytest.raises(Overloaded):
        admission.admit("10", "r10", "lead")
    admission.gone("3")
    admission.gone("3")
    assert admission.admit("10", "r10", "lead") == ()


@given(st.lists(st.tuples(st.sampled_from("acg"), st.integers(0, 30)), max_size=120))
def test_whatever_happens_the_bounds_hold(steps: list[tuple[str, int]]) -> None:
    admission = Admission(LIMITS)
    open_now: dict[str, bool] = {}  # id → waiting
    for number, (what, which) in enumerate(steps):
        known = sorted(open_now)
        chosen = known[which % len(known)] if known else ""
        if what == "a":
            room, participant = f"r{which % 2}", f"p{which % 3}"
            made = f"{number:03} {room} {participant}"
            try:
                replaced = admission.admit(made, room, participant)
            except Overloaded:
                continue
            for key in replaced:
                assert open_now.pop(key) is True
                assert key.split(" ")[1:] == made.split(" ")[1:]
            open_now[made] = True
        elif chosen and what == "c":
            admission.connected(chosen)
            open_now[chosen] = False
        elif chosen:
            admission.gone(chosen)
            del open_now[chosen]
        assert admission.waiting == sum(open_now.values()) <= LIMITS.waiting
        assert len(open_now) <= LIMITS.of_node
        for room in ("r0", "r1"):
            of_room = [w for key, w in open_now.items() if f" {room} " in key]
            assert sum(of_room) <= LIMITS.waiting_in_room
            for participant in ("p0", "p1", "p2"):
                own = [w for key, w in open_now.items() if key.endswith(f"{room} {participant}")]
                assert sum(own) <= LIMITS.waiting_of_participant
                assert len(own) <= LIMITS.of_participant
    for key in list(open_now):
        admission.gone(key)
    assert admission.waiting == 0


def test_an_allowance_gives_its_burst_at_once_and_then_its_rate() -> None:
    allowance = Allowance(rate=8, burst=5)
    assert [allowance.take(1, 100.0) for _ in range(6)] == [True] * 5 + [False]
    assert not allowance.take(1, 100.0625)
    assert allowance.take(1, 100.125)
    assert not allowance.take(6, 1e6)  # more than it ever holds
    assert allowance.take(5, 1e6)


@given(
    st.floats(1, 1000),
    st.floats(1, 100),
    st.lists(st.tuples(st.floats(0, 2), st.floats(0, 50)), max_size=50),
)
def test_no_stretch_of_time_takes_more_than_rate_and_burst(
    rate: float, burst: float, steps: list[tuple[float, float]]
) -> None:
    allowance, now, taken = Allowance(rate, burst), 0.0, 0.0
    for passed, amount in steps:
        now += passed
        if allowance.take(amount, now):
            taken += amount
        assert taken <= (burst + now * rate) * (1 + 1e-9)
