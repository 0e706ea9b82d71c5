"""The coverage report: facts added up by the database, formulas from scheduler.indicators.

Everything is read in one snapshot. The same arguments and the same `as_of` give the same report:
what was derived, evaluated, fetched or watched later is not seen.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from db.behind import rows_behind
from db.indicator_facts import (
    WEEK,
    Reading,
    Tallies,
    Terms,
    local_day,
    period,
    read_registers,
    read_terms,
    snapshot,
)
from db.pool import Connection
from scheduler.attendance import AttendanceRules
from scheduler.indicators.burn_up import burn_up
from scheduler.indicators.facts import Registers, Tally
from scheduler.indicators.formulas import indicators
from scheduler.indicators.values import Cut, Dimension, IndicatorRules, Report, Row, Week

__all__ = ["report", "rows_behind"]


async def report(
    connection: Connection,
    cut: Cut,
    as_of: datetime,
    rules: AttendanceRules,
    breakdowns: Sequence[Dimension] = (),
    choices: IndicatorRules | None = None,
) -> Report:
    """The indicators of a cut as known at `as_of`, with their weekly trend and breakdowns.

    `rules` are those that attendance is derived by: they stand on the report.
    """
    choices = choices or IndicatorRules()
    async with snapshot(connection):
        terms = await read_terms(connection)
        day = local_day(terms, as_of)
        registers = await read_registers(connection, cut, terms, as_of)
        reading = Reading(connection, cut, as_of, day, choices, registers)
        own = await reading.tallies(Dimension.CITY)
        weeks = await reading.tallies(WEEK)
        told_apart = []
        for dimension in breakdowns:
            found = await reading.tallies(dimension)
            told_apart.append((dimension, _rows(cut, found, registers, choices, day, dimension)))
    step = (cut.dimension, cut.key)
    mine = registers.of(*step)
    return Report(
        cut=cut,
        as_of=as_of,
        rules=rules,
        indicators=indicators(own.get("", Tally()), mine, choices, day, step),
        breakdowns=tuple(told_apart),
        trend=_trend(cut, weeks, mine, choices, day, terms),
        targets=registers.targets,
        burn_up=burn_up(
            (
                r.counts_from
                for r in mine.rooms
                if r.counts_from is not None and (choices.hub_rooms_count or not r.hub)
            ),
            registers.targets if cut.dimension in (Dimension.CITY, Dimension.MONTH) else (),
            day,
        ),
        choices=choices,
    )


def _rows(
    cut: Cut,
    found: Tallies,
    registers: Registers,
    choices: IndicatorRules,
    day: date,
    dimension: Dimension,
) -> tuple[Row, ...]:
    mine = registers.of(cut.dimension, cut.key)
    theirs = mine.apart(dimension)
    keys = sorted({*found, *_known(dimension, mine)})
    return tuple(
        Row(
            key,
            indicators(
                found.get(key, Tally()),
                theirs(key),
                choices,
                day,
                (cut.dimension, cut.key),
                (dimension, key),
            ),
        )
        for key in keys
    )


def _known(dimension: Dimension, registers: Registers) -> frozenset[str]:
    """Values that stand in a breakdown even where nothing happened."""
    match dimension:
        case Dimension.SCHOOL:
            return frozenset(s.code for s in registers.schools)
        case Dimension.ROOM:
            return frozenset(r.id for r in registers.rooms if not r.hub and r.counts_from)
        case Dimension.HUB:
            return frozenset(s.hub_code for s in registers.schools if s.hub_code)
        case Dimension.PHASE:
            return frozenset(str(r.phase) for r in registers.rooms)
        case _:
            return frozenset()


def _trend(
    cut: Cut,
    found: Tallies,
    registers: Registers,
    choices: IndicatorRules,
    day: date,
    terms: Terms,
) -> tuple[Week, ...]:
    """Every calendar week of the period that has begun."""
    since, until = period(cut)
    monday = since - timedelta(days=since.weekday())
    weeks = []
    while monday <= min(until, day):
        numbers = indicators(
            found.get(monday.isoformat(), Tally()),
            registers.of_week(monday),
            choices,
            day,
            (cut.dimension, cut.key),
            (Dimension.MONTH, ""),  # as of a month: everything but indicator 1
        )
        weeks.append(Week(monday, _teaching_week(terms, monday), numbers))
        monday += timedelta(days=7)
    return tuple(weeks)


def _teaching_week(terms: Terms, monday: date) -> int | None:
    for term, _ in terms:
        if term.starts_on <= monday + timedelta(days=6) and monday <= term.ends_on:
            return (monday - term.week1_monday).days // 7 + 1
    return None
