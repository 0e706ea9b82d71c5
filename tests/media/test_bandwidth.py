"""The estimate of a path, alone and in a loop with the layers it pays for."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.bandwidth import LEAST, MOST, Estimator
from media.feedback import Acked
from tests.media.links import Forwarder, Link, ReportPath

LOW, MIDDLE, HIGH = 0, 1, 2
DELAY = 0.04  # each way

INTERVALS = pytest.mark.parametrize("interval", [0.05, 0.25])  # as browsers send feedback


@INTERVALS
@pytest.mark.parametrize("delay", [0.04, 0.08])
def test_random_loss_of_three_percent_leaves_the_high_layer(interval, delay):
    link = Link([(0, 5e6)], delay=delay, loss=0.03)
    forwarder = Forwarder(link, interval=interval)
    forwarder.live(60.0)
    assert forwarder.layers(8.0) == [HIGH]


@INTERVALS
@pytest.mark.parametrize("queue", [30_000, 64_000])
@pytest.mark.parametrize("loss", [0.0, 0.03])
def test_a_narrowed_path_is_followed_and_its_queue_drained(interval, queue, loss):
    link = Link([(0, 5e6), (20, 300e3)], queue=queue, delay=DELAY, loss=loss)
    forwarder = Forwarder(link, interval=interval)
    forwarder.live(50.0)
    assert forwarder.layers(19.0)[0] == HIGH
    assert forwarder.rate(21, 23) < 300e3
    assert forwarder.rate(23, 50) < 300e3
    assert forwarder.delays(22.9, 23.1)[-1] < 0.3
    assert forwarder.layers(23.0) == [LOW]


@pytest.mark.parametrize(
    ("interval", "loss", "narrow"),
    [(0.05, 0.0, 20.0), (0.1, 0.0, 25.0), (0.1, 0.03, 30.0), (0.25, 0.03, 90.0)],
)
def test_a_path_that_widens_again_gets_the_high_layer_back(interval, loss, narrow):
    wide = 20.0 + narrow
    link = Link([(0, 5e6), (20, 300e3), (wide, 5e6)], delay=DELAY, loss=loss)
    forwarder = Forwarder(link, interval=interval)
    forwarder.live(wide + 40)
    assert forwarder.layers(wide)[0] == LOW
    assert forwarder.layers(wide + 12) == [HIGH]


@INTERVALS
@pytest.mark.parametrize("start", [300e3, 1e6, 4e6])
def test_one_megabit_holds_the_middle_layer(interval, start):
    forwarder = Forwarder(Link([(0, 1e6)], delay=DELAY, loss=0.03), interval=interval, start=start)
    forwarder.live(120.0)
    assert forwarder.layers(15.0) == [MIDDLE]
    assert forwarder.delays(15, 120)[-1] < 0.45
    assert forwarder.padded < 0.15 * sum(size for _, size in forwarder.sent)


@pytest.mark.parametrize("capacity", [60e3, 120e3])
def test_a_path_too_narrow_for_a_picture_keeps_the_sound(capacity):
    forwarder = Forwarder(Link([(0, capacity)], queue=20_000, delay=DELAY))
    forwarder.live(60.0)
    assert forwarder.layers(20.0) == [None]
    assert forwarder.rate(20, 60) < capacity
    assert forwarder.delays(20, 60)[-1] < 0.4


@pytest.mark.parametrize("capacity", [400e3, 800e3, 1.3e6, 2e6, 3e6, 5e6])
@pytest.mark.parametrize("seed", [1, 2])
def test_layers_do_not_swing(capacity, seed):
    forwarder = Forwarder(Link([(0, capacity)], delay=DELAY, jitter=0.01, loss=0.01, seed=seed))
    forwarder.live(120.0)
    assert len(forwarder.layers(15.0)) == 1


def test_a_path_that_becomes_longer_is_not_taken_for_a_queue_for_long():
    forwarder = Forwarder(Link([(0, 5e6)], delay=DELAY))
    forwarder.live(20.0)
    forwarder.path.link.delay = 0.6
    forwarder.live(50.0)
    assert forwarder.layers(35.0) == [HIGH]


def test_a_policed_path_is_found_by_its_loss():
    forwarder = Forwarder(Link([(0, 5e6), (20, 700e3)], queue=5_000, delay=DELAY))
    forwarder.live(60.0)
    assert forwarder.rate(25, 60) < 700e3
    assert HIGH not in forwarder.layers(24.0)


def test_an_outage_ends_with_the_high_layer_again():
    forwarder = Forwarder(Link([(0, 5e6), (20, 100), (25, 5e6)], delay=DELAY))
    forwarder.live(24.9)
    assert forwarder.layers(24.0) == [None]
    forwarder.live(60.0)
    assert forwarder.layers(45.0) == [HIGH]


@pytest.mark.parametrize("remb", [True, False])
def test_reports_alone_find_the_layer_that_fits(remb):
    link = Link([(0, 5e6), (40, 700e3), (100, 5e6)], queue=30_000, delay=DELAY)
    forwarder = Forwarder(link, path=ReportPath, remb=remb)
    forwarder.live(40.0)
    assert forwarder.layers(20.0) == [HIGH]
    forwarder.live(100.0)
    assert forwarder.rate(50, 100) < 700e3
    assert HIGH not in forwarder.layers(45.0)
    forwarder.live(140.0)
    assert forwarder.layers(125.0) == [HIGH]


def feedback(estimator, now, *, rate, waiting=0.0, loss=0, size=1000, lasts=0.1):
    """One feedback on packets sent evenly over the last 100 ms at `rate` bits/s; each took 40 ms
    and `waiting` seconds more; the first `loss` of them were lost."""
    count = max(1, round(rate * lasts / 8 / size))
    sent = [now - 0.2 + lasts * n / count for n in range(count)]
    packets = [
        Acked(at, None if n < loss else at + 1000.04 + waiting, size) for n, at in enumerate(sent)
    ]
    estimator.on_feedback(packets, now)


def fed(seconds, estimator, start=0.0, **each):
    now = start
    while now < start + seconds - 1e-9:
        now += 0.1
        feedback(estimator, now, **each)
    return now


def test_the_start_is_what_it_is_told():
    assert Estimator(5.0, start=700e3).bitrate(5.0) == 700e3
    assert Estimator(5.0, start=1.0).bitrate(5.0) == LEAST


def test_without_waiting_or_loss_the_estimate_grows_but_not_far_past_what_arrives():
    estimator = Estimator(0.0, start=500e3)
    now = fed(60, estimator, rate=1e6)
    assert 1.2e6 < estimator.bitrate(now) <= 1.52e6


def test_an_estimate_higher_than_what_is_sent_stays():
    estimator = Estimator(0.0, start=4e6)
    now = fed(60, estimator, rate=200e3)
    assert estimator.bitrate(now) == 4e6


def test_loss_between_two_and_ten_percent_holds():
    estimator = Estimator(0.0, start=2e6)
    now = fed(5, estimator, rate=2.4e6, loss=2)  # of 30
    before = estimator.bitrate(now)
    now = fed(30, estimator, now, rate=2.4e6, loss=2)
    assert estimator.bitrate(now) == before


def test_loss_over_ten_percent_cuts():
    estimator = Estimator(0.0, start=4e6)
    now = fed(20, estimator, rate=2.4e6, loss=6)
    assert 1.8e6 < estimator.bitrate(now) < 2.1e6


def test_a_path_that_loses_most_is_near_what_was_sent():
    estimator = Estimator(0.0, start=8e6)
    now = fed(1.2, estimator, rate=1.6e6, loss=14)  # of 20
    assert estimator.bitrate(now) < 1.7e6


def test_a_growing_queue_cuts_to_less_than_what_arrives():
    estimator = Estimator(0.0, start=4e6)
    now = fed(5, estimator, rate=1e6)
    for step in range(6):
        now += 0.1
        feedback(estimator, now, rate=1e6, waiting=0.03 * step)
    assert 0.6e6 < estimator.bitrate(now) < 0.95e6


def test_a_queue_that_stands_long_lowers_it_until_it_has_drained():
    estimator = Estimator(0.0, start=1e6)
    now = fed(5, estimator, rate=1e6)
    now = fed(1, estimator, now, rate=1e6, waiting=0.5)
    draining = estimator.bitrate(now)
    now = fed(0.5, estimator, now, rate=1e6)
    assert estimator.bitrate(now) > 1.8 * draining


def test_missing_feedback_cuts_while_something_is_sent():
    estimator = Estimator(0.0)
    now = fed(5, estimator, rate=500e3)
    before = estimator.bitrate(now)
    for tick in range(30):
        estimator.padding(500e3, 0.0, now + tick / 10)
    assert estimator.bitrate(now + 3) < before / 4


def test_missing_feedback_says_nothing_while_nothing_is_sent():
    estimator = Estimator(0.0)
    now = fed(5, estimator, rate=500e3)
    before = estimator.bitrate(now)
    for tick in range(30):
        estimator.padding(0.0, 0.0, now + tick / 10)
    assert estimator.bitrate(now + 3) == before
    estimator.padding(500e3, 0.0, now + 60)
    assert estimator.bitrate(now + 60) == before


def test_a_remb_is_the_estimate_and_the_cap():
    estimator = Estimator(0.0)
    estimator.on_remb(3e6, 1.0)
    assert estimator.bitrate(1.0) == 3e6
    estimator.on_remb(200e3, 2.0)
    assert estimator.bitrate(100.0) == 200e3
    feedback(estimator, 2.1, rate=200e3)
    assert estimator.bitrate(2.1) == 200e3


def test_reported_loss_cuts_once_a_second_at_most():
    estimator = Estimator(0.0, start=1e6)
    for n in range(5):
        estimator.on_loss(0.2, 1.0 + n / 100)
    assert estimator.bitrate(1.1) == pytest.approx(0.9e6)
    estimator.on_loss(0.05, 3.0)
    assert estimator.bitrate(3.0) == pytest.approx(0.9e6)


def test_no_padding_is_sent_for_nothing():
    quiet = Estimator(0.0)
    assert [quiet.padding(100e3, 5e6, tick / 10) for tick in range(20)] == [0] * 20
    estimator = Estimator(0.0, start=1e6)
    now = fed(1, estimator, rate=500e3)
    assert [estimator.padding(500e3, 0.0, now + tick / 10) for tick in range(9)] == [0] * 9
    assert [estimator.padding(500e3, 0.9e6, now + tick / 10) for tick in range(9)] == [0] * 9


def test_a_probe_fills_up_what_is_sent_to_no_more_than_half_above_the_estimate():
    estimator = Estimator(0.0, start=1e6)
    now = fed(1, estimator, rate=500e3)
    sent = [estimator.padding(500e3, 5e6, now + tick / 10) for tick in range(9)]
    assert sum(sent) * 8 / 0.5 == pytest.approx(1.5 * estimator.bitrate(now) - 500e3, rel=0.01)
    assert max(sent) * 8 / 0.1 < 1.1e6


def test_probes_that_nobody_answers_become_rare():
    estimator = Estimator(0.0, start=1e6)
    now = fed(1, estimator, rate=500e3)
    begun, before = [], 0
    for _ in range(600):
        now += 0.1
        if round(now * 10) % 9 == 0:
            feedback(estimator, now, rate=80e3)  # nothing of the padding
        padding = estimator.padding(500e3, 5e6, now)
        if padding and not before:
            begun.append(now)
        before = padding
    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert gaps[0] < 4
    assert min(gaps[4:]) > 6


def test_a_probe_that_nobody_carries_on_does_not_hide_a_growing_queue():
    estimator = Estimator(0.0, start=1e6)
    now = fed(1, estimator, rate=500e3)
    estimator.padding(500e3, 5e6, now)
    now = fed(4, estimator, now, rate=500e3)
    for step in range(6):
        now += 0.1
        feedback(estimator, now, rate=500e3, waiting=0.03 * step)
    assert estimator.bitrate(now) < 500e3


def test_after_overuse_by_media_there_is_no_probe_for_three_seconds():
    estimator = Estimator(0.0, start=1e6)
    now = fed(5, estimator, rate=500e3)
    for step in range(6):
        now += 0.1
        feedback(estimator, now, rate=500e3, waiting=0.03 * step)
    begun = []
    for _ in range(60):
        now += 0.1
        feedback(estimator, now, rate=300e3)
        if estimator.padding(300e3, 5e6, now):
            begun.append(now)
    assert 8.4 < begun[0] < 9.2


TIMES = st.floats(-1e7, 1e7)
PACKETS = st.lists(
    st.builds(Acked, TIMES, st.one_of(st.none(), TIMES), st.integers(0, 65_535)), max_size=30
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("on_feedback"), PACKETS),
        st.tuples(st.just("on_remb"), st.floats(-1e12, 1e20)),
        st.tuples(st.just("on_loss"), st.floats(-1, 2)),
        st.tuples(st.just("padding"), st.floats(0, 1e8), st.floats(0, 1e8)),
    ),
    max_size=40,
)


@given(EVENTS, st.lists(st.floats(0, 1e4), min_size=40, max_size=40))
def test_nothing_a_player_says_breaks_the_estimate(events, waits):
    estimator, now = Estimator(0.0), 0.0
    for (what, *said), wait in zip(events, waits, strict=False):
        now += wait
        padding = getattr(estimator, what)(*said, now)
        assert padding is None or 0 <= padding <= 2 * MOST / 8
        assert LEAST <= estimator.bitrate(now) <= MOST


@settings(max_examples=40, deadline=None)  # each lives ten seconds of virtual time
@given(st.integers(0, 2**32), st.floats(20e3, 6e6), st.floats(0, 0.2), st.floats(0, 0.05))
def test_any_path_leaves_the_estimate_sane(seed, capacity, loss, jitter):
    link = Link([(0, capacity)], delay=DELAY, loss=loss, jitter=jitter, seed=seed)
    forwarder = Forwarder(link)
    forwarder.live(10.0)
    assert all(LEAST <= bitrate <= MOST for _, bitrate in forwarder.estimates)
