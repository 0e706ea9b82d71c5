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

from media import codecs
from media.codecs import Picture
from media.plane import SlotState
from media.rtp import HEADER_SIZE, Buffer, RtpHeader, header_bytes, parse, unwrap
from media.specs import Codec

_RUNS = 8
_STRETCHES = 64


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

    state: SlotState
    sequence: int
    timestamp: int
    _runs: deque[_Run] = field(default_factory=lambda: deque(maxlen=_RUNS))

    @property
    def started(self) -> bool:
        return self.state.highest_out >= 0

    @property
    def stream(self) -> int:
        """Key of the stream now behind the slot, -1 for none."""
        return self.state.stream

    @property
    def last_timestamp(self) -> int:
        """Outgoing timestamp of the newest packet; only after a start."""
        return self.state.last_timestamp

    @property
    def highest(self) -> int:
        """Unwrapped outgoing sequence number of the newest packet, -1 before the first."""
        return self.state.highest_out

    def timestamp_offset(self, stream: int) -> int | None:
        """What the current run adds to timestamps of `stream`; None if it isn't the current one."""
        state = self.state
        return state.timestamp_offset if state.stream == stream else None

    def switch(self, stream: int, first: Arrived, timestamp: int | None = None) -> None:
        """Put `stream` behind the slot, beginning with the packet `first`, which goes out with
        `timestamp` (None: where the slot starts). Earlier packets of the stream are not mapped."""
        state = self.state
        out = state.highest_out + 1 if self.started else self.sequence
        if timestamp is None:
            assert not self.started, "a running slot goes on from its own timestamps"
            timestamp = self.timestamp
        picture = first.picture
        state.picture_shift = state.tl0_shift = 0
        if state.picture_id >= 0 and picture.picture_id_bits:
            state.picture_shift = state.picture_id + 1 - picture.picture_id
        if state.tl0 >= 0 and picture.tl0 >= 0:
            state.tl0_shift = state.tl0 + 1 - picture.tl0
        state.stream = stream
        state.offset = out - first.extended
        state.timestamp_offset = (timestamp - first.header.timestamp) & 0xFFFFFFFF
        self._runs.append(
            _Run(
                stream,
                out,
                state.timestamp_offset,
                state.picture_shift,
                state.tl0_shift,
                [first.extended],
                [state.offset],
            )
        )
        state.highest_in = first.extended - 1

    def stop(self) -> None:
        """Nothing is behind the slot any more: even the same stream goes on by `switch` only, so
        that what was left out in between is not taken for lost."""
        self.state.stream = -1

    def plan(self, packet: Arrived) -> Numbers | None:
        """Numbers for a packet of the current stream; None when it is older than what is mapped."""
        assert self._runs, "switch comes before plan"
        run, state = self._runs[-1], self.state
        numbers = run.numbers(packet.extended, packet.header.timestamp)
        if packet.extended > state.highest_in and numbers is not None:
            state.highest_in = packet.extended
            state.highest_out = packet.extended + state.offset
            state.last_timestamp = numbers.timestamp
            picture = packet.picture
            if picture.picture_id_bits:
                mask = (1 << picture.picture_id_bits) - 1
                state.picture_id = (picture.picture_id + run.picture_shift) & mask
            if picture.tl0 >= 0:
                state.tl0 = (picture.tl0 + run.tl0_shift) & 0xFF
        return numbers

    def leave_out(self, packet: Arrived) -> bool:
        """Close the gap a packet without payload would leave. False when later packets have already
        gone out, so that the number must be used: forward the packet, empty as it is."""
        assert self._runs, "switch comes before leave_out"
        state = self.state
        if packet.extended <= state.highest_in:
            return False
        run = self._runs[-1]
        offset = state.offset
        state.highest_in = packet.extended
        state.highest_out = packet.extended + offset - 1
        state.offset = offset - 1
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
        out = unwrap(sequence, self.state.highest_out)
        if out > self.state.highest_out:
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
    packet: Arrived, numbers: Numbers, ssrc: int, payload_type: int, block: bytes, red: bytes = b""
) -> bytearray:
    """The outgoing packet: new header and extension block, old payload, no padding; `red` is what
    stands before the payload in RED."""
    header = packet.header
    whole = bytearray(
        header_bytes(header.marker, payload_type, numbers.sequence, numbers.timestamp, ssrc, block)
    )
    whole += red
    moved = len(whole) - header.payload_start
    whole += packet.data[header.payload_start : header.payload_end]
    if numbers.picture_shift or numbers.tl0_shift:
        _shift_pictures(whole, moved, packet.picture, numbers)
    return whole


def read(data: Buffer, extended: int, codec: Codec, now: float) -> Arrived:
    """A packet read again, as it was kept."""
    header = parse(data)
    picture = codecs.read(codec, data, header.payload_start, header.payload_end)
    return Arrived(data, header, extended, picture, {}, now)


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


def encapsulate_rtx(packet: Buffer, ssrc: int, payload_type: int, sequence: int) -> bytearray:
    """RFC 4588, 4: `packet`, one made by `perform`, as a retransmission under its own numbers."""
    start = HEADER_SIZE
    if packet[0] & 0x10:
        start += 4 + 4 * (packet[14] << 8 | packet[15])
    whole = bytearray(packet[:start])
    whole[1] = packet[1] & 0x80 | payload_type
    whole[2:4] = sequence.to_bytes(2, "big")
    whole[8:12] = ssrc.to_bytes(4, "big")
    whole += packet[2:4]
    whole += packet[start:]
    return whole


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
