"""Keep the coming days' sessions in step with the published timetable."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from db import calendar, city, sessions, timetable
from db.pool import Connection
from db.sessions import Clash
from scheduler.occurrences import expand

log = structlog.get_logger()

HORIZON = timedelta(days=14)


async def plan_sessions(connection: Connection, now: datetime) -> list[Clash]:
    """Store the sessions of the next days; those that clash with what is stored are returned.

    Sessions planned by a version that no longer holds are dropped, unless they have been opened.
    """
    term = await calendar.latest_term(connection)
    if term is None:
        return []
    today = now.astimezone(ZoneInfo(term.zone)).date()
    until = today + HORIZON
    await sessions.drop_superseded(connection, now)
    versions = await timetable.versions_between(connection, today, until)
    bells = await calendar.bells(connection)
    schools = {room.id: room.school_code for room in await city.rooms(connection)}
    clashes = []
    for occurrence in expand(term, versions, bells, schools, today, until):
        if occurrence.ends_at <= now:
            continue
        stored = await sessions.add_occurrence(connection, occurrence)
        if isinstance(stored, Clash):
            clashes.append(stored)
    if clashes:
        log.warning("lessons clash and are not held", count=len(clashes), first=clashes[0].what)
    return clashes
