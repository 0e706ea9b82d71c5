"""What a page shows of a recording before it plays: a poster, small pictures, its loudness.

These decode, so they are for a process of low priority after the lesson.
"""

from array import array
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

_WIDTH = 480  # pixels of a poster
_SMALL = 240  # of a chapter's picture
_RATE = 8000  # Hz, of the sound whose loudness is measured
_LOUDEST = 32_767


def poster(path: Path, at_ms: int) -> bytes | None:
    """A JPEG of the picture at the key frame before `at_ms`; None where there is none."""
    found = next(_stills(path, [at_ms], _WIDTH), None)
    return found[1] if found is not None else None


def chapters(path: Path, duration_ms: int, every_ms: int) -> list[tuple[int, bytes]]:
    """(millisecond, JPEG) of the key frames nearest before each step of `every_ms`, from the
    beginning; each once."""
    found: dict[int, bytes] = {}
    for ms, picture in _stills(path, range(0, max(1, duration_ms), every_ms), _SMALL):
        found.setdefault(ms, picture)
    return sorted(found.items())


def waveform(path: Path, duration_ms: int, spans: int) -> list[int]:
    """The loudest sample of each of `spans` equal spans of the sound, 0 (silence) to 100."""
    peaks = [0] * spans
    try:
        with av.open(str(path), "r") as container:
            if not container.streams.audio or duration_ms <= 0:
                return []
            resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
            for frame in container.decode(audio=0):
                for mono in resampler.resample(frame):
                    at = float(mono.time or 0) * 1000
                    samples = array("h", bytes(mono.planes[0])[: mono.samples * 2])
                    peak = max(max(samples), -min(samples)) if samples else 0
                    span = min(spans - 1, max(0, int(at * spans / duration_ms)))
                    peaks[span] = max(peaks[span], peak)
    except av.FFmpegError:
        pass  # as far as it can be read
    return [min(100, peak * 100 // _LOUDEST) for peak in peaks]


def _stills(path: Path, places: Any, width: int) -> Iterator[tuple[int, bytes]]:
    try:
        with av.open(str(path), "r") as container:
            if not container.streams.video:
                return
            stream = container.streams.video[0]
            for at_ms in places:
                container.seek(at_ms * 1000, backward=True)
                frame = next(iter(container.decode(stream)), None)
                if frame is not None:
                    yield round(float(frame.time or 0) * 1000), _jpeg(frame, width)
    except (av.FFmpegError, StopIteration):
        return  # as far as it can be read


def _jpeg(frame: av.VideoFrame, width: int) -> bytes:
    height = max(2, round(frame.height * width / frame.width / 2) * 2)
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    small = frame.reformat(width=width, height=height, format="yuvj420p")
    small.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(small), *encoder.encode(None)))
