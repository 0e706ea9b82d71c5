"""Coverage as it is read for pages and the API: a period, and the report of it."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from aiohttp import web

from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, NOW, POOL, SETTINGS
from db import calendar, indicators
from scheduler.indicators.values import Cut, Dimension, Indicator, Measure, Report
from scheduler.model import Term


@dataclass(frozen=True, slots=True)
class Coverage:
    """A report, and the term that it is of unless another period was asked for."""

    term: Term
    report: Report

    def measure(self, number: int, slug: str) -> Measure:
        """One measure of the whole cut, by its indicator's number."""
        return measure_of(self.report.indicators, number, slug)


def measure_of(found: tuple[Indicator, ...], number: int, slug: str) -> Measure:
    """One measure out of a row of indicators, by its indicator's number."""
    indicator = next(i for i in found if i.number == number)
    return next(m for m in indicator.measures if m.slug == slug)


async def read_period(
    request: web.Request,
    since: date | None = None,
    until: date | None = None,
    as_of: datetime | None = None,
) -> tuple[Term, Cut, datetime]:
    """The latest term, a period (by default that term so far), and when it is looked at.

    Raises Refused.
    """
    now = as_of or request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        term = await calendar.latest_term(connection)
    if term is None:
        raise Refused(409, "There is no term yet: an administrator must enter the calendar.")
    first = since or term.starts_on
    last = until or min(now.astimezone(ZoneInfo(term.zone)).date(), term.ends_on)
    if last < first:
        raise Refused(422, "The period ends before it begins.")
    return term, Cut(first, last), now


async def read_coverage(
    request: web.Request,
    since: date | None = None,
    until: date | None = None,
    as_of: datetime | None = None,
) -> Coverage:
    """The figures of a period of the city and of its schools. Raises Refused."""
    term, cut, now = await read_period(request, since, until, as_of)
    async with request.app[POOL].connection() as connection:
        report = await indicators.report(
            connection,
            cut,
            now,
            request.app[LIVE].rules,
            (Dimension.SCHOOL,),
            request.app[SETTINGS].indicator_rules,
        )
    return Coverage(term, report)
