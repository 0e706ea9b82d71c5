"""Keep the coming days' sessions in step with the published timetable."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from db import calendar, city, sessions, timetable
from db.pool import Connection
from db.sessions import Clash
from scheduler.model import Occurrence
from scheduler.occurrences import expand

log = structlog.get_logger()

HORIZON = timedelta(days=14)


async def coming(connection: Connection, now: datetime) -> list[Occurrence]:
    """What the published timetable holds in the next days, whether stored as sessions or not."""
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
    return [occurrence for occurrence in found if occurrence.ends_at > now]


async def clashing(connection: Connection, now: datetime) -> list[Occurrence]:
    """Coming lessons that have no session, because something in them is taken by another one."""
    planned = await sessions.between(connection, now, now + HORIZON + timedelta(days=1))
    stored = {(session.lesson_id, session.on_day) for session in planned}
    return [o for o in await coming(connection, now) if (o.lesson.id, o.day) not in stored]


async def plan_sessions(connection: Connection, now: datetime) -> list[Clash]:
    """Store the sessions of the next days; those that clash with what is stored are returned.

    Sessions planned by a version that no longer holds are dropped, unless they have been opened.
    """
    await sessions.drop_superseded(connection, now)
    clashes = []
    for occurrence in await coming(connection, now):
        stored = await sessions.add_occurrence(connection, occurrence)
        if isinstance(stored, Clash):
            clashes.append(stored)
    if clashes:
        log.info("lessons clash and are not held", count=len(clashes), first=clashes[0].what)
    return clashes
