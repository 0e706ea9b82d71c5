"""School years of several cities, from a seed, put into a migrated database by its owner.

Each city has 48 rooms, 20 that lead and 28 that receive, and 160 lessons a day with 224 links.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg

from db import calendar, partitions, rollups
from db.partitions import ByMonth
from db.queries import named
from scheduler.calendar import teaching_days
from scheduler.model import Term

_sql = named("bench")


@dataclass(frozen=True, slots=True)
class Size:
    """What is made. `weeks` of each of the two terms of a year are taught in."""

    seed: int = 1
    cities: int = 10
    years: int = 3
    weeks: int = 20
    intervals: int = 15  # of presence, of each link, about


def terms(size: Size) -> tuple[Term, ...]:
    """Two a school year, the last one ending in the summer of 2026."""
    found = []
    for year in range(2026 - size.years, 2026):
        for name, monday in (("autumn", date(year, 9, 1)), ("spring", date(year + 1, 2, 16))):
            first = monday - timedelta(days=monday.weekday())
            last = first + timedelta(weeks=size.weeks, days=-3)
            found.append(Term(f"{year}-{name}", name, "Asia/Shanghai", first, first, last))
    return tuple(found)


async def fill(dsn: str, size: Size, say: Callable[[str], None]) -> None:
    """Make it all, and roll up every week. `dsn` is the owner's; the database has no schools yet.

    Presence is loaded without its exclusion constraint, which is not what is measured.
    """
    connection = await asyncpg.connect(dsn)
    try:
        await _sql.functions(connection)
        await connection.execute("BEGIN")
        await _drop_exclusions(connection)
        await _sql.registers(connection, cities=size.cities)
        await _sql.room_history(connection)
        all_terms = terms(size)
        for term in all_terms:
            await calendar.add_term(connection, term)
        first, last = all_terms[0].starts_on, all_terms[-1].ends_on
        for table in ByMonth:
            await partitions.make(connection, table, first, last)
        await _drop_exclusions(connection)
        await connection.execute("COMMIT")
        number = 0
        for term in all_terms:
            days = [d.day for d in teaching_days(term, term.starts_on, term.ends_on)]
            await _term(connection, size, days, list(range(number, number + len(days))))
            number += len(days)
            say(f"{term.id}: {len(days)} days of {size.cities} cities")
        await connection.execute("ANALYZE")
        await connection.execute("SET session_replication_role = origin")
        await _sql.registers_taken_over(connection)
        for term in all_terms:
            await _sql.facts(connection, first=term.starts_on, last=term.ends_on)
        await connection.execute("VACUUM ANALYZE")
        say("links derived")
        for monday in await rollups.changed(connection, last + timedelta(days=30)):
            await rollups.roll_up(connection, monday)
        await rollups.roll_up_blocks(connection, last + timedelta(days=60))
        await connection.execute("VACUUM ANALYZE")
        say("weeks rolled up")
    finally:
        await connection.close()


async def _term(
    connection: "asyncpg.Connection[asyncpg.Record]",
    size: Size,
    days: Sequence[date],
    numbers: Sequence[int],
) -> None:
    """A term's days, some at a time, so that no statement holds much of it."""
    for start in range(0, len(days), 20):
        part = {"days": days[start : start + 20], "numbers": numbers[start : start + 20]}
        asked = {**part, "cities": size.cities, "seed": size.seed}
        await _sql.sessions(connection, **asked)
        await _sql.leads(connection, numbers=part["numbers"], cities=size.cities)
        await _sql.links(connection, **part, cities=size.cities)
        await _sql.attendance(connection, days=part["days"], seed=size.seed)
        await _sql.presence(connection, days=part["days"], seed=size.seed, intervals=size.intervals)
        await _sql.evaluations(connection, days=part["days"], seed=size.seed)
        await _sql.research(connection, **part, cities=size.cities)


async def _drop_exclusions(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for row in [row async for row in _sql.presence_exclusions(connection)]:
        await connection.execute(row["statement"])
