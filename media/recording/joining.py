"""After the lesson: segments become files that browsers play, without encoding anew.

WebM for VP8, VP9, AV1 and sound alone, MP4 for H.264, each with its index at the front. Segments go
into one file as long as its header holds for them all; where it does not, another part begins. Time
is kept: a break in the lesson is as long in the file.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer, OutputContainer

from media.specs import Kind

_MS = Fraction(1, 1000)
_CONTAINERS = {
    "webm": ("video/webm", {"cues_to_front": "1"}),
    "mp4": ("video/mp4", {"movflags": "+faststart"}),
}


class Unreadable(Exception):
    """Nothing in these files can be played."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A finished file, and its place in milliseconds on the clock of the segments."""

    path: Path
    starts_ms: int
    duration_ms: int
    mime: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """A segment as its header describes it."""

    path: Path
    starts_ms: int
    codec: str | None
    extradata: bytes

    def follows(self, codec: str | None, extradata: bytes) -> bool:
        """Whether a file that has this picture so far may hold the segment too."""
        if self.codec is None or codec is None:
            return True
        return self.codec == codec and (codec != "h264" or self.extradata == extradata)


def join(segments: Sequence[tuple[Path, int]], directory: Path, name: str) -> list[Joined]:
    """Join (file, Unix milliseconds of its beginning) into `directory/name-1…`, in order of time.

    What can't be read is left out; Raises Unreadable when nothing can, OSError.
    """
    pieces = sorted(filter(None, map(_piece, segments)), key=lambda piece: piece.starts_ms)
    made = []
    for number, group in enumerate(_groups(pieces), start=1):
        codec = next((p.codec for p in group if p.codec is not None), None)
        kind = "mp4" if codec == "h264" else "webm"
        path = directory / f"{name}-{number}.{kind}"
        duration = _write(group, path, kind)
        if duration:
            mime = _CONTAINERS[kind][0] if codec is not None else "audio/webm"
            made.append(Joined(path, group[0].starts_ms, duration, mime))
    if not made:
        raise Unreadable("no segment has anything that can be played")
    return made


def _piece(segment: tuple[Path, int]) -> _Piece | None:
    path, starts_ms = segment
    try:
        with av.open(str(path), "r") as container:
            video = next(iter(container.streams.video), None)
            if video is None:
                return _Piece(path, starts_ms, None, b"") if container.streams.audio else None
            context = video.codec_context
            return _Piece(path, starts_ms, context.name, context.extradata or b"")
    except (av.FFmpegError, IndexError):
        return None


def _groups(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    groups: list[list[_Piece]] = []
    codec, extradata = None, b""
    for piece in pieces:
        if not groups or not piece.follows(codec, extradata):
            groups.append([])
            codec, extradata = None, b""
        if piece.codec is not None and codec is None:
            codec, extradata = piece.codec, piece.extradata
        groups[-1].append(piece)
    return groups


@dataclass(slots=True)
class _Out:
    """One track of a file being written."""

    stream: Any
    last: int = -1  # milliseconds
    broken: bool = False  # its picture waits for a key frame


@dataclass(slots=True)
class Muxing:
    """A file being written from packets of others; timestamps in milliseconds."""

    container: OutputContainer
    tracks: dict[Kind, _Out] = field(default_factory=dict)

    def write(self, kind: Kind, packet: "av.Packet[Any]", ms: int) -> None:
        """One packet, later than those before it; what is not is left out, a picture up to its next
        key frame."""
        out = self.tracks.get(kind)
        if out is None:
            return
        if ms <= out.last or (out.broken and not packet.is_keyframe):
            out.broken = kind is Kind.VIDEO
            return
        out.broken = False
        out.last = ms
        again: av.Packet[Any] = av.Packet(bytes(packet))
        again.stream = out.stream
        again.time_base = _MS
        again.pts = again.dts = ms
        again.is_keyframe = packet.is_keyframe
        self.container.mux(again)

    @property
    def duration_ms(self) -> int:
        """Up to the last packet, whose own length is not known."""
        return max((out.last for out in self.tracks.values()), default=-1) + 1


def muxing(path: Path, kind: str, sources: Sequence[InputContainer]) -> Muxing:
    """A new file with the tracks that the sources have: of each kind the first."""
    container = av.open(str(path), "w", format=kind, options=dict(_CONTAINERS[kind][1]))
    made = Muxing(container)
    for of, found in (
        (Kind.VIDEO, [s for source in sources for s in source.streams.video]),
        (Kind.AUDIO, [s for source in sources for s in source.streams.audio]),
    ):
        if found:
            stream: Any = container.add_stream_from_template(found[0], opaque=True)
            made.tracks[of] = _Out(stream)
    return made


def packets(container: InputContainer) -> Iterator[tuple[Kind, "av.Packet[Any]", int]]:
    """(kind, packet, milliseconds) of a file, up to where it breaks off."""
    try:
        for packet in container.demux():
            if packet.pts is not None and packet.stream.type in ("audio", "video"):
                ms = round(packet.pts * packet.time_base * 1000)
                yield Kind(packet.stream.type), packet, ms
    except av.FFmpegError:
        return  # cut short: what came before is what there is


def _write(group: Sequence[_Piece], path: Path, kind: str) -> int:
    """Write a file of a group; its duration in milliseconds, 0 when there is nothing in it."""
    opened = [av.open(str(piece.path), "r") for piece in group]
    try:
        made = muxing(path, kind, opened)
        with closing(made.container):
            for piece, container in zip(group, opened, strict=True):
                offset = piece.starts_ms - group[0].starts_ms
                for of, packet, ms in packets(container):
                    made.write(of, packet, ms + offset)
        return made.duration_ms
    finally:
        for container in opened:
            container.close()
