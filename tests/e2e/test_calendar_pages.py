"""An administrator keeps calendar, bells, busy times and registers in a real browser."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page

from tests.e2e.running import RunningDemo, browser, demo, new_page, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDemo]:
    """One city for all: each test puts back what another looks at."""
    data = tmp_path_factory.mktemp("demo") / "data"
    async with demo(data, "--port", "0", "--udp-port", "0") as started:
        yield started


@pytest.fixture
async def page(running: RunningDemo) -> AsyncIterator[Page]:
    """An administrator's."""
    async with browser() as chromium:
        opened = await new_page(chromium, "en")
        await sign_in(opened, running, "admin")
        yield opened


def today() -> date:
    """In the demo city."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


async def lessons_on(page: Page, running: RunningDemo, day: date) -> int:
    """How many lessons are planned on a day."""
    span = f"since={day}T00:00:00%2B08:00&until={day + timedelta(days=1)}T00:00:00%2B08:00"
    answer = await page.request.get(f"{running.url}/api/v1/sessions?{span}")
    return sum(s["kind"] == "live_lesson" for s in (await answer.json())["sessions"])


async def a_school_day_soon(page: Page, running: RunningDemo) -> date:
    """A coming Tuesday to Thursday on which lessons are planned."""
    term: Any = (await (await page.request.get(running.url + "/api/v1/calendar/terms")).json())[
        "terms"
    ][-1]
    day = today() + timedelta(days=1)
    while day.isoweekday() > 5 or not await lessons_on(page, running, day):
        day += timedelta(days=1)
        assert day <= date.fromisoformat(term["ends_on"]), "no lessons are planned"
    return day


async def test_a_day_off_is_looked_at_saved_and_taken_back(
    running: RunningDemo, page: Page
) -> None:
    day = await a_school_day_soon(page, running)
    before = await lessons_on(page, running, day)
    await page.click("text=Timetable")
    await page.click("nav.tabs >> text=Calendar")
    await page.click(f'[id="d{day}"] a')
    await page.check("input[value=holiday]")
    await page.fill("input[name=note]", "typhoon")
    await page.click("text=Show what changes")
    text = await page.text_content("#effect") or ""
    assert f"{before} lessons will not be held" in text
    assert await lessons_on(page, running, day) == before
    await page.click("#effect button")
    await page.wait_for_selector(f'[id="d{day}"].holiday')
    assert "set here" in (await page.text_content(f'[id="d{day}"]') or "")
    assert await lessons_on(page, running, day) == 0
    await page.check("input[value=official]")
    await page.click("text=Show what changes")
    await page.click("#effect button")
    await page.wait_for_selector(f'[id="d{day}"]:not(.holiday)')
    assert await lessons_on(page, running, day) == before

    # exams in the last week, and not after all
    last = page.locator("table.weeks tbody tr:last-child th")
    await last.locator("button").click()
    await page.wait_for_selector("table.weeks tbody tr:last-child .status")
    await last.locator("button").click()
    await page.wait_for_selector("table.weeks tbody tr:last-child .status", state="detached")


async def test_a_school_enters_winter_bells_and_keeps_a_period(
    running: RunningDemo, page: Page
) -> None:
    await page.goto(running.url + "/admin/bells")
    await page.select_option("select[name=school]", index=3)  # sent by itself
    await page.wait_for_url("**/admin/bells?school=*")
    first = (today() + timedelta(days=30)).isoformat()
    await page.fill("#first-day", first)
    before = await page.locator("#bells tr.ring").count()
    await page.click("#more")
    await page.fill("tr.ring:last-child .starts", "08:00")
    await page.fill("tr.ring:last-child .ends", "08:40")
    await page.click("text=Save the bells")
    await page.wait_for_selector("#bells .problem:visible")
    assert "begins before" in (await page.text_content("#bells .problem") or "")
    await page.fill("tr.ring:last-child .starts", "17:00")
    await page.fill("tr.ring:last-child .ends", "17:40")
    await page.click("text=Save the bells")
    await page.wait_for_selector("section.coming")
    assert await page.locator("section.coming tbody tr").count() == before + 1
    await page.click("section.coming >> text=Change…")
    await page.click("#fewer")
    await page.click("text=Save the bells")
    await page.wait_for_url(lambda url: "from=" not in url)
    assert await page.locator("section.coming tbody tr").count() == before
    await page.click("section.coming >> text=Take back")
    await page.wait_for_selector("section.coming", state="detached")

    await page.click("nav.tabs >> text=Busy times")
    kept = await page.locator("td.kept").count()
    free = page.locator("table.keeping tbody tr:first-child td").first
    assert "free" in (await free.text_content() or "")
    await page.fill("[name=reason]", "class meeting")
    await page.click("text=Keep it")
    await page.wait_for_selector("text=class meeting")
    assert await page.locator("td.kept").count() == kept + 1
    await page.click("td.kept:has-text('class meeting') button")
    await page.wait_for_selector("text=class meeting", state="detached")


async def test_a_teacher_is_entered_changed_and_retired(running: RunningDemo, page: Page) -> None:
    await page.click("text=Schools")
    await page.click("text=Registers")
    await page.click("nav.tabs >> text=Teachers")
    await page.fill("#entry [name=name]", "Ann")
    await page.click("#entry button")
    await page.wait_for_selector("#entry .problem:visible")  # she teaches nothing yet
    await page.check("#entry input[value=art]")
    await page.click("#entry button")
    row = page.locator("tbody tr:has(td:text-is('Ann'))")
    await row.wait_for()
    assert "Art" in (await row.text_content() or "")
    await row.locator("text=Change…").click()
    await page.check("#entry input[value=music]")
    await page.click("#entry button")
    await row.locator(".chip").nth(1).wait_for()
    await row.locator("text=Retire").click()
    await row.locator("text=retired since").wait_for()
    await row.locator("text=Bring back").click()
    await row.locator("text=retired since").wait_for(state="detached")

    # a school's code is its address; a hub has no hub
    await page.click("nav.tabs >> text=Schools")
    await page.fill("#code", "2132999999")
    await page.fill("[name=name]", "New school")
    await page.fill("[name=short_name]", "New")
    await page.select_option("[name=role]", "hub")
    await page.click("#entry button")
    await page.locator("tbody tr:has-text('2132999999'):has-text('hub school')").wait_for()
