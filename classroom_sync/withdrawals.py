"""Whose media tokens are good no more: what a media node knows of it, read from the database.

A token outlives the sign-in that it was given to by hours. So it names its holder, the database
notes when a holder ends, and each node looks every two seconds: their tokens are refused from then
on, and the connections made with them end.
"""

import asyncio
from collections.abc import Callable, Container
from datetime import UTC, datetime, timedelta

import structlog

from db import withdrawals
from db.errors import Unreachable
from db.pool import Pool

log = structlog.get_logger()

LOOK_EVERY = 2.0  # seconds
_LONGEST = timedelta(days=1)  # that a media token is good for
_OVERLAP = timedelta(minutes=1)  # a holder is noted some time before that is committed


class Withdrawals:
    """Holders whose tokens are good no more, as long as one of theirs could be. `on_new` is told of
    each once."""

    def __init__(self, pool: Pool, on_new: Callable[[Container[str]], None]) -> None:
        self._pool = pool
        self._on_new = on_new
        self._known: dict[str, datetime] = {}

    def __contains__(self, holder: object) -> bool:
        return holder in self._known

    async def look(self) -> None:
        """Read those that are new. Raises Unreachable."""
        newest = max(self._known.values(), default=None)
        since = datetime.now(UTC) - _LONGEST if newest is None else newest - _OVERLAP
        async with self._pool.connection() as connection:
            found = await withdrawals.withdrawn(connection, since)
        new = {str(holder): at for holder, at in found.items() if str(holder) not in self._known}
        if new:
            self._known.update(new)
            self._on_new(new.keys())
        old = datetime.now(UTC) - 2 * _LONGEST
        for holder in [h for h, at in self._known.items() if at < old]:
            del self._known[holder]

    async def run(self) -> None:
        """For ever; while the database is away, lessons go on."""
        while True:
            try:
                await self.look()
            except Unreachable as error:
                log.warning("withdrawn tokens not read", cause=str(error))
            await asyncio.sleep(LOOK_EVERY)
