"""One inbound stream as its receiver knows it: loss, jitter, what to ask for again, what to keep.

Loss and jitter by RFC 3550, A.1, A.3 and A.8. A bounded cache answers NACKs of players; a bounded
list of missing packets makes NACKs to the publisher, the first at once.
"""

from dataclasses import dataclass, field

from media.plane import CACHE, PICTURE_CODECS, Plane, StreamState
from media.rewrite import Arrived
from media.rtcp import ReportBlock, SenderReport
from media.rtp import unwrap
from media.specs import Extension, PayloadSpec, TrackSpec

MAX_GAP = 256  # a larger jump is a new beginning, not loss
_MAX_MISSING = 128
_RETRY = 0.1  # seconds before one is asked for again
_TRIES = 5
_SMOOTH = 0.3  # weight of the newest half second in a stream's bitrate


@dataclass(slots=True)
class _Missing:
    ask_at: float
    tries: int = 0


@dataclass(slots=True, eq=False)
class Stream:
    """One SSRC of a publisher: a track, or one simulcast layer (`rid`) of it. The key in its state
    names it in slots, unlike its SSRC, for ever."""

    state: StreamState
    plane: Plane
    track: TrackSpec
    payload: PayloadSpec
    publisher: str  # resource id
    rid: str = ""
    keyed: bool = False  # a key frame has come since it began
    size: tuple[int, int] | None = None  # of the picture, where the codec tells it
    bitrate: float = 0.0  # bits/s, smoothed over seconds
    report: SenderReport | None = None
    report_at: float = 0.0
    keyframe_asked_at: float = -10.0
    _expected_prior: int = 0
    _received_prior: int = 0
    _bytes_prior: int = 0
    _missing: dict[int, _Missing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ids = dict(self.track.extensions)
        self.state.level_id = ids.get(Extension.AUDIO_LEVEL, 0)
        self.state.twcc_id = ids.get(Extension.TRANSPORT_CC, 0)
        self.carry(self.payload)

    @property
    def key(self) -> int:
        return self.state.key

    @property
    def ssrc(self) -> int:
        return self.state.ssrc

    def carry(self, payload: PayloadSpec) -> None:
        """The stream goes on as `payload`."""
        self.payload = payload
        self.state.payload_type = payload.payload_type
        self.state.codec = PICTURE_CODECS.get(payload.codec, 0)
        self.state.fast = 0

    def extend(self, sequence: int) -> int:
        """The unwrapped number of a 16-bit one, near the newest; starts above 65535 so that a late
        packet from before the first never becomes negative."""
        highest = self.state.highest
        return sequence + 65536 if highest < 0 else unwrap(sequence, highest)

    def take(self, packet: Arrived) -> bool:
        """Count and keep a packet; False for one that came before (or is far too old)."""
        state = self.state
        extended, highest = packet.extended, state.highest
        if extended <= highest and (
            extended <= highest - CACHE or self.plane.kept(state, extended) is not None
        ):
            return False
        if highest < 0:
            state.first = extended
        elif extended > highest:
            self._note_missing(extended, packet.now)
        self._missing.pop(extended, None)
        state.received += 1
        state.octets += len(packet.data)
        if extended > highest:
            state.highest = extended
            state.last_timestamp = packet.header.timestamp
            self._measure_jitter(packet)
        if packet.header.payload_end > packet.header.payload_start:  # what only fills is no media
            state.last_at = packet.now
        self.plane.keep(state, extended, bytes(packet.data))
        return True

    def _note_missing(self, extended: int, now: float) -> None:
        highest = self.state.highest
        if extended - highest - 1 > MAX_GAP:
            self._missing.clear()
            self.plane.forget(self.state)
            return
        for number in range(highest + 1, extended):
            self._missing[number] = _Missing(now)
        while len(self._missing) > _MAX_MISSING:
            del self._missing[next(iter(self._missing))]

    def _measure_jitter(self, packet: Arrived) -> None:
        state = self.state
        transit = packet.now * self.payload.clock_rate - packet.header.timestamp
        if state.has_transit:
            change = abs(transit - state.transit)
            if change < self.payload.clock_rate:  # a timestamp that wrapped or jumped is no jitter
                state.jitter += (change - state.jitter) / 16
        state.transit, state.has_transit = transit, 1

    @property
    def missing(self) -> bool:
        """Whether a packet is waited for."""
        return bool(self._missing)

    def measure_bitrate(self, seconds: float) -> None:
        """Call about twice a second, with how long it was since. While nothing comes, what was
        measured last is kept: it is what the stream will need when it comes again."""
        grown, self._bytes_prior = self.state.octets - self._bytes_prior, self.state.octets
        if grown:
            now = grown * 8 / seconds
            self.bitrate += (now - self.bitrate) * (_SMOOTH if self.bitrate else 1)

    def to_ask(self, now: float) -> list[int]:
        """16-bit numbers to NACK now; each is asked for a few times, then given up."""
        if not self._missing:
            return []
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
        state = self.state
        return max(0, state.highest - state.first + 1 - state.received) if state.first >= 0 else 0

    def block(self, now: float) -> ReportBlock:
        """A report block about this stream; call once per report."""
        state = self.state
        expected = state.highest - state.first + 1
        interval = expected - self._expected_prior
        lost = interval - (state.received - self._received_prior)
        self._expected_prior, self._received_prior = expected, state.received
        fraction = min(255, max(0, lost) * 256 // interval) if interval > 0 else 0
        lsr = dlsr = 0
        if self.report is not None:
            lsr = self.report.ntp >> 16 & 0xFFFFFFFF
            dlsr = min(0xFFFFFFFF, int((now - self.report_at) * 65536))
        return ReportBlock(
            state.ssrc,
            fraction,
            self.lost,
            (state.highest - 65536) & 0xFFFFFFFF,
            int(state.jitter) & 0xFFFFFFFF,
            lsr,
            dlsr,
        )
