"""Alerts: rooms that are dark while their lesson should be live; and what a digest is made of."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.alerts import Dark, Seat
from scheduler.digest import DarkRoom, Link

_sql = named("alerts")


@dataclass(frozen=True, slots=True)
class Alert:
    """One of a lesson and room; `closed_why` is back or ended, None while it stands."""

    id: UUID
    session_id: UUID
    participant_id: UUID
    room_id: str
    dark_since: datetime
    opened_at: datetime
    closed_at: datetime | None
    closed_why: str | None
    times: int


@dataclass(frozen=True, slots=True)
class AlertOfLesson(Alert):
    """An alert with what its lesson is."""

    subject: str | None
    starts_at: datetime


async def seats(connection: Connection, now: datetime) -> list[Seat]:
    """The rooms of the lessons that should be live now."""
    return [value(Seat, row) async for row in _sql.seats(connection, now=now)]


async def open_alert(connection: Connection, dark: Dark, now: datetime) -> Alert | None:
    """Open an alert, or open it again; None: it stands already."""
    row = await _sql.open(
        connection,
        session_id=dark.seat.session_id,
        participant_id=dark.seat.participant_id,
        room_id=dark.seat.room_id,
        dark_since=dark.since,
        now=now,
    )
    return None if row is None else value(Alert, row)


async def close_alert(
    connection: Connection, session_id: UUID, room_id: str, why: str, now: datetime
) -> Alert | None:
    """Close an alert; None: somebody else has."""
    row = await _sql.close(connection, session_id=session_id, room_id=room_id, why=why, now=now)
    return None if row is None else value(Alert, row)


async def standing(connection: Connection) -> list[Alert]:
    return [value(Alert, row) async for row in _sql.standing(connection)]


async def since(connection: Connection, at: datetime, most: int = 50) -> list[AlertOfLesson]:
    """Those that stand, and those that were closed after `at`; the newest first."""
    found = _sql.since(connection, since=at, most=most)
    return [value(AlertOfLesson, row) async for row in found]


async def dark_rooms(connection: Connection, day: date) -> list[DarkRoom]:
    """Rooms that were dark in a lesson of the day."""
    return [value(DarkRoom, row) async for row in _sql.of_day(connection, day=day)]


async def links(connection: Connection, since: date, day: date) -> list[Link]:
    """All links of a day, and those since a date that are still to be made up."""
    return [value(Link, row) async for row in _sql.links(connection, since=since, day=day)]
