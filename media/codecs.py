"""Reading RTP payloads just far enough to forward them: where pictures can be entered.

A *key start* is a packet with which a decoder that has seen nothing can begin: the first packet of
a key frame (or, for H.264, of its parameter sets). All reading is bounded by the payload.
"""

from typing import NamedTuple

from media.rtp import Buffer
from media.specs import Codec


class Picture(NamedTuple):
    """What a video payload says. `picture_id` has `picture_id_bits` bits (0: absent) and lies at
    `picture_id_at`; `tl0` (TL0PICIDX, -1: absent) at `tl0_at`; both offsets are into the buffer
    that was read. `size` is (width, height) in pixels where a key frame tells it cheaply."""

    key_start: bool
    picture_id: int = -1
    picture_id_bits: int = 0
    picture_id_at: int = 0
    tl0: int = -1
    tl0_at: int = 0
    size: tuple[int, int] | None = None


DELTA = Picture(key_start=False)
KEY = Picture(key_start=True)


def read(codec: Codec, data: Buffer, start: int, end: int) -> Picture:
    """Read the payload `data[start:end]`. Never raises: what cannot be read is no key start."""
    if end <= start:
        return DELTA
    if codec is Codec.VP8:
        return _vp8(data, start, end)
    if codec is Codec.H264:
        return KEY if _h264_key(data, start, end) else DELTA
    if codec is Codec.VP9:
        return _vp9(data, start, end)
    if codec is Codec.AV1:
        return KEY if _av1_key(data, start, end) else DELTA
    return KEY  # every Opus packet can be decoded by itself


def _vp8(data: Buffer, start: int, end: int) -> Picture:
    """RFC 7741, 4.2 (descriptor) and 4.3 (payload header), RFC 6386, 9.1 (frame tag)."""
    first = data[start]
    at = start + 1
    picture_id, bits, id_at, tl0, tl0_at = -1, 0, 0, -1, 0
    if first & 0x80:
        if at >= end:
            return DELTA
        flags = data[at]
        at += 1
        if flags & 0x80:
            picture_id, bits, id_at, at = _picture_id(data, at, end)
        if flags & 0x40:
            if at >= end:
                return DELTA
            tl0, tl0_at = data[at], at
            at += 1
        if flags & 0x30:
            at += 1
    key, size = False, None
    if first & 0x17 == 0x10 and at < end and not data[at] & 1:  # S, partition 0, P bit clear
        key = True
        if at + 10 <= end and bytes(data[at + 3 : at + 6]) == b"\x9d\x01\x2a":
            size = (
                (data[at + 6] | data[at + 7] << 8) & 0x3FFF,
                (data[at + 8] | data[at + 9] << 8) & 0x3FFF,
            )
    return Picture(key, picture_id, bits, id_at, tl0, tl0_at, size)


def _picture_id(data: Buffer, at: int, end: int) -> tuple[int, int, int, int]:
    """(id, bits, offset, next offset) of the 7- or 15-bit field VP8 and VP9 share."""
    if at >= end:
        return -1, 0, 0, at
    if not data[at] & 0x80:
        return data[at], 7, at, at + 1
    if at + 1 >= end:
        return -1, 0, 0, end
    return (data[at] & 0x7F) << 8 | data[at + 1], 15, at, at + 2


def _vp9(data: Buffer, start: int, end: int) -> Picture:
    """RFC 9628, 4.2: key start is the beginning (B) of a picture that is not inter-predicted (P) on
    the lowest spatial layer."""
    flags = data[start]
    at = start + 1
    picture_id, bits, id_at, tl0, tl0_at = -1, 0, 0, -1, 0
    if flags & 0x80:
        picture_id, bits, id_at, at = _picture_id(data, at, end)
    spatial = 0
    if flags & 0x20:
        if at >= end:
            return DELTA
        spatial = data[at] >> 1 & 7
        at += 1
        if not flags & 0x10 and at < end:  # non-flexible mode carries TL0PICIDX
            tl0, tl0_at = data[at], at
            at += 1
    key = flags & 0x48 == 0x08 and spatial == 0
    return Picture(key, picture_id, bits, id_at, tl0, tl0_at, _vp9_size(data, at, end, flags))


def _vp9_size(data: Buffer, at: int, end: int, flags: int) -> tuple[int, int] | None:
    """Largest spatial layer of the scalability structure (V), where one is sent."""
    if flags & 0x50 or not flags & 0x02 or at >= end:  # flexible with references (P), or no V
        return None
    layers, has_sizes = (data[at] >> 5) + 1, data[at] & 0x10
    last = at + 1 + 4 * (layers - 1)
    if not has_sizes or last + 4 > end:
        return None
    return data[last] << 8 | data[last + 1], data[last + 2] << 8 | data[last + 3]


_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28


def _h264_key(data: Buffer, start: int, end: int) -> bool:
    """RFC 6184: an IDR slice or SPS alone (5.6), in a STAP-A (5.7.1), or starting an FU-A (5.8)."""
    kind = data[start] & 31
    if kind in (_IDR, _SPS):
        return True
    if kind == _FU_A:
        return end - start > 1 and bool(data[start + 1] & 0x80) and data[start + 1] & 31 == _IDR
    if kind == _STAP_A:
        at = start + 1
        while at + 2 < end:
            size = data[at] << 8 | data[at + 1]
            if data[at + 2] & 31 in (_IDR, _SPS):
                return True
            at += 2 + size
    return False


_AV1_SEQUENCE_HEADER = 1


def _av1_key(data: Buffer, start: int, end: int) -> bool:
    """RTP payload format for AV1, 4.4: the N bit starts a coded video sequence; some encoders leave
    it out, so a first OBU that is a sequence header counts too."""
    aggregation = data[start]
    if aggregation & 0x80:  # Z: continues an OBU fragment
        return False
    if aggregation & 0x08:
        return True
    at = start + 1
    if aggregation >> 4 & 3 != 1:  # every element but a lone one carries its leb128 length
        while at < end and data[at] & 0x80 and at - start < 9:
            at += 1
        at += 1
    return at < end and data[at] >> 3 & 15 == _AV1_SEQUENCE_HEADER


def red_primary(data: Buffer, start: int, end: int) -> int:
    """RFC 2198: where the primary block of a RED payload `data[start:end]` begins; `end` where it
    can't be read."""
    at, skipped = start, 0
    while at < end and data[at] & 0x80:
        if at + 4 > end:
            return end
        skipped += (data[at + 2] & 3) << 8 | data[at + 3]
        at += 4
    return min(end, at + 1 + skipped)


def red_before(payload_type: int, payload: Buffer, apart: int) -> bytes:
    """RFC 2198: what stands in RED before a block of `payload_type`, `payload` of the packet before
    it included, which is `apart` timestamp units older; without it where it does not fit."""
    if not 0 < len(payload) < 1024 or not 0 < apart < 16384:
        return bytes((payload_type,))
    head = (0x80 | payload_type) << 24 | apart << 10 | len(payload)
    return head.to_bytes(4, "big") + bytes((payload_type,)) + bytes(payload)
