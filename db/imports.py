"""Files on their way in: from the upload through the preview to the import."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("imports")

KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Import:
    id: UUID
    name: str
    kind: str | None  # None: as it looks
    content: bytes
    done_at: datetime | None
    version_id: UUID | None  # of the timetable draft it became; None too once that is thrown away
    number: int | None  # its number


async def add(
    connection: Connection,
    account_id: UUID,
    name: str,
    kind: str | None,
    content: bytes,
    at: datetime,
) -> UUID:
    """Keep an uploaded file; those of yesterday are dropped."""
    await _sql.drop_old(connection, before=at - KEPT)
    import_id: UUID = await _sql.add_import(
        connection, made_by=account_id, made_at=at, name=name, kind=kind, content=content
    )
    return import_id


async def of_account(connection: Connection, account_id: UUID, import_id: UUID) -> Import | None:
    """A file, if this account uploaded it."""
    row = await _sql.import_of(connection, id=import_id, made_by=account_id)
    return None if row is None else value(Import, row)


async def finish(
    connection: Connection, import_id: UUID, version_id: UUID | None, at: datetime
) -> bool:
    """Whether it was this call that finished it: a file is imported once."""
    return bool(await _sql.finish(connection, id=import_id, version_id=version_id, at=at))
