"""Synthetic VP8 and Opus payloads that can be recognised, timed and compared byte for byte.

After what the codec's own format asks for, each payload holds a *mark* (which stream, which packet,
when sent) and a body cut from a pool of seeded noise that both ends hold, at a place that the mark
names: so the receiver knows every byte that must have been there. A burst's packets are cut from
one stretch of noise, so that one copy makes all bodies of a frame.

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

MARK = struct.Struct("!4sIIQHI")  # magic, stream, index, sent (ns), size of the payload, place
MAGIC = b"\xc5\x5cBm"
_PLACES = 1 << 16
_LONGEST_FRAME = 1 << 16  # bytes one send can take
_VP8_MAX_HEADER = 24
MARK_SIZE = MARK.size


@dataclass(frozen=True, slots=True)
class Mark:
    """What a payload says about itself; `sent` in nanoseconds of the system clock."""

    stream: int
    index: int
    sent: int


class Pool:
    """The seeded noise bodies are cut from."""

    def __init__(self, seed: int) -> None:
        size = _PLACES + _LONGEST_FRAME
        self._noise = random.Random(seed).randbytes(size)  # noqa: S311 - not a secret
        self._view = memoryview(self._noise)

    def fill(self, into: memoryview, stream: int, index: int) -> int:
        """Fill a whole burst with noise, whose first packet is `index` of `stream`; the place in
        the pool it was taken from. What is at byte n of it is at `place + n` in the pool."""
        place = (stream * 7919 + index * 104_729) % _PLACES
        into[:] = self._view[place : place + len(into)]
        return place

    def check(self, payload: bytes) -> tuple[Mark, bool] | None:
        """The mark of a received payload and whether all after it is what was sent; None where no
        mark is (padding, a probe: nothing of ours). Descriptor bytes before the mark may have been
        rewritten, which is a forwarder's right; its length may not."""
        at = payload.find(MAGIC, 0, _VP8_MAX_HEADER)
        if at < 0 or at + MARK_SIZE > len(payload):
            return None
        _, stream, index, sent, size, place = MARK.unpack_from(payload, at)
        body = payload[at + MARK_SIZE :]
        same = len(payload) == size and body == self._noise[place : place + len(body)]
        return Mark(stream, index, sent), same


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture as packets: `heads` are the codec bytes each payload begins with."""

    heads: tuple[bytes, ...]
    size: int  # bytes of each payload


def _between(rng: random.Random, ends: tuple[int, int]) -> int:
    """As `rng.randint`, at a fifth of its cost."""
    return ends[0] + int(rng.random() * (ends[1] - ends[0] + 1))


def vp8_frame(rng: random.Random, picture_id: int, key: bool) -> Frame:
    """RFC 7741 descriptors (15-bit picture id) and the RFC 6386 frame header of the first."""
    count = KEY_PACKETS if key else _between(rng, DELTA_PACKETS)
    size = KEY_SIZE if key else _between(rng, DELTA_SIZE)
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
