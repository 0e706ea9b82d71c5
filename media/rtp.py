"""RTP packets read in place (RFC 3550, 5.1) with header extensions (RFC 8285), and the demux test.

Parsing copies nothing: it returns numbers and offsets into the caller's buffer, costs O(1) but for
extensions, which cost at most their own length. Bad input raises MalformedPacket, nothing else.
"""

import struct
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

Buffer = bytes | bytearray | memoryview

HEADER_SIZE = 12
MAX_PACKET = 2048  # bytes; nothing larger is read or forwarded
_ONE_BYTE = 0xBEDE
_TWO_BYTE = 0x1000  # low four bits: appbits

_FIXED = struct.Struct("!BBHII")
_PROFILE = struct.Struct("!HH")


class MalformedPacket(ValueError):
    """A packet that breaks its own format: {what}."""


class Protocol(Enum):
    """What a datagram on the one port is."""

    STUN = "stun"
    DTLS = "dtls"
    RTP = "rtp"
    RTCP = "rtcp"


class RtpHeader(NamedTuple):
    """One parsed header. Offsets are into the parsed buffer: the payload is
    `data[payload_start:payload_end]` (padding excluded), the extension elements
    `data[extension_start:extension_end]` of RFC 8285 profile `profile` (0: none)."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    profile: int
    extension_start: int
    extension_end: int
    payload_start: int
    payload_end: int


def demux(data: Buffer) -> Protocol | None:
    """RFC 7983, 7 with RFC 5761, 4 inside its RTP range; None is to be dropped."""
    if len(data) < 2:
        return None
    first = data[0]
    if 128 <= first <= 191:
        return Protocol.RTCP if 192 <= data[1] <= 223 else Protocol.RTP
    if 20 <= first <= 63:
        return Protocol.DTLS
    if first <= 3:
        return Protocol.STUN
    return None


def parse(data: Buffer) -> RtpHeader:
    """Read one RTP packet. Raises MalformedPacket."""
    size = len(data)
    if size < HEADER_SIZE or size > MAX_PACKET:
        raise MalformedPacket(f"RTP packet of {size} bytes")
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
    if first >> 6 != 2:
        raise MalformedPacket("RTP version is not 2")
    start = HEADER_SIZE + 4 * (first & 15)
    profile = extension_start = extension_end = 0
    if first & 16:
        if start + 4 > size:
            raise MalformedPacket("RTP header extension past the end")
        profile, words = _PROFILE.unpack_from(data, start)
        extension_start = start + 4
        extension_end = start = extension_start + 4 * words
    if start > size:
        raise MalformedPacket("RTP header past the end")
    end = size
    if first & 32:
        padding = data[size - 1] if start < size else 0
        end = size - padding
        if padding == 0 or end < start:
            raise MalformedPacket("RTP padding past the payload")
    return RtpHeader(
        second > 127,
        second & 127,
        sequence,
        timestamp,
        ssrc,
        profile,
        extension_start,
        extension_end,
        start,
        end,
    )


def extensions(data: Buffer, header: RtpHeader) -> dict[int, tuple[int, int]]:
    """Extension elements as {id: (start, end)} offsets of their values; the first of a repeated id
    counts; unknown profiles are read as no extensions (RFC 8285, 4.1). Raises MalformedPacket."""
    found: dict[int, tuple[int, int]] = {}
    at, stop = header.extension_start, header.extension_end
    if header.profile == _ONE_BYTE:
        while at < stop:
            byte = data[at]
            at += 1
            if byte == 0:  # padding
                continue
            number = byte >> 4
            if number == 15:  # reserved: stop reading (4.2)
                break
            end = at + (byte & 15) + 1
            if end > stop:
                raise MalformedPacket("RTP header extension element past its block")
            if number:  # id 0 with a length is skipped
                found.setdefault(number, (at, end))
            at = end
    elif header.profile & 0xFFF0 == _TWO_BYTE:
        while at < stop:
            number = data[at]
            at += 1
            if number == 0:
                continue
            if at >= stop:
                raise MalformedPacket("RTP header extension element without length")
            end = at + 1 + data[at]
            if end > stop:
                raise MalformedPacket("RTP header extension element past its block")
            found.setdefault(number, (at + 1, end))
            at = end
    return found


def text(data: Buffer, span: tuple[int, int], limit: int = 32) -> str:
    """A mid or rid value: ASCII, at most `limit` bytes. Raises MalformedPacket."""
    start, end = span
    value = bytes(data[start:end])
    if not value or len(value) > limit or not value.isascii():
        raise MalformedPacket("mid or rid is not a short ASCII token")
    return value.decode("ascii")


def audio_level(data: Buffer, span: tuple[int, int]) -> tuple[int, bool]:
    """(level in -dBov, 0 loudest … 127 silence; voice activity flag) by RFC 6464, 3."""
    byte = data[span[0]] if span[1] > span[0] else 127
    return byte & 127, byte > 127


def header_bytes(
    marker: bool, payload_type: int, sequence: int, timestamp: int, ssrc: int, block: bytes = b""
) -> bytes:
    """A fixed header followed by `block`, an extension block made by `extension_block`."""
    return (
        _FIXED.pack(0x90 if block else 0x80, marker << 7 | payload_type, sequence, timestamp, ssrc)
        + block
    )


def extension_block(elements: Iterable[tuple[int, Buffer]]) -> bytes:
    """RFC 8285 block of (id 1…255, value) elements, one-byte form where all fit; b"" for none."""
    listed = list(elements)
    if not listed:
        return b""
    short = one_byte(listed)
    body = bytearray()
    for number, value in listed:
        assert 0 < number < 256, "extension ids come from a checked negotiation"
        if short:
            body.append(number << 4 | (len(value) - 1))
        else:
            body += bytes((number, len(value)))
        body += value
    body += bytes(-len(body) % 4)
    return _PROFILE.pack(_ONE_BYTE if short else _TWO_BYTE, len(body) // 4) + bytes(body)


def one_byte(elements: Iterable[tuple[int, Buffer]]) -> bool:
    """Whether elements fit the one-byte form (RFC 8285, 4.2)."""
    return all(number < 15 and 1 <= len(value) <= 16 for number, value in elements)


def signed(value: int) -> int:
    """The number from -2**31 to 2**31-1 that is congruent to `value`: a timestamp difference."""
    return ((value + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def unwrap(value: int, reference: int, bits: int = 16) -> int:
    """The integer congruent to `value` modulo 2**bits that lies nearest to `reference`."""
    span = 1 << bits
    half = span >> 1
    return reference + ((value - reference + half) & (span - 1)) - half
