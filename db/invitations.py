"""Teachers of other schools who are invited to observe a session."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("invitations")


@dataclass(frozen=True, slots=True)
class Invitation:
    session_id: UUID
    teacher_id: str
    invited_by: str
    invited_at: datetime


async def invite(
    connection: Connection, session_id: UUID, teacher_id: str, invited_by: str, at: datetime
) -> bool:
    """Whether the teacher had not been invited before."""
    return bool(
        await _sql.invite(
            connection, session_id=session_id, teacher_id=teacher_id, invited_by=invited_by, at=at
        )
    )


async def withdraw(connection: Connection, session_id: UUID, teacher_id: str) -> bool:
    """Whether there was such an invitation."""
    return bool(await _sql.withdraw(connection, session_id=session_id, teacher_id=teacher_id))


async def of_session(connection: Connection, session_id: UUID) -> list[Invitation]:
    """In the order in which they were made."""
    found = _sql.of_session(connection, session_id=session_id)
    return [value(Invitation, row) async for row in found]


async def sessions_of(connection: Connection, teacher_id: str, since: datetime) -> list[UUID]:
    """The sessions, not over before `since`, that a teacher is invited to observe."""
    found = _sql.sessions_of(connection, teacher_id=teacher_id, since=since)
    return [row["session_id"] async for row in found]


async def invited_to(
    connection: Connection, teacher_id: str, ids: Collection[UUID]
) -> frozenset[UUID]:
    """Those of the sessions that a teacher is invited to observe."""
    found = _sql.invited_to(connection, teacher_id=teacher_id, ids=list(ids))
    return frozenset([row["session_id"] async for row in found])
