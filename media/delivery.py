"""One slot of a player: what is behind it, under which numbers it goes out, what has arrived."""

from dataclasses import dataclass, field

from media import rtcp, rtp
from media.reception import Stream
from media.rewrite import Arrived, Munger, again, encapsulate_rtx, perform
from media.rtcp import Description, ReportBlock, SenderReport
from media.specs import Extension, Kind, PayloadSpec, SlotSpec, compatible

NTP_UNIX = 2_208_988_800  # seconds from 1900 to 1970
_ARRIVED = 0.5  # of the packets sent: with less, a picture can't be kept up
_GAP = 0.02  # seconds of timestamp between two streams in a row, at least
_REPEAT_AFTER = 0.02  # seconds before one packet is repeated again, on the shortest link
_REPEAT_AT_LATEST = 0.2  # and on the longest
_REPEATED = 512  # numbers remembered for that


def ntp(wall: float) -> int:
    """64-bit NTP time of a Unix time."""
    return int((wall + NTP_UNIX) * (1 << 32))


@dataclass(slots=True)
class Slot:
    """`source` is the stream wanted behind the slot; `munger.stream` the one that is, which for
    video follows with the next key frame."""

    spec: SlotSpec
    resource_id: str
    munger: Munger
    rtx_sequence: int
    source: Stream | None = None
    payload: PayloadSpec | None = None
    packets: int = 0
    octets: int = 0
    sent_at: float = -1.0
    confirmed: int = -1  # extended highest sequence a receiver report named
    lost: int = 0
    rtt: float | None = None
    _block: bytes = b""
    _switched_at: float = 0.0
    _reports: dict[int, float] = field(default_factory=dict)  # middle 32 bits of NTP → sent at
    _repeated: dict[int, float] = field(default_factory=dict)  # sequence → when, oldest first

    def __post_init__(self) -> None:
        ids = dict(self.spec.extensions)
        if Extension.MID in ids:
            self._block = rtp.extension_block([(ids[Extension.MID], self.spec.mid.encode())])

    def put(self, source: Stream | None) -> bool:
        """Want `source` behind the slot; whether that is a change. None: nothing."""
        if source is self.source:
            return False
        self.source = source
        self.payload = None if source is None else self.fitting(source)
        return True

    def fitting(self, source: Stream) -> PayloadSpec | None:
        """The negotiated payload type that can carry `source`; None if it can't be played."""
        return next((p for p in self.spec.payloads if compatible(source.payload, p)), None)

    @property
    def waits_for_key(self) -> bool:
        source = self.source
        return (
            source is not None
            and self.payload is not None
            and self.spec.kind is Kind.VIDEO
            and self.munger.stream != source.key
        )

    def forward(self, packet: Arrived, stream: Stream) -> bytes | None:
        """The packet as this slot's player gets it, or None when it gets none."""
        payload = self.payload
        if payload is None or stream is not self.source:
            return None
        munger = self.munger
        if munger.stream != stream.key:
            if self.spec.kind is Kind.VIDEO and not packet.picture.key_start:
                return None
            munger.switch(stream.key, packet, self._next_timestamp(packet.now, payload))
            self._switched_at = packet.now
        empty = packet.header.payload_end == packet.header.payload_start
        if empty and munger.leave_out(packet):
            return None
        numbers = munger.plan(packet)
        if numbers is None:
            return None
        whole = perform(
            packet, numbers, self.spec.ssrc, payload.payload_type, self._block, mark=False
        )
        self.packets += 1
        self.octets += packet.header.payload_end - packet.header.payload_start
        self.sent_at = packet.now
        return whole

    def _next_timestamp(self, now: float, payload: PayloadSpec) -> int | None:
        if not self.munger.started:
            return None
        passed = max(_GAP, now - self.sent_at)
        return (self.munger.last_timestamp + int(passed * payload.clock_rate)) & 0xFFFFFFFF

    def repeat(self, sequence: int, stream: Stream, now: float) -> bytes | None:
        """Answer a NACK from the cache, as RTX where it was negotiated. A number is answered once
        in half a round trip, so that no flood of NACKs becomes a larger flood of media."""
        last = self._repeated.get(sequence)
        pause = min(_REPEAT_AT_LATEST, max(_REPEAT_AFTER, (self.rtt or 0.0) / 2))
        if last is not None and now - last < pause:
            return None
        found = self.munger.origin(sequence)
        payload = self.payload
        if found is None or payload is None or found[0].stream != stream.key:
            return None
        packet = stream.cached(found[0].extended)
        if packet is None:
            return None
        self._repeated.pop(sequence, None)
        self._repeated[sequence] = now
        if len(self._repeated) > _REPEATED:
            del self._repeated[next(iter(self._repeated))]
        whole = perform(
            packet,
            again(found[1], packet),
            self.spec.ssrc,
            payload.payload_type,
            self._block,
            mark=False,
        )
        if payload.rtx_payload_type is None or self.spec.rtx_ssrc is None:
            return whole
        self.rtx_sequence = (self.rtx_sequence + 1) & 0xFFFF
        return encapsulate_rtx(
            whole, self.spec.rtx_ssrc, payload.rtx_payload_type, self.rtx_sequence
        )

    def sender_report(self, now: float, wall: float, offset: float, cname: str) -> bytes | None:
        """An SR that maps this slot's timestamps to our wall clock. `offset` is our wall clock less
        the publisher's, the same for all of its streams, so that lips stay in step."""
        source, payload = self.source, self.payload
        if source is None or payload is None or not self.packets:
            return None
        shift = self.munger.timestamp_offset(source.key)
        if shift is None:
            return None
        if source.report is not None:
            there = (source.report.ntp / (1 << 32)) - NTP_UNIX + offset
            at = source.report.timestamp + int((wall - there) * payload.clock_rate)
        else:
            at = source.last_timestamp + int((now - source.last_at) * payload.clock_rate)
        stamp = ntp(wall)
        self._reports[stamp >> 16 & 0xFFFFFFFF] = now
        while len(self._reports) > 8:
            del self._reports[next(iter(self._reports))]
        report = SenderReport(
            self.spec.ssrc, stamp, (at + shift) & 0xFFFFFFFF, self.packets, self.octets
        )
        return rtcp.build((report, Description(self.spec.ssrc, cname)))

    def reported(self, block: ReportBlock, now: float) -> tuple[int, int] | None:
        """Take what the player says of this slot: the outgoing numbers (after, up to) that it has
        got since it last said, or None where nothing, or only a small part of them, arrived."""
        lost_before, self.lost = self.lost, max(0, block.lost)
        sent_at = self._reports.get(block.last_sr)
        if sent_at is not None:
            self.rtt = max(0.0, now - sent_at - block.delay / 65536)
        if not self.munger.started:
            return None
        highest = rtp.unwrap(block.highest & 0xFFFF, self.munger.highest)
        if highest <= self.confirmed or highest > self.munger.highest:
            return None
        before, self.confirmed = self.confirmed, highest
        if before < 0:
            return before, highest
        arrived = highest - before - (self.lost - lost_before)
        return (before, highest) if arrived >= _ARRIVED * (highest - before) else None
