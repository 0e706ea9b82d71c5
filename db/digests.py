"""The digests of the days, as they were made."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("digests")


@dataclass(frozen=True, slots=True)
class StoredDigest:
    zone: str
    day: date
    made_at: datetime
    content: dict[str, Any]  # as it was sent


async def add(
    connection: Connection, zone: str, day: date, made_at: datetime, content: dict[str, Any]
) -> bool:
    """Store a digest; False: the day has one already."""
    return bool(await _sql.add(connection, zone=zone, day=day, made_at=made_at, content=content))


async def digest(connection: Connection, day: date) -> StoredDigest | None:
    row = await _sql.digest(connection, day=day)
    return None if row is None else value(StoredDigest, row)


async def made_since(connection: Connection, day: date) -> list[tuple[str, date]]:
    """(zone, day) of the digests from a day on."""
    return [(row["zone"], row["day"]) async for row in _sql.since(connection, day=day)]


async def days(connection: Connection, most: int = 30) -> list[date]:
    """Days that have a digest, the newest first."""
    return [row["day"] async for row in _sql.days(connection, most=most)]
