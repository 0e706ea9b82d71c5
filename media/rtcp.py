"""RTCP compound packets as values (RFC 3550, 6; RFC 4585; RFC 5104; REMB; transport-cc).

`parse` reads a whole compound and skips types it does not know; `build` writes one. Times stay in
wire units: NTP as 64-bit fixed point, delays in 1/65536 s. Bad input raises MalformedPacket. Its
cost grows with its size and no faster; run lengths stand for MAX_STATUSES packets at most.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from media.feedback import (
    MAX_STATUSES,
    TransportFeedback,
    parse_transport_feedback,
    transport_feedback_bytes,
)
from media.rtp import Buffer, MalformedPacket

_SR, _RR, _SDES, _BYE, _RTPFB, _PSFB = 200, 201, 202, 203, 205, 206
_NACK, _TRANSPORT_CC, _PLI, _FIR, _AFB = 1, 15, 1, 4, 15
_CNAME = 1
_BLOCK = struct.Struct("!IB3sIIII")
_SENDER = struct.Struct("!IQIII")
_PAIR = struct.Struct("!II")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """RFC 3550, 6.4.1: `ssrc` is reported on; `fraction_lost` is in 1/256, `lost` cumulative and
    signed, `highest` the extended highest sequence number, `jitter` in timestamp units; `last_sr`
    the middle 32 bits of the NTP time of the last SR, `delay` since it in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_sr: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class SenderReport:
    """SR of `ssrc`: RTP timestamp `timestamp` was sampled at NTP time `ntp`."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """SDES, of which only the CNAME is read."""

    ssrc: int
    cname: str


@dataclass(frozen=True, slots=True)
class Bye:
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nack:
    """Generic NACK: 16-bit sequence numbers of `media` that are missing."""

    sender: int
    media: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pli:
    sender: int
    media: int


@dataclass(frozen=True, slots=True)
class Fir:
    """Full intra request: (media SSRC, command sequence number) pairs."""

    sender: int
    entries: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Remb:
    """Receiver estimated maximum bitrate in bits/s over all of `ssrcs`."""

    sender: int
    bitrate: int
    ssrcs: tuple[int, ...]


Packet = (
    SenderReport | ReceiverReport | Description | Bye | Nack | Pli | Fir | Remb | TransportFeedback
)


def parse(data: Buffer) -> list[Packet]:
    """Every known packet of a compound, in order. Raises MalformedPacket."""
    data = bytes(data)
    packets: list[Packet] = []
    at = told = 0
    if not data:
        raise MalformedPacket("empty RTCP")
    try:
        while at < len(data):
            first, kind, words = struct.unpack_from("!BBH", data, at)
            end = at + 4 + 4 * words
            if first >> 6 != 2 or end > len(data):
                raise MalformedPacket("RTCP version or length")
            body_end = end
            if first & 0x20:
                padding = data[end - 1]
                body_end = end - padding
                if padding == 0 or body_end < at + 4:
                    raise MalformedPacket("RTCP padding")
            before = len(packets)
            _read(kind, first & 31, data[at + 4 : body_end], packets)
            at = end
            for packet in packets[before:]:
                if isinstance(packet, TransportFeedback):
                    told += len(packet.arrivals)
            if told > MAX_STATUSES:
                raise MalformedPacket("transport feedback on too many packets")
    except struct.error as error:
        raise MalformedPacket(f"RTCP cut short: {error}") from None
    return packets


def _read(kind: int, count: int, body: bytes, packets: list[Packet]) -> None:
    if kind == _SR:
        ssrc, ntp, timestamp, sent, octets = _SENDER.unpack_from(body)
        packets.append(SenderReport(ssrc, ntp, timestamp, sent, octets, _blocks(body, 24, count)))
    elif kind == _RR:
        (ssrc,) = struct.unpack_from("!I", body)
        packets.append(ReceiverReport(ssrc, _blocks(body, 4, count)))
    elif kind == _SDES:
        packets.extend(_descriptions(body, count))
    elif kind == _BYE:
        packets.append(Bye(struct.unpack_from(f"!{count}I", body)))
    elif kind == _RTPFB:
        sender, media = _PAIR.unpack_from(body)
        if count == _NACK:
            packets.append(Nack(sender, media, _nacked(body[8:])))
        elif count == _TRANSPORT_CC:
            packets.append(parse_transport_feedback(sender, media, body[8:]))
    elif kind == _PSFB:
        sender, media = _PAIR.unpack_from(body)
        if count == _PLI:
            packets.append(Pli(sender, media))
        elif count == _FIR:
            if len(body) % 8:
                raise MalformedPacket("FIR entries")
            entries = tuple((ssrc, n >> 24) for ssrc, n in _PAIR.iter_unpack(body[8:]))
            packets.append(Fir(sender, entries))
        elif count == _AFB and body[8:12] == b"REMB":
            packets.append(_remb(sender, body))


def _blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for index in range(count):
        ssrc, fraction, lost, highest, jitter, last_sr, delay = _BLOCK.unpack_from(
            body, at + index * _BLOCK.size
        )
        signed = int.from_bytes(lost, "big", signed=True)
        blocks.append(ReportBlock(ssrc, fraction, signed, highest, jitter, last_sr, delay))
    return tuple(blocks)


def _descriptions(body: bytes, count: int) -> Iterable[Description]:
    at = 0
    for _ in range(count):
        (ssrc,) = struct.unpack_from("!I", body, at)
        at += 4
        while True:
            if at >= len(body):
                raise MalformedPacket("SDES chunk without end")
            if body[at] == 0:
                at += 4 - at % 4
                break
            if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
                raise MalformedPacket("SDES item past the end")
            if body[at] == _CNAME:
                value = body[at + 2 : at + 2 + body[at + 1]]
                yield Description(ssrc, value.decode("utf-8", "replace"))
            at += 2 + body[at + 1]


def _nacked(body: bytes) -> tuple[int, ...]:
    if len(body) % 4:
        raise MalformedPacket("NACK entries")
    sequences = []
    for pid, mask in struct.iter_unpack("!HH", body):
        sequences.append(pid)
        while mask:
            low = mask & -mask
            sequences.append((pid + low.bit_length()) & 0xFFFF)
            mask ^= low
    return tuple(sequences)


def _remb(sender: int, body: bytes) -> Remb:
    (head,) = struct.unpack_from("!I", body, 12)
    ssrcs = struct.unpack_from(f"!{head >> 24}I", body, 16)
    return Remb(sender, (head & 0x3FFFF) << (head >> 18 & 63), ssrcs)


def build(packets: Sequence[Packet]) -> bytes:
    """One compound. The caller puts an SR or RR first (RFC 3550, 6.1) unless reduced size (RFC
    5506) was negotiated."""
    return b"".join(_write(packet) for packet in packets)


def _write(packet: Packet) -> bytes:
    match packet:
        case SenderReport(ssrc, ntp, timestamp, sent, octets, blocks):
            body = _SENDER.pack(ssrc, ntp, timestamp, sent & 0xFFFFFFFF, octets & 0xFFFFFFFF)
            return _packet(_SR, len(blocks), body + b"".join(map(_block, blocks)))
        case ReceiverReport(ssrc, blocks):
            return _packet(
                _RR, len(blocks), ssrc.to_bytes(4, "big") + b"".join(map(_block, blocks))
            )
        case Description(ssrc, cname):
            name = cname.encode()[:255]
            item = struct.pack("!IBB", ssrc, _CNAME, len(name)) + name
            return _packet(_SDES, 1, item + bytes(4 - len(item) % 4))
        case Bye(ssrcs):
            return _packet(_BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs))
        case Nack(sender, media, sequences):
            return _packet(_RTPFB, _NACK, _PAIR.pack(sender, media) + _nack_entries(sequences))
        case Pli(sender, media):
            return _packet(_PSFB, _PLI, _PAIR.pack(sender, media))
        case Fir(sender, entries):
            fci = b"".join(_PAIR.pack(ssrc, number << 24) for ssrc, number in entries)
            return _packet(_PSFB, _FIR, _PAIR.pack(sender, 0) + fci)
        case Remb(sender, bitrate, ssrcs):
            exponent = max(0, bitrate.bit_length() - 18)
            head = len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
            body = _PAIR.pack(sender, 0) + b"REMB" + struct.pack(f"!I{len(ssrcs)}I", head, *ssrcs)
            return _packet(_PSFB, _AFB, body)
        case TransportFeedback():
            return _packet(
                _RTPFB,
                _TRANSPORT_CC,
                _PAIR.pack(packet.sender, packet.media) + transport_feedback_bytes(packet),
            )


def _packet(kind: int, count: int, body: bytes) -> bytes:
    assert len(body) % 4 == 0, "RTCP is written in whole words"
    assert count < 32, "RTCP counts have five bits"
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _block(block: ReportBlock) -> bytes:
    lost = max(-0x800000, min(0x7FFFFF, block.lost))
    return _BLOCK.pack(
        block.ssrc,
        block.fraction_lost,
        lost.to_bytes(3, "big", signed=True),
        block.highest & 0xFFFFFFFF,
        block.jitter & 0xFFFFFFFF,
        block.last_sr,
        block.delay & 0xFFFFFFFF,
    )


def _nack_entries(sequences: Sequence[int]) -> bytes:
    """(PID, BLP) pairs in the order given, which is ascending modulo 2**16."""
    entries: list[list[int]] = []
    for sequence in sequences:
        ahead = (sequence - entries[-1][0]) & 0xFFFF if entries else 0
        if entries and 1 <= ahead <= 16:
            entries[-1][1] |= 1 << (ahead - 1)
        elif not entries or ahead:
            entries.append([sequence, 0])
    return b"".join(struct.pack("!HH", pid, mask) for pid, mask in entries)
