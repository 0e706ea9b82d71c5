"""What people do in a session: head counts, hands and the floor; and the audit log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.model import HeadCount

_sql = named("marks")


@dataclass(frozen=True, slots=True)
class Interaction:
    """kind: hand_raised, hand_lowered, floor_given, floor_taken or help."""

    participant_id: UUID
    kind: str
    at: datetime


async def add_head_count(
    connection: Connection,
    participant_id: UUID,
    expected: int,
    present: int,
    counted_by: str,
    why: str = "",
) -> None:
    """Add a count; a correction is another row that says why."""
    await _sql.add_head_count(
        connection,
        participant_id=participant_id,
        expected=expected,
        present=present,
        counted_by=counted_by,
        why=why,
    )


async def head_counts_of_session(connection: Connection, session_id: UUID) -> list[HeadCount]:
    """All counts of a session, the newest of each participant last."""
    found = _sql.head_counts_of_session(connection, session_id=session_id)
    return [value(HeadCount, row) async for row in found]


async def add_interaction(
    connection: Connection, session_id: UUID, participant_id: UUID, kind: str
) -> None:
    await _sql.add_interaction(
        connection, session_id=session_id, participant_id=participant_id, kind=kind
    )


async def interactions_of_session(connection: Connection, session_id: UUID) -> list[Interaction]:
    found = _sql.interactions_of_session(connection, session_id=session_id)
    return [value(Interaction, row) async for row in found]


async def add_audit(
    connection: Connection, actor: str, action: str, about: str, **detail: Any
) -> None:
    """Append to the audit log: who (account:…, device:…, system) did what to which object."""
    await _sql.add_audit(connection, actor=actor, action=action, object=about, detail=detail)
