"""What the other methods say (RFC 9725, 4.1 and 4.2; Fetch; WHEP draft, "Discoverability")."""

import pytest

from tests.conformance.client import SDP, Client, Reply
from tests.conformance.peers import Peer
from tests.media.offers import CHROMIUM_PUBLISH

FACES = ("whip", "whep")
PREFLIGHT = {
    "Origin": "https://player.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def listed(reply: Reply, name: str) -> set[str]:
    return {item.strip().lower() for item in reply.headers[name].split(",")}


@pytest.mark.parametrize("face", FACES)
async def test_options_say_what_can_be_posted(client: Client, face: str) -> None:
    door = getattr(client.server, face)
    reply = await client.send("OPTIONS", door.url, None)
    assert 200 <= reply.status < 300
    assert reply.headers["Accept-Post"] == SDP
    assert reply.text == ""


@pytest.mark.parametrize("face", FACES)
async def test_a_preflight_lets_a_page_of_anywhere_post(client: Client, face: str) -> None:
    door = getattr(client.server, face)
    reply = await client.send("OPTIONS", door.url, None, headers=PREFLIGHT)
    assert 200 <= reply.status < 300
    assert reply.headers["Access-Control-Allow-Origin"] in ("*", PREFLIGHT["Origin"])
    assert "post" in listed(reply, "Access-Control-Allow-Methods")
    assert {"authorization", "content-type", "if-match"} <= listed(
        reply, "Access-Control-Allow-Headers"
    )


async def test_a_preflight_lets_a_page_of_anywhere_patch_and_delete(client: Client) -> None:
    made = await client.post(client.server.whip, CHROMIUM_PUBLISH)
    headers = PREFLIGHT | {"Access-Control-Request-Method": "PATCH"}
    reply = await client.send("OPTIONS", made.resource, None, headers=headers)
    assert 200 <= reply.status < 300
    assert {"patch", "delete"} <= listed(reply, "Access-Control-Allow-Methods")


@pytest.mark.parametrize("face", FACES)
async def test_a_preflight_names_no_ice_servers(client: Client, face: str) -> None:
    door = getattr(client.server, face)
    assert "Link" not in (await client.send("OPTIONS", door.url, None, headers=PREFLIGHT)).headers


async def test_a_page_of_anywhere_can_read_what_it_needs(client: Client) -> None:
    origin = {"Origin": PREFLIGHT["Origin"]}
    reply = await client.post(client.server.whip, CHROMIUM_PUBLISH, origin)
    assert reply.headers["Access-Control-Allow-Origin"] in ("*", origin["Origin"])
    assert {"location", "link", "etag"} <= listed(reply, "Access-Control-Expose-Headers")


async def test_a_page_of_anywhere_can_read_why_it_is_refused(client: Client) -> None:
    origin = {"Origin": PREFLIGHT["Origin"]}
    for reply in (
        await client.post(client.server.whip, "hello", origin),
        await client.send("POST", client.server.whip.url, None, "", {"Content-Type": SDP} | origin),
    ):
        assert 400 <= reply.status < 500
        assert reply.headers["Access-Control-Allow-Origin"] in ("*", origin["Origin"])
        assert "retry-after" in listed(reply, "Access-Control-Expose-Headers")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("face", FACES)
async def test_there_is_nothing_to_get_at_an_endpoint(
    client: Client, face: str, method: str
) -> None:
    door = getattr(client.server, face)
    reply = await client.send(method, door.url, door.token)
    assert (200 <= reply.status < 300, reply.text) == (True, "")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_there_is_nothing_to_get_at_a_session(client: Client, method: str) -> None:
    made = await client.post(client.server.whip, CHROMIUM_PUBLISH)
    reply = await client.send(method, made.resource, client.server.whip.token)
    assert (200 <= reply.status < 300, reply.text) == (True, "")


async def test_a_whep_endpoint_can_be_discovered(client: Client) -> None:
    reply = await client.send("HEAD", client.server.whep.url, None)
    assert (reply.status, reply.content_type) == (200, SDP)


async def test_what_does_nothing_is_405_and_says_what_does(client: Client, hub: Peer) -> None:
    for url, allowed in ((client.server.whip.url, "post"), (hub.reply.resource, "patch")):
        reply = await client.send("PUT", url, client.server.whip.token, "x")
        assert reply.status == 405
        assert allowed in listed(reply, "Allow")
