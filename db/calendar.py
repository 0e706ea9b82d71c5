"""Terms, the days that depart from the rule, and bells."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import asyncpg

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.bells import overlaps
from scheduler.calendar import teaching_day, with_overrides
from scheduler.model import BellPeriod, BellSchedule, CalendarDay, Term

_sql = named("calendar")


class BadBells(Exception):
    """Periods of a bell schedule overlap, or ring in another order than their numbers."""

    def __init__(self, periods: tuple[tuple[int, int], ...]) -> None:
        pairs = ", ".join(f"{one} and {other}" for one, other in periods)
        super().__init__(f"the periods {pairs} overlap or ring out of order")
        self.periods = periods


class TermsOverlap(Exception):
    """Two terms share a day."""


async def add_term(connection: Connection, term: Term) -> None:
    """A new term; its days are the administrator's. Raises TermsOverlap."""
    try:
        await _sql.add_term(
            connection,
            id=term.id,
            name=term.name,
            zone=term.zone,
            week1_monday=term.week1_monday,
            starts_on=term.starts_on,
            ends_on=term.ends_on,
        )
    except asyncpg.ExclusionViolationError as error:
        raise TermsOverlap from error
    for day in term.days:
        await set_day(connection, term.id, day)


async def change_term(connection: Connection, changed: Term) -> bool:
    """Another name or other dates for a term; whether there is one of that id. Its days, and the
    zone, stay. Sessions planned on dates that run something else now are forgotten, as by
    `set_day`. Raises TermsOverlap."""
    before = await term(connection, changed.id)
    if before is None:
        return False
    try:
        await _sql.change_term(
            connection,
            id=changed.id,
            name=changed.name,
            week1_monday=changed.week1_monday,
            starts_on=changed.starts_on,
            ends_on=changed.ends_on,
        )
    except asyncpg.ExclusionViolationError as error:
        raise TermsOverlap from error
    after = await term(connection, changed.id)
    assert after is not None, "it has just been changed"
    first, last = min(before.starts_on, after.starts_on), max(before.ends_on, after.ends_on)
    dates = (first + timedelta(days=n) for n in range((last - first).days + 1))
    moved = [day for day in dates if teaching_day(before, day) != teaching_day(after, day)]
    await _sql.forget_planned_on(connection, days=moved)
    return True


async def exam_weeks(connection: Connection, term_id: str) -> frozenset[int]:
    """Numbers of the weeks of a term in which exams are held: no teaching weeks where regular use
    is counted (DOMAIN, indicator 9)."""
    return frozenset([r["week"] async for r in _sql.exam_weeks(connection, term_id=term_id)])


async def set_exam_week(connection: Connection, term_id: str, week: int, *, exams: bool) -> None:
    """Say whether exams are held in a week of a term."""
    query = _sql.add_exam_week if exams else _sql.remove_exam_week
    await query(connection, term_id=term_id, week=week)


async def set_day(connection: Connection, term_id: str, day: CalendarDay) -> None:
    """The administrator's word on a day: a holiday, a make-up workday, or (acting as itself) an
    ordinary day. It holds over the official calendar; setting it again replaces it.

    Here and below: sessions already planned on a day that changes so are forgotten unless they have
    been opened; planning makes those that hold by the new calendar.
    """
    async with _changing(connection, term_id):
        await _set(connection, term_id, day, "admin")


async def reset_day(connection: Connection, term_id: str, day: date) -> bool:
    """Let the official calendar decide on a day again; whether anything had been set."""
    async with _changing(connection, term_id):
        return bool(await _sql.reset_day(connection, term_id=term_id, day=day))


async def set_official_days(
    connection: Connection, term_id: str, days: Iterable[CalendarDay]
) -> None:
    """Replace the official days of a term; what the administrator has set stays and holds."""
    async with _changing(connection, term_id):
        await _sql.clear_official_days(connection, term_id=term_id)
        for day in days:
            await _set(connection, term_id, day, "official")


@contextlib.asynccontextmanager
async def _changing(connection: Connection, term_id: str) -> AsyncIterator[None]:
    before = {d.day: d.acts_as for d in with_overrides(*await days(connection, term_id))}
    yield
    after = {d.day: d.acts_as for d in with_overrides(*await days(connection, term_id))}
    changed = {day for day, _ in before.items() ^ after.items()}
    if changed:
        await _sql.forget_planned_on(connection, days=sorted(changed))


async def _set(connection: Connection, term_id: str, day: CalendarDay, source: str) -> None:
    await _sql.set_day(
        connection, term_id=term_id, day=day.day, acts_as=day.acts_as, note=day.note, source=source
    )


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
                by_hand=period.by_hand,
            )


async def replace_bells(connection: Connection, schedule: BellSchedule) -> None:
    """Store a school's bells from a date on, in place of any that began on the same date.

    Sessions of the school already planned from then on are forgotten, as by `set_day`. Raises
    BadBells.
    """
    if wrong := overlaps(schedule):
        raise BadBells(wrong)
    await _sql.remove_bells(
        connection, school_code=schedule.school_code, valid_from=schedule.valid_from
    )
    await add_bells(connection, [schedule])
    await _sql.forget_planned_by_bells(
        connection, school_code=schedule.school_code, since=schedule.valid_from
    )


async def remove_bells(connection: Connection, school_code: str, valid_from: date) -> None:
    """Take back a school's bells that begin on a date: those before them hold on. Planned sessions
    are forgotten as by `replace_bells`."""
    await _sql.remove_bells(connection, school_code=school_code, valid_from=valid_from)
    await _sql.forget_planned_by_bells(connection, school_code=school_code, since=valid_from)


async def term_on(connection: Connection, day: date) -> Term | None:
    """The term that contains a day, with its departing days; None between terms."""
    return await _with_days(connection, await _sql.term_on(connection, day=day))


async def latest_term(connection: Connection, at: datetime | None = None) -> Term | None:
    """The term that is worked on now, or was at an instant: the one that is on, between terms the
    next, and after the last one the last. None where no term has been entered."""
    return await _with_days(connection, await _sql.latest_term(connection, at=at))


async def term(connection: Connection, term_id: str) -> Term | None:
    return await _with_days(connection, await _sql.term(connection, id=term_id))


async def terms(connection: Connection) -> tuple[Term, ...]:
    """Every term, the earliest first, without its departing days."""
    return tuple([value(Term, row) async for row in _sql.terms(connection)])


async def whole_terms(connection: Connection) -> tuple[Term, ...]:
    """Every term, the earliest first, with its departing days."""
    found = [await _with_days(connection, row) async for row in _sql.terms(connection)]
    return tuple([term for term in found if term is not None])


async def days(
    connection: Connection, term_id: str
) -> tuple[tuple[CalendarDay, ...], tuple[CalendarDay, ...]]:
    """The official days of a term, and the administrator's."""
    rows = [row async for row in _sql.days_of_term(connection, term_id=term_id)]
    official, admin = (
        tuple(value(CalendarDay, row) for row in rows if row["source"] == source)
        for source in ("official", "admin")
    )
    return official, admin


async def _with_days(connection: Connection, row: Any) -> Term | None:
    if row is None:
        return None
    return value(Term, row, days=with_overrides(*await days(connection, row["id"])))


async def bells(connection: Connection) -> tuple[BellSchedule, ...]:
    """Every school's schedules, each with its first day."""
    rows = [row async for row in _sql.bell_periods(connection)]
    return tuple(
        BellSchedule(code, since, tuple(value(BellPeriod, row) for row in periods))
        for (code, since), periods in groupby(rows, lambda r: (r["school_code"], r["valid_from"]))
    )
