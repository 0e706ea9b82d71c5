"""The numbers under which one player receives, and the bytes that carry them.

A slot has one SSRC for its whole life while publishers and simulcast layers come and go behind it.
`Munger` keeps sequence numbers, timestamps and VP8/VP9 picture ids continuous across them: *plan*.
`perform` writes the packet: *bytes*. Payload bytes are never touched but for picture id and
TL0PICIDX, and those only after a switch between streams that carry them.

A *run* is the time one inbound stream is behind the slot. Inside a run, sequence numbers move by a
constant, except where a packet without payload was left out: there a new *stretch* begins, one
lower. Runs and stretches are kept for a while, so that late packets and NACKs find their numbers.
"""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from media.codecs import Picture
from media.rtp import HEADER_SIZE, Buffer, RtpHeader, header_bytes, unwrap

_RUNS = 8
_STRETCHES = 64
_NO_SHIFT = 0


class Arrived(NamedTuple):
    """One inbound packet as read once: `extended` is its unwrapped sequence number, `picture` what
    its payload says, `spans` its extension elements, `now` its arrival in seconds."""

    data: Buffer
    header: RtpHeader
    extended: int
    picture: Picture
    spans: dict[int, tuple[int, int]]
    now: float

    @property
    def payload(self) -> Buffer:
        return self.data[self.header.payload_start : self.header.payload_end]


class Numbers(NamedTuple):
    """What a packet is called on its way out: 16-bit sequence, 32-bit timestamp, and what to add to
    its picture id and TL0PICIDX."""

    sequence: int
    timestamp: int
    picture_shift: int
    tl0_shift: int


class Origin(NamedTuple):
    """Where an outgoing sequence number came from: the stream's key and its unwrapped number."""

    stream: int
    extended: int


@dataclass(slots=True)
class _Run:
    stream: int
    first_out: int
    timestamp_offset: int
    picture_shift: int
    tl0_shift: int
    starts: list[int]  # first unwrapped inbound number of each stretch, ascending
    offsets: list[int]  # outbound minus inbound number of each stretch

    def numbers(self, extended: int, timestamp: int) -> Numbers | None:
        at = bisect_right(self.starts, extended) - 1
        if at < 0:
            return None
        return Numbers(
            (extended + self.offsets[at]) & 0xFFFF,
            (timestamp + self.timestamp_offset) & 0xFFFFFFFF,
            self.picture_shift,
            self.tl0_shift,
        )

    def inbound(self, out: int) -> int | None:
        for start, offset in zip(reversed(self.starts), reversed(self.offsets), strict=True):
            if out - offset >= start:
                return out - offset
        return None


@dataclass(slots=True)
class Munger:
    """Continuity of one slot. `sequence` and `timestamp` are where the slot starts (random, chosen
    by the caller). Call `switch` with the first packet of a new stream, then `plan` for each packet
    of the current stream, and `leave_out` for those that are not forwarded."""

    sequence: int
    timestamp: int
    _runs: deque[_Run] = field(default_factory=lambda: deque(maxlen=_RUNS))
    _highest_in: int = -1
    _highest_out: int = -1  # unwrapped; -1: nothing has been sent
    _last_timestamp: int = -1
    _picture_id: int = -1
    _tl0: int = -1

    @property
    def started(self) -> bool:
        return self._highest_out >= 0

    @property
    def stream(self) -> int | None:
        """Key of the stream now behind the slot."""
        return self._runs[-1].stream if self._runs else None

    @property
    def last_timestamp(self) -> int:
        """Outgoing timestamp of the newest packet; only after a start."""
        return self._last_timestamp

    @property
    def highest(self) -> int:
        """Unwrapped outgoing sequence number of the newest packet, -1 before the first."""
        return self._highest_out

    def timestamp_offset(self, stream: int) -> int | None:
        """What the current run adds to timestamps of `stream`; None if it isn't the current one."""
        run = self._runs[-1] if self._runs else None
        return run.timestamp_offset if run is not None and run.stream == stream else None

    def switch(self, stream: int, first: Arrived, timestamp: int | None = None) -> None:
        """Put `stream` behind the slot, beginning with the packet `first`, which goes out with
        `timestamp` (None: where the slot starts). Earlier packets of the stream are not mapped."""
        out = self._highest_out + 1 if self.started else self.sequence
        if timestamp is None:
            assert not self.started, "a running slot goes on from its own timestamps"
            timestamp = self.timestamp
        picture = first.picture
        picture_shift = tl0_shift = _NO_SHIFT
        if self._picture_id >= 0 and picture.picture_id_bits:
            picture_shift = self._picture_id + 1 - picture.picture_id
        if self._tl0 >= 0 and picture.tl0 >= 0:
            tl0_shift = self._tl0 + 1 - picture.tl0
        self._runs.append(
            _Run(
                stream,
                out,
                timestamp - first.header.timestamp,
                picture_shift,
                tl0_shift,
                [first.extended],
                [out - first.extended],
            )
        )
        self._highest_in = first.extended - 1

    def plan(self, packet: Arrived) -> Numbers | None:
        """Numbers for a packet of the current stream; None when it is older than what is mapped."""
        assert self._runs, "switch comes before plan"
        run = self._runs[-1]
        numbers = run.numbers(packet.extended, packet.header.timestamp)
        if packet.extended > self._highest_in and numbers is not None:
            self._highest_in = packet.extended
            self._highest_out = packet.extended + run.offsets[-1]
            self._last_timestamp = numbers.timestamp
            picture = packet.picture
            if picture.picture_id_bits:
                mask = (1 << picture.picture_id_bits) - 1
                self._picture_id = (picture.picture_id + run.picture_shift) & mask
            if picture.tl0 >= 0:
                self._tl0 = (picture.tl0 + run.tl0_shift) & 0xFF
        return numbers

    def leave_out(self, packet: Arrived) -> bool:
        """Close the gap a packet without payload would leave. False when later packets have already
        gone out, so that the number must be used: forward the packet, empty as it is."""
        assert self._runs, "switch comes before leave_out"
        if packet.extended <= self._highest_in:
            return False
        run = self._runs[-1]
        offset = run.offsets[-1]
        self._highest_in = packet.extended
        self._highest_out = packet.extended + offset - 1
        if run.starts[-1] == packet.extended:
            run.starts[-1], run.offsets[-1] = packet.extended + 1, offset - 1
        else:
            run.starts.append(packet.extended + 1)
            run.offsets.append(offset - 1)
            if len(run.starts) > _STRETCHES:
                del run.starts[0], run.offsets[0]
        return True

    def origin(self, sequence: int) -> tuple[Origin, Numbers] | None:
        """Which packet went out as `sequence` (16 bits), as a NACK names it, and the numbers to
        send it with again (its timestamp as an offset from the original, see `again`)."""
        if not self.started:
            return None
        out = unwrap(sequence, self._highest_out)
        if out > self._highest_out:
            return None
        for run in reversed(self._runs):
            if out >= run.first_out:
                extended = run.inbound(out)
                if extended is None:
                    return None
                numbers = run.numbers(extended, 0)
                return (Origin(run.stream, extended), numbers) if numbers is not None else None
        return None


def again(numbers: Numbers, packet: Arrived) -> Numbers:
    """Numbers from `Munger.origin`, completed with the timestamp of the packet found."""
    return numbers._replace(timestamp=(numbers.timestamp + packet.header.timestamp) & 0xFFFFFFFF)


def perform(
    packet: Arrived, numbers: Numbers, ssrc: int, payload_type: int, block: bytes, *, mark: bool
) -> bytes:
    """The outgoing packet: new header and extension block, old payload, no padding. `mark` sets the
    marker bit besides what the packet has."""
    header = packet.header
    head = header_bytes(
        header.marker or mark, payload_type, numbers.sequence, numbers.timestamp, ssrc, block
    )
    start, end = header.payload_start, header.payload_end
    if not (numbers.picture_shift or numbers.tl0_shift):
        return b"".join((head, packet.data[start:end]))
    whole = bytearray(head)
    whole += packet.data[start:end]
    _shift_pictures(whole, len(head) - start, packet.picture, numbers)
    return bytes(whole)


def _shift_pictures(whole: bytearray, moved: int, picture: Picture, numbers: Numbers) -> None:
    """Add the shifts in place; `moved` is how far the payload moved from the inbound buffer."""
    if picture.picture_id_bits and numbers.picture_shift:
        at = picture.picture_id_at + moved
        shifted = picture.picture_id + numbers.picture_shift
        if picture.picture_id_bits == 15:
            whole[at] = 0x80 | shifted >> 8 & 0x7F
            whole[at + 1] = shifted & 0xFF
        else:
            whole[at] = shifted & 0x7F
    if picture.tl0 >= 0 and numbers.tl0_shift:
        whole[picture.tl0_at + moved] = (picture.tl0 + numbers.tl0_shift) & 0xFF


def encapsulate_rtx(packet: bytes, ssrc: int, payload_type: int, sequence: int) -> bytes:
    """RFC 4588, 4: `packet`, one made by `perform`, as a retransmission under its own numbers."""
    start = HEADER_SIZE
    if packet[0] & 0x10:
        start += 4 + 4 * (packet[14] << 8 | packet[15])
    return b"".join(
        (
            bytes((packet[0], packet[1] & 0x80 | payload_type)),
            sequence.to_bytes(2, "big"),
            packet[4:8],
            ssrc.to_bytes(4, "big"),
            packet[12:start],
            packet[2:4],
            packet[start:],
        )
    )


def decapsulate_rtx(data: Buffer, header: RtpHeader, ssrc: int, payload_type: int) -> bytes | None:
    """RFC 4588, 4 undone: the original packet, or None for one that carries nothing (a probe)."""
    start, end = header.payload_start, header.payload_end
    if end - start < 2:
        return None
    return b"".join(
        (
            bytes((data[0] & ~0x20, header.marker << 7 | payload_type)),
            bytes(data[start : start + 2]),
            bytes(data[4:8]),
            ssrc.to_bytes(4, "big"),
            data[HEADER_SIZE:start],
            data[start + 2 : end],
        )
    )
