"""Messages to others, kept until they are delivered."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("webhooks")


@dataclass(frozen=True, slots=True)
class Message:
    id: UUID
    kind: str  # room.dark, room.back or digest
    body: str  # JSON, as it is signed
    made_at: datetime
    attempts: int  # this one among them


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How it goes: what waits, what was given up, and what went wrong with what waits."""

    waiting: int
    given_up: int
    last_delivered_at: datetime | None
    problem: str | None


async def add(connection: Connection, kind: str, body: str, now: datetime) -> None:
    """Keep a message, to be sent at once."""
    await _sql.add(connection, kind=kind, body=body, now=now)


async def claim(connection: Connection, now: datetime, most: int) -> list[Message]:
    """Messages that are due, for this sender alone: each is due again after 1, 2, 4 … seconds, five
    minutes at most, unless it is settled before."""
    return [value(Message, row) async for row in _sql.claim(connection, now=now, most=most)]


async def delivered(connection: Connection, message_id: UUID, now: datetime) -> None:
    await _sql.delivered(connection, id=message_id, now=now)


async def failed(connection: Connection, message_id: UUID, problem: str, *, give_up: bool) -> None:
    """An attempt failed; unless given up, the message stays due as `claim` has set it."""
    await _sql.failed(connection, id=message_id, problem=problem, give_up=give_up)


async def state(connection: Connection, since: datetime) -> Deliveries:
    """Of the messages made after `since`."""
    row = await _sql.state(connection, since=since)
    return value(Deliveries, row)
