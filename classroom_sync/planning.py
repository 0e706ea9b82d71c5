"""Keep the coming days' sessions in step with the published timetable."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from db import calendar, changes, city, sessions, timetable
from db.pool import Connection
from db.sessions import Clash
from scheduler.carry import NotCarried, Why, recast, same_lesson
from scheduler.dated import cast_of
from scheduler.model import Lesson, Occurrence, SessionState
from scheduler.occurrences import expand, occurrence

log = structlog.get_logger()

HORIZON = timedelta(days=14)


async def coming(
    connection: Connection, now: datetime, also: Collection[date] = ()
) -> list[Occurrence]:
    """What the published timetable holds in the next days, whether stored as sessions or not; and
    on days further off, if there are any in `also`."""
    bells = await calendar.bells(connection)
    schools = {room.id: room.school_code for room in await city.rooms(connection)}
    found: list[Occurrence] = []
    for each in await calendar.terms(connection):
        today = now.astimezone(ZoneInfo(each.zone)).date()
        until = today + HORIZON
        if each.ends_on < today or each.starts_on > until:
            continue
        term = await calendar.term(connection, each.id)
        assert term is not None, "it was read a moment ago, and terms are not deleted"
        versions = await timetable.versions_between(connection, today, until)
        found += expand(term, versions, bells, schools, today, until)
        for day in sorted({day for day in also if until < day <= term.ends_on}):
            versions = await timetable.versions_between(connection, day, day)
            found += expand(term, versions, bells, schools, day, day)
    return [each for each in found if each.ends_at > now]


async def clashing(connection: Connection, now: datetime) -> list[Occurrence]:
    """Coming lessons that have no session, because something in them is taken by another one."""
    planned = await sessions.between(connection, now, now + HORIZON + timedelta(days=1))
    stored = {(session.lesson_id, session.on_day) for session in planned}
    return [o for o in await coming(connection, now) if (o.lesson.id, o.day) not in stored]


@dataclass(frozen=True, slots=True)
class Planned:
    """What came of planning: lessons that clash and are not held, and what was changed of single
    days but could not be kept."""

    clashes: tuple[Clash, ...]
    lost: tuple[NotCarried, ...]


async def plan_sessions(connection: Connection, now: datetime) -> list[Clash]:
    """Store the sessions of the next days; those that clash with what is stored are returned.

    Sessions planned by a version that no longer holds are dropped, unless they have been opened.
    What was changed of single days is carried over to the version that holds.
    """
    return list((await plan(connection, now)).clashes)


async def plan(connection: Connection, now: datetime) -> Planned:
    """As `plan_sessions`, saying also what could not be carried over."""
    departures = await changes.departures(connection, now)
    await sessions.drop_superseded(connection, now)
    occurrences = await coming(connection, now, [session.on_day for session, _ in departures])
    lost: list[NotCarried] = []
    recasts: list[tuple[Occurrence, Lesson, Lesson]] = []
    makeups = await changes.makeups(connection, [session.id for session, _ in departures])
    for session, old in departures:
        same = same_lesson(old, session.on_day, occurrences)
        if session.state is SessionState.CANCELLED:
            if same is not None:
                await changes.cancelled_instead(connection, session.id, same.lesson.id)
            elif session.id in makeups:
                lost.append(NotCarried(session.on_day, old, Why.MADE_UP))
        elif same is None:
            lost.append(NotCarried(session.on_day, old, Why.GONE))
        else:
            recasts.append((same, old, cast_of(session, old)))
    changed = {(same.lesson.id, same.day) for same, _, _ in recasts}
    clashes = [
        await sessions.add_occurrence(connection, each)
        for each in occurrences
        if (each.lesson.id, each.day) not in changed
    ]
    for same, old, held in recasts:
        cast, whole = recast(old, held, same.lesson)
        if not whole:
            lost.append(NotCarried(same.day, old, Why.OTHERWISE))
        stored = await sessions.add_occurrence(connection, await _dated(connection, cast, same.day))
        if isinstance(stored, Clash):
            lost.append(NotCarried(same.day, old, Why.TAKEN))
            stored = await sessions.add_occurrence(connection, same)
        clashes.append(stored)
    found = tuple(each for each in clashes if isinstance(each, Clash))
    if found:
        log.info("lessons clash and are not held", count=len(found), first=found[0].what)
    return Planned(found, tuple(lost))


async def _dated(connection: Connection, lesson: Lesson, day: date) -> Occurrence:
    term = next(t for t in await calendar.terms(connection) if t.starts_on <= day <= t.ends_on)
    schools = {room.id: room.school_code for room in await city.rooms(connection)}
    return occurrence(term, lesson, day, await calendar.bells(connection), schools)
