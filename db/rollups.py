"""Weeks added up, so that a report of years reads as much as one of days.

No report depends on it: weeks that are not rolled up, or changed since, are read from their links.
"""

from dataclasses import dataclass
from datetime import date

from db.pool import Connection
from db.queries import named
from scheduler.indicators.values import IndicatorRules

_sql = named("rollups")


@dataclass(frozen=True, slots=True)
class Difference:
    """A week in which what is kept differs from what its source gives: rows on either side."""

    monday: date
    links: int
    research: int
    sums: int
    makeups: int
    members: int
    sets: int
    block: int  # members of the eight weeks that the week is in
    reach: int  # and of the 64 weeks


async def changed(
    connection: Connection, today: date, choices: IndicatorRules | None = None
) -> list[date]:
    """Mondays of the weeks before this one that are to be rolled up."""
    found = _sql.changed_weeks(connection, today=today, **_limits(choices))
    return [row["monday"] async for row in found]


async def roll_up(
    connection: Connection, monday: date, choices: IndicatorRules | None = None
) -> None:
    """Add up one week anew; best in a transaction of its own."""
    await _sql.roll_up(connection, monday=monday, **_limits(choices))


async def roll_up_blocks(connection: Connection, today: date) -> int:
    """Put weeks together by the eight, where all eight are over and added up; how many blocks."""
    blocks = [row["block"] async for row in _sql.open_blocks(connection, today=today)]
    for block in blocks:
        await _sql.roll_up_block(connection, block=block)
    return len(blocks)


async def check_rollups(connection: Connection, since: date, until: date) -> tuple[Difference, ...]:
    """Derive every week of a period again and compare: the weeks in which something differs.

    Links and meetings are held to sessions and attendance, roll-ups to links; weeks that wait to be
    rolled up have no roll-up to compare.
    """
    found = []
    mondays = [
        r["monday"] async for r in _sql.weeks_with_sessions(connection, since=since, until=until)
    ]
    for monday in mondays:
        difference = Difference(
            monday,
            await _sql.different_links(connection, monday=monday),
            await _sql.different_research(connection, monday=monday),
            await _sql.different_sums(connection, monday=monday),
            await _sql.different_makeups(connection, monday=monday),
            await _sql.different_members(connection, monday=monday),
            await _sql.different_sets(connection, monday=monday),
            await _sql.different_block_members(connection, monday=monday),
            await _sql.different_reach(connection, monday=monday),
        )
        if difference != Difference(monday, *(0,) * 8):
            found.append(difference)
    return tuple(found)


def _limits(choices: IndicatorRules | None) -> dict[str, float]:
    choices = choices or IndicatorRules()
    return {"delay_limit": choices.delay_limit_ms, "loss_limit": choices.loss_limit}
