"""Media tokens that are good no more: their holders; and the tokens that were made by hand."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("withdrawals")


@dataclass(frozen=True, slots=True)
class MadeMediaToken:
    """A media token that an operator made for an encoder or a player; `id` is its holder."""

    id: UUID
    session_id: UUID
    participant_id: UUID
    direction: str  # publish or subscribe
    stream: str  # camera or screen
    made_by: str
    made_at: datetime
    until: datetime
    room_id: str | None
    school_code: str | None  # of the participant


async def withdrawn(connection: Connection, since: datetime) -> dict[UUID, datetime]:
    """Holders whose tokens were withdrawn since an instant, and when."""
    rows = _sql.withdrawn(connection, since=since)
    return {row["holder"]: row["at"] async for row in rows}


async def add_media_token(
    connection: Connection,
    *,
    session_id: UUID,
    participant_id: UUID,
    direction: str,
    stream: str,
    made_by: str,
    made_at: datetime,
    until: datetime,
) -> UUID:
    token_id: UUID = await _sql.add_media_token(
        connection,
        session_id=session_id,
        participant_id=participant_id,
        direction=direction,
        stream=stream,
        made_by=made_by,
        made_at=made_at,
        until=until,
    )
    return token_id


async def media_tokens(connection: Connection, at: datetime) -> list[MadeMediaToken]:
    """Those made by hand that are good, the newest first."""
    return [value(MadeMediaToken, row) async for row in _sql.media_tokens(connection, at=at)]


async def revoke_media_token(connection: Connection, token_id: UUID, at: datetime) -> bool:
    """Whether it was revoked by this call."""
    return bool(await _sql.revoke_media_token(connection, id=token_id, at=at))
