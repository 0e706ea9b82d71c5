"""Coverage as it is read for pages, the API and reports: the figures and the links behind them."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL
from db import calendar, city
from db.coverage import links_between
from scheduler import coverage
from scheduler.coverage import Coverage, Link
from scheduler.model import SchoolRole, Term


@dataclass(frozen=True, slots=True)
class CoverageReport:
    term: Term
    coverage: Coverage
    links: tuple[Link, ...]


async def read_coverage(
    request: web.Request,
    since: date | None = None,
    until: date | None = None,
    as_of: datetime | None = None,
) -> CoverageReport:
    """The figures of a period; by default the term so far, as known now. Raises Refused."""
    now = as_of or request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        term = await calendar.latest_term(connection)
        if term is None:
            raise Refused(409, "There is no term yet: an administrator must enter the calendar.")
        first = since or term.starts_on
        last = until or min(now.astimezone(ZoneInfo(term.zone)).date(), term.ends_on)
        if last < first:
            raise Refused(422, "The period ends before it begins.")
        links = await links_between(connection, first, last, now)
        rooms = await city.rooms(connection)
        targets = await city.targets(connection)
        schools = await city.schools(connection)
    receiving = [s.code for s in schools if s.role is SchoolRole.RECEIVING]
    found = coverage.derive(links, rooms, targets, receiving, since=first, until=last, as_of=now)
    return CoverageReport(term, found, tuple(links))
