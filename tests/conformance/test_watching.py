"""WHEP: before there is anything to see, without a common codec, and with pictures that flow."""

import asyncio

from tests.conformance.client import Client, is_problem
from tests.conformance.peers import Peer
from tests.media.offers import CHROMIUM_PLAY


async def test_before_anything_is_published_it_is_409_with_retry_after(client: Client) -> None:
    reply = await client.post(client.server.whep, CHROMIUM_PLAY)
    assert reply.status == 409
    assert int(reply.headers["Retry-After"]) > 0
    is_problem(reply)


async def test_a_player_may_ask_to_wait_for_the_publisher(client: Client) -> None:
    """`Prefer: wait=…` (RFC 7240, 4.3)."""
    headers = {"Prefer": "respond-async, wait=10"}
    waiting = asyncio.create_task(client.post(client.server.whep, CHROMIUM_PLAY, headers))
    async with Peer.publisher(client):
        reply = await asyncio.wait_for(waiting, 5)
    assert reply.status == 201


async def test_who_waits_in_vain_is_told_so(client: Client) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    reply = await client.post(client.server.whep, CHROMIUM_PLAY, {"Prefer": "wait=1"})
    assert reply.status == 409
    assert loop.time() - began >= 0.9


async def test_a_player_without_the_publishers_codec_is_406(client: Client, hub: Peer) -> None:
    offer = CHROMIUM_PLAY
    for codec in ("VP8/", "VP9/", "AV1/"):
        offer = offer.replace(codec, "x/")
    reply = await client.post(client.server.whep, offer)
    assert reply.status == 406
    is_problem(reply)


async def test_a_player_without_any_known_codec_is_406(client: Client, hub: Peer) -> None:
    offer = CHROMIUM_PLAY.replace("opus/", "x/")
    assert (await client.post(client.server.whep, offer)).status == 406


async def test_pictures_flow_from_publisher_to_players(client: Client, hub: Peer) -> None:
    async with Peer.player(client) as one, Peer.player(client) as two:
        assert await one.sees(hub.shown)
        assert await two.sees(hub.shown)
        hub.shown = b"another picture"
        assert await one.sees(b"another picture")


async def test_a_player_may_come_again_after_the_publisher_was_replaced(client: Client) -> None:
    async with Peer.publisher(client) as first, Peer.player(client) as player:
        assert await player.sees(first.shown)
        async with Peer.publisher(client) as second:
            second.shown = b"the second publisher"
            assert await player.sees(second.shown, within=10)
