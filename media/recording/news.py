"""What a recorder tells."""

from dataclasses import dataclass

from media.recording.names import SegmentName


@dataclass(frozen=True, slots=True)
class SegmentBegun:
    name: SegmentName


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """It is complete, and may be moved."""

    name: SegmentName
    size: int


@dataclass(frozen=True, slots=True)
class RecordingStopped:
    """A recording ended by itself: `disk_full`, or `storage` when the disk is broken."""

    room: str
    recording: str
    cause: str


News = SegmentBegun | SegmentClosed | RecordingStopped
