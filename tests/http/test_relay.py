"""WHIP and WHEP at the control process, with a real media node's HTTP face behind it or none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from classroom_sync.ice_servers import IceServer, link_headers
from classroom_sync.limits import TokenBuckets
from classroom_sync.media_access import authorizer
from classroom_sync.node_links import NodeAddress
from classroom_sync.tokens import Direction, MediaToken, issue
from db import nodes, sessions
from db.nodes import MediaNodeRow
from media.http import routes
from media.node import MediaNode
from tests.http.conftest import MEDIA_KEY, Site
from tests.media.offers import CHROMIUM_PLAY, FFMPEG_PUBLISH
from tests.worlds import lesson, plan

SDP = {"Content-Type": "application/sdp"}
TURN = IceServer("turn:turn.example.cn", "1:x", "secret=")
STUN = IceServer("stun:stun.example.cn")


def bearer(site: Site, direction: Direction = "publish") -> dict[str, str]:
    token = MediaToken(site.planned.session_id, site.planned.lead, direction, "lead")
    return {"Authorization": f"Bearer {issue(MEDIA_KEY, token, site.now)}"}


def whip(site: Site) -> str:
    return f"/whip/{site.planned.session_id}/{site.planned.lead}"


@asynccontextmanager
async def placed(
    site: Site, public_url: str | None = None, *, public: bool = False
) -> AsyncIterator[UUID]:
    """A media node, alive, known, and with the session on it; `public`: clients reach it where we
    do."""
    node = MediaNode(
        host="127.0.0.1",
        udp_port=0,
        public_address=None,
        on_evidence=lambda _: None,
        on_event=lambda _: None,
    )
    await node.start()
    face = web.Application()
    face.add_routes(
        routes(node, authorizer(MEDIA_KEY), lambda _: link_headers((STUN, TURN)), "/somewhere")
    )
    runner = web.AppRunner(face, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    public_url = url if public else public_url
    node_id = uuid4()
    async with site.pool.transaction() as connection:
        row = MediaNodeRow(node_id, "here", url, public_url, node.udp_port)
        await nodes.register(connection, row, timedelta(minutes=5))
        await sessions.place(connection, site.planned.session_id, node_id)
    site.nodes.append(NodeAddress(node_id, url, public_url))
    linking = asyncio.create_task(site.links.run())
    async with asyncio.timeout(5):
        while site.links.url(node_id) is None:
            await asyncio.sleep(0.01)
    try:
        yield node_id
    finally:
        linking.cancel()
        with suppress(asyncio.CancelledError):
            await linking
        await node.stop()
        await runner.cleanup()


async def ask(
    site: Site, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> aiohttp.ClientResponse:
    async with site.browser() as client:
        response = await client.request(
            method, path, headers=headers, data=body, allow_redirects=False
        )
        await response.read()
        return response


async def test_a_publisher_gets_its_resource_and_the_ice_servers_from_the_node(site: Site) -> None:
    async with placed(site) as node_id:
        created = await ask(site, "POST", whip(site), SDP | bearer(site), FFMPEG_PUBLISH)
        assert created.status == 201
        assert created.headers["Location"].startswith(f"/media/{node_id}/")
        assert created.headers.getall("Link") == link_headers((STUN, TURN))
        assert created.headers["ETag"].startswith('"')
        exposed = created.headers["Access-Control-Expose-Headers"]
        assert set(exposed.split(", ")) == {
            "Location", "Link", "ETag", "Retry-After", "Accept-Patch"
        }  # fmt: skip
        resource = created.headers["Location"]
        assert (await ask(site, "DELETE", resource, bearer(site))).status == 200
        assert (await ask(site, "DELETE", resource, bearer(site))).status == 404


async def test_a_program_is_sent_to_a_node_that_it_can_reach(site: Site) -> None:
    async with placed(site, "https://node7.example.cn/somewhere/"):
        sent = await ask(site, "POST", whip(site), SDP | bearer(site), FFMPEG_PUBLISH)
        assert sent.status == 307
        assert sent.headers["Location"] == "https://node7.example.cn/somewhere" + whip(site)
        assert "Location" in sent.headers["Access-Control-Expose-Headers"]


async def test_where_a_program_is_sent_to_it_is_answered(site: Site) -> None:
    async with placed(site, public=True), site.browser() as client:
        headers = SDP | bearer(site)
        sent = await client.post(
            whip(site), headers=headers, data=FFMPEG_PUBLISH, allow_redirects=False
        )
        async with client.post(
            sent.headers["Location"], headers=headers, data=FFMPEG_PUBLISH
        ) as created:
            assert created.status == 201
            assert created.headers.getall("Link") == link_headers((STUN, TURN))


async def test_the_node_names_its_resources_as_those_who_were_sent_there_reach_them(
    site: Site,
) -> None:
    async with placed(site), aiohttp.ClientSession(site.nodes[0].http_url) as direct:
        headers = SDP | bearer(site)
        async with direct.post(whip(site), headers=headers, data=FFMPEG_PUBLISH) as created:
            assert created.status == 201
            assert created.headers["Location"].startswith("/somewhere/media/")


async def test_a_browser_is_never_sent_elsewhere(site: Site) -> None:
    async with placed(site, "https://node7.example.cn"):
        headers = SDP | bearer(site) | {"Origin": "https://page.example.cn"}
        assert (await ask(site, "POST", whip(site), headers, FFMPEG_PUBLISH)).status == 201


@pytest.mark.parametrize("face", ["whip", "whep"])
async def test_without_a_node_a_client_is_asked_to_come_again(site: Site, face: str) -> None:
    path = whip(site) if face == "whip" else f"/whep/{site.planned.session_id}"
    token = bearer(site, "publish" if face == "whip" else "subscribe")
    answer = await ask(site, "POST", path, SDP | token, CHROMIUM_PLAY)
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.content_type == "application/problem+json"


async def test_what_concerns_no_node_is_answered_without_one(site: Site) -> None:
    for path in (whip(site), f"/whep/{uuid4()}", f"/media/{uuid4()}/x"):
        preflight = await ask(site, "OPTIONS", path, {"Origin": "https://page.example.cn"})
        assert preflight.status == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        assert "Link" not in preflight.headers
        assert (await ask(site, "GET", path, {})).status in (200, 204)
        assert (await ask(site, "PUT", path, {})).status == 405


async def test_nothing_is_said_of_a_session_to_who_has_no_token_for_it(site: Site) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}):
        for path in (whip(site), f"/whip/{uuid4()}/x", f"/media/{uuid4()}/x"):
            method = "DELETE" if path.startswith("/media") else "POST"
            answer = await ask(site, method, path, headers)
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    other = f"/whip/{uuid4()}/{site.planned.lead}"
    assert (await ask(site, "POST", other, bearer(site))).status == 403


async def test_who_asks_too_often_is_told_when_to_come_again(site: Site) -> None:
    site.limits.holder = TokenBuckets(rate=0.5, burst=2.0)
    headers = SDP | bearer(site)
    statuses = [(await ask(site, "POST", whip(site), headers)).status for _ in range(3)]
    assert statuses == [503, 503, 429]
    refused = await ask(site, "POST", whip(site), headers)
    assert 1 <= int(refused.headers["Retry-After"]) <= 2
    assert (await refused.json())["status"] == 429
    # Another participant, and what costs nothing, are not held back.
    other = SDP | bearer(site, "subscribe")
    assert (await ask(site, "POST", f"/whep/{site.planned.session_id}", other)).status == 503
    assert (await ask(site, "OPTIONS", whip(site), {})).status == 200


async def test_an_address_is_counted_before_its_token_is_looked_at(site: Site) -> None:
    site.limits.address = TokenBuckets(rate=0.01, burst=1.0)
    seen = {"X-Forwarded-For": "192.0.2.66, 198.51.100.7"}
    statuses = [(await ask(site, "POST", whip(site), seen)).status for _ in range(2)]
    assert statuses == [401, 429]
    another = {"X-Forwarded-For": "198.51.100.7, 192.0.2.66"}
    assert (await ask(site, "POST", whip(site), another)).status == 401


async def test_before_it_opens_and_after_it_is_over_a_lesson_takes_nobody(site: Site) -> None:
    async with site.pool.transaction() as connection:
        later = await plan(connection, lesson(weekday=2), site.now + timedelta(days=1))
    token = MediaToken(later.session_id, later.lead, "publish", "lead")
    headers = SDP | {"Authorization": f"Bearer {issue(MEDIA_KEY, token, site.now)}"}
    early = await ask(site, "POST", f"/whip/{later.session_id}/{later.lead}", headers)
    assert (early.status, int(early.headers["Retry-After"]) > 0) == (409, True)
    async with site.pool.transaction() as connection:
        await sessions.go_live(connection, site.planned.session_id, site.now)
        await sessions.end(connection, site.planned.session_id, site.now)
    late = await ask(site, "POST", whip(site), SDP | bearer(site))
    assert late.status == 410


@pytest.mark.parametrize(("language", "said"), [("zh-CN", "请稍后再试"), ("en", "try again")])
async def test_what_is_refused_is_said_in_the_visitors_language(
    site: Site, language: str, said: str
) -> None:
    headers = SDP | bearer(site) | {"Accept-Language": language}
    refused = await ask(site, "POST", whip(site), headers)
    assert said in (await refused.json())["detail"]


@pytest.mark.parametrize("name", ["..%2F..%2Fcontrol", "a%0D%0Ab", "%00", "%3Fx", "%E8%AF%BE"])
@pytest.mark.parametrize("public_url", [None, "https://node7.example.cn"])
async def test_a_name_leads_to_nothing_but_itself(
    site: Site, name: str, public_url: str | None
) -> None:
    async with placed(site, public_url) as node_id, site.browser() as client:
        for method, path in (
            ("POST", f"/whip/{site.planned.session_id}/{name}"),
            ("DELETE", f"/media/{node_id}/{name}"),
        ):
            url = URL(site.url + path, encoded=True)
            headers = SDP | bearer(site)
            async with client.request(method, url, headers=headers, allow_redirects=False) as got:
                if got.status == 307:
                    assert got.headers["Location"] == f"{public_url}{path}"
                else:
                    assert got.status in (400, 403, 404)
