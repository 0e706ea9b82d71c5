"""A media node that is emptied, and one that is told to stop where no other takes its lessons."""

import asyncio
import signal
import socket
from pathlib import Path

import aiohttp

from classroom_sync.secrets import CONTROL_KEY, shared_secret
from db.pool import Pool
from tests.chaos.cluster import cluster_held
from tests.e2e.running import free_port

_QUIET = 2.0  # seconds in which nothing is to happen
_PATIENCE = 180.0


async def test_lessons_stay_until_another_takes_them_or_it_is_told_twice(tmp_path: Path) -> None:
    async with cluster_held(tmp_path, 1, nodes=1, control=1) as (held, cluster):
        [node] = cluster.nodes
        [room] = held.hall.rooms
        [up] = node.logged("media node up")
        pool = await Pool.open(held.dsn, size=1)
        async with pool.connection() as connection:
            key = (await shared_secret(connection, CONTROL_KEY)).hex()
        await pool.close()
        async with aiohttp.ClientSession(up["http"]) as http:
            async with http.get("/readyz") as answer:
                assert answer.status == 200
            async with http.post("/drain", headers={"Authorization": "Bearer x"}) as refused:
                assert refused.status == 401
            async with http.post("/drain", headers={"Authorization": f"Bearer {key}"}) as answer:
                assert (answer.status, await answer.json()) == (202, {"lessons": 1})
            async with http.get("/readyz") as answer:
                assert (answer.status, await answer.json()) == (503, {"draining": True})
        await asyncio.sleep(_QUIET)
        assert room.moves == 0  # there is no other
        another = await cluster.node(free_port(socket.SOCK_DGRAM))
        async with asyncio.timeout(_PATIENCE):
            while not room.moves:
                await asyncio.sleep(0.1)  # its server tells the page
        await held.hall.watch_all()
        assert node.process.returncode is None
        assert await node.stop() == 0
        assert node.logged("drained")
        another.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(_QUIET)
        assert another.process.returncode is None
        assert room.moves == 1
        assert await another.stop() == 0  # the second time
        assert another.logged("drained") == []
