"""Which report is asked for, by a page, the API or the command, and reading it."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from classroom_sync.errors import Refused
from classroom_sync.pages.names import Names, read_names_on
from classroom_sync.reports.labels import values
from db import calendar, indicators
from db.pool import Connection
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Cut, Dimension, IndicatorRules, Report
from scheduler.model import Term

_MONTH = re.compile(r"2[01][0-9]{2}-(0[1-9]|1[0-2])")
_YEARS = range(2000, 2200)  # that a report may speak of
_LONGEST = timedelta(days=3653)  # ten years: each week of a period is a row of every report


class Wanted(BaseModel, frozen=True, extra="forbid"):
    """A period, a part of the city, and what its figures are told apart by."""

    since: date | None = Field(default=None, description="first day; by default the term's first")
    until: date | None = Field(default=None, description="last day, included; by default today")
    as_of: datetime | None = Field(
        default=None, description="what was known at this instant (with a zone); by default now"
    )
    of: str = Field(
        default="city",
        max_length=80,
        description="city, or one value of a dimension: school:2132000004, subject:music, …",
    )
    by: Dimension = Field(
        default=Dimension.SCHOOL, description="what the figures are told apart by"
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A report with the names that its ids go by; `term` is the one at its `as_of`."""

    term: Term
    report: Report
    names: Names
    by: Dimension


async def read_cut(
    connection: Connection, wanted: Wanted, now: datetime
) -> tuple[Term, Cut, datetime, Names]:
    """The term at `as_of`, the cut that is asked for, `as_of` by the term's zone, and names as they
    were at the end of the period.

    So the same instant gives the same report, however it is written, and whichever terms are
    entered later. Raises Refused.
    """
    as_of = wanted.as_of or now
    if as_of.tzinfo is None:
        raise Refused(422, "Times need a zone, such as 2026-09-01T08:30:00+08:00.")
    if any(each.year not in _YEARS for each in (as_of, wanted.since, wanted.until) if each):
        raise Refused(422, "Reports are of the years 2000 to 2199: choose other days.")
    term = await calendar.latest_term(connection, as_of)
    if term is None:
        raise Refused(409, "There is no term yet: an administrator must enter the calendar.")
    since = wanted.since or term.starts_on
    as_of = as_of.astimezone(ZoneInfo(term.zone))
    today = as_of.date()
    until = wanted.until or max(since, min(today, term.ends_on))
    if until < since:
        raise Refused(422, "The period ends before it begins.")
    if until - since >= _LONGEST:
        raise Refused(422, "A report is of ten years at most: choose a shorter period.")
    names = await read_names_on(connection, min(until, today), as_of)
    dimension, key = _part(wanted.of, names)
    return term, Cut(since, until, dimension, key), as_of, names


async def read_report(
    connection: Connection,
    wanted: Wanted,
    now: datetime,
    rules: AttendanceRules,
    choices: IndicatorRules,
    beside: Collection[Dimension] = (),
) -> Found:
    """The report; by default the term so far, as known now. It is told apart by what is wanted, and
    after that by what is asked for `beside`. Raises Refused."""
    term, cut, as_of, names = await read_cut(connection, wanted, now)
    by = Dimension.MONTH if wanted.by is Dimension.CITY else wanted.by
    apart = (by, *(each for each in beside if each is not by))
    report = await indicators.report(connection, cut, as_of, rules, apart, choices)
    if cut.dimension not in (Dimension.CITY, Dimension.MONTH):
        report = replace(report, targets=())  # they are the city's: no part of it has its own
    return Found(term, report, names, by)


def _part(of: str, names: Names) -> tuple[Dimension, str]:
    name, _, key = of.partition(":")
    if name not in {d.value for d in Dimension}:
        raise Refused(422, "There is no such part of the city: choose one from the list.")
    dimension = Dimension(name)
    known = values(names, dimension)
    if dimension is Dimension.CITY:
        good = not key
    elif dimension is Dimension.MONTH:
        good = bool(_MONTH.fullmatch(key))
    else:
        good = key in known
    if not good:
        raise Refused(422, "There is no such part of the city: choose one from the list.")
    return dimension, key
