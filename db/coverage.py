"""The links a coverage report is made of."""

from datetime import date, datetime

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.coverage import Link

_sql = named("coverage")


async def links_between(
    connection: Connection, since: date, until: date, as_of: datetime
) -> list[Link]:
    """Every link of live lessons in [since, until], with the attendance known at `as_of`."""
    found = _sql.links_between(connection, since=since, until=until, as_of=as_of)
    return [value(Link, row) async for row in found]
