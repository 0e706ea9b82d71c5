"""When a queue is said to grow."""

import random

from media.feedback import Acked
from media.overuse import Detector, Usage

CLOCK = 5000.0  # the receiver's, less ours


def told(detector, seconds, delay, *, start=0.0, every=0.01, interval=0.1):
    """Usage after each feedback on a packet sent every `every` seconds; the one sent at `at` took
    `delay(at)` seconds. None: it was lost."""
    usages, packets = [], []
    for n in range(round(seconds / every)):
        at = start + n * every
        late = delay(at)
        packets.append(Acked(at, None if late is None else at + CLOCK + late, 1000))
        if (n + 1) % round(interval / every) == 0:
            usages.append(detector.update(packets, at + 0.1))
            packets = []
    return usages


def test_a_steady_path_is_normal():
    assert set(told(Detector(), 20, lambda at: 0.1)) == {Usage.NORMAL}


def test_jitter_is_no_overuse():
    noise = random.Random(3)
    assert Usage.OVER not in told(Detector(), 60, lambda at: noise.uniform(0.02, 0.05))


def test_clocks_that_drift_apart_are_normal():
    assert set(told(Detector(), 120, lambda at: 0.04 + at * 200e-6)) == {Usage.NORMAL}


def test_a_queue_that_grows_is_found_within_half_a_second():
    detector = Detector()
    told(detector, 10, lambda at: 0.04)
    usages = told(detector, 1, lambda at: 0.04 + 0.3 * (at - 10), start=10)
    assert usages[:5].count(Usage.OVER) >= 1
    assert usages[-1] is Usage.OVER
    assert 0.2 < detector.waiting < 0.31


def test_losses_do_not_hide_a_queue_that_grows():
    noise, detector = random.Random(3), Detector()
    told(detector, 10, lambda at: 0.04)
    usages = told(
        detector,
        1,
        lambda at: 0.04 + 0.3 * (at - 10) if noise.random() > 0.3 else None,
        start=10,
    )
    assert Usage.OVER in usages


def test_a_queue_that_drains_is_underuse_and_then_normal():
    detector = Detector()
    told(detector, 10, lambda at: 0.04)
    told(detector, 1, lambda at: 0.04 + 0.5 * (at - 10), start=10)
    usages = told(detector, 1, lambda at: 0.54 - 0.5 * (at - 11), start=11)
    assert usages[-1] is Usage.UNDER
    assert told(detector, 2, lambda at: 0.04, start=12)[-1] is Usage.NORMAL
    assert detector.waiting < 0.01


def test_a_frame_behind_which_the_queue_shrinks_is_no_overuse():
    def delay(at):
        return 0.04 + max(0.0, 0.09 - (at % 2.0) * 0.4)

    assert Usage.OVER not in told(Detector(), 30, delay)


def test_a_clock_that_is_set_begins_anew():
    detector = Detector()
    told(detector, 5, lambda at: 0.04)
    assert Usage.OVER not in told(detector, 5, lambda at: 100.04, start=5)
    assert detector.waiting == 0.0


def test_a_path_that_stays_longer_is_its_own_delay_after_a_minute():
    detector = Detector()
    told(detector, 5, lambda at: 0.04)
    told(detector, 5, lambda at: 0.3, start=5)
    assert detector.waiting > 0.25
    told(detector, 65, lambda at: 0.3, start=10)
    assert detector.waiting < 0.01
