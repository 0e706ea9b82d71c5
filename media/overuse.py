"""Whether a path's queue grows, from when packets were sent and when they arrived.

The delay-based detector of Google congestion control (draft-ietf-rmcat-gcc-02, 5.1 to 5.4, with the
trendline filter its implementation has in place of the Kalman filter): packets sent within 5 ms are
a group; what a group takes longer than the one before adds to an accumulated delay; its slope over
the last groups is held against a threshold, which itself follows the slope slowly.

A path counts as overused only while a queue also stands and grows: while even the packet that waits
least waits longer and longer. Neither jitter nor a large frame, behind which the queue shrinks
again, is a reason to take a picture away.
"""

from collections import deque
from collections.abc import Iterable
from enum import Enum

from media.feedback import Acked

_BURST = 0.005  # seconds: packets sent within are one group
_GROUPS = 20  # in the trendline
_ENOUGH = 8  # groups, before anything is said
_SMOOTHING = 0.1  # weight of the newest accumulated delay
_GAIN = 4.0
_MOST_DELTAS = 60
_THRESHOLD, _LEAST, _MOST = 12.5, 6.0, 600.0  # slope × deltas × gain
_RISE, _FALL = 8.7, 39.0  # how fast the threshold goes to the slope above and below it, per second
_OUTLIER = 15.0  # above the threshold: too much for it to follow
_STANDS = 0.015  # seconds that every packet waits, for overuse where it has grown twice in a row
_STANDS_LONG = 0.12  # and where it has grown once
_FEW = 5  # packets; of fewer, the least wait says little
_JUMP = 3.0  # seconds: a clock was set or nothing was sent for long; begin anew
_ERA = 30.0  # seconds; the least delay is that of this era and the one before


class Usage(Enum):
    NORMAL = "normal"
    OVER = "over"
    UNDER = "under"


class Detector:
    """`usage` is what the newest feedback says, `waiting` how many seconds each of its packets
    waited in queues, at least, above the least of the last half minute or more."""

    def __init__(self) -> None:
        self._threshold = _THRESHOLD
        self._judged_at: float | None = None
        self.forget()

    def forget(self) -> None:
        """Begin anew: what packets wait now is the path's own delay."""
        self.usage = Usage.NORMAL
        self.waiting = 0.0
        self._least = self._era_least = float("inf")  # differences of two clocks
        self._newest: deque[float] = deque(maxlen=_FEW)  # such differences
        self._grown = 0  # feedbacks in a row in which all packets waited longer
        self._era_from = float("-inf")
        self._points: deque[tuple[float, float]] = deque(maxlen=_GROUPS)  # arrival, smoothed delay
        self._deltas = 0
        self._accumulated = self._smoothed = 0.0
        self._first: float | None = None  # the open group: its first packet's sending time,
        self._sent = self._arrived = 0.0  # and the last times of its packets
        self._before: tuple[float, float] | None = None  # those times of the group before

    def update(self, packets: Iterable[Acked], now: float) -> Usage:
        """Take one feedback's packets, in order; the lost say nothing here."""
        deltas = self._deltas
        count, least = 0, float("inf")
        for sent, arrived, _, _ in packets:
            if arrived is None:
                continue
            if self._first is not None:
                if sent < self._first:
                    continue  # came late: its group is over
                if abs(arrived - self._arrived) > _JUMP or sent - self._sent > _JUMP:
                    self.forget()
                    deltas, count, least = 0, 0, float("inf")
            count += 1
            delay = arrived - sent
            least = min(least, delay)
            self._newest.append(delay)
            if self._first is not None and sent - self._first <= _BURST:
                self._sent = max(self._sent, sent)
                self._arrived = max(self._arrived, arrived)
                continue
            if self._first is not None:
                self._close()
            self._first = self._sent = sent
            self._arrived = arrived
        if count:
            if now - self._era_from > _ERA:
                self._least, self._era_least, self._era_from = self._era_least, least, now
            self._era_least = min(self._era_least, least)
            waited = self.waiting
            self.waiting = min(least, *self._newest) - min(self._era_least, self._least)
            self._grown = self._grown + 1 if self.waiting > max(waited, _STANDS) else 0
        if self._deltas != deltas:
            self._judge(now)
        return self.usage

    def _close(self) -> None:
        """The open group is whole: compare it with the one before."""
        if self._before is not None:
            sent, arrived = self._before
            self._accumulated += (self._arrived - arrived) - (self._sent - sent)
            self._smoothed += _SMOOTHING * (self._accumulated - self._smoothed)
            self._points.append((self._arrived, self._smoothed))
            self._deltas += 1
        self._before = self._sent, self._arrived

    def _judge(self, now: float) -> None:
        if len(self._points) < _ENOUGH:
            return
        trend = _slope(self._points) * min(self._deltas, _MOST_DELTAS) * _GAIN
        if trend > self._threshold:
            if self._grown >= 2 or (self._grown and self.waiting > _STANDS_LONG):
                self.usage = Usage.OVER
        elif trend < -self._threshold:
            self.usage = Usage.UNDER
        else:
            self.usage = Usage.NORMAL
        size = abs(trend)
        passed = 0.0 if self._judged_at is None else min(now - self._judged_at, 0.1)
        self._judged_at = now
        if size <= self._threshold + _OUTLIER:
            speed = _FALL if size < self._threshold else _RISE
            follow = min(1.0, speed * passed)
            moved = self._threshold + follow * (size - self._threshold)
            self._threshold = min(_MOST, max(_LEAST, moved))


def _slope(points: Iterable[tuple[float, float]]) -> float:
    """Of the least-squares line; 0 for points that are all at one x."""
    xs, ys = zip(*points, strict=True)
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True))
    under = sum((a - x) ** 2 for a in xs)
    return over / under if under > 0 else 0.0
