"""An official watches a lesson unseen, evaluates it beside the picture, and finds it on record."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Page

from tests.e2e.running import (
    RunningDemo,
    browser,
    demo,
    frames,
    hears,
    new_page,
    pair,
    sees,
    sign_in,
)
from tests.e2e.test_accessibility import findings

pytestmark = pytest.mark.browser


async def _rows(running: RunningDemo, query: str, *arguments: object) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(running.dsn)
    try:
        return [dict(row) for row in await connection.fetch(query, *arguments)]
    finally:
        await connection.close()


async def _until(running: RunningDemo, query: str, within: float = 120) -> list[dict[str, Any]]:
    """Until a query finds rows."""
    async with asyncio.timeout(within):
        while not (found := await _rows(running, query)):
            await asyncio.sleep(0.5)  # the server's own work has no event here
    return found


async def _evaluated(page: Page, running: RunningDemo, day: date) -> tuple[float, float]:
    """Indicator 14 of a day: valid sessions that were evaluated, valid sessions."""
    url = f"{running.url}/api/v1/coverage?since={day}&until={day}"
    found = (await (await page.request.get(url)).json())["indicators"]
    [measure] = next(each for each in found if each["number"] == 14)["measures"]
    return measure["numerator"], measure["denominator"]


#: As if every participant had been there all the time, so that a short lesson can be valid.
_PRESENT = """
    INSERT INTO evidence (node_id, seq, session_id, participant_id, from_at, to_at, sent_decodable,
        received_decodable, packets_in, bytes_in, packets_out, bytes_out, lost_in, lost_out,
        jitter_ms)
    SELECT gen_random_uuid(), 1, s.id, p.id, s.starts_at, s.ends_at, true, true, 1, 1, 1, 1, 0, 0, 1
    FROM sessions s JOIN participants p ON p.session_id = s.id WHERE s.id = $1
"""


async def test_an_official_observes_unseen_and_what_they_wrote_is_on_the_recording(
    tmp_path: Path,
) -> None:
    async with (
        demo(tmp_path, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        session = running.content["live_session"]["id"]
        [known] = await _rows(running, "SELECT on_day FROM sessions WHERE id = $1", session)
        teacher, room = await new_page(chromium), await new_page(chromium)
        await sign_in(teacher, running, "teacher")
        await pair(room, running, 0)
        await teacher.click(".lesson.open a.button.primary")
        await teacher.click("#start:enabled")
        await sees(room, "#main-picture")
        await teacher.click("#record")
        await teacher.click("#recorddialog button.primary")
        await room.wait_for_selector("#recordingsign:visible")
        assert await room.is_hidden("#observersign")

        # Seen is that somebody observes, and not the observer.
        official = await new_page(chromium, locale="en-GB")
        await sign_in(official, running, "bureau")
        await official.goto(running.url + "/observe")
        await official.click(f'a[href="/observe/{session}"]')
        await sees(official, "#main-picture")
        await sees(official, "#others video")
        await hears(official)
        await room.wait_for_selector("#observersign:visible")
        await teacher.wait_for_selector("#observersign:visible")
        assert "教育局" in (await teacher.text_content("#observersign") or "")
        assert await room.locator("#others figure").count() == 0
        assert await teacher.locator("#tiles .tile").count() == 2
        assert await findings(official) == []

        # The form is kept while the line is down, and over a reload.
        await official.click("[name=mark-1][value='5']")
        await official.wait_for_function("() => /saved at/.test(saved.textContent)")
        await official.context.set_offline(True)
        await official.fill("[name=note-1]", "Clear from the first minute.")
        await official.fill("#commenttext", "A good question.")
        commented = await _rows(running, "SELECT clock_timestamp() AS at")
        await official.click("#comment button")
        await official.wait_for_selector("#comments .unsent:not(:empty)")
        await official.wait_for_function("() => /line is down/.test(saved.textContent)")
        await asyncio.sleep(4)  # of lesson, with the line down
        await official.context.set_offline(False)
        await official.reload()
        assert await official.input_value("[name=note-1]") == "Clear from the first minute."
        await official.wait_for_selector("#comments .by:not(:empty)")
        assert await official.is_checked("[name=mark-1][value='5']")
        await sees(official, "#main-picture")  # joined again by itself

        for number in range(2, 7):
            await official.click(f"[name=mark-{number}][value='4']")
        await official.evaluate("() => { window.unloaded = false; }")
        await official.click("#observation button.primary")
        await official.wait_for_selector("#submitted .status.full:visible")
        assert "gives 83.0 of 100" in (await official.text_content("#outcome") or "")
        await official.click("#correct button")
        await official.wait_for_selector("#corrects:visible")
        assert await official.input_value("[name=note-1]") == "Clear from the first minute."
        await official.click("#observation button.primary")
        await official.wait_for_selector("#submitted:visible")
        assert await official.evaluate("window.unloaded") is False  # the picture went on
        await sees(official, "#main-picture")
        assert await frames(room, "#main-picture") > 0

        # It ends; what was said is at its second of the recording, and leads there.
        await _rows(running, _PRESENT, session)
        await room.click("#heads")
        await room.fill("#present", "30")
        await room.click("#headsdialog button.primary")
        await room.click("#hand")
        await teacher.click("#hands button")
        await room.wait_for_selector("#floorsign:visible")
        assert await _evaluated(official, running, known["on_day"]) == (0, 0)  # it is not over
        await teacher.click("#end")
        await teacher.wait_for_selector("table .status.full")
        assert await _evaluated(official, running, known["on_day"]) == (1, 1)
        [film] = await _until(
            running, "SELECT id, zero_at FROM recordings WHERE state IN ('ready', 'failed')"
        )
        await official.goto(f"{running.url}/recordings/{film['id']}")
        await official.wait_for_function("() => film.readyState >= 1")
        assert await findings(official) == []
        place = official.locator("#comments .when")
        minutes, seconds = (await place.text_content() or "").split(":")
        said_at = (commented[0]["at"] - film["zero_at"]).total_seconds()
        assert abs(int(minutes) * 60 + int(seconds) - said_at) <= 2
        await place.focus()
        await official.keyboard.press("Enter")
        await official.wait_for_function("at => film.currentTime >= at", arg=said_at - 2)

        # The lead teacher reads it, and answers.
        await teacher.goto(f"{running.url}/recordings/{film['id']}")
        await teacher.click("#comments .answering summary")
        await teacher.fill("#comments textarea", "谢谢！")
        await teacher.click("#comments .answering button")
        await teacher.wait_for_selector("#comments .answers li b:not(:empty)")
        await teacher.goto(f"{running.url}/observe/{session}/record")
        assert "83.00" in await teacher.inner_text("main table")
        assert "Clear from the first minute." in (await teacher.text_content("main") or "")
        assert await findings(teacher) == []

        # The visit is in the log, its end too.
        left = await _until(
            running, "SELECT actor, detail FROM audit WHERE action = 'observer_left'"
        )
        assert left[0]["actor"] == "account:bureau"
        came = await _rows(running, "SELECT object FROM audit WHERE action = 'observer_came'")
        assert {row["object"] for row in came} == {f"session:{session}"}
