"""Finding out that a path carries more than is sent on it.

A forwarder sends a fixed set of layers, so what arrives never shows room for the next one. A probe
fills up what is sent to a target rate for a while, with padding, and looks at what arrives. It
begins modestly, grows with each success, and after each failure waits longer and asks for less.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from media.feedback import Acked

_LASTS = 0.5  # seconds, where transport feedback measures it
_LASTS_UNMEASURED = 1.0  # where only reports come, about once a second
_ANSWERED_WITHIN = 1.0  # seconds from its end
_ANSWERED_WITHIN_UNMEASURED = 3.0
_AMPLE = 1.1  # times what is wanted: more is never probed for
_FIRST, _LEAST, _MOST = 1.5, 1.2, 2.0  # times the estimate: at first, after failure, at most
_BOLDER = 1.4  # times that, after each success
_ARRIVED = 0.85  # of the target, for success
_LONGEST_TICK = 0.2  # seconds that one padding makes up for
_PAUSE, _LONGEST_PAUSE = 1.0, 6.0  # seconds after a failure: doubles from the first to the longest
_SETTLES = 0.8  # seconds in which a failed probe's queue drains
_BETWEEN = 0.1  # seconds between successes
_RESTS = 3.0  # seconds after media alone was too much


@dataclass(slots=True)
class Probe:
    """One probe at `target` bits/s, sent in (`from_at`, `to_at`]; `waiting` is how many seconds
    packets waited in queues when it began."""

    target: float
    from_at: float
    to_at: float
    answer_by: float
    waiting: float
    ticked_at: float
    sent: bool = False  # all of it
    arrived: int = 0  # bytes
    first: float = 0.0  # arrival
    last: float = 0.0

    def carried(self, rate: float) -> bool:
        """Whether arriving at `rate` bits/s is a success."""
        return rate >= _ARRIVED * self.target

    def rate(self, packets: Iterable[Acked]) -> float | None:
        """Look for the probe among acknowledged packets; once it is through, the bits/s at which
        it arrived."""
        for sent, arrived, size, _ in packets:
            if sent > self.to_at and self.sent:
                lasted = max(self.last - self.first, self.to_at - self.from_at)
                return self.arrived * 8 / lasted
            if sent > self.from_at and arrived is not None:
                if not self.arrived:
                    self.first = arrived
                self.last = max(self.last, arrived)
                self.arrived += size
        return None


class Prober:
    """At most one probe at a time: `probe`, None between them."""

    def __init__(self) -> None:
        self.probe: Probe | None = None
        self._times = _FIRST
        self._pause = _PAUSE
        self._next_at = self._settled_at = float("-inf")

    def disturbs(self, now: float) -> bool:
        """Whether a probe may be why packets wait."""
        probe = self.probe
        return now < self._settled_at or (probe is not None and now <= probe.answer_by)

    def padding(
        self,
        estimate: float,
        sending: float,
        wanted: float,
        now: float,
        *,
        waiting: float,
        measured: bool,
    ) -> int:
        """Bytes to add now to the `sending` bits/s of media. A probe begins where `wanted` bits/s
        is more than the `estimate`; `measured`: transport feedback will tell its rate."""
        probe = self.probe
        if probe is None:
            target = min(_AMPLE * wanted, self._times * max(estimate, sending))
            if wanted > estimate and target > sending and now >= self._next_at:
                to_at = now + (_LASTS if measured else _LASTS_UNMEASURED)
                answer = _ANSWERED_WITHIN if measured else _ANSWERED_WITHIN_UNMEASURED
                self.probe = Probe(target, now, to_at, to_at + answer, waiting, now)
            return 0
        if now > probe.answer_by:
            self.failed(now)
        if self.probe is None or probe.sent:
            return 0
        passed = min(now - probe.ticked_at, _LONGEST_TICK)
        probe.ticked_at = now
        if now >= probe.to_at:
            probe.to_at, probe.sent = now + 0.001, True
        return max(0, int((probe.target - sending) / 8 * passed))

    def ended(self, rate: float, now: float) -> None:
        """The probe is through; it arrived at `rate` bits/s."""
        assert self.probe is not None, "only a probe can end"
        if not self.probe.carried(rate):
            self.failed(now)
            return
        self.probe = None
        self._times, self._pause = min(_MOST, self._times * _BOLDER), _PAUSE
        self._next_at = now + _BETWEEN

    def failed(self, now: float) -> None:
        """The path did not carry the probe, or nothing was heard of it: drop it."""
        self.probe = None
        self._times = _LEAST
        self._next_at = now + self._pause
        self._settled_at = now + _SETTLES
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def rest(self, now: float) -> None:
        """The path was overused by media alone: leave it in peace for a while, then ask little."""
        self.probe = None
        self._times = _LEAST
        self._next_at = max(self._next_at, now + _RESTS)
