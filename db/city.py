"""Schools, rooms, people and classes."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.model import ClassGroup, Room, RoomTarget, School, Subject, Teacher

_sql = named("city")


async def add_schools(connection: Connection, schools: Iterable[School]) -> None:
    """Hubs first: a receiving school names its hub."""
    for school in sorted(schools, key=lambda s: s.hub_code is not None):
        await _sql.add_school(connection, **asdict(school))


async def add_rooms(connection: Connection, rooms: Iterable[Room]) -> None:
    await _each(connection, _sql.add_room, rooms)


async def add_targets(connection: Connection, targets: Iterable[RoomTarget]) -> None:
    await _each(connection, _sql.add_target, targets)


async def add_subjects(connection: Connection, subjects: Iterable[Subject]) -> None:
    await _each(connection, _sql.add_subject, subjects)


async def add_teachers(connection: Connection, teachers: Iterable[Teacher]) -> None:
    await _each(connection, _sql.add_teacher, teachers)


async def add_class_groups(connection: Connection, groups: Iterable[ClassGroup]) -> None:
    await _each(connection, _sql.add_class_group, groups)


async def schools(connection: Connection) -> list[School]:
    return [value(School, row) async for row in _sql.schools(connection)]


async def rooms(connection: Connection) -> list[Room]:
    return [value(Room, row) async for row in _sql.rooms(connection)]


async def targets(connection: Connection) -> list[RoomTarget]:
    return [value(RoomTarget, row) async for row in _sql.targets(connection)]


async def subjects(connection: Connection) -> list[Subject]:
    return [value(Subject, row) async for row in _sql.subjects(connection)]


async def teachers(connection: Connection) -> list[Teacher]:
    return [value(Teacher, row) async for row in _sql.teachers(connection)]


async def class_groups(connection: Connection) -> list[ClassGroup]:
    return [value(ClassGroup, row) async for row in _sql.class_groups(connection)]


@dataclass(frozen=True, slots=True)
class Registers:
    """What the registers said of a day. The status of rooms is that of now."""

    schools: list[School]
    rooms: list[Room]
    teachers: list[Teacher]
    class_groups: list[ClassGroup]


async def registers_on(connection: Connection, day: date, as_of: datetime) -> Registers:
    """What the registers said of a day, as known at an instant, without who was entered later."""
    asked = {"day": day, "as_of": as_of}
    return Registers(
        [value(School, row) async for row in _sql.schools_on(connection, **asked)],
        [value(Room, row) async for row in _sql.rooms_on(connection, **asked)],
        [value(Teacher, row) async for row in _sql.teachers_on(connection, **asked)],
        [value(ClassGroup, row) async for row in _sql.class_groups_on(connection, **asked)],
    )


async def _each(connection: Connection, query: Any, values: Iterable[Any]) -> None:
    for each in values:
        await query(connection, **asdict(each))
