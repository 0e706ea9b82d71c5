"""PATCH of a resource: trickle ICE and ICE restarts (RFC 9725, 4.3)."""

import pytest

from tests.conformance.client import FRAGMENT, SDP, Client, attributes, media, values
from tests.conformance.peers import Peer, trickle
from tests.media.offers import CHROMIUM_PUBLISH

FRESH = ("freshufrag", "fresh-password-of-24-chr".replace("-", "+"))
HOST = "1 1 udp 2130706431 192.0.2.9 40000 typ host"


def own(peer: Peer, *candidates: str) -> str:
    local = peer.connection.local
    return trickle(local.ufrag, local.password, *candidates)


async def test_a_strong_quoted_etag_names_the_ice_session(client: Client, hub: Peer) -> None:
    assert hub.reply.etag.startswith('"')
    assert hub.reply.etag.endswith('"')
    assert len(hub.reply.etag) > 2


async def test_etags_are_never_the_same(client: Client, hub: Peer) -> None:
    seen = {hub.reply.etag}
    for number in range(3):
        body = trickle(f"fresh{number}", FRESH[1])
        seen.add((await client.patch(hub.reply, client.server.whip, body, "*")).etag)
    assert len(seen) == 4


async def test_trickled_candidates_are_204_without_body_or_etag(client: Client, hub: Peer) -> None:
    reply = await client.patch(hub.reply, client.server.whip, own(hub, HOST), hub.reply.etag)
    assert (reply.status, reply.text) == (204, "")
    assert "ETag" not in reply.headers


@pytest.mark.parametrize(
    "candidate",
    [
        "1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
        "1 1 udp 2130706431 3f2a.local 40000 typ host",
        "1 1 udp 2130706431 no.such.host.invalid 40000 typ host",
        "1 1 dccp 1 192.0.2.1 9 typ host",
        "what is this",
    ],
)
async def test_a_candidate_that_cannot_be_used_is_dropped_silently(
    client: Client, hub: Peer, candidate: str
) -> None:
    body = own(hub, candidate, HOST)
    reply = await client.patch(hub.reply, client.server.whip, body, hub.reply.etag)
    assert reply.status == 204


async def test_a_patch_without_if_match_is_428(client: Client, hub: Peer) -> None:
    reply = await client.patch(hub.reply, client.server.whip, own(hub, HOST), None)
    assert reply.status == 428


@pytest.mark.parametrize("tag", ['"another"', "W/{etag}", "{bare}", '"*x"'])
async def test_a_patch_for_another_ice_session_is_412(client: Client, hub: Peer, tag: str) -> None:
    etag = hub.reply.etag
    tag = tag.format(etag=etag, bare=etag.strip('"'))
    assert (await client.patch(hub.reply, client.server.whip, own(hub), tag)).status == 412


async def test_one_of_several_tags_may_match(client: Client, hub: Peer) -> None:
    tags = f'"another", {hub.reply.etag}'
    assert (await client.patch(hub.reply, client.server.whip, own(hub), tags)).status == 204


@pytest.mark.parametrize("content_type", [SDP, "text/plain", "application/json"])
async def test_a_patch_of_another_type_is_415(client: Client, hub: Peer, content_type: str) -> None:
    reply = await client.patch(
        hub.reply, client.server.whip, own(hub), hub.reply.etag, content_type
    )
    assert reply.status == 415
    assert reply.headers["Accept-Patch"] == FRAGMENT


@pytest.mark.parametrize("body", ["hello", b"\xff", "a=ice-ufrag:lonely\r\n", "a=ice-pwd:x\r\n"])
async def test_a_malformed_patch_is_400(client: Client, hub: Peer, body: str | bytes) -> None:
    reply = await client.patch(hub.reply, client.server.whip, body, hub.reply.etag)
    assert reply.status == 400


@pytest.mark.parametrize("if_match", ["*", '"*"', "{etag}"])
async def test_new_credentials_restart_ice(client: Client, hub: Peer, if_match: str) -> None:
    if_match = if_match.format(etag=hub.reply.etag)
    reply = await client.patch(hub.reply, client.server.whip, trickle(*FRESH, HOST), if_match)
    assert (reply.status, reply.content_type) == (200, FRAGMENT)
    assert reply.etag != hub.reply.etag
    assert reply.etag.startswith('"')
    (ufrag,), (password,) = values(reply.text, "ice-ufrag"), values(reply.text, "ice-pwd")
    assert (ufrag, password) != hub.server
    assert values(reply.text, "candidate")
    assert len(media(reply.text)) == 1
    assert values(reply.text, "mid") == values(hub.reply.text, "mid")[:1]
    # RFC 9725, 4.3.3: what kind of ICE agent the server is stays as it was.
    for name in ("ice-lite", "ice-options", "ice-pacing"):
        assert values(reply.text, name) == values(hub.reply.text, name)[:1]


async def test_after_a_restart_only_the_new_etag_counts(client: Client, hub: Peer) -> None:
    door = client.server.whip
    body = trickle(*FRESH, HOST)
    restarted = await client.patch(hub.reply, door, body, "*")
    assert (await client.patch(hub.reply, door, body, hub.reply.etag)).status == 412
    assert (await client.patch(hub.reply, door, body, restarted.etag)).status == 204


async def test_a_restart_keeps_the_media_and_gives_up_the_old_credentials(
    client: Client, hub: Peer
) -> None:
    async with Peer.player(client) as player:
        assert await player.sees(hub.shown)
        restarted = await client.patch(hub.reply, client.server.whip, trickle(*FRESH), "*")
        old = hub.server
        assert await hub.check(old)  # until the new ones are in use, consent goes on
        hub.client = FRESH[0]
        hub.server = (values(restarted.text, "ice-ufrag")[0], values(restarted.text, "ice-pwd")[0])
        assert await hub.check(hub.server)
        assert not await hub.check(old, within=0.5)
        hub.shown = b"after the restart"
        assert await player.sees(hub.shown)


async def test_a_restart_that_fails_keeps_the_ice_session(client: Client, hub: Peer) -> None:
    door = client.server.whip
    for body, if_match, status in (
        (trickle("ab", "too short"), "*", 400),
        (trickle(*FRESH), '"another"', 412),
        (trickle(*FRESH), None, 428),
    ):
        assert (await client.patch(hub.reply, door, body, if_match)).status == status
    assert await hub.check(hub.server)
    assert (await client.patch(hub.reply, door, own(hub), hub.reply.etag)).status == 204
    async with Peer.player(client) as player:
        assert await player.sees(hub.shown)


async def test_a_player_trickles_and_restarts_as_a_publisher_does(
    client: Client, hub: Peer
) -> None:
    door = client.server.whep
    async with Peer.player(client) as player:
        trickled = await client.patch(player.reply, door, own(player, HOST), player.reply.etag)
        assert trickled.status == 204
        restarted = await client.patch(player.reply, door, trickle(*FRESH), "*")
        assert restarted.status == 200
        player.client = FRESH[0]
        player.server = (
            values(restarted.text, "ice-ufrag")[0],
            values(restarted.text, "ice-pwd")[0],
        )
        assert await player.check(player.server)
        assert await player.sees(hub.shown)


async def test_the_first_patch_may_come_before_the_first_check(client: Client) -> None:
    reply = await client.post(client.server.whip, CHROMIUM_PUBLISH)
    ufrag, password = (values(CHROMIUM_PUBLISH, name)[0] for name in ("ice-ufrag", "ice-pwd"))
    body = trickle(ufrag, password, HOST)
    patched = await client.patch(reply, client.server.whip, body, reply.etag)
    assert patched.status == 204
    assert ("end-of-candidates", "") in attributes(reply.text)
