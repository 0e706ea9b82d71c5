"""The WebSockets open in this process, each closed soon after its web session has ended.

The limits of a web session wait while a socket of it takes part in a lesson: also where the clock
of the machine is set on, and nobody has been idle but for that.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from aiohttp import web

from classroom_sync import auth
from classroom_sync.entry_rules import EntryRules
from db import web_sessions
from db.errors import Unreachable
from db.pool import Pool

log = structlog.get_logger()

LOOK_EVERY = 2.0  # seconds
SIGNED_OUT = 4401  # WebSocket close code: go to the entrance, not here again
_SWEEP_EVERY = timedelta(hours=1)


@dataclass(frozen=True, eq=False, slots=True)
class _Open:
    session_id: UUID
    socket: web.WebSocketResponse
    takes_part: Callable[[], bool]


class OpenSockets:
    """See the module; `run()` looks, and removes web sessions that have idled out now and then."""

    def __init__(self, pool: Pool, rules: EntryRules, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._rules = rules
        self._now = now
        self._open: set[_Open] = set()
        self._swept_at: datetime | None = None

    @contextlib.contextmanager
    def held(
        self, session_id: UUID, socket: web.WebSocketResponse, takes_part: Callable[[], bool]
    ) -> Iterator[None]:
        """Watch over a socket while it is open; it may be asked whether it takes part in a lesson
        that is on."""
        entry = _Open(session_id, socket, takes_part)
        self._open.add(entry)
        try:
            yield
        finally:
            self._open.discard(entry)

    async def look(self) -> None:
        """Close the sockets whose sessions have ended. Raises Unreachable."""
        if not self._open:
            return
        async with self._pool.connection() as connection:
            found = await web_sessions.by_ids(connection, {o.session_id for o in self._open})
        now, excused = self._now(), self._excused()
        good = {
            i
            for i, session in found.items()
            if auth.alive(session, session.seen_at if i in excused else now, self._rules)
        }
        ended = [o for o in self._open if o.session_id not in good]
        self._open.difference_update(ended)
        closing = [o.socket.close(code=SIGNED_OUT, message=b"signed out") for o in ended]
        await asyncio.gather(*closing, return_exceptions=True)  # some clients may be gone already

    def _excused(self) -> set[UUID]:
        return {o.session_id for o in self._open if o.takes_part()}

    async def _sweep(self) -> None:
        """Not at once: the clock of a machine that has just begun may be wrong."""
        now = self._now()
        self._swept_at = self._swept_at or now
        if now - self._swept_at < _SWEEP_EVERY:
            return
        self._swept_at = now
        async with self._pool.connection() as connection:
            await web_sessions.sweep(
                connection,
                now,
                now - self._rules.idle,
                now - self._rules.absolute,
                but=self._excused(),
            )

    async def run(self) -> None:
        """For ever; while the database is away, lessons go on."""
        while True:
            try:
                await self.look()
                await self._sweep()
            except Unreachable as error:
                log.warning("open sockets not looked at", cause=str(error))
            await asyncio.sleep(LOOK_EVERY)
