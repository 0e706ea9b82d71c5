"""A control process that links to a media node is first told how things stand, however much."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web

from classroom_sync.node import ControlLinks
from classroom_sync.spool import EvidenceSpool, Rows
from media.node import MediaNode
from media.room import Room
from tests.media.packets import subscriber

ROOMS, PLAYERS = 100, 12


@pytest.fixture
async def crowded(tmp_path: Path) -> AsyncIterator[str]:
    """The address of the link to a node on which there is more to tell than a link may lag."""

    async def write(node_id: UUID, rows: Rows) -> None:
        raise AssertionError("nobody has been there for a second yet")

    node = MediaNode(
        host="127.0.0.1",
        udp_port=0,
        public_address=None,
        on_evidence=lambda _: None,
        on_event=lambda _: None,
    )
    for number in range(ROOMS):
        room = node._rooms[f"r{number}"] = Room(f"r{number}", random=random.Random(number))
        for player in range(PLAYERS):
            room.add_subscriber(subscriber(f"{number}-{player}"), 0.0, 1e9)
    app = web.Application()
    spool = EvidenceSpool(uuid4(), tmp_path, write, ())
    app.router.add_get("/control", ControlLinks("key", node, spool).handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/control"
    await runner.cleanup()


async def test_a_link_is_told_of_more_than_it_may_lag_behind(crowded: str) -> None:
    headers = {"Authorization": "Bearer key"}
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(crowded, headers=headers) as link,
        asyncio.timeout(20),
    ):
        told = [await link.receive_json() for _ in range(ROOMS * PLAYERS)]
    everybody = {f"{number}-{player}" for number in range(ROOMS) for player in range(PLAYERS)}
    assert {each["participant"] for each in told} == everybody
