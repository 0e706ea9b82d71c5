"""FFmpeg as a publisher: its own WHIP muxer, or an encoder whose RTP another client publishes."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from tests.weak.namespaces import Namespace

_PICTURE_AND_TONE = (
    *("-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25"),
    *("-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"),
)
_H264 = [
    "-c:v",
    "libx264",
    "-profile:v",
    "baseline",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-g",
    "25",
    "-bf",
    "0",
]
_VP8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k", "-g", "25"]
_OPUS = ["-c:a", "libopus", "-ar", "48000", "-ac", "2", "-b:a", "32k"]


@dataclass
class Ffmpeg:
    """A running FFmpeg and what it has said so far."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)

    async def quit(self) -> int:
        """Press q; its exit code."""
        assert self.process.stdin is not None, "asked for"
        self.process.stdin.write(b"q")
        return await asyncio.wait_for(self.process.wait(), 10)

    def found(self, pattern: str) -> str | None:
        """The first group of the first line that it said and that matches."""
        return next((m[1] for line in self.said if (m := re.search(pattern, line))), None)


@asynccontextmanager
async def _running(namespace: Namespace, *arguments: str) -> AsyncIterator[Ffmpeg]:
    process = await asyncio.create_subprocess_exec(
        *namespace.command(get_ffmpeg_exe(), "-hide_banner", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Ffmpeg(process)
    assert process.stderr is not None, "asked for"

    async def listen(stream: asyncio.StreamReader) -> None:
        async for line in stream:
            running.said.append(line.decode(errors="replace").rstrip())

    listening = asyncio.create_task(listen(process.stderr))
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await listening


@asynccontextmanager
async def whip(namespace: Namespace, url: str, token: str) -> AsyncIterator[Ffmpeg]:
    """Publish H.264 and Opus by WHIP."""
    out = (*_H264, *_OPUS, "-f", "whip", "-authorization", token, url)
    async with _running(namespace, "-loglevel", "verbose", *_PICTURE_AND_TONE, *out) as running:
        yield running


@asynccontextmanager
async def rtp(namespace: Namespace, video_port: int, audio_port: int) -> AsyncIterator[Ffmpeg]:
    """Send VP8 (payload type 96) and Opus (111) as RTP to ports of the namespace's loopback."""
    out = (
        *("-map", "0:v", *_VP8, "-payload_type", "96", "-f", "rtp"),
        f"rtp://127.0.0.1:{video_port}?pkt_size=1200",
        *("-map", "1:a", *_OPUS, "-payload_type", "111", "-f", "rtp"),
        f"rtp://127.0.0.1:{audio_port}",
    )
    async with _running(namespace, "-loglevel", "error", *_PICTURE_AND_TONE, *out) as running:
        yield running


async def film(folder: Path) -> tuple[Path, Path]:
    """Four seconds of a 720p picture that moves everywhere (Y4M) and ten of a voice-like sound
    (WAV), as Chromium's fake camera and microphone play them in a loop."""
    picture, sound = folder / "film.y4m", folder / "film.wav"
    moving = "testsrc2=size=1280x720:rate=25,noise=alls=12:allf=t,format=yuv420p"
    voice = "aevalsrc=0.2*sin(2*PI*180*t)*(1+sin(2*PI*3*t))+0.05*(random(0)-0.5):s=48000"
    process = await asyncio.create_subprocess_exec(
        *(get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error"),
        *("-f", "lavfi", "-t", "4", "-i", moving, "-f", "lavfi", "-t", "10", "-i", voice),
        *("-map", "0:v", str(picture), "-map", "1:a", str(sound)),
    )
    assert await process.wait() == 0
    return picture, sound
