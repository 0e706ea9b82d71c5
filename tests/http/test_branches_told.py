"""What a control process tells the nodes of a session while one of them does not answer."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from classroom_sync.node_links import NodeAway
from db import nodes, sessions
from db.nodes import MediaNodeRow
from tests.http.test_recording_control import School, node_at, school

__all__ = ["school"]


async def _spread_to_a_dead_branch(school: School) -> None:
    """Put a room on a node that is listed and does not answer."""
    gone = MediaNodeRow(uuid4(), "test", "http://127.0.0.1:1", None, 1)
    async with school.pool.transaction() as connection:
        await nodes.register(connection, gone, timedelta(minutes=5))
        await sessions.branch(connection, {school.planned.receiving: gone.id})


@pytest.mark.parametrize("attempt", range(4))  # a set of nodes has no order of its own
async def test_a_branch_that_is_away_keeps_nothing_from_the_sessions_own_node(
    school: School, tmp_path: Path, attempt: int
) -> None:
    room, lead = str(school.planned.session_id), school.planned.lead
    async with node_at(tmp_path) as node:
        await school.place(node)
        await _spread_to_a_dead_branch(school)
        async with school.control() as live:
            session = await live.need(school.planned.session_id)
            assert len(session.nodes) == 2
            async with asyncio.timeout(10):
                while not live.links.connected:
                    await asyncio.sleep(0.02)  # what crosses the link has no event here
            with pytest.raises(NodeAway):
                await live.give_floor(session.session.id, school.planned.receiving)
            with pytest.raises(NodeAway):
                await live.mute(session.session.id, lead, muted=True)
            wishes = node.media._wishes.of(room)
            assert wishes.floor == str(school.planned.receiving)
            assert wishes.muted == {str(lead)}
