"""A media node that is told to stop where no other can take its lessons, and told twice."""

import asyncio
import signal
import socket
import time
from pathlib import Path

import aiohttp

from classroom_sync.secrets import CONTROL_KEY, shared_secret
from db.pool import Pool
from tests.chaos.cluster import cluster_held
from tests.e2e.running import free_port


async def test_alone_it_goes_on_until_another_comes_or_it_is_told_again(tmp_path: Path) -> None:
    async with cluster_held(tmp_path, 1, nodes=1, control=1) as (held, cluster):
        [only] = cluster.nodes
        [room] = held.hall.rooms
        only.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(3)  # nothing happens: the lesson goes on
        assert only.process.returncode is None
        assert room.connected
        another = await cluster.node(free_port(socket.SOCK_DGRAM))
        assert await asyncio.wait_for(only.process.wait(), 120) == 0
        assert only.logged("drained")
        await held.hall.watch_all()
        assert room.moves == 1
        another.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(1)
        assert another.process.returncode is None
        assert await another.stop() == 0  # the second time
        assert another.logged("drained") == []


async def test_by_its_address_it_is_emptied_and_stays(tmp_path: Path) -> None:
    async with cluster_held(tmp_path, 1, nodes=1, control=1) as (held, cluster):
        [node] = cluster.nodes
        [up] = node.logged("media node up")
        pool = await Pool.open(held.dsn, size=1)
        async with pool.connection() as connection:
            key = (await shared_secret(connection, CONTROL_KEY)).hex()
        await pool.close()
        async with aiohttp.ClientSession(up["http"]) as http:
            async with http.post("/drain", headers={"Authorization": "Bearer x"}) as refused:
                assert refused.status == 401
            async with http.post("/drain", headers={"Authorization": f"Bearer {key}"}) as answer:
                assert (answer.status, await answer.json()) == (202, {"lessons": 1})
        began = time.monotonic()
        await cluster.node(free_port(socket.SOCK_DGRAM))
        [room] = held.hall.rooms
        while not room.moves:
            assert time.monotonic() - began < 120
            await asyncio.sleep(0.1)  # the page is told by its server
        await held.hall.watch_all()
        assert node.process.returncode is None
        assert await node.stop() == 0
