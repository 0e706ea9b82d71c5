"""RTP timestamps on one clock, the node's monotonic one, so that lips and voice stay together.

A stream's sender reports tie its timestamps to its publisher's NTP clock (RFC 3550, 6.4.1). That
clock is tied to the node's by the report that came with the least delay of the last minute, one
offset for all streams of the publisher: between them nothing but their own reports counts. Until a
stream has a report, the packet that came with the least delay stands for it. What changes is
approached slowly, so that time goes on evenly; a change that is too large for that is a jump.
"""

from collections import deque
from dataclasses import dataclass, field

from media.rtp import signed

_WINDOW = 60.0  # seconds for which a least delay holds
_ARRIVALS = 10.0  # the same for packets: two clocks that drift part by a millisecond in it
_BEND = 0.1  # at most so much faster or slower than the timestamps say
_SET_ANEW = 3.0  # seconds by which a clock that was set, or begun anew, differs from before
_JUMP = 1.0  # seconds: more is not bent but jumped over


@dataclass(slots=True)
class _Least:
    """The least of what was noted in the last `window` seconds."""

    window: float
    _noted: deque[tuple[float, float]] = field(default_factory=deque)

    def note(self, value: float, now: float) -> float:
        noted = self._noted
        if noted and abs(value - noted[0][1]) > _SET_ANEW:
            noted.clear()
        while noted and noted[-1][1] >= value:
            noted.pop()
        noted.append((now, value))
        while now - noted[0][0] > self.window:
            noted.popleft()
        return noted[0][1]


@dataclass(slots=True)
class PublisherClock:
    """A publisher's NTP clock: `offset` is the node's monotonic seconds less its NTP seconds."""

    offset: float | None = None
    _least: _Least = field(default_factory=lambda: _Least(_WINDOW))

    def note(self, ntp: float, arrived: float) -> None:
        self.offset = self._least.note(arrived - ntp, arrived)


@dataclass(slots=True)
class Timeline:
    """The times of one stream of `clock_rate`, whose publisher has `clock`."""

    clock_rate: int
    clock: PublisherClock
    _wrapped: int | None = None  # the newest timestamp seen
    _unwrapped: int = 0
    _report: tuple[float, int] | None = None  # NTP seconds, unwrapped timestamp
    _arrival: float | None = None
    _least: _Least = field(default_factory=lambda: _Least(_ARRIVALS))
    _last: tuple[float, float] | None = None  # what the last was by its timestamp, and given out

    def arrived(self, timestamp: int, at: float) -> None:
        """The packet with `timestamp` came at `at`."""
        self._arrival = self._least.note(at - self._unwrap(timestamp) / self.clock_rate, at)

    def reported(self, ntp: float, timestamp: int, at: float) -> None:
        """A sender report that came at `at`: `timestamp` was at `ntp` seconds."""
        self._report = (ntp, self._unwrap(timestamp))
        self.clock.note(ntp, at)

    def time(self, timestamp: int) -> float:
        """When a frame was, in the node's monotonic seconds; for frames in order."""
        plain = self._unwrap(timestamp) / self.clock_rate
        true = self._true(plain)
        given = true
        if self._last is not None:
            step = plain - self._last[0]
            expected = self._last[1] + step
            if abs(true - expected) <= _JUMP and step > 0:
                most = step * _BEND
                given = expected + min(most, max(-most, true - expected))
        self._last = (plain, given)
        return given

    def _true(self, plain: float) -> float:
        arrival = plain + self._arrival if self._arrival is not None else None
        if self._report is not None and self.clock.offset is not None:
            ntp, at = self._report
            reported = ntp + self.clock.offset + (plain - at / self.clock_rate)
            if arrival is None or abs(reported - arrival) <= _SET_ANEW:
                return reported
        return plain if arrival is None else arrival

    def _unwrap(self, timestamp: int) -> int:
        if self._wrapped is None:
            self._wrapped, self._unwrapped = timestamp, timestamp
            return timestamp
        unwrapped = self._unwrapped + signed(timestamp - self._wrapped)
        if unwrapped > self._unwrapped:
            self._wrapped, self._unwrapped = timestamp, unwrapped
        return unwrapped
