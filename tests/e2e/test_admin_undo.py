"""What an administrator takes back: a draft thrown away, a lesson cancelled; and what takes a
moment says so meanwhile."""

import asyncio

import asyncpg
import pytest
from playwright.async_api import Browser, Page

from tests.e2e.running import RunningDemo, new_page, sign_in

_LAST = "SELECT id, on_day FROM sessions WHERE state = 'scheduled' ORDER BY starts_at DESC LIMIT 1"

pytestmark = pytest.mark.browser


@pytest.fixture
async def page(site: tuple[RunningDemo, Browser]) -> Page:
    """An administrator's."""
    running, chromium = site
    page = await new_page(chromium, "en")
    await sign_in(page, running, "admin")
    return page


async def _versions(page: Page, url: str) -> set[str]:
    answer = await page.request.get(url + "/api/v1/timetable/versions")
    return {version["id"] for version in (await answer.json())["versions"]}


async def test_a_draft_thrown_away_is_kept_when_that_is_undone_and_gone_when_the_page_is_left(
    site: tuple[RunningDemo, Browser], page: Page
) -> None:
    url = site[0].url
    await page.goto(url + "/admin/timetable/versions")
    await page.click("text=Begin an empty draft")
    await page.wait_for_url("**/admin/timetable/versions/*")
    draft = page.url.rpartition("/")[2]
    row = page.locator(f"tr:has(a[href$='{draft}'])")

    await page.goto(url + "/admin/timetable/versions")
    await row.locator("text=Throw away").click()
    said = row.locator(".undo")
    assert "Thrown away." in await said.inner_text()
    await page.keyboard.press("Enter")  # Undo has the focus
    await said.wait_for(state="detached")
    assert await page.evaluate("document.activeElement.textContent") == "Throw away"

    await row.locator("text=Throw away").click()
    assert draft in await _versions(page, url)  # it can be undone
    await page.goto(url + "/admin/rooms")
    async with asyncio.timeout(10):
        while draft in await _versions(page, url):
            await asyncio.sleep(0.1)  # sent while the page was left: nobody waits for its answer


async def test_a_draft_thrown_away_goes_by_itself(
    site: tuple[RunningDemo, Browser], page: Page
) -> None:
    url = site[0].url
    await page.goto(url + "/admin/timetable/versions")
    await page.click("text=Begin an empty draft")
    await page.wait_for_url("**/admin/timetable/versions/*")
    draft = page.url.rpartition("/")[2]
    await page.goto(url + "/admin/timetable/versions")
    await page.locator(f"tr:has(a[href$='{draft}']) >> text=Throw away").click()
    await page.wait_for_selector(f"a[href$='{draft}']", state="detached")
    assert draft not in await _versions(page, url)


async def test_a_cancelled_lesson_is_held_after_all(
    site: tuple[RunningDemo, Browser], page: Page
) -> None:
    connection = await asyncpg.connect(site[0].dsn)
    lesson = await connection.fetchrow(_LAST)
    await connection.close()
    day = lesson["on_day"]
    address = f"{site[0].url}/admin/changes?day={day}&session={lesson['id']}"
    await page.goto(address)
    before = await page.locator("tbody tr").count()
    await page.click("text=Cancel the lesson")
    await page.click("#after-all button")
    await page.wait_for_function("() => !location.search.includes('session')")
    rows = await page.locator("tbody tr").all_inner_texts()
    assert len(rows) == before + 1  # the cancelled one, and the one that is held in its place
    assert sum("cancelled" in row and "made up" in row for row in rows) == 1


async def test_a_report_that_is_made_for_a_while_says_so_and_has_its_name(
    site: tuple[RunningDemo, Browser], page: Page
) -> None:
    await page.goto(site[0].url + "/bureau")
    link = page.locator(".exports a[href*='pdf']")
    address = await link.get_attribute("href") or ""
    release = asyncio.Event()

    async def slowly(route) -> None:  # type: ignore[no-untyped-def]
        await release.wait()
        await route.continue_()

    await page.route(f"**{address.split('?')[0]}*", slowly)
    async with page.expect_download() as saved:
        await link.click()
        await page.wait_for_selector("#working:visible")
        release.set()
    assert (await saved.value).suggested_filename.endswith(".pdf")
    await page.wait_for_selector("#working", state="hidden")
