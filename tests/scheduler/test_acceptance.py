"""The judgement of a room's acceptance test."""

from dataclasses import replace
from datetime import timedelta
from math import inf, nan
from uuid import UUID

import pytest

from scheduler.acceptance import (
    UNITS,
    AcceptanceRules,
    Band,
    Figure,
    NodeSlice,
    Seen,
    Source,
    Transfer,
    Verdict,
    figures_of,
    judge,
    passed,
    seen_by_others,
    throughput,
)
from scheduler.model import RoomKind
from tests.worlds import NOON

F, V = Figure, Verdict
SENDER, LISTENER = UUID(int=1), UUID(int=2)
RULES = AcceptanceRules()

GOOD = {
    F.CAMERA_LINES: 1080.0,
    F.CAMERA_RATE: 24.8,  # a camera of 25: figures are judged as they are written
    F.MICROPHONE_LEVEL: -24.0,
    F.NOISE_FLOOR: -58.0,
    F.ECHO_DELAY: 90.0,
    F.ECHO_RETURN_LOSS: 25.0,
    F.THROUGHPUT_UP: 40.0,
    F.THROUGHPUT_DOWN: 80.0,
    F.MEDIA_SHARE: 100.0,
    F.ROUND_TRIP: 30.0,
    F.DELAY: 90.0,
    F.JITTER: 4.0,
    F.LOSS_UP: 0.1,
    F.LOSS_DOWN: 0.0,
    F.RECONNECT: 1.2,
}


def verdicts(kind: RoomKind = RoomKind.LEAD, **changed: float | None) -> dict[Figure, Verdict]:
    """Of a good room, but for what is changed; only those that don't pass."""
    reported = {**GOOD, **{F(name): value for name, value in changed.items()}}
    found = judge(reported, Seen(), kind, RULES)
    return {j.figure: j.verdict for j in found if j.verdict is not V.PASS}


def test_a_good_room_passes_everything() -> None:
    assert verdicts() == {}
    assert [j.figure for j in judge(GOOD, Seen(), RoomKind.LEAD, RULES)] == list(Figure)


@pytest.mark.parametrize(
    ("figure", "value", "verdict"),
    [
        ("camera_lines", 720, V.FAIL),  # enough only for a receiving room
        ("camera_rate", 24.4, V.FAIL),
        ("throughput_up", 19.9, V.FAIL),
        ("throughput_down", 10, V.FAIL),
        ("round_trip", 201, V.LIMIT),
        ("delay", 400, V.LIMIT),
        ("delay", 401, V.FAIL),
        ("jitter", 50.1, V.FAIL),
        ("loss_up", 1.01, V.LIMIT),
        ("loss_down", 5.01, V.FAIL),
        ("reconnect", 10.1, V.FAIL),
        ("microphone_level", -60, V.FAIL),
        ("noise_floor", -45, V.LIMIT),
        ("echo_return_loss", 5, V.FAIL),
        ("jitter", None, V.FAIL),
        ("jitter", nan, V.FAIL),
        ("jitter", inf, V.FAIL),
        ("echo_delay", None, V.LIMIT),
        ("echo_delay", nan, V.FAIL),
    ],
)
def test_a_figure_is_judged_by_domains_thresholds(
    figure: str, value: float | None, verdict: Verdict
) -> None:
    assert verdicts(**{figure: value}) == {F(figure): verdict}


def test_less_is_asked_of_a_receiving_room() -> None:
    assert verdicts(RoomKind.INTERACTIVE, camera_lines=720, throughput_up=10) == {}
    assert verdicts(RoomKind.INTERACTIVE, camera_lines=480, throughput_up=9.9) == {
        F.CAMERA_LINES: V.FAIL,
        F.THROUGHPUT_UP: V.FAIL,
    }


def test_a_room_that_only_listens_needs_no_camera_and_no_microphone() -> None:
    assert figures_of(RoomKind.CLOUD) == tuple(Figure)[6:]
    assert verdicts(RoomKind.CLOUD, camera_lines=None, microphone_level=None) == {}


def test_limits_pass_and_one_failure_does_not() -> None:
    assert passed(judge({**GOOD, F.DELAY: 300.0}, Seen(), RoomKind.LEAD, RULES))
    assert not passed(judge({**GOOD, F.DELAY: 500.0}, Seen(), RoomKind.LEAD, RULES))


def test_of_two_sayings_the_worse_is_judged_and_named() -> None:
    seen = Seen(
        {
            F.LOSS_UP: (7.0, Source.NODE),
            F.JITTER: (1.0, Source.NODE),
            F.THROUGHPUT_UP: (12.0, Source.SERVER),
        }
    )
    found = {j.figure: j for j in judge(GOOD, seen, RoomKind.LEAD, RULES)}
    assert (found[F.LOSS_UP].value, found[F.LOSS_UP].source) == (7.0, Source.NODE)
    assert (found[F.JITTER].value, found[F.JITTER].source) == (4.0, Source.BROWSER)
    assert (found[F.THROUGHPUT_UP].value, found[F.THROUGHPUT_UP].source) == (12.0, Source.SERVER)
    assert found[F.THROUGHPUT_UP].verdict is V.FAIL


def piece(who: UUID, second: int, **values: object) -> NodeSlice:
    at = NOON + timedelta(seconds=second)
    empty = NodeSlice(who, at, at + timedelta(seconds=1), True, True, 100, 100, 0, 0, 3.0, 20.0)
    return replace(empty, **values)  # type: ignore[arg-type]  # fields of it, as the test names them


def test_what_the_node_saw_is_counted_per_side() -> None:
    slices = [piece(SENDER, n, lost_in=n) for n in range(3)]
    slices += [piece(LISTENER, n, lost_out=2, rtt_ms=10.0 * n) for n in range(4)]
    slices += [piece(LISTENER, 5, received_decodable=False, rtt_ms=None)]
    seen = seen_by_others(slices, [], SENDER, LISTENER, 6.0).figures
    assert seen[F.MEDIA_SHARE] == (50.0, Source.NODE)  # the lesser side: 3 of 6 seconds
    assert seen[F.LOSS_UP] == (pytest.approx(100 * 3 / 303), Source.NODE)
    assert seen[F.LOSS_DOWN] == (pytest.approx(100 * 8 / 500), Source.NODE)
    assert seen[F.ROUND_TRIP] == (15.0, Source.NODE)
    assert seen[F.JITTER] == (3.0, Source.NODE)


def test_a_test_that_no_media_node_saw_fails_whatever_the_browser_says() -> None:
    seen = seen_by_others([], [], SENDER, LISTENER, 60.0)
    found = judge(GOOD, seen, RoomKind.LEAD, RULES)
    assert {j.figure for j in found if j.verdict is V.FAIL} == {
        F.MEDIA_SHARE,
        F.THROUGHPUT_UP,
        F.THROUGHPUT_DOWN,
    }


def test_transfers_side_by_side_share_their_time() -> None:
    def moved(begins: float, ends: float) -> Transfer:
        return Transfer(
            "up", 10_000_000, NOON + timedelta(seconds=begins), NOON + timedelta(seconds=ends)
        )

    assert throughput([moved(0, 4), moved(0.5, 4), moved(1, 8)], "up") == 30.0
    assert throughput([moved(0, 4)], "down") is None
    assert throughput([moved(0, 0)], "up") is None


def test_thresholds_are_configuration() -> None:
    rules = replace(RULES, delay=Band(50, 60))
    found = judge(GOOD, Seen(), RoomKind.LEAD, rules)
    assert [j.figure for j in found if j.verdict is V.FAIL] == [F.DELAY]
    assert UNITS.keys() == set(Figure)
