"""How much one player's path carries, in bits/s, as its sender can tell.

With transport-wide feedback: Google congestion control (draft-ietf-rmcat-gcc-02). The delay-based
part (`media.overuse`) cuts to 0.85 of what arrives when a queue grows, and otherwise raises the
estimate: by a packet per response time near the capacity last met, by 8 % a second elsewhere. The
loss-based part cuts above 10 % loss and raises nothing above 2 %. Where a long queue stands, the
estimate is lowered further until the queue has drained. Without it: REMB as it comes, and cuts by
the loss that receiver reports tell. In both, probes (`media.probing`) raise the estimate past what
is sent.
"""

from collections import deque
from collections.abc import Sequence

from media.feedback import Acked
from media.overuse import Detector, Usage
from media.probing import Prober

LEAST, MOST = 20_000.0, 30_000_000.0  # bits/s
_CUT = 0.85  # of what arrives, on overuse
_GROWTH = 1.08  # per second
_PACKET = 1200 * 8  # bits
_NEAR = 0.2  # of the capacity last met
_AHEAD, _AHEAD_AT_LEAST = 1.5, 10_000.0  # of what arrives: growth without probes ends there
_WINDOW = 0.5  # seconds over which arrivals are counted
_SHORT = 0.25  # seconds, when a queue has just begun to grow
_OTHER_CLOCK = 60.0  # seconds between arrivals
_MOST_COUNTED = 4096  # packets in the window
_LOSSY, _CLEAN, _POLICED = 0.10, 0.06, 0.3  # fractions lost
_COVERED = 0.5  # seconds after a probe, for a receiver report to tell of it
_LOSS_TIME, _LOSS_PACKETS, _LOSS_TIME_AT_MOST = 1.0, 80, 3.0  # what a loss fraction is taken over
_LONG, _LONGER, _SHORT_AGAIN = 0.3, 0.02, 0.1  # seconds that packets wait: drain, cut again, end
_DRAIN_AT_MOST = 4.0  # seconds
_PROBE_WAITS, _PROBE_LOSES = 0.04, 0.03  # seconds of waiting, fraction lost: that a probe may add
_SILENT, _AGAIN, _SILENT_CUT = 1.0, 0.5, 0.5  # seconds without feedback, between cuts; each cut
_CAP_LASTS = 10.0  # seconds that a REMB counts beside transport feedback


class Arriving:
    """Bits/s that arrive, by the receiver's clock."""

    def __init__(self) -> None:
        self._packets: deque[tuple[float, int]] = deque()  # arrival, size
        self._bytes = 0
        self._first = self._newest = float("-inf")

    def add(self, packets: Sequence[Acked]) -> None:
        kept = self._packets
        for _, arrived, size, _ in packets:
            if arrived is not None:
                if abs(arrived - self._newest) > _OTHER_CLOCK:
                    kept.clear()
                    self._bytes = 0
                    self._first = self._newest = arrived
                self._newest = max(self._newest, arrived)
                kept.append((arrived, size))
                self._bytes += size
        while kept and (kept[0][0] <= self._newest - _WINDOW or len(kept) > _MOST_COUNTED):
            self._bytes -= kept.popleft()[1]

    def rate(self) -> float:
        return self._bytes * 8 / min(_WINDOW, max(_SHORT, self._newest - self._first))

    def newest_rate(self) -> float:
        """Over a shorter time, for when the rate has just changed."""
        since = self._newest - _SHORT
        return sum(size for arrived, size in self._packets if arrived > since) * 8 / _SHORT


class Estimator:
    """One path's estimate. `now` is always the sender's clock in seconds, never decreasing; call
    `padding` every 50 to 100 ms."""

    def __init__(self, now: float, start: float = 1_000_000.0) -> None:
        self._bitrate = min(MOST, max(LEAST, start))
        self._detector = Detector()
        self._prober = Prober()
        self._arriving = Arriving()
        self._capacity: float | None = None  # what arrived when the path was last overused
        self._grown_at = now
        self._cut_again_at = now
        self._heard_at: float | None = None  # transport feedback
        self._sending = 0.0
        self._sending_since: float | None = None
        self._starved_at = now
        self._draining_since: float | None = None
        self._waited = 0.0
        self._reported = False
        self._cap: float | None = None  # REMB
        self._cap_at = now
        self._loss = 0.0
        self._loss_from = now
        self._counted = self._lost = 0

    def bitrate(self, now: float) -> float:
        """Bits/s that may be sent now, all included, between LEAST and MOST."""
        bitrate = self._bitrate
        if self._draining_since is not None:
            # So that the queue drains within about a second.
            bitrate *= max(0.0, 1.0 - self._detector.waiting)
        if self._cap is not None and (self._heard_at is None or now - self._cap_at < _CAP_LASTS):
            bitrate = min(bitrate, self._cap)
        return min(MOST, max(LEAST, bitrate))

    @property
    def limited(self) -> bool:
        """Whether the path has shown a limit yet: overuse, loss, a queue, or a REMB."""
        return (
            self._capacity is not None
            or self._cap is not None
            or self._loss > _LOSSY
            or self._draining_since is not None
        )

    @property
    def clear(self) -> bool:
        """Whether transport feedback tells that what is sent now arrives, and at once: whatever the
        estimate, it is carried."""
        heard = self._heard_at is not None
        return heard and self._loss <= _CLEAN and self._detector.waiting < _SHORT_AGAIN

    @property
    def draining(self) -> bool:
        """Whether a long queue stands: what is sent now comes late, or is lost at its end."""
        return self._draining_since is not None

    def on_feedback(self, packets: Sequence[Acked], now: float) -> None:
        """One transport-wide feedback, in the order of sending (`media.feedback.acknowledged`)."""
        if not packets:
            return
        self._heard_at = now
        self._arriving.add(packets)
        usage = self._detector.update(packets, now)
        self._count(packets, now)
        response = max(0.0, now - packets[-1].sent_at)
        self._probed(packets, usage, now)
        self._drain(now)
        if self._draining_since is None:
            self._follow(usage, response, now)
        self._grown_at = now

    def _follow(self, usage: Usage, response: float, now: float) -> None:
        if usage is Usage.OVER and not self._prober.disturbs(now):
            if now >= self._cut_again_at:
                self._cut_again_at = now + min(1.0, response)
                self._overused(self._arriving.newest_rate(), now)
        elif usage is Usage.NORMAL and self._loss <= _CLEAN:
            self._grow(min(1.0, now - self._grown_at), response)

    def _overused(self, arriving: float, now: float) -> None:
        self._prober.rest(now)
        self._capacity = arriving
        self._bitrate = max(LEAST, min(self._bitrate, _CUT * arriving))

    def _grow(self, passed: float, response: float) -> None:
        capacity = self._capacity
        if capacity is not None and self._bitrate > capacity * (1 + _NEAR):
            capacity = self._capacity = None  # the path has become better
        if capacity is not None and self._bitrate > capacity * (1 - _NEAR):
            grown = self._bitrate + _PACKET / (response + 0.1) * passed
        else:
            grown = self._bitrate * _GROWTH**passed
        ahead = _AHEAD * self._arriving.rate() + _AHEAD_AT_LEAST
        self._bitrate = min(MOST, max(self._bitrate, min(grown, ahead)))

    def _drain(self, now: float) -> None:
        """Begin or end to send less than arrives, for a queue that takes too long."""
        waiting = self._detector.waiting
        if self._draining_since is None:
            # A probe's queue drains by itself, once the probe is over.
            if waiting > (2 * _LONG if self._prober.disturbs(now) else _LONG):
                self._draining_since = now
                self._overused(self._arriving.newest_rate(), now)
        elif waiting < _SHORT_AGAIN:
            self._draining_since = None
        elif now - self._draining_since > _DRAIN_AT_MOST:
            self._draining_since = None
            self._detector.forget()  # it isn't our queue: the path has become longer
        elif waiting > self._waited + _LONGER:
            self._overused(self._arriving.rate(), now)
        self._waited = waiting

    def _probed(self, packets: Sequence[Acked], usage: Usage, now: float) -> None:
        probe = self._prober.probe
        if probe is None or now > probe.answer_by:
            return
        if usage is Usage.OVER or self._detector.waiting > probe.waiting + _PROBE_WAITS:
            self._prober.failed(now)
            return
        rate = probe.rate(packets)
        if rate is not None:
            self._bitrate = min(MOST, max(self._bitrate, min(rate, probe.target)))
            self._prober.ended(rate, now)

    def _count(self, packets: Sequence[Acked], now: float) -> None:
        self._counted += sum(packet.packets for packet in packets)
        self._lost += sum(packet.arrived_at is None for packet in packets)
        lasted = now - self._loss_from
        if lasted < _LOSS_TIME or (self._counted < _LOSS_PACKETS and lasted < _LOSS_TIME_AT_MOST):
            return
        self._loss = self._lost / self._counted
        self._loss_from, self._counted, self._lost = now, 0, 0
        if self._loss > _LOSSY:
            self._lossy(self._arriving.rate())

    def _lossy(self, arriving: float) -> None:
        """Cut by the loss, not below what arrives; a path that loses most is near what arrives."""
        cut = self._bitrate * (1 - 0.5 * self._loss)
        if self._loss > _POLICED:
            cut = min(cut, arriving / max(0.01, 1 - self._loss))
        self._bitrate = max(LEAST, min(self._bitrate, max(cut, arriving)))

    def on_remb(self, bitrate: float, now: float) -> None:
        """The receiver's own estimate in bits/s: a cap, and without transport feedback the
        estimate, but while a tenth is lost."""
        self._cap, self._cap_at = bitrate, now
        if self._heard_at is not None:
            return
        if self._loss <= _LOSSY:
            self._bitrate = min(MOST, max(LEAST, bitrate))
        probe = self._prober.probe
        if probe is not None and probe.sent and probe.carried(bitrate):
            self._prober.ended(bitrate, now)

    def on_loss(self, fraction: float, now: float) -> None:
        """The fraction lost of all that was sent (0 to 1), once for each receiver report. Says
        nothing new beside transport feedback."""
        if self._heard_at is not None:
            return
        passed = min(1.0, now - self._grown_at)
        self._grown_at, self._reported = now, True
        usual, self._loss = self._loss, min(1.0, max(0.0, fraction))
        probe = self._prober.probe
        if probe is not None:
            if self._loss > min(usual + _PROBE_LOSES, _LOSSY):
                self._prober.failed(now)
            elif self._cap is None and probe.sent and now > probe.to_at + _COVERED:
                self._bitrate = min(MOST, max(self._bitrate, probe.target))
                self._prober.ended(probe.target, now)
        elif self._loss > _LOSSY:
            if now >= self._cut_again_at and not self._prober.disturbs(now):
                self._cut_again_at = now + _LOSS_TIME
                self._lossy(self._sending * (1 - self._loss))
        elif self._cap is None and self._loss <= _CLEAN:
            ahead = _AHEAD * self._sending + _AHEAD_AT_LEAST
            grown = min(self._bitrate * _GROWTH**passed, ahead)
            self._bitrate = min(MOST, max(self._bitrate, grown))

    def padding(self, sending: float, wanted: float, now: float) -> int:
        """How many bytes of padding to send in this tick. `sending` is the bits/s of media sent
        now, sound included; `wanted` what the next step up would need in all (0: nothing)."""
        self._sending = max(0.0, sending)
        if sending <= 0:
            self._sending_since = None
        elif self._sending_since is None:
            self._sending_since = now
        self._starve(now)
        if (
            (self._heard_at is None and self._cap is None and not self._reported)
            or self._draining_since is not None
            or self._detector.usage is Usage.OVER
            or self._loss > _LOSSY
        ):
            if self._prober.probe is not None:
                self._prober.failed(now)
            return 0
        return self._prober.padding(
            self.bitrate(now),
            self._sending,
            wanted,
            now,
            waiting=self._detector.waiting,
            measured=self._heard_at is not None,
        )

    def _starve(self, now: float) -> None:
        """Cut, again and again, while feedback that used to come is missing."""
        if self._heard_at is None or self._sending_since is None:
            return
        silent_from = max(self._heard_at, self._sending_since)
        if now - silent_from > _SILENT and now - self._starved_at >= _AGAIN:
            self._starved_at = now
            self._bitrate = max(LEAST, self._bitrate * _SILENT_CUT)
            if self._prober.probe is not None:
                self._prober.failed(now)
