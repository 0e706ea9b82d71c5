"""Sessions that another process has written about, read again here.

The database tells which (db/notices.py). What is told many times while one is being read is read
once more; while the database is away, all that is known here stands, and is read again after it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

import structlog

from db.errors import Unreachable

log = structlog.get_logger()

_AGAIN = 0.5  # seconds after the database could not be reached


class SessionNotices:
    """`refresh` reads one session again, if it is known here; `known` lists those that are."""

    def __init__(
        self, refresh: Callable[[UUID], Awaitable[None]], known: Callable[[], Iterable[UUID]]
    ) -> None:
        self._refresh = refresh
        self._known = known
        self._stale: set[UUID] = set()
        self._told = asyncio.Event()

    def told(self, word: str) -> None:
        """The session with this id has changed."""
        self._stale.add(UUID(word))
        self._told.set()

    def anew(self) -> None:
        """Whatever is known may have changed meanwhile."""
        self._stale.update(self._known())
        self._told.set()

    async def run(self) -> None:
        """For ever: read again what has changed."""
        while True:
            await self._told.wait()
            self._told.clear()
            while self._stale:
                session_id = self._stale.pop()
                try:
                    await self._refresh(session_id)
                except Unreachable as error:
                    log.warning("session not read again yet", cause=str(error))
                    self._stale.add(session_id)
                    await asyncio.sleep(_AGAIN)
