"""Emptying a media node in the middle of lessons: it takes no lesson any more, and those it has go
to other nodes.

The node writes down that it is being drained; the clock's leader then places its lessons anew
(classroom_sync/handover.py). The node waits until nobody is left on it.
"""

import asyncio
import contextlib
from uuid import UUID

import structlog

from db import nodes
from db.errors import DatabaseError
from db.pool import Pool
from media.node import MediaNode

log = structlog.get_logger()

_LOOK = 0.25  # seconds


class Drain:
    """A node's own part. `asked` is set when it is to take no lesson any more."""

    def __init__(self, pool: Pool, node_id: UUID, media: MediaNode) -> None:
        self._pool = pool
        self._node_id = node_id
        self._media = media
        self.asked = asyncio.Event()

    async def ask(self) -> int:
        """Take no lesson any more, and let those that are here go elsewhere; how many there are.
        While the database is away, its row says so when the lease is next renewed."""
        self.asked.set()
        with contextlib.suppress(DatabaseError):
            async with self._pool.connection() as connection:
                await nodes.drain(connection, [self._node_id])
        return self._media.snapshot()["rooms"]

    async def done(self, seconds: float, *, alone_too: bool) -> None:
        """Until nobody is on the node, at most so long. Where no other node takes lessons that is
        waited for only if `alone_too`: another may come, or the lessons end."""
        deadline = asyncio.get_running_loop().time() + seconds
        while left := self._media.snapshot()["rooms"]:
            in_vain = not alone_too and not await self._others()
            if in_vain or asyncio.get_running_loop().time() >= deadline:
                log.warning("stopping with lessons on", lessons=left)
                return
            await asyncio.sleep(_LOOK)
        log.info("drained")

    async def _others(self) -> bool:
        try:
            async with self._pool.connection() as connection:
                return await nodes.others_take(connection, self._node_id)
        except DatabaseError:
            return False
