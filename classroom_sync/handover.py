"""Lessons of media nodes that are being drained go to others: the leader's part of it.

Pages are told over their WebSocket and rejoin by themselves. What is recorded goes on at the other
node in a new segment; the one before is completed by the node that had it.
"""

import asyncio
import contextlib
from uuid import UUID

import structlog

from classroom_sync.cascade import mend
from classroom_sync.live import Live
from classroom_sync.node_links import NodeAway, NodeLinks
from db import nodes, sessions
from db.pool import Pool

log = structlog.get_logger()

_GOODBYE = 1.0  # seconds that pages are given to leave by themselves, before they are cut off


async def hand_over(pool: Pool, live: Live, links: NodeLinks) -> None:
    """Place lessons of nodes that are being drained on others; where there is none, they stay.

    Raises Unreachable.
    """
    moved: list[tuple[UUID, UUID]] = []
    async with pool.transaction() as connection:
        for session_id, node_id in await nodes.to_hand_over(connection):
            session = await sessions.session(connection, session_id)
            by_load = await nodes.by_load(connection)
            if session is None or session.node_id is None or not by_load:
                continue
            if session.node_id == node_id:
                await live.place(connection, session)
            else:
                rooms = mend(session.participants, session.node_id, by_load, frozenset(by_load))
                await sessions.branch(connection, rooms)
            moved.append((session_id, node_id))
    for session_id, node_id in moved:
        log.info("session handed over", session=str(session_id), by=str(node_id))
        await live.moved(session_id)
    if moved:
        await asyncio.sleep(_GOODBYE)
    for session_id, node_id in moved:
        with contextlib.suppress(NodeAway):  # it is gone already
            await links.command(node_id, "close", room=str(session_id), reason="stopped")
