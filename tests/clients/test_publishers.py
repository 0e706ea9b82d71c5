"""Clients that nobody here wrote publish by WHIP, and a client of another make sees and hears them.

Each test publishes as the hub, and ends it as the client's own users would.
"""

import asyncio
import time
from typing import Any

import pytest

from tests.clients import ffmpeg
from tests.clients.conftest import Lesson
from tests.clients.harness import Chromium, Client, Firefox, plays, program, report
from tests.weak.namespaces import Namespace

pytestmark = [pytest.mark.browser, pytest.mark.network]

THREE_LAYERS = [
    {"rid": "l", "scaleResolutionDownBy": 4, "maxBitrate": 150_000},
    {"rid": "m", "scaleResolutionDownBy": 2, "maxBitrate": 500_000},
    {"rid": "h", "scaleResolutionDownBy": 1, "maxBitrate": 1_500_000},
]
IN_720P = {"width": 1280, "height": 720}


async def _ended_by_delete(lesson: Lesson, client: Client) -> None:
    """The client stops, and the resource is gone at once: by its DELETE, or before that by the
    goodbye (close_notify) of those that close their connection first."""
    resource = (await report(client)).resource
    assert await lesson.exists(resource, lesson.publishing())
    requests = (await client.call("stop"))["requests"]
    assert requests[-1]["method"] == "DELETE"
    assert requests[-1]["status"] in (200, 404)
    assert not await lesson.exists(resource, lesson.publishing())


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9", "AV1"])
async def test_chromium(lesson: Lesson, in_chromium: Chromium, codec: str) -> None:
    hub, viewer = await in_chromium.tab("plain"), await in_chromium.tab("plain")
    await hub.call("publish", lesson.publishing(), {"codec": codec})
    await viewer.call("play", lesson.playing())
    await plays(viewer)
    await _ended_by_delete(lesson, hub)
    await viewer.call("stop")


async def test_chromium_seen_by_firefox(
    lesson: Lesson, in_chromium: Chromium, in_firefox: Firefox
) -> None:
    hub, viewer = await in_chromium.tab("plain"), await in_firefox.tab("plain")
    await hub.call("publish", lesson.publishing())
    await viewer.call("play", lesson.playing())
    await plays(viewer)
    await _ended_by_delete(lesson, hub)
    await viewer.call("stop")


@pytest.mark.parametrize("module", ["eyevinn", "binbat", "medooze"])
async def test_a_browser_library(
    lesson: Lesson, in_chromium: Chromium, in_firefox: Firefox, module: str
) -> None:
    hub, viewer = await in_chromium.tab(module), await in_firefox.tab("plain")
    await hub.call("publish", lesson.publishing())
    await viewer.call("play", lesson.playing())
    await plays(viewer)
    assert [status for _, status in (await report(hub)).asked if status >= 400] == []
    await _ended_by_delete(lesson, hub)
    await viewer.call("stop")


async def test_firefox(lesson: Lesson, in_chromium: Chromium, in_firefox: Firefox) -> None:
    hub, viewer = await in_firefox.tab("plain"), await in_chromium.tab("plain")
    await hub.call("publish", lesson.publishing())
    await viewer.call("play", lesson.playing())
    await plays(viewer)
    await _ended_by_delete(lesson, hub)
    await viewer.call("stop")


@pytest.mark.parametrize("make", ["chromium", "firefox"])
async def test_three_layers(
    lesson: Lesson, in_chromium: Chromium, in_firefox: Firefox, make: str
) -> None:
    hub = await (in_chromium if make == "chromium" else in_firefox).tab("plain")
    viewer = await in_chromium.tab("plain")
    offered: dict[str, Any] = {"encodings": THREE_LAYERS, "video": IN_720P}
    await hub.call("publish", lesson.publishing(), offered)
    await viewer.call("play", lesson.playing())
    await plays(viewer)
    deadline = time.monotonic() + 40
    while True:  # encoders begin with the lowest layer, as far as the line is known
        sent = (await report(hub)).streams("video", "outbound-rtp")
        if all(s.get("framesEncoded", 0) > 10 for s in sent):
            break
        assert time.monotonic() < deadline, sent
        await asyncio.sleep(0.2)  # statistics have no event
    assert [s["rid"] for s in sent] == ["h", "l", "m"]
    [seen] = (await plays(viewer)).streams("video")
    assert seen["frameHeight"] in (180, 360, 720)
    await _ended_by_delete(lesson, hub)
    await viewer.call("stop")


async def test_ffmpeg(lesson: Lesson, in_chromium: Chromium, programs: Namespace) -> None:
    grant = lesson.publishing()
    viewer = await in_chromium.tab("plain")
    async with ffmpeg.whip(programs, grant["url"], grant["token"]) as hub:
        await viewer.call("play", lesson.playing())
        await plays(viewer)
        # It takes the DTLS server's part and drops the first ClientHello, which only wakes it.
        print("FFmpeg's handshake took, in ms:", hub.found(r"[(,]dtls:([\d.]+)"))
        resource = hub.found(r"location=([^,\s]+)")
        assert resource is not None, hub.said
        assert await lesson.exists(resource, grant)
        assert await hub.quit() == 0
        assert not await lesson.exists(resource, grant)
    await viewer.call("stop")


async def test_wrtc(lesson: Lesson, in_firefox: Firefox, programs: Namespace) -> None:
    viewer = await in_firefox.tab("plain")
    async with program(programs, "wrtc") as hub:
        await hub.call("publish", lesson.publishing())
        await viewer.call("play", lesson.playing())
        await plays(viewer)
        await _ended_by_delete(lesson, hub)
    await viewer.call("stop")


async def test_node_datachannel(lesson: Lesson, in_chromium: Chromium, programs: Namespace) -> None:
    viewer = await in_chromium.tab("plain")
    async with program(programs, "datachannel") as hub, ffmpeg.rtp(programs, 5004, 5006):
        await hub.call("publish", lesson.publishing(), {"videoPort": 5004, "audioPort": 5006})
        await viewer.call("play", lesson.playing())
        await plays(viewer)
        await _ended_by_delete(lesson, hub)
    await viewer.call("stop")
