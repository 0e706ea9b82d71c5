"""Schools, people and classes as somebody hands them over: new ones added, known ones updated.

Nobody is removed: who has left still stands in the lessons that were held.
"""

from collections.abc import Iterable
from dataclasses import asdict

from db.pool import Connection
from db.queries import named
from scheduler.model import ClassGroup, School, Teacher

_sql = named("registers")


async def put(
    connection: Connection,
    schools: Iterable[School],
    teachers: Iterable[Teacher],
    classes: Iterable[ClassGroup],
) -> None:
    """Hubs come first: a receiving school names its hub."""
    for school in sorted(schools, key=lambda s: s.hub_code is not None):
        await _sql.put_school(connection, **asdict(school))
    for teacher in teachers:
        await _sql.put_teacher(connection, **asdict(teacher))
    for group in classes:
        await _sql.put_class_group(connection, **asdict(group))
