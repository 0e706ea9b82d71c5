"""Several processes over one PostgreSQL: the leader is killed, the database is away, a deploy."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.cluster import cluster_held
from tests.chaos.measured import Measured
from tests.chaos.servers import Process

Said = Callable[[Measured], None]
_LESSONS = 12


async def test_leader_database_and_deploy(
    tmp_path: Path, said: Said, pytestconfig: pytest.Config
) -> None:
    away = 60.0 * pytestconfig.getoption("minutes", 0.0) or 12.0
    async with cluster_held(tmp_path, _LESSONS) as (held, cluster):

        async def kill_leader() -> None:
            leader = await cluster.leader()
            await leader.kill()
            [held.server] = cluster.control = [c for c in cluster.control if c is not leader]
            await cluster.leader()

        async def without_database() -> None:
            await asyncio.to_thread(cluster.postgres.stop)
            await asyncio.sleep(away)
            await asyncio.to_thread(cluster.postgres.start)

        async def deploy() -> None:
            for n, node in enumerate(list(cluster.nodes)):
                port = _udp_port(node)
                assert await node.stop() == 0
                assert node.logged("drained")
                cluster.nodes[n] = await cluster.node(port)

        await held.through("SIGKILL of the clock's leader, one of two", kill_leader)
        moves = [page.moves for page in held.hall.pages]
        await held.through(f"PostgreSQL away for {away:.0f} s", without_database)
        assert [page.moves for page in held.hall.pages] == moves  # lessons stay where they are
        await held.through("a deploy: both media nodes, one after the other", deploy)
        measured = await held.end()
    said(measured)
    measured.judge()


def _udp_port(node: Process) -> int:
    [up] = node.logged("media node up")
    return int(up["udp_port"])
