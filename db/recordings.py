"""Recordings and uploads, the segments they are written in, and their finished files.

A recording moves along by compare-and-set: each of `stop`, `finish`, `fail`, `join_again` and
`delete` answers whether it was this call that moved it. The database refuses what
`scheduler.recording.TRANSITIONS` does not have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.recording import Chapter, Part, Recording, RecordingState, Segment

_sql = named("recordings")


@dataclass(frozen=True, slots=True)
class Files:
    """What a recording that is ready consists of. The first of the main `parts` is its file;
    `zero_at` is the instant of the lesson at the 0 of their clock."""

    parts: tuple[Part, ...]
    poster_key: str | None = None
    chapters: tuple[Chapter, ...] = ()
    waveform: tuple[int, ...] = ()
    zero_at: datetime | None = None

    @property
    def main(self) -> Part:
        return self.parts[0]

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    @property
    def duration_ms(self) -> int:
        return max(part.starts_ms + part.duration_ms for part in self.parts)


async def begin(
    connection: Connection,
    *,
    session_id: UUID | None,
    made_by: str,
    started_at: datetime,
    delete_after: datetime | None,
    title: str = "",
    with_rooms: bool = False,
) -> UUID | None:
    """A new recording of a session, `with_rooms` of everybody's picture, or (`session_id` None) an
    upload: its id. None when the session is being recorded already. `made_by` is an actor, as in
    the audit log."""
    state = RecordingState.UPLOADING if session_id is None else RecordingState.RECORDING
    begun: UUID | None = await _sql.begin(
        connection,
        session_id=session_id,
        title=title,
        made_by=made_by,
        state=state,
        started_at=started_at,
        delete_after=delete_after,
        with_rooms=with_rooms,
    )
    return begun


async def recording(connection: Connection, recording_id: UUID) -> Recording | None:
    row = await _sql.recording(connection, id=recording_id)
    return value(Recording, row) if row is not None else None


async def recordings_of_session(connection: Connection, session_id: UUID) -> list[Recording]:
    found = _sql.recordings_of_session(connection, session_id=session_id)
    return [value(Recording, row) async for row in found]


async def under_way_in(connection: Connection, session_id: UUID) -> Recording | None:
    """The recording of a session that is being made."""
    row = await _sql.under_way_in(connection, session_id=session_id)
    return value(Recording, row) if row is not None else None


async def in_state(connection: Connection, state: RecordingState) -> list[Recording]:
    """Oldest first."""
    return [value(Recording, row) async for row in _sql.in_state(connection, state=state)]


async def orphans(connection: Connection) -> list[Recording]:
    """Those still recording although their session is over."""
    return [value(Recording, row) async for row in _sql.orphans(connection)]


async def newest(
    connection: Connection, *, teacher_id: str | None, actor: str, limit: int = 200
) -> list[Recording]:
    """Newest first: all, or (`teacher_id`) those of the sessions that a teacher leads or, being
    meetings, was called to, and those that `actor` made."""
    found = _sql.newest(connection, teacher_id=teacher_id, actor=actor, limit=limit)
    return [value(Recording, row) async for row in found]


# ── moving along ─────────────────────────────────────────────────────────────────────────


async def stop(
    connection: Connection, recording_id: UUID, at: datetime, cause: str | None = None
) -> bool:
    """Nothing more is recorded: its segments are to be joined. `cause`: why, if before its time."""
    return bool(await _sql.stop(connection, id=recording_id, at=at, cause=cause))


async def stop_of_session(connection: Connection, session_id: UUID, at: datetime) -> None:
    """The session is over, and so is its recording, if it has one under way."""
    await _sql.stop_of_session(connection, session_id=session_id, at=at)


async def fail(connection: Connection, recording_id: UUID, cause: str, at: datetime) -> bool:
    return bool(await _sql.fail(connection, id=recording_id, cause=cause, at=at))


async def join_again(connection: Connection, recording_id: UUID) -> bool:
    """Try once more what failed."""
    return bool(await _sql.join_again(connection, id=recording_id))


async def finish(connection: Connection, recording_id: UUID, files: Files, at: datetime) -> bool:
    """It is ready, as these files. In the caller's transaction."""
    moved = await _sql.finish(connection, id=recording_id, at=at, **_columns(files))
    if moved:
        await _add_files(connection, recording_id, files)
    return bool(moved)


async def replace_files(connection: Connection, recording_id: UUID, files: Files, was: str) -> bool:
    """Other files take the place of those of a ready recording, if its main file is still under the
    key `was`. In the caller's transaction."""
    moved = await _sql.replace_files(connection, id=recording_id, was=was, **_columns(files))
    if moved:
        await _drop_files(connection, recording_id)
        await _add_files(connection, recording_id, files)
    return bool(moved)


async def delete(connection: Connection, recording_id: UUID) -> bool:
    """Its files are gone (remove them first). In the caller's transaction."""
    moved = await _sql.delete(connection, id=recording_id)
    if moved:
        await _drop_files(connection, recording_id)
    return bool(moved)


async def publish(
    connection: Connection, recording_id: UUID, *, published: bool, delete_after: datetime | None
) -> bool:
    """Whether it was ready, and is now published (or not any more)."""
    return bool(
        await _sql.publish(
            connection, id=recording_id, published=published, delete_after=delete_after
        )
    )


async def past_retention(connection: Connection, now: datetime) -> list[Recording]:
    """What retention has to delete by now."""
    return [value(Recording, row) async for row in _sql.past_retention(connection, now=now)]


async def year_ends(connection: Connection, day: date) -> date | None:
    """The last day of the school year that holds `day`, as far as its terms are known."""
    found: date | None = await _sql.year_ends(connection, day=day)
    return found


# ── files ────────────────────────────────────────────────────────────────────────────────


async def put_segment(connection: Connection, segment: Segment) -> bool:
    """Write a segment down: that it was begun, and once it is stored, where. Twice counts once.
    False when its recording is not known."""
    await _sql.add_segment(
        connection,
        id=segment.id,
        recording_id=segment.recording_id,
        node_id=segment.node_id,
        track=segment.track,
        started_at=segment.started_at,
        state=segment.state,
        bytes=segment.bytes,
        storage_key=segment.storage_key,
        participant_id=segment.participant_id,
    )
    return bool(await _sql.exists(connection, id=segment.recording_id))


async def segments_of(connection: Connection, recording_id: UUID) -> list[Segment]:
    found = _sql.segments_of(connection, recording_id=recording_id)
    return [value(Segment, row) async for row in found]


async def missing(connection: Connection, recording_id: UUID) -> int:
    """How many segments were begun and have not come."""
    return int(await _sql.missing(connection, recording_id=recording_id))


async def give_up_segments(connection: Connection, recording_id: UUID) -> None:
    """What has not come by now is lost."""
    await _sql.give_up_segments(connection, recording_id=recording_id)


async def segments_joined(connection: Connection, recording_id: UUID, ids: Sequence[UUID]) -> None:
    await _sql.segments_joined(connection, recording_id=recording_id, ids=list(ids))


async def segments_lost(connection: Connection, recording_id: UUID, ids: Sequence[UUID]) -> None:
    """They can't be read, and are kept no longer."""
    await _sql.segments_lost(connection, recording_id=recording_id, ids=list(ids))


async def with_late_segments(connection: Connection) -> list[Recording]:
    """Those that were made ready without segments that have come since."""
    return [value(Recording, row) async for row in _sql.with_late_segments(connection)]


async def parts_of(connection: Connection, recording_id: UUID) -> list[Part]:
    """Main before screen before rooms, each in order."""
    return [value(Part, row) async for row in _sql.parts_of(connection, recording_id=recording_id)]


async def chapters_of(connection: Connection, recording_id: UUID) -> list[Chapter]:
    found = _sql.chapters_of(connection, recording_id=recording_id)
    return [value(Chapter, row) async for row in found]


def _columns(files: Files) -> dict[str, object]:
    return {
        "duration_ms": files.duration_ms,
        "bytes": files.bytes,
        "mime": files.main.mime,
        "storage_key": files.main.storage_key,
        "poster_key": files.poster_key,
        "waveform": list(files.waveform),
        "zero_at": files.zero_at,
    }


async def _add_files(connection: Connection, recording_id: UUID, files: Files) -> None:
    for part in files.parts:
        await _sql.add_part(
            connection,
            recording_id=recording_id,
            track=part.track,
            number=part.number,
            starts_ms=part.starts_ms,
            duration_ms=part.duration_ms,
            bytes=part.bytes,
            mime=part.mime,
            storage_key=part.storage_key,
            participant_id=part.participant_id,
        )
    for chapter in files.chapters:
        await _sql.add_chapter(
            connection,
            recording_id=recording_id,
            at_ms=chapter.at_ms,
            storage_key=chapter.storage_key,
        )


async def _drop_files(connection: Connection, recording_id: UUID) -> None:
    await _sql.drop_parts(connection, recording_id=recording_id)
    await _sql.drop_chapters(connection, recording_id=recording_id)


# ── files that no row names any more ─────────────────────────────────────────────────────


async def leave(
    connection: Connection, recording_id: UUID, keys: Iterable[str], at: datetime
) -> None:
    """Objects of the store are wanted no more: they are removed some time later. In the transaction
    in which the last row lets go of them."""
    await _sql.leave_object(
        connection, [{"key": key, "recording_id": recording_id, "at": at} for key in keys]
    )


async def left(connection: Connection, before: datetime, most: int = 100) -> list[str]:
    """Objects that were let go by then, the earliest first."""
    return [row["key"] async for row in _sql.objects_left(connection, before=before, most=most)]


async def left_of(connection: Connection, recording_id: UUID) -> list[str]:
    found = _sql.objects_left_of(connection, recording_id=recording_id)
    return [row["key"] async for row in found]


async def forget(connection: Connection, key: str) -> None:
    """An object that was let go is not in the store any more."""
    await _sql.forget_object(connection, key=key)
