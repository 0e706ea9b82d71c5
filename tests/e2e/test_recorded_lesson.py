"""A lesson is recorded from a real browser, over its node's death, and played in one."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from playwright.async_api import Page

from tests.e2e.running import RunningDemo, browser, demo, new_page, pair, sees, sign_in
from tests.media.stages import played

pytestmark = pytest.mark.browser


async def _recordings(running: RunningDemo) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(running.dsn)
    try:
        rows = await connection.fetch("SELECT * FROM recordings ORDER BY id")
        return [dict(row) for row in rows]
    finally:
        await connection.close()


async def made_ready(running: RunningDemo, within: float = 60) -> dict[str, Any]:
    async with asyncio.timeout(within):
        while True:
            [found] = await _recordings(running)
            if found["state"] in ("ready", "failed"):
                return found
            await asyncio.sleep(0.5)  # the server's own work has no event here


async def plays_on(page: Page, seconds: float) -> dict[str, float]:
    """Play on for a while: where the film is then, and how many of its pictures were shown."""
    await page.wait_for_function("() => document.getElementById('film').readyState >= 1")
    await page.evaluate(
        "() => { const f = document.getElementById('film'); f.muted = true; f.play(); }"
    )
    await page.wait_for_function(
        "s => document.getElementById('film').currentTime >= s", arg=seconds, timeout=30_000
    )
    found: dict[str, float] = await page.evaluate(
        """() => {
            const film = document.getElementById('film');
            return {at: film.currentTime, duration: film.duration, width: film.videoWidth,
                    frames: film.getVideoPlaybackQuality().totalVideoFrames};
        }"""
    )
    return found


async def test_a_lesson_is_recorded_over_the_death_of_its_node_and_plays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSROOM_SYNC_RECORD_ROOMS", "true")
    async with (
        demo(tmp_path, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        teacher, room = await new_page(chromium), await new_page(chromium)
        await sign_in(teacher, running, "teacher")
        await pair(room, running, 0)
        await teacher.click(".lesson.open a.button.primary")
        await teacher.click("#start:enabled")
        await sees(room, "#main-picture")

        # Off by default; once it is on, everybody is told.
        assert await room.is_hidden("#recordingsign")
        assert await _recordings(running) == []
        await teacher.click("#record")
        assert not await teacher.is_checked("#recordrooms")
        await teacher.check("#recordrooms")
        await teacher.click("#recorddialog button.primary")
        await room.wait_for_selector("#recordingrooms:visible")
        await teacher.wait_for_selector("#recordingsign:visible")
        await asyncio.sleep(6)  # of lesson

        # Its node dies: the next goes on with it.
        children = psutil.Process(running.process.pid).children()
        [node] = [child for child in children if "node" in child.cmdline()]
        node.kill()
        await asyncio.sleep(10)  # of lesson, the first of them without a node
        assert await room.is_visible("#recordingrooms")

        await teacher.click("#end")
        await teacher.wait_for_url("**/teacher/sessions/*")
        found = await made_ready(running)
        assert (found["state"], found["cause"]) == ("ready", None)
        film = played(tmp_path / "recordings" / found["storage_key"])
        assert film.seconds > 13
        assert film.sounds > 9 * 50
        assert film.frames > 9 * 10

        # It plays, from its middle too, and its page says what it is.
        await teacher.goto(running.url + "/recordings")
        await teacher.click("main table a")
        shown = await plays_on(teacher, 2)
        assert shown["width"] > 0
        assert shown["frames"] > 10
        assert abs(shown["duration"] - found["duration_ms"] / 1000) < 1
        await teacher.evaluate("() => { document.getElementById('film').currentTime = 9; }")
        await plays_on(teacher, 10)
        assert await teacher.get_attribute(".chapters img", "src")
        await teacher.click("#choices button[value^=room]")  # the classroom, over the same death
        await teacher.wait_for_function(
            "() => { const s = document.getElementById('side');"
            " return !s.hidden && s.videoWidth > 0 && s.currentTime > 9; }"
        )
        assert list((tmp_path / "segments").iterdir()) == []
