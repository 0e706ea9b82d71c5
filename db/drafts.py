"""Timetable versions as an administrator works on them: listed, opened, changed, given back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from db import timetable
from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.city import ShiftDecision
from scheduler.model import Demand, Lesson, TimetableVersion

_sql = named("drafts")


class NotADraft(Exception):
    """A version is published: it and its lessons cannot change any more."""


class Unknown(Exception):
    """A lesson names a subject, teacher, room or class that there is not, or a room twice."""


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version in a list. `lessons` counts its weekly entries."""

    id: UUID
    number: int
    state: str
    valid_from: date | None
    valid_until: date | None
    created_at: datetime
    published_at: datetime | None
    lessons: int


@dataclass(frozen=True, slots=True)
class Change:
    """Lessons to be put as they are (new, or in place of those of the same id) and to be removed.

    `locked` are the ids of those put that the solver shall leave alone.
    """

    put: tuple[Lesson, ...] = ()
    locked: frozenset[UUID] = frozenset()
    remove: tuple[UUID, ...] = ()


async def versions(connection: Connection, term_id: str) -> list[VersionLine]:
    """A term's versions, the newest first."""
    return [value(VersionLine, row) async for row in _sql.versions(connection, term_id=term_id)]


async def version(connection: Connection, version_id: UUID) -> TimetableVersion | None:
    """One version with its lessons."""
    row = await _sql.version(connection, id=version_id)
    if row is None:
        return None
    return value(TimetableVersion, row, lessons=await timetable.lessons(connection, version_id))


async def locked(connection: Connection, version_id: UUID) -> frozenset[UUID]:
    """The lessons of a version that the solver leaves as they are."""
    return frozenset([row["id"] async for row in _sql.locked(connection, version_id=version_id)])


async def change(connection: Connection, version_id: UUID, wanted: Change) -> Change | None:
    """Change a draft, all at once; what would undo it. None: there is no such version.

    Raises NotADraft, Unknown. The caller's transaction ends with either.
    """
    held = await _sql.hold(connection, id=version_id)
    if held is None:
        return None
    before = {k.id: k for k in await timetable.lessons(connection, version_id)}
    fast = await locked(connection, version_id)
    touched = [*wanted.remove, *(k.id for k in wanted.put)]
    gone = [i for i in dict.fromkeys(touched) if i in before]
    for lesson in wanted.put:
        if await _sql.lesson_elsewhere(connection, id=lesson.id, version_id=version_id):
            raise Unknown
    try:
        await _sql.remove_lessons(connection, version_id=version_id, ids=gone)
        for lesson in wanted.put:
            await timetable.put_lesson(
                connection, version_id, lesson, locked=lesson.id in wanted.locked
            )
    except (asyncpg.ForeignKeyViolationError, asyncpg.UniqueViolationError) as error:
        raise Unknown from error
    except asyncpg.CheckViolationError as error:
        if error.constraint_name == "published_is_immutable":
            raise NotADraft from error
        raise Unknown from error
    if held["state"] != "draft":
        raise NotADraft
    return Change(
        put=tuple(before[i] for i in gone),
        locked=frozenset(i for i in gone if i in fast),
        remove=tuple(k.id for k in wanted.put if k.id not in before),
    )


async def copy(connection: Connection, term_id: str, version_id: UUID) -> UUID:
    """A new draft with a version's lessons, locked ones locked, and its weights; its id."""
    draft = await timetable.add_draft(
        connection,
        term_id,
        await timetable.lessons(connection, version_id),
        await locked(connection, version_id),
    )
    await set_weights(connection, draft, await weights(connection, version_id))
    return draft


async def weights(connection: Connection, version_id: UUID) -> dict[str, int]:
    """Rule → its weight in a version, where that is not the rule's own."""
    rows = _sql.weights(connection, version_id=version_id)
    return {row["rule"]: row["weight"] async for row in rows}


async def set_weights(connection: Connection, version_id: UUID, wanted: Mapping[str, int]) -> bool:
    """Give a draft these weights, and rules that are not named their own; False: no such version.

    Raises NotADraft.
    """
    held = await _sql.hold(connection, id=version_id)
    if held is None:
        return False
    if held["state"] != "draft":
        raise NotADraft
    await _sql.remove_weights(connection, version_id=version_id)
    for rule, weight in wanted.items():
        await _sql.put_weight(connection, version_id=version_id, rule=rule, weight=weight)
    return True


async def remove(connection: Connection, version_id: UUID) -> bool:
    """Throw a draft away; whether there was one."""
    return bool(await _sql.remove_draft(connection, id=version_id))


async def demands(connection: Connection, term_id: str) -> tuple[Demand, ...]:
    return tuple([value(Demand, row) async for row in _sql.demands(connection, term_id=term_id)])


async def decisions(connection: Connection, term_id: str) -> tuple[ShiftDecision, ...]:
    """What receiving schools said to shifts, each school's newest word."""
    rows = _sql.decisions(connection, term_id=term_id)
    return tuple([value(ShiftDecision, row) async for row in rows])


async def decide(
    connection: Connection, term_id: str, said: Iterable[ShiftDecision], by: str, at: datetime
) -> None:
    """Keep a school's word on shifts; a later word on the same one replaces it."""
    for each in said:
        await _sql.decide(
            connection,
            term_id=term_id,
            school_code=each.school_code,
            hub_code=each.hub_code,
            weekday=each.weekday,
            period=each.period,
            approved=each.approved,
            decided_by=by,
            decided_at=at,
        )
