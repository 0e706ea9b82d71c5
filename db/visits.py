"""Visits of observers 巡课 to sessions, as they stand now. That they came and left is in the audit
log, which whoever calls writes in the same transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("visits")


@dataclass(frozen=True, slots=True)
class Visit:
    """An account's stay in a session from one address, `seen_at` when it was seen last."""

    id: UUID
    session_id: UUID
    account_id: UUID
    address: str
    begun_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    login: str
    name: str
    role: str  # bureau, admin, teacher or observer
    school: str | None  # its short name; None: of the whole city


async def hold(connection: Connection, session_id: UUID) -> None:
    """Let no other visit to the session begin until this transaction ends."""
    await _sql.hold(connection, session_id=session_id)


async def begin(
    connection: Connection, session_id: UUID, account_id: UUID, address: str, at: datetime
) -> tuple[UUID, bool]:
    """The visit under way from that address, or else a new one: its id, and whether it is new."""
    row = await _sql.begin(
        connection, session_id=session_id, account_id=account_id, address=address, at=at
    )
    return row["id"], row["begun"]


async def visit(connection: Connection, visit_id: UUID) -> Visit | None:
    row = await _sql.visit(connection, id=visit_id)
    return None if row is None else value(Visit, row)


async def under_way(connection: Connection, session_id: UUID) -> list[Visit]:
    """Those that have not ended, by their beginning."""
    return [value(Visit, row) async for row in _sql.under_way(connection, session_id=session_id)]


async def resume(connection: Connection, ids: Collection[UUID], at: datetime) -> list[Visit]:
    """Begin anew, at `at`, those of the visits that had ended; which they were."""
    return [value(Visit, row) async for row in _sql.resume(connection, ids=list(ids), at=at)]


async def see(connection: Connection, ids: Collection[UUID], at: datetime) -> None:
    """These go on at `at`."""
    await _sql.see(connection, ids=list(ids), at=at)


async def end_unseen(connection: Connection, before: datetime) -> list[Visit]:
    """End those that were not seen since, where they were seen last; which they were."""
    return [value(Visit, row) async for row in _sql.end_unseen(connection, before=before)]
