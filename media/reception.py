"""One inbound stream as its receiver knows it: loss, jitter, what to ask for again, what to keep.

Loss and jitter by RFC 3550, A.1, A.3 and A.8. A bounded cache answers NACKs of players; a bounded
list of missing packets makes NACKs to the publisher.
"""

from dataclasses import dataclass, field

from media.rewrite import Arrived
from media.rtcp import ReportBlock, SenderReport
from media.rtp import unwrap
from media.specs import PayloadSpec, TrackSpec

CACHE = 512  # packets: about a second of 5 Mbit/s
_MAX_GAP = 256  # a larger jump is a new beginning, not loss
_MAX_MISSING = 128
_REORDER = 0.02  # seconds to wait for a packet that is only late
_RETRY = 0.1
_TRIES = 5


@dataclass(slots=True)
class _Missing:
    ask_at: float
    tries: int = 0


@dataclass(slots=True, eq=False)
class Stream:
    """One SSRC of a publisher. `key` names it in mungers, unlike its SSRC, for ever."""

    key: int
    ssrc: int
    track: TrackSpec
    payload: PayloadSpec
    publisher: str  # resource id
    highest: int = -1  # extended sequence number
    first: int = -1
    received: int = 0
    bytes: int = 0
    jitter: float = 0.0  # clock units
    last_at: float = -1.0
    last_timestamp: int = 0
    keyed: bool = False  # a key frame has come since it began
    level: float = 127.0  # smoothed audio level, -dBov
    report: SenderReport | None = None
    report_at: float = 0.0
    keyframe_asked_at: float = -10.0
    _transit: float | None = None
    _expected_prior: int = 0
    _received_prior: int = 0
    _cache: dict[int, Arrived] = field(default_factory=dict)
    _missing: dict[int, _Missing] = field(default_factory=dict)

    def extend(self, sequence: int) -> int:
        """The unwrapped number of a 16-bit one, near the newest; starts above 65535 so that a late
        packet from before the first never becomes negative."""
        return sequence + 65536 if self.highest < 0 else unwrap(sequence, self.highest)

    def take(self, packet: Arrived) -> bool:
        """Count and keep a packet; False for one that came before (or is far too old)."""
        extended = packet.extended
        if extended in self._cache or (self.highest >= 0 and extended <= self.highest - CACHE):
            return False
        if self.highest < 0:
            self.first = extended
        elif extended > self.highest:
            self._note_missing(extended, packet.now)
        self._missing.pop(extended, None)
        self.received += 1
        self.bytes += len(packet.data)
        if extended > self.highest:
            self.highest = extended
            self.last_timestamp = packet.header.timestamp
            self._measure_jitter(packet)
        self.last_at = packet.now
        self._cache[extended] = packet
        self._cache.pop(extended - CACHE, None)
        return True

    def _note_missing(self, extended: int, now: float) -> None:
        gap = extended - self.highest - 1
        if gap > _MAX_GAP:
            self._missing.clear()
            self._cache.clear()
            return
        for number in range(self.highest + 1, extended):
            self._missing[number] = _Missing(now + _REORDER)
        while len(self._missing) > _MAX_MISSING:
            del self._missing[next(iter(self._missing))]

    def _measure_jitter(self, packet: Arrived) -> None:
        transit = packet.now * self.payload.clock_rate - packet.header.timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self.payload.clock_rate:  # a timestamp that wrapped or jumped is no jitter
                self.jitter += (change - self.jitter) / 16
        self._transit = transit

    def cached(self, extended: int) -> Arrived | None:
        return self._cache.get(extended)

    def to_ask(self, now: float) -> list[int]:
        """16-bit numbers to NACK now; each is asked for a few times, then given up."""
        due: list[int] = []
        for number, missing in list(self._missing.items()):
            if now < missing.ask_at:
                continue
            if missing.tries >= _TRIES:
                del self._missing[number]
                continue
            missing.tries += 1
            missing.ask_at = now + _RETRY
            due.append(number & 0xFFFF)
        return due

    @property
    def lost(self) -> int:
        """Cumulative; duplicates can't make it negative here, they are dropped before."""
        return max(0, self.highest - self.first + 1 - self.received) if self.first >= 0 else 0

    def block(self, now: float) -> ReportBlock:
        """A report block about this stream; call once per report."""
        expected = self.highest - self.first + 1
        interval = expected - self._expected_prior
        lost = interval - (self.received - self._received_prior)
        self._expected_prior, self._received_prior = expected, self.received
        fraction = min(255, max(0, lost) * 256 // interval) if interval > 0 else 0
        lsr = dlsr = 0
        if self.report is not None:
            lsr = self.report.ntp >> 16 & 0xFFFFFFFF
            dlsr = min(0xFFFFFFFF, int((now - self.report_at) * 65536))
        return ReportBlock(
            self.ssrc,
            fraction,
            self.lost,
            (self.highest - 65536) & 0xFFFFFFFF,
            int(self.jitter) & 0xFFFFFFFF,
            lsr,
            dlsr,
        )
