"""Uploads: lessons, slides and worksheets that teachers send in. Their files are called by the id.

An upload is `receiving` until its last byte was looked into; then it is `ready` or `refused` with a
cause. Only what is ready can be sent or is listed (`db.pushes.Item`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("uploads")


@dataclass(frozen=True, slots=True)
class Upload:
    """`size`: bytes of the whole file; `state`: receiving, ready, refused or deleted."""

    id: UUID
    made_by: UUID
    teacher_id: str
    hub_code: str
    kind: str  # lesson, slides or worksheet
    name: str
    subject: str
    media_type: str
    size: int
    made_at: datetime
    state: str = "receiving"
    cause: str | None = None  # an English message id
    digest: bytes | None = None  # SHA-256
    duration_ms: int | None = None
    pages: int | None = None
    ready_at: datetime | None = None


async def add(connection: Connection, upload: Upload) -> None:
    await _sql.add(
        connection,
        id=upload.id,
        made_by=upload.made_by,
        teacher_id=upload.teacher_id,
        hub_code=upload.hub_code,
        kind=upload.kind,
        name=upload.name,
        subject=upload.subject,
        media_type=upload.media_type,
        size=upload.size,
        made_at=upload.made_at,
    )


async def upload(connection: Connection, upload_id: UUID) -> Upload | None:
    row = await _sql.upload(connection, id=upload_id)
    return None if row is None else value(Upload, row)


async def ready(
    connection: Connection,
    upload_id: UUID,
    *,
    digest: bytes,
    duration_ms: int | None,
    pages: int | None,
    at: datetime,
) -> bool:
    """It has been looked into and can be sent; whether it was this call that made it so."""
    return bool(
        await _sql.ready(
            connection, id=upload_id, digest=digest, duration_ms=duration_ms, pages=pages, at=at
        )
    )


async def refuse(connection: Connection, upload_id: UUID, cause: str) -> bool:
    """It is not taken, and `cause` (an English message id) says why."""
    return bool(await _sql.refuse(connection, id=upload_id, cause=cause))


async def delete(connection: Connection, upload_id: UUID) -> bool:
    """Whether it was there, is with nobody whom it was sent to, and is deleted now."""
    return bool(await _sql.delete(connection, id=upload_id))


async def unfinished_of(connection: Connection, teacher_id: str) -> int:
    """How many uploads of a teacher are on their way."""
    return int(await _sql.unfinished_of(connection, teacher_id=teacher_id))


async def abandoned(connection: Connection, before: datetime) -> list[UUID]:
    """Uploads that were begun before an instant and have not ended."""
    return [row["id"] async for row in _sql.abandoned(connection, before=before)]


async def expire(connection: Connection, today: date) -> list[UUID]:
    """Delete those of school years that are over (DOMAIN 11), sent or not; their ids."""
    return [row["id"] async for row in _sql.expire(connection, today=today)]
