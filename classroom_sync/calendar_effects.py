"""What a change of the calendar would do to lessons, before it is saved."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from classroom_sync.errors import Refused
from classroom_sync.planning import HORIZON
from db import calendar, city, sessions, timetable
from db.pool import Connection
from scheduler.bells import NoBells, instant
from scheduler.calendar import teaching_day, with_overrides
from scheduler.model import CalendarDay, Occurrence, Session, SessionState, Term
from scheduler.occurrences import expand


@dataclass(frozen=True, slots=True)
class Effect:
    """Lessons of the published timetable that a change cancels and that it brings about, in order;
    a lesson that keeps its date and time is in neither. `staying` have been opened or cancelled by
    hand already, and stay as they are. `apart` are classes outside of the timetable, make-ups among
    them, on days that are off from then on: they are held all the same."""

    cancelled: tuple[Occurrence, ...]
    held: tuple[Occurrence, ...]
    staying: int
    apart: tuple[Session, ...] = ()


def with_day(term: Term, day: CalendarDay) -> Term:
    """The term as the administrator's word on a day would make it."""
    return replace(term, days=with_overrides(term.days, [day]))


async def without_own(connection: Connection, term: Term, day: date) -> Term:
    """The term with what is official on a day, whatever the administrator has said of it."""
    official, own = await calendar.days(connection, term.id)
    return replace(term, days=with_overrides(official, [d for d in own if d.day != day]))


async def effect(
    connection: Connection, before: Term, after: Term, days: Iterable[date], now: datetime
) -> Effect:
    """What becomes of the lessons on some days. Raises Refused (409) where a published lesson is in
    a period that its school's bells do not have then."""
    wanted = sorted(days)
    if not wanted:
        return Effect((), (), 0)
    since, until = wanted[0], wanted[-1]
    versions = await timetable.versions_between(connection, since, until)
    schedules = await calendar.bells(connection)
    schools = {room.id: room.school_code for room in await city.rooms(connection)}
    chosen = frozenset(wanted)

    def held(term: Term) -> dict[tuple[UUID, datetime], Occurrence]:
        found = expand(term, versions, schedules, schools, since, until)
        return {(o.lesson.id, o.starts_at): o for o in found if o.day in chosen and o.ends_at > now}

    try:
        old, new = await asyncio.to_thread(lambda: (held(before), held(after)))
    except NoBells:
        raise Refused(
            409, "A lesson is in a period that its school's bells do not have: move or remove it."
        ) from None
    gone = [o for key, o in old.items() if key not in new]
    come = [o for key, o in new.items() if key not in old]
    stored = await _stored(connection, [*gone, *come])
    stay = {key for key, state in stored.items() if state is not SessionState.SCHEDULED}
    planned = now.astimezone(ZoneInfo(before.zone)).date() + HORIZON
    return Effect(
        tuple(
            o
            for o in gone
            if (o.lesson.id, o.day) not in stay
            # what clashes has no session where all is planned: it would not be held anyway
            and (o.day >= planned or (o.lesson.id, o.day) in stored)
        ),
        tuple(o for o in come if (o.lesson.id, o.day) not in stay),
        len(stay),
        await _apart(connection, after, wanted, now),
    )


async def _apart(
    connection: Connection, after: Term, days: list[date], now: datetime
) -> tuple[Session, ...]:
    """Classes still to come on days off that no timetable has planned."""
    off = {day for day in days if teaching_day(after, day) is None}
    if not off:
        return ()
    found = await sessions.between(
        connection, instant(min(off), time(), after.zone), instant(max(off), time.max, after.zone)
    )
    return tuple(
        s
        for s in found
        if s.lesson_id is None
        and s.on_day in off
        and s.starts_at > now
        and s.state in (SessionState.SCHEDULED, SessionState.OPEN)
    )


async def _stored(
    connection: Connection, occurrences: list[Occurrence]
) -> dict[tuple[UUID | None, date], SessionState]:
    """Lesson and day of those that have a session → its state."""
    if not occurrences:
        return {}
    since = min(o.starts_at for o in occurrences) - timedelta(days=1)
    until = max(o.ends_at for o in occurrences) + timedelta(days=1)
    about = {(o.lesson.id, o.day) for o in occurrences}
    found = await sessions.between(connection, since, until)
    return {(s.lesson_id, s.on_day): s.state for s in found if (s.lesson_id, s.on_day) in about}
