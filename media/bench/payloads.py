"""Synthetic VP8 and Opus payloads that can be recognised, timed and compared byte for byte.

After what the codec's own format asks for, each payload holds a *mark* (which stream, which packet,
when sent) and a body cut from a pool of seeded noise that both ends hold, at a place that follows
from the mark: so the receiver knows every byte that must have been there.

A video frame is a burst of equal-sized packets, as an encoder's packetizer makes it: 30 frames a
second, a key frame every three seconds and when one is asked for; on average 1.5 Mbit/s and 300
packets a second. Opus has 50 packets a second of 100 bytes.
"""

import random
import struct
from dataclasses import dataclass

FRAME_RATE = 30
KEY_INTERVAL = 90  # frames
AUDIO_RATE = 50
VIDEO_CLOCK, AUDIO_CLOCK = 90_000, 48_000
WIDTH, HEIGHT = 1280, 720
KEY_PACKETS, KEY_SIZE = 55, 1100
DELTA_PACKETS, DELTA_SIZE = (8, 11), (440, 740)
AUDIO_SIZE = 100

_MARK = struct.Struct("!4sIIQH")  # magic, stream, index, sent (ns), size of the whole payload
_MAGIC = b"\xc5\x5cBm"
_POOL_SIZE = 1 << 16
_VP8_MAX_HEADER = 24
MARK_SIZE = _MARK.size


@dataclass(frozen=True, slots=True)
class Mark:
    """What a payload says about itself; `sent` in nanoseconds of the system clock."""

    stream: int
    index: int
    sent: int


class Pool:
    """The seeded noise bodies are cut from."""

    def __init__(self, seed: int) -> None:
        noise = random.Random(seed).randbytes(_POOL_SIZE + 2048)  # noqa: S311 - not a secret
        self._noise = memoryview(noise)

    def body(self, stream: int, index: int, size: int) -> memoryview:
        """The `size` bytes after the mark of packet `index` of `stream`."""
        start = (stream * 7919 + index * 104_729) % _POOL_SIZE
        return self._noise[start : start + size]

    def write(
        self, into: memoryview, at: int, end: int, size: int, stream: int, index: int, sent: int
    ) -> None:
        """Fill `into[at:end]` with mark and body, the rest of a payload of `size` bytes."""
        _MARK.pack_into(into, at, _MAGIC, stream, index, sent, size)
        body = at + MARK_SIZE
        into[body:end] = self.body(stream, index, end - body)

    def check(self, payload: bytes) -> tuple[Mark, bool] | None:
        """The mark of a received payload and whether all after it is what was sent; None where no
        mark is (padding, a probe: nothing of ours). Descriptor bytes before the mark may have been
        rewritten, which is a forwarder's right; its length may not."""
        at = payload.find(_MAGIC, 0, _VP8_MAX_HEADER)
        if at < 0 or at + MARK_SIZE > len(payload):
            return None
        _, stream, index, sent, size = _MARK.unpack_from(payload, at)
        body = payload[at + MARK_SIZE :]
        same = len(payload) == size and body == self.body(stream, index, len(body))
        return Mark(stream, index, sent), same


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture as packets: `heads` are the codec bytes each payload begins with."""

    heads: tuple[bytes, ...]
    size: int  # bytes of each payload


def vp8_frame(rng: random.Random, picture_id: int, key: bool) -> Frame:
    """RFC 7741 descriptors (15-bit picture id) and the RFC 6386 frame header of the first."""
    count = KEY_PACKETS if key else rng.randint(*DELTA_PACKETS)
    size = KEY_SIZE if key else rng.randint(*DELTA_SIZE)
    identity = struct.pack("!BH", 0x80, 0x8000 | picture_id & 0x7FFF)
    tag = (0 if key else 1) | 1 << 4 | min(count * size // 2, (1 << 19) - 1) << 5
    header = tag.to_bytes(3, "little")
    if key:
        header += b"\x9d\x01\x2a" + struct.pack("<HH", WIDTH, HEIGHT)
    rest = b"\x80" + identity
    return Frame((b"\x90" + identity + header, *[rest] * (count - 1)), size)


def opus_frame() -> Frame:
    """One packet: CELT, full band, 20 ms, stereo (RFC 6716, 3.1)."""
    return Frame((b"\xfc",), AUDIO_SIZE)
