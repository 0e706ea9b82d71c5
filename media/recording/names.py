"""The name of a segment's file says all that must be known of it, should its node be gone."""

import re
from dataclasses import dataclass

from media.specs import Source

_TRACKS = {Source.CAMERA: "main", Source.SCREEN: "screen"}
SUFFIX = ".mkv"
_NAME = re.compile(
    r"([0-9a-f-]{36})\.([0-9a-f-]{36})\.([0-9a-f-]{36})\.(main|screen|room-[0-9a-f-]{36})\.(\d{1,14})\.mkv"
)


def track_of(source: Source, guest: str) -> str:
    """What a file shows: main and screen are the lead's, room-… another participant's picture."""
    return f"room-{guest}" if guest else _TRACKS[source]


@dataclass(frozen=True, slots=True)
class SegmentName:
    """Ids are UUIDs as text; `started_ms` is the Unix time of the file's timestamp 0."""

    recording: str
    segment: str
    node: str
    track: str
    started_ms: int

    @property
    def file(self) -> str:
        return f"{self.recording}.{self.segment}.{self.node}.{self.track}.{self.started_ms}{SUFFIX}"


def read_name(file: str) -> SegmentName | None:
    """None for a file that is no segment."""
    found = _NAME.fullmatch(file)
    if found is None:
        return None
    recording, segment, node, track, started = found.groups()
    return SegmentName(recording, segment, node, track, int(started))
