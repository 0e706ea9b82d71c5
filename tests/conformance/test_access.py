"""Who may: Bearer tokens, addresses that can't be guessed, limits (RFC 9725, 4.7 and 5)."""

import base64

import pytest

from tests.conformance.client import SDP, Client, Door, is_problem
from tests.conformance.peers import Peer, trickle
from tests.media.offers import CHROMIUM_PLAY, CHROMIUM_PUBLISH

FACES = ("whip", "whep")


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic eDp5", "x"])
@pytest.mark.parametrize("face", FACES)
async def test_without_a_token_it_is_401_with_a_challenge(
    client: Client, face: str, authorization: str | None
) -> None:
    headers = {"Content-Type": SDP}
    if authorization is not None:
        headers["Authorization"] = authorization
    door = getattr(client.server, face)
    reply = await client.send("POST", door.url, None, CHROMIUM_PLAY, headers)
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"].split()[0] == "Bearer"
    is_problem(reply)


async def test_a_forged_token_is_401(client: Client) -> None:
    door = client.server.whip
    head, _, signature = door.token.rpartition(".")
    forged = f"{head}.{signature[::-1]}"
    reply = await client.post(Door(door.url, forged), CHROMIUM_PUBLISH)
    assert reply.status == 401


async def test_a_token_for_the_other_direction_is_403(client: Client) -> None:
    whip, whep = client.server.whip, client.server.whep
    assert (await client.post(Door(whip.url, whep.token), CHROMIUM_PUBLISH)).status == 403
    assert (await client.post(Door(whep.url, whip.token), CHROMIUM_PLAY)).status == 403


async def test_a_token_of_another_publisher_is_403(client: Client) -> None:
    other = client.server.other
    if other is None:
        pytest.skip("only known of a server of our own")
    assert (
        await client.post(Door(client.server.whip.url, other.token), CHROMIUM_PUBLISH)
    ).status == 403


async def test_a_resource_is_its_makers_alone(client: Client, hub: Peer) -> None:
    other = client.server.other
    strangers = [None, "nonsense", client.server.whep.token] + ([other.token] if other else [])
    body = trickle("stranger", "p" * 22)
    headers = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}
    for token in strangers:
        for method in ("PATCH", "DELETE"):
            reply = await client.send(method, hub.reply.resource, token, body, headers)
            assert reply.status in (401, 403)
    assert await hub.check(hub.server)


async def test_resource_urls_cannot_be_guessed(client: Client) -> None:
    names = set()
    for _ in range(3):
        made = await client.post(client.server.whip, CHROMIUM_PUBLISH)
        names.add(made.resource.rpartition("/")[2])
    assert len(names) == 3
    for name in names:
        assert len(base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))) >= 16  # 128 bits


async def test_a_resource_that_never_was_is_404(client: Client, hub: Peer) -> None:
    name = hub.reply.resource.rpartition("/")[2]
    url = hub.reply.resource.removesuffix(name) + name[::-1]
    assert (await client.send("DELETE", url, client.server.whip.token)).status == 404


async def test_who_asks_too_often_is_429_with_retry_after(client: Client) -> None:
    spare = client.server.spare
    if spare is None:
        pytest.skip("it would exhaust the token that the other tests need")
    headers = {"Content-Type": "text/plain"}
    for _ in range(1200):
        reply = await client.send("POST", spare.url, spare.token, "x", headers, patient=False)
        if reply.status == 429:
            break
        assert reply.status == 415
    assert reply.status == 429
    assert int(reply.headers["Retry-After"]) > 0
    is_problem(reply)
    # The others are not held back.
    assert (await client.post(client.server.whip, CHROMIUM_PUBLISH)).status == 201


async def test_ice_servers_come_as_links_with_credentials(client: Client) -> None:
    reply = await client.post(client.server.whip, CHROMIUM_PUBLISH)
    links = reply.headers.getall("Link", [])
    assert [link.partition(">")[0].lstrip("<") for link in links] == list(client.server.ice_servers)
    for link in links:
        parameters = [item.strip() for item in link.partition(">")[2].split(";")[1:]]
        found = {k: v.strip('"') for k, _, v in (p.partition("=") for p in parameters)}
        assert found["rel"] == "ice-server"
        if link.startswith("<turn"):
            assert found["credential-type"] == "password"
            assert found["username"]
            assert len(base64.b64decode(found["credential"])) == 20  # an HMAC-SHA1
