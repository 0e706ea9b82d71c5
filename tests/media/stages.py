"""A room that is recorded, in virtual time, with really encoded pictures and sound."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import av

from media import rtcp
from media.events import Recorded, SendRtcp
from media.plane import Plane
from media.recording.news import News, SegmentClosed
from media.recording.recorder import BACKLOG, Recorder
from media.room import Room
from media.rtcp import Pli
from media.specs import Codec, Kind, PayloadSpec, PublisherSpec, Source, TrackSpec
from tests.media.encoded import RATE, Film, Voice
from tests.media.packets import OPUS, VIDEO_FEEDBACK

NODE = str(uuid4())
VIDEO_TYPE = 96


def lead(
    codec: Codec | None, resource: str, *, source: Source = Source.CAMERA, ssrc: int = 10
) -> PublisherSpec:
    """A lead's WHIP resource with sound under `ssrc` and a picture of `codec` under the next."""
    tracks = [TrackSpec(Kind.AUDIO, "0", (OPUS,), ssrcs=(ssrc,))]
    if codec is not None:
        payload = PayloadSpec(codec, VIDEO_TYPE, 90_000, feedback=VIDEO_FEEDBACK)
        tracks.append(TrackSpec(Kind.VIDEO, "1", (payload,), ssrcs=(ssrc + 1,)))
    return PublisherSpec(resource, "lead", True, tuple(tracks), source)


@dataclass
class Act:
    """One publisher on the stage."""

    resource: str
    film: Film | None
    voice: Voice


@dataclass
class Stage:
    """Plays seconds of a lesson as fast as the recorder takes them. `loses(packet number)` drops
    packets of pictures on their way."""

    recorder: Recorder
    room: Room
    now: float = 100.0
    acts: list[Act] = field(default_factory=list)
    loses: Callable[[int], bool] = lambda _: False
    recording: str = field(default_factory=lambda: str(uuid4()))
    sent: int = 0
    pleas: set[int] = field(default_factory=set)  # SSRCs that key frames were asked of

    def enter(
        self,
        codec: Codec | None = Codec.VP8,
        resource: str = "a>",
        *,
        source: Source = Source.CAMERA,
        ssrc: int = 10,
        size: tuple[int, int] = (320, 240),
    ) -> Act:
        return self.admit(lead(codec, resource, source=source, ssrc=ssrc), codec, ssrc, size)

    def admit(
        self,
        spec: PublisherSpec,
        codec: Codec | None,
        ssrc: int,
        size: tuple[int, int] = (320, 240),
    ) -> Act:
        """Whoever `spec` says, with sound under `ssrc` and a picture under the next."""
        self.room.add_publisher(spec, self.now, 1e9)
        film = None if codec is None else Film(codec, ssrc + 1, VIDEO_TYPE, size=size)
        act = Act(spec.resource_id, film, Voice(ssrc))
        self.acts.append(act)
        return act

    async def leave(self, act: Act, reason: str = "left") -> None:
        self.acts.remove(act)
        self.room.remove(act.resource, reason, self.now, 1e9)
        await self._drain()

    async def play(self, seconds: float) -> None:
        for _ in range(round(seconds * RATE)):
            for act in self.acts:
                self.room.on_rtp(act.resource, act.voice.next(), self.now)
                self.room.on_rtp(act.resource, act.voice.next(), self.now + 0.02)
                if act.film is not None:
                    for data in act.film.frame(key=act.film.ssrc in self.pleas):
                        self.sent += 1
                        if not self.loses(self.sent):
                            self.room.on_rtp(act.resource, data, self.now)
                    self.pleas.discard(act.film.ssrc)
            self.now += 1 / RATE
            self.room.tick(self.now, 1e9)
            await self._drain()

    async def _drain(self) -> None:
        while self.room.outputs:
            output = self.room.outputs.popleft()
            if isinstance(output, Recorded):
                while self.recorder.backlog > BACKLOG // 2:  # the stage is faster than life
                    await asyncio.sleep(0.01)
                if not self.recorder.put(self.room.id, output.strands):
                    self.room.not_recorded()
            elif isinstance(output, SendRtcp):
                for report in rtcp.parse(output.data):
                    if isinstance(report, Pli):
                        self.pleas.add(report.media)


def staged(recorder: Recorder, room: str = "r", recording: str | None = None) -> Stage:
    """A stage whose room is recorded from now on."""
    stage = Stage(recorder, Room(room, random=Random(1), plane=Plane()))
    stage.recording = recording or stage.recording
    stage.recorder.begin(room, stage.recording)
    stage.room.set_recorded(True, stage.now)
    return stage


@dataclass(frozen=True)
class Played:
    """What a player finds in a file. Times are seconds."""

    codec: str | None
    size: tuple[int, int]
    frames: int
    sounds: int
    seconds: float
    longest_still: float


def played(path: Path) -> Played:
    """Decode a whole file; what is broken raises."""
    with av.open(str(path)) as container:
        opened: Any = container
        video = opened.streams.video[0] if opened.streams.video else None
        times: list[float] = []
        sounds = 0
        end = 0.0
        for packet in opened.demux():
            for frame in packet.decode():
                end = max(end, float(frame.time))
                if isinstance(frame, av.VideoFrame):
                    times.append(float(frame.time))
                else:
                    sounds += 1
        still = max((b - a for a, b in pairwise(times)), default=0.0)
        context = video.codec_context if video is not None else None
        return Played(
            context.name if context is not None else None,
            (context.width, context.height) if context is not None else (0, 0),
            len(times),
            sounds,
            end,
            still,
        )


def played_frames(path: Path) -> int:
    """How many pictures of a file can be decoded, whatever is broken in it."""
    count = 0
    with av.open(str(path)) as container:
        opened: Any = container
        for packet in opened.demux(video=0):
            try:
                count += len(packet.decode())
            except av.FFmpegError:
                continue
    return count


def shown_widths(path: Path) -> list[int]:
    """How wide each picture of a file is."""
    with av.open(str(path)) as container:
        opened: Any = container
        return [frame.width for frame in opened.decode(video=0)]


def closed(news: list[News], directory: Path, track: str = "main") -> list[Path]:
    """The complete segments of a track, in order."""
    names = [n.name for n in news if isinstance(n, SegmentClosed) and n.name.track == track]
    return [directory / name.file for name in sorted(names, key=lambda n: n.started_ms)]
