"""How a session ends: DELETE, or silence (RFC 9725, 4.2; RFC 7675)."""

import asyncio

import pytest

from tests.conformance.client import Client
from tests.conformance.peers import Peer, trickle
from tests.media.offers import CHROMIUM_PUBLISH

SECONDS = 15.0  # RFC 7675 allows 30 for consent to expire; a classroom notices sooner
QUIET = 8.0


async def test_delete_is_200_and_revokes_consent_at_once(client: Client, hub: Peer) -> None:
    async with Peer.player(client) as player:
        assert await player.sees(hub.shown)
        assert (await client.delete(hub.reply, client.server.whip)).status == 200
        assert not await hub.check(hub.server, within=0.5)
        hub.shown = b"after the end"
        assert not await player.sees(hub.shown, within=0.5)


async def test_a_deleted_player_gets_nothing_more(client: Client, hub: Peer) -> None:
    async with Peer.player(client) as player:
        assert await player.sees(hub.shown)
        assert (await client.delete(player.reply, client.server.whep)).status == 200
        hub.shown = b"after the end"
        assert not await player.sees(hub.shown, within=0.5)


async def test_a_second_delete_is_404(client: Client, hub: Peer) -> None:
    assert (await client.delete(hub.reply, client.server.whip)).status == 200
    assert (await client.delete(hub.reply, client.server.whip)).status == 404
    patched = await client.patch(hub.reply, client.server.whip, trickle("abcd", "p" * 22), "*")
    assert patched.status == 404


@pytest.mark.parametrize("tag", ['"another"', "*", 'W/"x"', "nonsense"])
async def test_delete_ignores_etags(client: Client, tag: str) -> None:
    reply = await client.post(client.server.whip, CHROMIUM_PUBLISH)
    headers = {"If-Match": tag, "If-None-Match": tag}
    deleted = await client.send("DELETE", reply.resource, client.server.whip.token, headers=headers)
    assert deleted.status == 200


@pytest.mark.parametrize("face", ["whip", "whep"])
async def test_a_silent_peer_is_noticed_within_seconds(
    client: Client, hub: Peer, face: str
) -> None:
    door = getattr(client.server, face)
    async with Peer.player(client) as player:
        silent = hub if face == "whip" else player
        local = silent.connection.local
        body = trickle(local.ufrag, local.password)
        await silent.fall_silent()
        async with asyncio.timeout(SECONDS):
            while (await client.patch(silent.reply, door, body, silent.reply.etag)).status != 404:
                await asyncio.sleep(0.5)


async def test_checks_alone_keep_a_session(client: Client, hub: Peer) -> None:
    """A player that only listens is not taken for dead: nothing happens for a while, and that is
    what this test waits for."""
    async with Peer.player(client) as player:
        await asyncio.sleep(QUIET)
        assert await player.sees(hub.shown)
        assert (await client.delete(player.reply, client.server.whep)).status == 200
