"""From RTP packets in order to encoded frames, whole or not at all.

VP8 by RFC 7741, VP9 by RFC 9628, H.264 by RFC 6184 (to Annex B), AV1 by the AV1 payload format
(to the low-overhead format with sizes), Opus by RFC 7587 and RED by RFC 2198. Nothing here raises:
what can't be read makes no frame.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from media import rtp
from media.codecs import red_primary
from media.rtp import MalformedPacket
from media.specs import Codec

START_CODE = b"\0\0\0\1"
_LARGEST = 4 << 20  # bytes of a frame


class Frame(NamedTuple):
    """An encoded picture, or a packet's worth of sound. `timestamp` is its RTP timestamp; `key`:
    a decoder can begin here."""

    timestamp: int
    data: bytes
    key: bool


@dataclass(slots=True)
class Assembler:
    """Makes frames of one stream's packets, given in ascending order; a gap in their numbers ends
    what was begun. Not for key frames after a loss: whoever reads leaves out what depends on it."""

    codec: Codec
    _next: int = -1
    _timestamp: int = -1
    _pieces: list[bytes] = field(default_factory=list)
    _size: int = 0
    _key: bool = False
    _sliced: bool = False  # H.264: a slice of the picture has come
    _broken: bool = True  # the frame under way has no beginning, or more than it may

    def take(self, extended: int, data: bytes) -> list[Frame]:
        """A packet by its unwrapped number; the frames it completes."""
        try:
            header = rtp.parse(data)
        except MalformedPacket:
            return []
        gap, self._next = extended != self._next, extended + 1
        start, end = header.payload_start, header.payload_end
        if self.codec in (Codec.OPUS, Codec.RED):
            if self.codec is Codec.RED:
                start = red_primary(data, start, end)
            return [Frame(header.timestamp, data[start:end], True)] if end > start else []
        done: list[Frame] = []
        if gap:
            self._begin(header.timestamp)
            self._broken = True
        elif header.timestamp != self._timestamp and end > start:
            done = self._finish()  # its last packet had no marker
            self._begin(header.timestamp)
        if end > start:
            self._add(data, start, end)
            if header.marker:
                done += self._finish()
        return done

    def _begin(self, timestamp: int) -> None:
        self._timestamp, self._pieces, self._size = timestamp, [], 0
        self._key = self._broken = self._sliced = False

    def _finish(self) -> list[Frame]:
        whole = b"".join(self._pieces)
        if self.codec is Codec.AV1:
            whole, self._key = _temporal_unit(self._pieces)
        made = [] if self._broken or not whole else [Frame(self._timestamp, whole, self._key)]
        self._begin(-1)
        return made

    def _add(self, data: bytes, start: int, end: int) -> None:
        first = not self._pieces
        self._size += end - start
        if self._size > _LARGEST:
            self._broken = True
        if self._broken and not first:
            return
        if self.codec is Codec.H264:
            self._add_h264(data, start, end, first=first)
        elif self.codec is Codec.AV1:
            self._add_av1(data, start, end, first=first)
        else:
            self._add_vpx(data, start, end, first=first)

    # ── VP8 and VP9 ──────────────────────────────────────────────────────────────────────

    def _add_vpx(self, data: bytes, start: int, end: int, *, first: bool) -> None:
        vp8 = self.codec is Codec.VP8
        begins = data[start] & 0x17 == 0x10 if vp8 else bool(data[start] & 0x08)
        body = (_after_vp8 if vp8 else _after_vp9)(data, start, end)
        if first:
            self._broken = not begins
            key = body < end and not data[body] & 1 if vp8 else not data[start] & 0x40
            self._key = key
        self._pieces.append(data[body:end])

    # ── H.264 ────────────────────────────────────────────────────────────────────────────

    def _add_h264(self, data: bytes, start: int, end: int, *, first: bool) -> None:
        if first:
            self._broken = False
        kind = data[start] & 31
        if 1 <= kind <= 23:
            self._add_unit(data[start:end])
        elif kind == 24:  # STAP-A
            at = start + 1
            while at + 2 < end:
                size = data[at] << 8 | data[at + 1]
                self._add_unit(data[at + 2 : min(end, at + 2 + size)])
                at += 2 + size
        elif kind == 28 and end - start > 2:  # FU-A
            if data[start + 1] & 0x80:
                head = bytes((data[start] & 0xE0 | data[start + 1] & 31,))
                self._add_unit(head, slice_head=data[start + 2])
            elif first:
                self._broken = True
            self._pieces.append(data[start + 2 : end])
        else:
            self._broken = True

    def _add_unit(self, unit: bytes, slice_head: int = -1) -> None:
        """A unit, or its beginning; `slice_head` is the byte after its head, if not in it."""
        if not unit:
            return
        kind = unit[0] & 31
        if kind in (1, 5) and not self._sliced:
            self._sliced = True
            head = slice_head if slice_head >= 0 else unit[1] if len(unit) > 1 else 0
            self._broken = self._broken or head < 128  # not the picture's first slice (7.3.3)
        self._key = self._key or kind == 5
        self._pieces += (START_CODE, unit)

    # ── AV1 ──────────────────────────────────────────────────────────────────────────────

    def _add_av1(self, data: bytes, start: int, end: int, *, first: bool) -> None:
        """The pieces of AV1 are OBUs without sizes, one each."""
        aggregation = data[start]
        if first:
            self._broken = bool(aggregation & 0x80)
        count, at, index = aggregation >> 4 & 3, start + 1, 0
        while at < end:
            index += 1
            if index == count:
                size = end - at
            else:
                size, at = _leb128(data, at, end)
            element = data[at : min(end, at + size)]
            if index == 1 and aggregation & 0x80 and self._pieces:
                self._pieces[-1] += element
            else:
                self._pieces.append(element)
            at += size


def parameter_sets(frame: bytes) -> bytes:
    """The SPS and PPS, start codes included, of an H.264 frame as `Assembler` makes it."""
    units = frame.split(START_CODE)[1:]
    return b"".join(START_CODE + unit for unit in units if unit and unit[0] & 31 in (7, 8))


def _after_vp8(data: bytes, start: int, end: int) -> int:
    """Where the payload after a descriptor begins (RFC 7741, 4.2)."""
    at = start + 1
    if data[start] & 0x80 and at < end:
        flags = data[at]
        at += 1
        if flags & 0x80 and at < end:
            at += 2 if data[at] & 0x80 else 1
        at += bool(flags & 0x40) + bool(flags & 0x30)
    return min(at, end)


def _after_vp9(data: bytes, start: int, end: int) -> int:
    """Where the payload after a descriptor begins (RFC 9628, 4.2)."""
    flags, at = data[start], start + 1
    if flags & 0x80 and at < end:
        at += 2 if data[at] & 0x80 else 1
    if flags & 0x20:
        at += 1 if flags & 0x10 else 2
    if flags & 0x50 == 0x50:  # flexible mode: up to three references
        for _ in range(3):
            at += 1
            if at > end or not data[at - 1] & 1:
                break
    if flags & 0x02 and at < end:  # scalability structure
        structure = data[at]
        at += 1
        if structure & 0x10:
            at += 4 * ((structure >> 5) + 1)
        if structure & 0x08 and at < end:
            pictures = data[at]
            at += 1
            for _ in range(pictures):
                if at >= end:
                    break
                at += 1 + (data[at] >> 2 & 3)
    return min(at, end)


def _leb128(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, where it ends)."""
    value = shift = 0
    while at < end and shift < 35:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 128:
            break
    return value, at


def _temporal_unit(obus: list[bytes]) -> tuple[bytes, bool]:
    """OBUs with their sizes written in, temporal delimiters left out (AV1, 5.3 and 5.6); and
    whether there is a sequence header, with which a decoder can begin."""
    whole, key = bytearray(b"\x12\x00"), False  # a delimiter of ours
    for obu in obus:
        if not obu:
            continue
        kind, head = obu[0] >> 3 & 15, 2 if obu[0] & 4 else 1
        if kind in (2, 8, 15):  # temporal delimiter, tile list, padding
            continue
        key = key or kind == 1
        body = obu[head:]
        if obu[0] & 2:  # it has its size after all
            size, at = _leb128(obu, head, len(obu))
            body = obu[at : at + size]
        whole.append(obu[0] | 2)
        whole += obu[1:head]
        size = len(body)
        while size > 127:
            whole.append(size & 0x7F | 0x80)
            size >>= 7
        whole.append(size)
        whole += body
    return (bytes(whole), key) if len(whole) > 2 else (b"", False)
