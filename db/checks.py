"""What `doctor` asks of a database: its version, clock, schema, privileges, leader, and remains."""

from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from db.migrate import shipped
from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("checks")


@dataclass(frozen=True, slots=True)
class Server:
    """`number` is the version as 180004; `now` its clock; `size` of this database in bytes."""

    number: int
    version: str
    now: datetime
    connections_allowed: int
    connections: int
    checksums: bool
    size: int


@dataclass(frozen=True, slots=True)
class Recordings:
    """How many `failed` lately, and how many are `late`: over for long and not joined."""

    failed: int
    late: int


@dataclass(frozen=True, slots=True)
class Lessons:
    """How many there are, and how many are `overdue`: past their start and never opened."""

    planned: int
    overdue: int


async def server(connection: Connection) -> Server:
    return value(Server, await _sql.server(connection))


async def unapplied(connection: Connection) -> tuple[list[str], list[str]]:
    """Migrations that the database lacks, and those that this version does not know."""
    try:
        rows = await connection.fetch("SELECT name FROM schema_migrations")
    except asyncpg.UndefinedTableError:
        rows = []
    applied, known = {row["name"] for row in rows}, {m.name for m in shipped()}
    return sorted(known - applied), sorted(applied - known)


async def writable(connection: Connection) -> list[str]:
    """Append-only tables that the application's role could change all the same."""
    return list(await _sql.writable(connection) or ())


async def led(connection: Connection, key: int) -> bool:
    """Whether somebody holds the advisory lock of a key."""
    return bool(await _sql.led(connection, key=key))


async def administrators(connection: Connection) -> int:
    """How many accounts keep the whole city and may sign in."""
    found: int = await _sql.administrators(connection)
    return found


async def rooms_without_screen(
    connection: Connection, since: datetime, until: datetime
) -> list[str]:
    """School and name of the rooms with a lesson in that time and no paired computer."""
    found = _sql.rooms_without_screen(connection, since=since, until=until)
    return [row["room"] async for row in found]


async def last_backup(connection: Connection) -> datetime | None:
    found: datetime | None = await _sql.last_backup(connection)
    return found


async def recordings(connection: Connection, since: datetime, late: datetime) -> Recordings:
    return value(Recordings, await _sql.recordings(connection, since=since, late=late))


async def states(connection: Connection, today: date) -> dict[tuple[str, str], int]:
    """How many `recordings` and `uploads` are in each state, and to how many classes `pushes` are
    `due`, or `overdue` since less than a month: by what and state, where there is one."""
    found = _sql.states(connection, today=today)
    return {(row["what"], row["state"]): row["number"] async for row in found}


async def lessons(
    connection: Connection, since: datetime, until: datetime, now: datetime
) -> Lessons:
    return value(Lessons, await _sql.lessons(connection, since=since, until=until, now=now))
