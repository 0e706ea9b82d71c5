"""What two teachers write in a meeting, in real browsers; no media node is running."""

from datetime import datetime

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.running import browser, enter, new_page
from tests.e2e.test_accessibility import findings
from tests.e2e.test_meeting import PATIENCE, SMALL_CAMERA, press, two_write_the_plan
from tests.http.conftest import PASSWORD, Site
from tests.http.test_meetings import HELPER, begun, call, person

pytestmark = pytest.mark.browser


async def _joined(chromium: Browser, site: Site, login: str, session: str) -> Page:
    page = await new_page(chromium, "en")
    page.set_default_timeout(PATIENCE * 1000)
    await page.add_init_script(SMALL_CAMERA)
    await enter(page, site.url, login, PASSWORD)
    await page.goto(f"{site.url}/meetings/{session}")
    await press(page, "#join:enabled")
    return page


async def test_agenda_hands_notes_and_the_plan_are_shared(site: Site) -> None:
    async with person(site, "lead") as lead:
        session = str(await begun(site, lead, members=[HELPER]))
    async with browser() as chromium:
        chair = await _joined(chromium, site, "lead", session)
        other = await _joined(chromium, site, "helper", session)
        for title in ("回顾", "Rhythm"):
            await press(chair, "#nextitem")
            await other.wait_for_selector(f"#agenda li[aria-current]:has-text('{title}')")
        await press(other, "[data-panel=notespanel]")
        await other.fill("#notetext", "Meet every week")
        await press(other, "#note button[value=decision]")
        await press(chair, "[data-panel=notespanel]")
        await chair.wait_for_selector("#notes li:has-text('Meet every week') .decision")
        await press(chair, "[data-panel=peoplepanel]")
        await press(other, "#hand")
        await chair.wait_for_selector("#people li:has-text('hand raised')")
        assert await findings(chair) == []
        await two_write_the_plan(chair, other)


async def test_who_changes_a_meeting_second_keeps_what_was_typed(site: Site) -> None:
    async with person(site, "lead") as lead, browser() as chromium:
        session = str(await begun(site, lead, members=[HELPER]))
        path = f"/api/v1/meetings/{session}"
        _, asked = await lead.ask("GET", path)
        page = await new_page(chromium, "en")
        await enter(page, site.url, "lead", PASSWORD)
        await page.goto(f"{site.url}/meetings/{session}/change")
        await page.fill("#title", "Mine")
        await page.click("#more")
        await page.fill("#agenda li:last-child .itemtitle", "My item")

        begins = datetime.fromisoformat(asked["starts_at"])
        agenda = [*asked["agenda"], {"title": "Their item"}]
        theirs = call(begins, HELPER, title="Theirs", agenda=agenda)
        assert (await lead.change(path, theirs))[0] == 204
        await page.click("#call > .row > button.primary")
        await page.wait_for_selector("#conflict:visible")
        assert await findings(page) == []
        assert await page.inner_text("#theirtitle") == "Theirs"
        assert await page.input_value("#title") == "Mine"
        await page.click("#keepmine")
        await page.wait_for_url(f"**/meetings/{session}")
        _, found = await lead.ask("GET", path)
    assert found["title"] == "Mine"
    titles = [item["title"] for item in found["agenda"]]
    assert titles == [*(item["title"] for item in asked["agenda"]), "My item", "Their item"]
