"""What real clients do that a server must mind, each shown with a client that does it."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from tests.clients.conftest import Lesson
from tests.clients.harness import Chromium, Client, ClientFailed, Firefox, plays, program, report
from tests.weak.lines import SERVER
from tests.weak.namespaces import Namespace

pytestmark = [pytest.mark.browser, pytest.mark.network]


async def _seen(lesson: Lesson, in_chromium: Chromium, hub: Client, **options: Any) -> None:
    """The hub publishes so, is seen and heard, and stops."""
    viewer = await in_chromium.tab("plain")
    await hub.call("publish", lesson.publishing(), options)
    await viewer.call("play", lesson.playing())
    await plays(viewer)
    await hub.call("stop")
    await viewer.call("stop")


@pytest.mark.parametrize("rsa", [False, True])
@pytest.mark.parametrize(
    ("offered", "answered"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")]
)
async def test_either_dtls_role_with_either_kind_of_certificate(
    lesson: Lesson, in_chromium: Chromium, offered: str, answered: str, *, rsa: bool
) -> None:
    hub = await in_chromium.tab("plain")
    await _seen(lesson, in_chromium, hub, setup=offered, rsa=rsa)
    answer = await hub.page.evaluate("() => harness.client.answer")
    assert {line for line in answer.splitlines() if "a=setup" in line} == {f"a=setup:{answered}"}


async def test_the_answer_names_one_fingerprint_and_every_candidate(
    lesson: Lesson, in_chromium: Chromium
) -> None:
    """Several break libdatachannel; and nothing trickles from the server."""
    hub = await in_chromium.tab("plain")
    await _seen(lesson, in_chromium, hub)
    lines = (await hub.page.evaluate("() => harness.client.answer")).splitlines()
    fingerprints = {line for line in lines if line.startswith("a=fingerprint:")}
    assert len(fingerprints) == 1
    assert fingerprints.pop().startswith("a=fingerprint:sha-256 ")
    assert {line.split()[4] for line in lines if line.startswith("a=candidate:")} == {SERVER}
    assert "a=end-of-candidates" in lines


async def test_three_layers_are_answered_by_their_rids(
    lesson: Lesson, in_chromium: Chromium, in_firefox: Firefox
) -> None:
    encodings = [{"rid": rid, "scaleResolutionDownBy": by} for rid, by in (("l", 4), ("h", 1))]
    tab = await in_chromium.tab("plain")
    await _seen(lesson, in_chromium, tab, encodings=encodings)
    answer = await tab.page.evaluate("() => harness.client.answer")
    assert "a=rid:l recv" in answer
    assert "a=simulcast:recv l;h" in answer
    await _seen(lesson, in_chromium, await in_firefox.tab("plain"), encodings=encodings)


async def test_options_come_first_from_one_library(lesson: Lesson, in_chromium: Chromium) -> None:
    hub = await in_chromium.tab("eyevinn")
    await hub.call("publish", lesson.publishing())
    await _connected(hub)
    asked = (await report(hub)).asked
    assert [method for method, _ in asked] == ["OPTIONS", "OPTIONS", "POST"]
    assert all(200 <= status < 300 for _, status in asked)
    await hub.call("stop")


@pytest.mark.parametrize("module", ["binbat", "medooze"])
async def test_candidates_trickle_with_the_entity_tag_and_ice_restarts(
    lesson: Lesson, in_chromium: Chromium, module: str
) -> None:
    hub, viewer = await in_chromium.tab(module), await in_chromium.tab("plain")
    await hub.call("publish", lesson.publishing())
    await viewer.call("play", lesson.playing())
    await plays(viewer)
    trickled = [r for r in (await report(hub)).requests if r["method"] == "PATCH"]
    assert trickled
    assert {r["status"] for r in trickled} == {204}
    assert all(r["headers"]["if-match"].startswith('"') for r in trickled)
    before = await hub.page.evaluate("() => harness.client.pc.remoteDescription.sdp")
    await hub.page.evaluate("() => harness.client.restart()")
    restarts = [r for r in (await report(hub)).requests if r["headers"].get("if-match") == "*"]
    assert [r["status"] for r in restarts] == [200]
    after = await hub.page.evaluate("() => harness.client.pc.remoteDescription.sdp")
    ufrag = next(line for line in before.splitlines() if line.startswith("a=ice-ufrag:"))
    assert ufrag not in after
    await plays(viewer, frames=60, packets=100)  # on the new credentials
    await hub.call("stop")
    await viewer.call("stop")


async def test_a_closed_page_says_goodbye_or_is_missed(
    lesson: Lesson, in_chromium: Chromium
) -> None:
    """It sends no DELETE."""
    hub = await in_chromium.tab("plain")
    await hub.call("publish", lesson.publishing())
    await _connected(hub)
    resource = (await report(hub)).resource
    await hub.page.close()
    await _gone(lesson, resource, within=12)


async def test_a_killed_program_is_missed(lesson: Lesson, programs: Namespace) -> None:
    async with program(programs, "wrtc") as hub:
        await hub.call("publish", lesson.publishing())
        await _connected(hub)
        resource = (await report(hub)).resource
        hub.process.kill()
        await _gone(lesson, resource, within=12)


@pytest.mark.parametrize(
    "body", ["v=0\r\n", "v=0\r\nm=audio\r\n", "v=0\r\no=\r\ns=\r\na=group:\r\n", "=\r\n", ""]
)
async def test_a_description_that_breaks_parsers_is_400(lesson: Lesson, body: str) -> None:
    """Some of these raise StopIteration in a parser that is much used."""
    grant = lesson.publishing()
    headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {grant['token']}"}
    with lesson.server.entered():
        async with (
            aiohttp.ClientSession() as http,
            http.post(grant["url"], data=body, headers=headers) as response,
        ):
            assert response.status == 400


async def test_a_player_of_another_codec_is_refused_as_406(
    lesson: Lesson, in_chromium: Chromium, programs: Namespace
) -> None:
    """werift is told to know VP8 only."""
    hub = await in_chromium.tab("plain")
    await hub.call("publish", lesson.publishing(), {"codec": "H264"})
    await _connected(hub)
    async with program(programs, "werift") as player:
        with pytest.raises(ClientFailed, match="406"):
            await player.call("play", lesson.playing())
    await hub.call("stop")


async def _connected(client: Client) -> None:
    async with asyncio.timeout(20):
        while (await report(client)).content["state"] != "connected":
            await asyncio.sleep(0.05)  # it is another process


async def _gone(lesson: Lesson, resource: str, within: float) -> None:
    deadline = time.monotonic() + within
    while await lesson.exists(resource, lesson.publishing()):
        assert time.monotonic() < deadline, "the media resource is still there"
        await asyncio.sleep(0.2)  # another process ends it
