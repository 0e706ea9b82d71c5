"""Schools, people and classes as somebody hands them over: new ones added, known ones updated.

Nobody is removed: who has left still stands in the lessons that were held, and is retired. What was
said before is kept by the database, as reports of the past count and name by it; `at` is when it is
that something becomes known.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, datetime

import asyncpg

from db.pool import Connection
from db.queries import named
from scheduler.model import ClassGroup, School, Teacher

_sql = named("registers")


class NameTaken(Exception):
    """The school has a class of this name already."""


async def put(
    connection: Connection,
    schools: Iterable[School],
    teachers: Iterable[Teacher],
    classes: Iterable[ClassGroup],
    at: datetime,
) -> None:
    """In a transaction. Hubs come first: a receiving school names its hub. Whether somebody known
    is retired stays as it is. Raises NameTaken."""
    await _sql.say_when(connection, at=at.isoformat())
    for school in sorted(schools, key=lambda s: s.hub_code is not None):
        await _sql.put_school(connection, **asdict(school))
    for teacher in teachers:
        await _sql.put_teacher(connection, **asdict(teacher))
    try:
        for group in classes:
            await _sql.put_class_group(connection, **asdict(group))
    except asyncpg.UniqueViolationError as error:
        raise NameTaken from error


async def retire(
    connection: Connection, of: School | Teacher | ClassGroup, on: date | None, at: datetime
) -> None:
    """From a day on somebody takes part in nothing new; None brings them back. In a transaction."""
    await _sql.say_when(connection, at=at.isoformat())
    match of:
        case School():
            await _sql.retire_school(connection, id=of.code, on=on)
        case Teacher():
            await _sql.retire_teacher(connection, id=of.id, on=on)
        case ClassGroup():
            await _sql.retire_class_group(connection, id=of.id, on=on)
