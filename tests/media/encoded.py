"""Really encoded pictures and sound, and the RTP packets that browsers would make of them."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

from media import rtp
from media.specs import Codec

RATE = 25  # pictures a second
STEP = 90_000 // RATE
SOUND_STEP = 960  # 20 ms

_ENCODERS = {
    Codec.VP8: ("libvpx", {"deadline": "realtime", "cpu-used": "8"}),
    Codec.VP9: ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    Codec.H264: ("libx264", {"tune": "zerolatency", "preset": "ultrafast"}),
    Codec.AV1: ("libsvtav1", {"preset": "11", "crf": "50", "svtav1-params": "lp=1:pred-struct=1"}),
}


class Encoded(NamedTuple):
    data: bytes
    key: bool


def pictures(
    codec: Codec, size: tuple[int, int] = (320, 240), count: int = 50
) -> tuple[Encoded, ...]:
    """Noise that moves, so that a frame is several packets; the first is a key frame."""
    return _pictures(codec, *size, count)


@contextmanager
def _as_it_was_scheduled() -> Iterator[None]:
    """SVT-AV1 gives the thread that calls it as root real-time priority (SCHED_FIFO, 99) and
    leaves it so: what a test starts afterwards would inherit that and starve the machine."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


@cache
def _pictures(codec: Codec, width: int, height: int, count: int) -> tuple[Encoded, ...]:
    with _as_it_was_scheduled():
        return _encoded(codec, width, height, count)


def _encoded(codec: Codec, width: int, height: int, count: int) -> tuple[Encoded, ...]:
    name, options = _ENCODERS[codec]
    context: Any = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, RATE), Fraction(RATE, 1)
    context.gop_size, context.options = count, options
    if codec is not Codec.AV1:
        context.bit_rate = 1_000_000
    noise = random.Random(1).randbytes(width * height * 2)
    found: list[Encoded] = []
    for number in [*range(count), None]:
        frame = None
        if number is not None:
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane in frame.planes:
                at = 64 * number
                plane.update(noise[at : at + plane.buffer_size])
            frame.pts, frame.time_base = number, Fraction(1, RATE)
        found += [Encoded(bytes(p), bool(p.is_keyframe)) for p in context.encode(frame)]
    assert len(found) == count
    return tuple(found)


@cache
def sounds(count: int = 100) -> tuple[bytes, ...]:
    """Opus packets of 20 ms of noise."""
    context: Any = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = 48_000, "stereo", "s16"
    noise = random.Random(2).randbytes(SOUND_STEP * 4 * (count + 2))
    found: list[bytes] = []
    for number in range(count + 1):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=SOUND_STEP)
        frame.sample_rate, frame.pts = 48_000, number * SOUND_STEP
        frame.planes[0].update(noise[number * SOUND_STEP * 4 : (number + 1) * SOUND_STEP * 4])
        found += [bytes(p) for p in context.encode(frame)]
    return tuple(found[:count])


def payloads(codec: Codec, frame: bytes, picture_id: int = 1) -> list[bytes]:
    """RTP payloads of a frame; those of VP8 and H.264 by aiortc's packetizers."""
    if codec is Codec.VP8:
        return Vp8Encoder._packetize(frame, picture_id & 0x7FFF)
    if codec is Codec.H264:
        return H264Encoder._packetize(H264Encoder._split_bitstream(frame))
    pieces = [frame[at : at + 1100] for at in range(0, len(frame), 1100)]
    if codec is Codec.VP9:  # RFC 9628, 4.2: picture id, P on what depends on others, B and E
        delta = 0 if not frame[0] & 0x04 else 0x40  # not of a key frame
        head = bytes((0x80 | picture_id >> 8 & 0x7F, picture_id & 0xFF))
        return [
            bytes((0x80 | delta | 0x08 * (n == 0) | 0x04 * (n == len(pieces) - 1),)) + head + piece
            for n, piece in enumerate(pieces)
        ]
    return _av1(frame)


def _av1(unit: bytes) -> list[bytes]:
    """Each OBU without its size in packets of its own; the delimiter left out."""
    obus, at = [], 0
    while at < len(unit):
        head = 2 if unit[at] & 4 else 1
        size, shift, start = 0, 0, at + head
        while True:
            byte = unit[start]
            size |= (byte & 0x7F) << shift
            shift, start = shift + 7, start + 1
            if byte < 128:
                break
        if unit[at] >> 3 & 15 != 2:
            obus.append(
                bytes((unit[at] & ~2,)) + unit[at + 1 : at + head] + unit[start : start + size]
            )
        at = start + size
    made = []
    for number, obu in enumerate(obus):
        pieces = [obu[a : a + 1100] for a in range(0, len(obu), 1100)]
        for n, piece in enumerate(pieces):
            new = number == 0 and n == 0 and obu[0] >> 3 & 15 == 1
            flags = 0x10 | 0x80 * (n > 0) | 0x40 * (n < len(pieces) - 1) | 0x08 * new
            made.append(bytes((flags,)) + piece)
    return made


@dataclass
class Film:
    """An endless sender of one real encoding: `frame` makes the packets of the next picture, from
    the one asked for. `clock` is RTP units a picture."""

    codec: Codec
    ssrc: int
    payload_type: int
    sequence: int = 100
    timestamp: int = 12_345
    shown: int = 0
    clock: int = STEP
    size: tuple[int, int] = (320, 240)
    rid: tuple[int, str] | None = None  # extension id, and what it says
    sent: int = field(default=0)

    def frame(self, *, key: bool = False) -> list[bytes]:
        """The next picture; `key` begins the encoding anew."""
        film = pictures(self.codec, self.size)
        if key:
            self.shown = 0
        encoded = film[self.shown % len(film)]
        self.shown += 1
        return self.packets(encoded.data)

    def packets(self, data: bytes) -> list[bytes]:
        parts = payloads(self.codec, data, self.sent)
        elements = [(self.rid[0], self.rid[1].encode())] if self.rid is not None else []
        block = rtp.extension_block(elements)
        made = []
        for number, payload in enumerate(parts):
            head = rtp.header_bytes(
                number == len(parts) - 1,
                self.payload_type,
                self.sequence,
                self.timestamp,
                self.ssrc,
                block,
            )
            made.append(head + payload)
            self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + self.clock) & 0xFFFFFFFF
        self.sent += 1
        return made


@dataclass
class Voice:
    """An endless sender of real Opus; `level` is what it says of its loudness (RFC 6464, under the
    extension id 1, -dBov), None: nothing."""

    ssrc: int
    payload_type: int = 111
    sequence: int = 7
    timestamp: int = 99
    level: int | None = None
    sent: int = field(default=0)

    def next(self) -> bytes:
        film = sounds()
        said = [] if self.level is None else [(1, bytes((0x80 | self.level,)))]
        head = rtp.header_bytes(
            False,
            self.payload_type,
            self.sequence,
            self.timestamp,
            self.ssrc,
            rtp.extension_block(said),
        )
        made = head + film[self.sent % len(film)]
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + SOUND_STEP) & 0xFFFFFFFF
        self.sent += 1
        return made
