"""Busy times, one by one: what a school enters and takes back (`db.timetable` reads them all)."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.model import BusyTime

_sql = named("busy")


class KeptAlready(Exception):
    """The school keeps this teacher or class in this period already."""


@dataclass(frozen=True, slots=True)
class BusyLine:
    """A busy time with its id."""

    id: UUID
    teacher_id: str | None
    class_id: str | None
    weekday: int
    period: int
    reason: str


async def of_term(connection: Connection, term_id: str) -> tuple[BusyLine, ...]:
    """Every busy time of a term, by whom and when."""
    return tuple([value(BusyLine, row) async for row in _sql.of_term(connection, term_id=term_id)])


async def one(connection: Connection, busy_id: UUID) -> BusyLine | None:
    row = await _sql.one(connection, id=busy_id)
    return value(BusyLine, row) if row is not None else None


async def add(connection: Connection, term_id: str, kept: BusyTime) -> UUID:
    """Raises KeptAlready."""
    try:
        made: UUID = await _sql.add(
            connection,
            term_id=term_id,
            teacher_id=kept.teacher_id,
            class_id=kept.class_id,
            weekday=kept.weekday,
            period=kept.period,
            reason=kept.reason,
        )
    except asyncpg.UniqueViolationError as error:
        raise KeptAlready from error
    return made


async def remove(connection: Connection, busy_id: UUID) -> None:
    await _sql.remove(connection, id=busy_id)
