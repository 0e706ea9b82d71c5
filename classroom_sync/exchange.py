"""Files in and out, between the formats and the database; pages and commands alike use it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from classroom_sync.formats import fet, oneroster, timetable_export
from classroom_sync.formats.kinds import Export, FileKind
from classroom_sync.formats.oneroster import Roster
from classroom_sync.formats.oneroster_files import is_oneroster
from classroom_sync.formats.spreadsheet import read_sheets
from classroom_sync.formats.timetable_preview import Kind, Preview, preview
from classroom_sync.formats.vocabulary import Names
from db import calendar, city, registers, timetable
from db.pool import Connection
from scheduler import bells
from scheduler.calendar import week_of
from scheduler.model import BellSchedule, Lesson, Term


class NoTerm(Exception):
    """There is no such term, or none at all: enter the calendar first."""


@dataclass(frozen=True, slots=True)
class _City:
    names: Names
    schedules: tuple[BellSchedule, ...]


async def _city(connection: Connection) -> _City:
    return _City(
        Names(
            tuple(await city.schools(connection)),
            tuple(await city.rooms(connection)),
            tuple(await city.teachers(connection)),
            tuple(await city.class_groups(connection)),
            tuple(await city.subjects(connection)),
        ),
        await calendar.bells(connection),
    )


async def term_of(connection: Connection, term_id: str | None) -> Term | None:
    """The term of an id, or the latest one. Raises NoTerm for an id that is not known."""
    if term_id is None:
        return await calendar.latest_term(connection)
    term = await calendar.term(connection, term_id)
    if term is None:
        raise NoTerm
    return term


async def examine(
    connection: Connection,
    content: bytes,
    name: str,
    kind: FileKind | None,
    term: Term | None,
    now: datetime,
) -> Preview | Roster:
    """What a file would bring in; nothing is stored. Registers need no term.

    Raises UnreadableFile, NoTerm.
    """
    found = await _city(connection)
    if kind is FileKind.ONEROSTER or (kind is None and is_oneroster(content)):
        return await asyncio.to_thread(oneroster.read, content, found.names)
    if term is None:
        raise NoTerm
    layout = None if kind is None else Kind(kind)
    on = day_within(term, now)

    def read() -> Preview:
        return preview(read_sheets(content, name), found.names, found.schedules, on, layout)

    return await asyncio.to_thread(read)


def day_within(term: Term, now: datetime) -> date:
    """Today, or the nearest day of the term."""
    today = now.astimezone(ZoneInfo(term.zone)).date()
    return min(max(today, term.starts_on), term.ends_on)


async def take_lessons(
    connection: Connection, term: Term | None, lessons: Sequence[Lesson]
) -> UUID:
    """The lessons as a new draft of the term's timetable; its id. Raises NoTerm."""
    if term is None:
        raise NoTerm
    return await timetable.add_draft(connection, term.id, lessons)


async def take_roster(connection: Connection, roster: Roster, now: datetime) -> None:
    """Schools, people and classes: new ones added, known ones updated."""
    await registers.put(connection, roster.schools, roster.teachers, roster.classes, now)


@dataclass(frozen=True, slots=True)
class Exported:
    content: bytes
    lessons: int


async def export(
    connection: Connection,
    what: Export,
    term: Term | None,
    on: date | None,
    made_at: datetime,
    locale: str,
    week: int | None = None,
) -> Exported:
    """The timetable that holds on a day (by default today, or the term's nearest), or the
    registers. `week` is FET's; by default the day's.

    Raises NoTerm, fet.TooFine, bells.NoBells.
    """
    found = await _city(connection)
    if what is Export.ONEROSTER:
        return Exported(await asyncio.to_thread(oneroster.write, found.names, term, made_at), 0)
    if term is None:
        raise NoTerm
    on = on or day_within(term, made_at)
    versions = await timetable.versions_between(connection, on, on)
    lessons = versions[-1].lessons if versions else ()
    valid = [
        bells.schedule_on(found.schedules, code, on)
        for code in sorted({lesson.hub_code for lesson in lessons})
    ]
    busy = await timetable.busy_times(connection, term.id)

    def write() -> bytes:
        match what:
            case Export.GRID:
                return timetable_export.write_grid(
                    lessons, found.names, valid, term.name, made_at, locale
                )
            case Export.LIST:
                return timetable_export.write_list(lessons, found.names, made_at, locale)
            case _:
                number = week_of(term, on) if week is None else week
                return fet.write(lessons, found.names, found.schedules, on, number, busy)

    return Exported(await asyncio.to_thread(write), len(lessons))
