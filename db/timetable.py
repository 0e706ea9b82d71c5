"""Timetable versions: drafts, publication, and what holds when."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.model import BusyTime, Demand, Lesson, Receiver, TimetableVersion

_sql = named("timetable")


async def add_demands(connection: Connection, term_id: str, demands: Iterable[Demand]) -> None:
    for demand in demands:
        await _sql.add_demand(
            connection,
            term_id=term_id,
            class_id=demand.class_id,
            subject=demand.subject,
            lessons_per_week=demand.lessons_per_week,
            weeks=demand.weeks,
        )


async def set_demands(connection: Connection, term_id: str, demands: Iterable[Demand]) -> None:
    """Let these stand in place of those of the same class, subject and weeks; those of 0 lessons
    only take away."""
    for demand in demands:
        what = {
            "term_id": term_id,
            "class_id": demand.class_id,
            "subject": demand.subject,
            "weeks": demand.weeks,
        }
        if demand.lessons_per_week:
            await _sql.set_demand(connection, **what, lessons_per_week=demand.lessons_per_week)
        else:
            await _sql.remove_demand(connection, **what)


async def copy_demands(connection: Connection, term_id: str, school_code: str) -> int:
    """Give a term what a school's classes that are still there asked for in the term before it,
    besides what they ask for already; how many demands."""
    copied = _sql.copy_demands(connection, term_id=term_id, school_code=school_code)
    return len([row async for row in copied])


async def add_busy_times(connection: Connection, term_id: str, busy: Iterable[BusyTime]) -> None:
    for time in busy:
        await _sql.add_busy_time(
            connection,
            term_id=term_id,
            teacher_id=time.teacher_id,
            class_id=time.class_id,
            weekday=time.weekday,
            period=time.period,
            reason=time.reason,
        )


async def busy_times(connection: Connection, term_id: str) -> tuple[BusyTime, ...]:
    rows = [row async for row in _sql.busy_times(connection, term_id=term_id)]
    return tuple(value(BusyTime, row) for row in rows)


async def add_draft(
    connection: Connection,
    term_id: str,
    lessons: Iterable[Lesson],
    locked: Collection[UUID] = (),
) -> UUID:
    """A new draft of a term's week; the lessons get ids of their own. `locked` are the old ids of
    those that the solver leaves as they are."""
    version_id: UUID = await _sql.add_draft(connection, term_id=term_id)
    for lesson in lessons:
        await put_lesson(connection, version_id, lesson, locked=lesson.id in locked, fresh=True)
    return version_id


async def put_lesson(
    connection: Connection,
    version_id: UUID,
    lesson: Lesson,
    *,
    locked: bool = False,
    fresh: bool = False,
) -> None:
    """Store a lesson of a draft with its receivers; a `fresh` one gets an id of its own."""
    lesson_id = await _sql.put_lesson(
        connection,
        id=None if fresh else lesson.id,
        version_id=version_id,
        weekday=lesson.weekday,
        period=lesson.period,
        weeks=lesson.weeks,
        subject=lesson.subject,
        lead_teacher_id=lesson.lead_teacher_id,
        lead_room_id=lesson.lead_room_id,
        interactive=lesson.interactive,
        week_from=lesson.week_from,
        week_until=lesson.week_until,
        locked=locked,
    )
    for receiver in lesson.receivers:
        await _sql.put_receiver(
            connection,
            lesson_id=lesson_id,
            room_id=receiver.room_id,
            class_id=receiver.class_id,
            assistant_id=receiver.assistant_id,
        )


class NoDraft(Exception):
    """There is no such draft, or it was published meanwhile."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A published version that was to begin later, and now never holds."""

    number: int
    valid_from: date


async def publish(
    connection: Connection, version_id: UUID, term_id: str, valid_from: date, at: datetime
) -> tuple[Replaced, ...]:
    """From `valid_from` on a draft holds, in place of whatever would have held from then on; the
    later versions that this replaces. Raises NoDraft: the caller's transaction ends with it."""
    await _sql.one_at_a_time(connection, term_id=term_id)
    ended = [
        value(Replaced, row)
        async for row in _sql.supersede(connection, term_id=term_id, valid_from=valid_from)
    ]
    if not await _sql.publish(connection, version_id=version_id, valid_from=valid_from, at=at):
        raise NoDraft
    later = [each for each in ended if each.valid_from > valid_from]
    return tuple(sorted(later, key=lambda each: each.number))


async def versions_between(
    connection: Connection, since: date, until: date
) -> tuple[TimetableVersion, ...]:
    """Published versions that hold on some day of [since, until], whole."""
    rows = [row async for row in _sql.versions_between(connection, since=since, until=until)]
    return tuple(
        [value(TimetableVersion, row, lessons=await lessons(connection, row["id"])) for row in rows]
    )


async def lessons(connection: Connection, version_id: UUID) -> tuple[Lesson, ...]:
    """A version's lessons, in order of time."""
    receivers: dict[UUID, list[Receiver]] = defaultdict(list)
    async for row in _sql.receivers_of_version(connection, version_id=version_id):
        receivers[row["lesson_id"]].append(value(Receiver, row))
    return tuple(
        [
            value(Lesson, row, receivers=tuple(receivers[row["id"]]))
            async for row in _sql.lessons_of_version(connection, version_id=version_id)
        ]
    )
