"""Recordings play in real browsers, by ranges, from the middle too."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from selenium.webdriver import Firefox
from selenium.webdriver.support.wait import WebDriverWait

from media.specs import Codec, Source
from tests.e2e.running import browser, enter, new_page
from tests.http.conftest import PASSWORD, Site
from tests.http.studios import Studio, studio_of
from tests.media.stages import staged

pytestmark = pytest.mark.browser

SECONDS = 12

_STATE = """
const film = document.getElementById('film');
return {at: film.currentTime, duration: film.duration, width: film.videoWidth,
        error: film.error && film.error.message,
        shared: document.getElementById('side').currentTime,
        frames: film.getVideoPlaybackQuality().totalVideoFrames};
"""
_PLAY = "const f = document.getElementById('film'); f.muted = true; f.currentTime = 7; f.play();"


@pytest.fixture
async def studio(site: Site, tmp_path: Path) -> AsyncIterator[Studio]:
    async with studio_of(site, tmp_path) as made:
        yield made


def _judge(found: dict[str, Any]) -> None:
    assert found["error"] is None
    assert (found["width"], found["frames"] > 10) == (320, True)
    assert abs(found["duration"] - SECONDS) < 0.5
    assert found["at"] >= 9


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.H264, Codec.AV1])
async def test_chromium_plays(studio: Studio, codec: Codec) -> None:
    recording = await studio.ready(SECONDS, codec)
    async with browser() as chromium:
        page = await new_page(chromium)
        await enter(page, studio.site.url, "lead", PASSWORD)
        await page.goto(f"{studio.site.url}/recordings/{recording}")
        await page.wait_for_function("() => document.getElementById('film').readyState >= 1")
        await page.evaluate(f"() => {{ {_PLAY} }}")
        await page.wait_for_function(
            "() => document.getElementById('film').currentTime >= 9", timeout=30_000
        )
        _judge(await page.evaluate(f"() => {{ {_STATE} }}"))


async def test_chromium_plays_the_shared_screen_in_step(studio: Studio) -> None:
    recording = await studio.begin()
    stage = staged(studio.recorder, str(recording), recording=str(recording))
    stage.enter(Codec.VP8, "a>")
    await stage.play(3)
    stage.enter(Codec.VP8, "s>", source=Source.SCREEN, ssrc=20)
    await stage.play(SECONDS - 3)
    await studio.recorder.end(str(recording))
    await studio.courier.deliver()
    await studio.stop(recording)
    await studio.tend()
    async with browser() as chromium:
        page = await new_page(chromium)
        await enter(page, studio.site.url, "lead", PASSWORD)
        await page.goto(f"{studio.site.url}/recordings/{recording}")
        await page.wait_for_function("() => document.getElementById('film').readyState >= 1")
        assert await page.is_hidden("#side")  # nothing was shared yet
        await page.evaluate(f"() => {{ {_PLAY} }}")
        await page.wait_for_function(
            "() => document.getElementById('film').currentTime >= 9", timeout=30_000
        )
        found = await page.evaluate(f"() => {{ {_STATE} }}")
        assert await page.is_visible("#side")
        assert abs(found["at"] - 3 - found["shared"]) < 0.4


def _open(firefox: Firefox, studio: Studio, recording: UUID) -> None:
    """The page of a recording, as its teacher."""
    firefox.get(f"{studio.site.url}/login")
    firefox.find_element("name", "login").send_keys("lead")
    firefox.find_element("name", "password").send_keys(PASSWORD)
    firefox.find_element("css selector", "main button").click()
    WebDriverWait(firefox, 20).until(lambda f: f.current_url.endswith("/teacher"))
    firefox.get(f"{studio.site.url}/recordings/{recording}")


def _watch(firefox: Firefox) -> dict[str, Any]:
    ready = "return document.getElementById('film').readyState >= 1"
    WebDriverWait(firefox, 20).until(lambda f: f.execute_script(ready))
    firefox.execute_script(_PLAY)
    there = "return document.getElementById('film').currentTime >= 9"
    WebDriverWait(firefox, 30).until(lambda f: f.execute_script(there))
    found: dict[str, Any] = firefox.execute_script(_STATE)
    return found


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.VP9, Codec.AV1])
async def test_firefox_plays(studio: Studio, firefox: Firefox, codec: Codec) -> None:
    recording = await studio.ready(SECONDS, codec)
    await asyncio.to_thread(_open, firefox, studio, recording)
    _judge(await asyncio.to_thread(_watch, firefox))


async def test_firefox_plays_h264_where_it_has_a_decoder_and_else_says_so(
    studio: Studio, firefox: Firefox
) -> None:
    recording = await studio.ready(SECONDS, Codec.H264)
    await asyncio.to_thread(_open, firefox, studio, recording)
    asked = "return document.createElement('video').canPlayType('video/mp4; codecs=avc1.42E01E')"
    if firefox.execute_script(asked):
        _judge(await asyncio.to_thread(_watch, firefox))
    else:  # Debian's has one only where libavcodec is installed

        def told(driver: Firefox) -> bool:
            return bool(driver.find_element("id", "filmproblem").is_displayed())

        await asyncio.to_thread(WebDriverWait(firefox, 20).until, told)
