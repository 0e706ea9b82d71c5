"""The months that evidence and presence are kept by: made ahead, and dropped when they are old."""

from datetime import date, datetime, timedelta
from enum import StrEnum

from db.pool import Connection
from db.queries import named

_sql = named("partitions")

AHEAD = timedelta(days=100)  # how far ahead months are made


class ByMonth(StrEnum):
    EVIDENCE = "evidence"
    PRESENCE = "presence"


async def tend(connection: Connection, now: datetime, keep_days: int | None) -> None:
    """Make the months ahead, and drop those that ended so many days ago; None keeps them all.

    What was derived from them stays: attendance and every figure, but not the way down to them.
    """
    await make_ahead(connection, now)
    if keep_days is not None:
        for table in ByMonth:
            await drop_before(connection, table, now.date() - timedelta(days=keep_days))


async def make_ahead(connection: Connection, now: datetime) -> int:
    """Make the months that begin in the next days, where there are none; how many were made.

    A row of a month without a partition is kept all the same, and moved once it has one.
    """
    made = 0
    for table in ByMonth:
        made += await make(connection, table, now.date(), now.date() + AHEAD)
    return made


async def make(connection: Connection, table: ByMonth, first: date, last: date) -> int:
    """Make the months from one day to another, where there are none; how many were made."""
    return int(await _sql.make_months(connection, parent=table, first=first, last=last))


async def months(connection: Connection, table: ByMonth) -> tuple[date, ...]:
    """The first days of the months that have a partition."""
    return tuple([row["month"] async for row in _sql.months(connection, parent=table)])


async def drop_before(connection: Connection, table: ByMonth, day: date) -> tuple[date, ...]:
    """Drop the months that ended before a day, with all that is in them; which they were.

    The day may not be in the last 100 days: something late may still come to these.
    """
    dropped = []
    for month in await months(connection, table):
        following = (month + timedelta(days=31)).replace(day=1)
        if following <= day and await _sql.drop_month(connection, parent=table, month=month):
            dropped.append(month)
    return tuple(dropped)
