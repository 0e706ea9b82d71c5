"""Clients that nobody here wrote play by WHEP what Chromium publishes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.clients.conftest import Lesson
from tests.clients.harness import Chromium, Client, Firefox, Report, plays, program, report
from tests.weak.namespaces import Namespace

pytestmark = [pytest.mark.browser, pytest.mark.network]


@pytest.fixture(scope="module")
async def hub(lesson: Lesson, in_chromium: Chromium) -> AsyncIterator[Client]:
    """The hub of the lesson, once it is heard and seen."""
    tab, first = await in_chromium.tab("plain"), await in_chromium.tab("plain")
    await tab.call("publish", lesson.publishing())
    await first.call("play", lesson.playing(2))
    await plays(first)
    await first.call("stop")
    yield tab
    await tab.call("stop")


async def _played(lesson: Lesson, client: Client) -> Report:
    """It plays; it stops as its users would; then the resource is gone. What it asked for."""
    await client.call("play", lesson.playing())
    async with asyncio.timeout(10):
        while "location" not in str((await report(client)).requests):
            await asyncio.sleep(0.05)  # some resolve before the answer is there
    await plays(client)
    resource = (await report(client)).resource
    assert await lesson.exists(resource, lesson.playing())
    requests = (await client.call("stop"))["requests"]
    assert requests[-1]["method"] == "DELETE"
    assert requests[-1]["status"] in (200, 404)  # 404 after the goodbye of a closed connection
    assert not await lesson.exists(resource, lesson.playing())
    return Report({"requests": requests})


#: What each library's PATCH requests may be answered. The WHEP clients of the latter two forget the
#: ETag of the 201, so their If-Match is missing: 428 (RFC 9725, 4.3.1). They play all the same.
_TRICKLED = {"plain": set(), "eyevinn": set(), "binbat": {428}, "medooze": {428}}


def _trickled(played: Report) -> set[int]:
    return {status for method, status in played.asked if method == "PATCH"}


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("module", ["plain", "eyevinn", "binbat", "medooze"])
async def test_in_chromium(lesson: Lesson, in_chromium: Chromium, module: str) -> None:
    played = await _played(lesson, await in_chromium.tab(module))
    assert _trickled(played) <= _TRICKLED[module]


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("module", ["plain", "binbat"])
async def test_in_firefox(lesson: Lesson, in_firefox: Firefox, module: str) -> None:
    played = await _played(lesson, await in_firefox.tab(module))
    assert _trickled(played) <= _TRICKLED[module]


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("module", ["wrtc", "datachannel", "werift"])
async def test_in_a_program(lesson: Lesson, programs: Namespace, module: str) -> None:
    async with program(programs, module) as client:
        await _played(lesson, client)


async def test_all_at_once(
    lesson: Lesson,
    hub: Client,
    in_chromium: Chromium,
    in_firefox: Firefox,
    programs: Namespace,
) -> None:
    """Players of every make, and the hub sends its streams once."""
    async with program(programs, "datachannel") as one, program(programs, "werift") as other:
        players: list[Client] = [one, other, await in_firefox.tab("plain")]
        players += [await in_chromium.tab(module) for module in ("plain", "medooze")]
        for player in players:
            await player.call("play", lesson.playing())
        await asyncio.gather(*(plays(player) for player in players))
        assert len((await report(hub)).streams("video", "outbound-rtp")) == 1
        for player in players:
            await player.call("stop")
