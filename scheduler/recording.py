"""The life of a recording, and how long it is kept.

Theory of operation. A node *records* a session's media into segments; when that ends, the segments
are *joined* and the recording is *ready*, or *failed* with a cause. An upload is *uploading*, then
ready or failed. What failed may be joined once more. Retention, or a person, makes what is ready or
failed *deleted*: its files go, its row stays. Nothing leads back, and nothing ends as nothing: the
same table is in the database, which keeps it whatever the code does (DESIGN 4).
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo


class RecordingState(StrEnum):
    RECORDING = "recording"
    JOINING = "joining"
    UPLOADING = "uploading"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"


S = RecordingState

BEGINNINGS = frozenset({S.RECORDING, S.UPLOADING})
ENDINGS = frozenset({S.READY, S.FAILED, S.DELETED})
TRANSITIONS: frozenset[tuple[RecordingState, RecordingState]] = frozenset(
    {
        (S.RECORDING, S.JOINING),
        (S.RECORDING, S.FAILED),
        (S.JOINING, S.READY),
        (S.JOINING, S.FAILED),
        (S.UPLOADING, S.READY),
        (S.UPLOADING, S.FAILED),
        (S.FAILED, S.JOINING),
        (S.READY, S.DELETED),
        (S.FAILED, S.DELETED),
    }
)


class Cause(StrEnum):
    """Why a recording failed, or ended before its lesson; pages have words for each."""

    NO_MEDIA = "no_media"  # nothing that can be played came while it was on
    DISK_FULL = "disk_full"
    NODE_LOST = "node_lost"  # the machine that held its segments did not come back
    UNREADABLE = "unreadable"  # what was written can't be read
    STORAGE = "storage"  # the store refused it


class Track(StrEnum):
    """What a file shows: the hub's picture and sound, its shared screen, or another participant's
    picture and sound."""

    MAIN = "main"
    SCREEN = "screen"
    ROOM = "room"


class SegmentState(StrEnum):
    WRITING = "writing"
    STORED = "stored"
    LOST = "lost"
    JOINED = "joined"  # it is in a finished file, and kept no longer


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording; `session_id` is None for an upload. Sizes are bytes, durations milliseconds;
    `waveform` holds the loudness (0 to 100) of equal spans. `zero_at` is the instant that its first
    millisecond shows (None: not known); a break in the lesson is as long in it."""

    id: UUID
    session_id: UUID | None
    title: str
    made_by: str
    state: RecordingState
    cause: str | None
    started_at: datetime
    ended_at: datetime | None
    duration_ms: int | None
    bytes: int | None
    mime: str | None
    storage_key: str | None
    poster_key: str | None
    waveform: tuple[int, ...]
    published: bool
    delete_after: datetime | None
    created_at: datetime
    with_rooms: bool  # whether the pictures of the others were wished too
    zero_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A file that one node wrote without a break; `started_at` is its timestamp 0, `participant_id`
    whom a room's track shows."""

    id: UUID
    recording_id: UUID
    node_id: UUID
    track: Track
    started_at: datetime
    state: SegmentState
    bytes: int
    storage_key: str | None
    participant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A finished file; `starts_ms` is its place on the recording's clock, `participant_id` whom a
    room's track shows."""

    track: Track
    number: int
    starts_ms: int
    duration_ms: int
    bytes: int
    mime: str
    storage_key: str
    participant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Chapter:
    """A place to jump to, with a small picture of it."""

    at_ms: int
    storage_key: str


def delete_after(
    made_at: datetime, *, published: bool, raw_days: int, year_ends: date | None, zone: str
) -> datetime:
    """When retention deletes a recording (DOMAIN 11): `raw_days` after it was made, or, once it is
    published, after the last day of the school year; whichever is later then.

    `year_ends` None: no later term is known, and the days count.
    """
    days = made_at + timedelta(days=raw_days)
    if not published or year_ends is None:
        return days
    midnight = datetime.combine(year_ends + timedelta(days=1), time(), ZoneInfo(zone))
    return max(days, midnight)
