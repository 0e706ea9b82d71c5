"""The numbers that every packet changes, apart from the rules that change them.

They lie in states with plain fields, so that the compiled fast path (media/fastpath) can hold the
same fields in C structures: the rules in `Stream`, `Munger`, `Slot` and `Room` read and write
either. `Plane` is the one in Python; without a compiler it is the only one.

Ownership: a publisher's *source* ⊃ its streams; a player's *link* ⊃ its slots. What a stream is
*followed* by must be told anew before a slot goes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from media.feedback import HISTORY
from media.specs import Codec

CACHE = 512  # packets kept of a stream: about a second of 5 Mbit/s
ARRIVED = 512  # arrivals remembered until they are taken: more than a tick brings
PICTURE_CODECS = {Codec.VP8: 1, Codec.VP9: 2}  # whose picture ids are rewritten; others: 0


@dataclass(slots=True, eq=False)
class SourceState:
    """What came from a publisher under transport-wide numbers, since it was last taken."""

    arrived: list[tuple[int, float]] = field(default_factory=list)  # number, seconds


@dataclass(slots=True, eq=False)
class StreamState:
    """One inbound SSRC. `fast`: packets in order need nothing but to be counted, kept and
    forwarded, so that they need not pass through Python."""

    source: SourceState
    key: int
    ssrc: int
    clock_rate: int
    video: int
    payload_type: int = 0
    codec: int = 0
    level_id: int = 0  # extension ids; 0: not negotiated
    twcc_id: int = 0
    fast: int = 0
    highest: int = -1  # unwrapped sequence number
    first: int = -1
    received: int = 0
    octets: int = 0
    jitter: float = 0.0  # clock units
    transit: float = 0.0
    has_transit: int = 0
    last_at: float = -1.0
    last_timestamp: int = 0
    level: float = 127.0  # smoothed, -dBov
    kept: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class LinkState:
    """What has gone to a player under transport-wide numbers."""

    sequence: int = 0  # the next
    sent_at: list[float] = field(default_factory=lambda: [0.0] * HISTORY)
    sent_size: list[int] = field(default_factory=lambda: [0] * HISTORY)


@dataclass(slots=True, eq=False)
class SlotState:
    """One slot's numbers. `twcc_at` is where in its extension block a transport-wide number stands
    (-1: nowhere)."""

    link: LinkState
    ssrc: int
    twcc_at: int = -1
    payload_type: int = 0
    red_type: int = 0  # payload type of RED; 0: Opus goes out as it is
    stream: int = -1  # key of the stream behind it
    offset: int = 0
    timestamp_offset: int = 0
    picture_shift: int = 0
    tl0_shift: int = 0
    highest_in: int = -1
    highest_out: int = -1
    last_timestamp: int = -1
    picture_id: int = -1
    tl0: int = -1
    packets: int = 0
    octets: int = 0
    sent_at: float = -1.0


class Plane:
    """Makes states, and keeps packets for retransmission. Sources and links have the names of
    their media resources, which a shell may know more about."""

    def source(self, resource_id: str) -> SourceState:
        """The publisher `resource_id`."""
        return SourceState()

    def take_arrivals(self, source: SourceState) -> list[tuple[int, float]]:
        """(16-bit transport-wide number, seconds) of what came since the last call, in order."""
        taken, source.arrived = source.arrived, []
        return taken

    def note_arrival(self, source: SourceState, number: int, now: float) -> None:
        if len(source.arrived) < ARRIVED:
            source.arrived.append((number, now))

    def stream(
        self, source: SourceState, key: int, ssrc: int, clock_rate: int, *, video: bool
    ) -> StreamState:
        return StreamState(source, key, ssrc, clock_rate, int(video))

    def end_stream(self, stream: StreamState) -> None:
        """No more packets of it are expected."""

    def link(self, resource_id: str) -> LinkState:
        """The player `resource_id`."""
        return LinkState()

    def slot(self, link: LinkState, ssrc: int, block: bytes, twcc_at: int) -> SlotState:
        """A slot that puts the extension block `block` (b"": none) into each packet."""
        return SlotState(link, ssrc, twcc_at)

    def follow(self, stream: StreamState, slots: Sequence[SlotState]) -> None:
        """The slots that a stream's packets in order go to."""

    def end(self, resource_id: str) -> None:
        """A publisher or player is gone, with all that was made for it."""

    def keep(self, stream: StreamState, extended: int, data: bytes) -> None:
        """Keep a packet as it came, for retransmission."""
        kept = stream.kept
        kept.pop(extended, None)
        kept[extended] = data
        while len(kept) > CACHE:
            del kept[next(iter(kept))]

    def kept(self, stream: StreamState, extended: int) -> bytes | None:
        return stream.kept.get(extended)

    def forget(self, stream: StreamState) -> None:
        """Keep none of its packets any longer."""
        stream.kept.clear()
