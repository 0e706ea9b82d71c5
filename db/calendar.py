"""Terms, the days that depart from the rule, and bells."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.model import BellPeriod, BellSchedule, CalendarDay, Term

_sql = named("calendar")


async def add_term(connection: Connection, term: Term) -> None:
    await _sql.add_term(
        connection,
        id=term.id,
        name=term.name,
        zone=term.zone,
        week1_monday=term.week1_monday,
        starts_on=term.starts_on,
        ends_on=term.ends_on,
    )
    for day in term.days:
        await set_day(connection, term.id, day)


async def set_day(connection: Connection, term_id: str, day: CalendarDay) -> None:
    """Make a day a holiday or a make-up workday; setting it again replaces what it was."""
    await _sql.set_day(connection, term_id=term_id, day=day.day, acts_as=day.acts_as, note=day.note)


async def add_bells(connection: Connection, schedules: Iterable[BellSchedule]) -> None:
    for schedule in schedules:
        for period in schedule.periods:
            await _sql.add_bell_period(
                connection,
                school_code=schedule.school_code,
                valid_from=schedule.valid_from,
                period=period.period,
                starts=period.starts,
                ends=period.ends,
            )


async def term_on(connection: Connection, day: date) -> Term | None:
    """The term that contains a day, with its departing days; None between terms."""
    row = await _sql.term_on(connection, day=day)
    return None if row is None else value(Term, row, days=await _days(connection, row["id"]))


async def latest_term(connection: Connection) -> Term | None:
    row = await _sql.latest_term(connection)
    return None if row is None else value(Term, row, days=await _days(connection, row["id"]))


async def _days(connection: Connection, term_id: str) -> tuple[CalendarDay, ...]:
    rows = [row async for row in _sql.days_of_term(connection, term_id=term_id)]
    return tuple(value(CalendarDay, row) for row in rows)


async def bells(connection: Connection) -> tuple[BellSchedule, ...]:
    """Every school's schedules, each with its first day."""
    rows = [row async for row in _sql.bell_periods(connection)]
    return tuple(
        BellSchedule(code, since, tuple(value(BellPeriod, row) for row in periods))
        for (code, since), periods in groupby(rows, lambda r: (r["school_code"], r["valid_from"]))
    )
