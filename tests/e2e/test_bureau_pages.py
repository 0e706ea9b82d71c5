"""The dashboard and the wall in Chromium: what fits, what turns, what renews itself."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from classroom_sync.pages.bureau import REFRESH_SECONDS, VIEW_SECONDS
from db.pool import Pool
from tests import indicator_world
from tests.e2e.running import browser, enter, new_page
from tests.http.conftest import PASSWORD, Site, served
from tests.indicator_world import AS_OF
from tests.worlds import Planned

pytestmark = pytest.mark.browser


@pytest.fixture
async def bureau(pool: Pool, tmp_path: Path) -> AsyncIterator[Site]:
    async with pool.transaction() as connection:
        world = await indicator_world.build(connection, seed=3)
    first = world.links[0]
    planned = Planned(first.session, first.participant, first.participant)
    async with served(pool, tmp_path, planned, AS_OF) as site:
        yield site


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


async def signed_in(chromium: Browser, site: Site, locale: str) -> Page:
    page = await new_page(chromium, locale)
    await enter(page, site.url, "bureau", PASSWORD)
    return page


async def overflows(page: Page) -> tuple[int, int]:
    """How far the page's content reaches past the window, in pixels: to the right, and below."""
    script = """() => {
        const root = document.documentElement;
        return [root.scrollWidth - innerWidth, root.scrollHeight - innerHeight];
    }"""
    right, below = await page.evaluate(script)
    return right, below


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
async def test_the_page_fits_a_laptop_and_every_view_of_the_wall_its_screen(
    bureau: Site, chromium: Browser, locale: str
) -> None:
    page = await signed_in(chromium, bureau, locale)
    assert (await overflows(page))[0] <= 0
    box = await page.locator(".charts").bounding_box()
    assert box is not None
    assert box["y"] < 768, "the burn-up begins on the first screen"
    await page.goto(bureau.url + "/bureau/wall")
    for width, height in ((1366, 768), (1920, 1080), (3840, 2160)):
        await page.set_viewport_size({"width": width, "height": height})
        for _ in range(await page.locator(".view").count()):
            assert await overflows(page) <= (0, 0)
            cut = await page.evaluate(
                "() => [...document.querySelectorAll('.view.shown .card')]"
                ".filter(c => c.scrollHeight > c.clientHeight + 1).map(c => c.innerText)"
            )
            assert cut == []
            await page.keyboard.press("ArrowRight")


async def test_the_wall_turns_its_views_until_somebody_stops_it(
    bureau: Site, chromium: Browser
) -> None:
    page = await signed_in(chromium, bureau, "en-GB")
    await page.clock.install()
    await page.goto(bureau.url + "/bureau/wall")
    views = page.locator(".view")
    hubs = await page.locator(".view .family .hub").count()
    assert hubs
    assert await views.count() == 4 + hubs  # each with its schools

    async def shown() -> list[int]:
        return [n for n in range(4 + hubs) if await views.nth(n).is_visible()]

    assert await shown() == [0]
    await page.clock.run_for(VIEW_SECONDS * 1000)
    assert await shown() == [1]
    await page.click("#pause")
    await page.clock.run_for(2 * VIEW_SECONDS * 1000)
    assert await shown() == [1]
    await page.keyboard.press("ArrowLeft")
    assert await shown() == [0]
    await page.click("#pause")
    await page.clock.run_for(VIEW_SECONDS * 1000)
    assert await shown() == [1]


async def test_the_wall_renews_its_figures_and_says_when_it_cannot(
    bureau: Site, chromium: Browser
) -> None:
    page = await signed_in(chromium, bureau, "en-GB")
    await page.clock.install()
    await page.goto(bureau.url + "/bureau/wall")
    known = page.locator(".wallbar .muted")
    assert "2026-10-14 18:00:00" in await known.inner_text()
    bureau.now += timedelta(minutes=1)
    await page.clock.run_for(REFRESH_SECONDS * 1000)
    await page.wait_for_selector(".wallbar .muted:has-text('2026-10-14 18:01:00')")
    assert await page.locator(".view.shown").count() == 1
    bureau.now += timedelta(hours=13)  # longer than anybody stays signed in
    await page.clock.run_for(REFRESH_SECONDS * 1000)
    await page.wait_for_selector("#stale:visible")
    assert "18:01:00" in await known.inner_text()
    assert await page.locator(".view.shown").count() == 1


async def test_the_form_chooses_period_part_and_dimension(bureau: Site, chromium: Browser) -> None:
    page = await signed_in(chromium, bureau, "en-GB")
    await page.fill("input[name=since]", "2026-09-14")
    await page.select_option("select[name=of]", "subject:music")
    await page.select_option("select[name=by]", "hub")
    await page.click("form.asking button")
    heading = await page.inner_text("h1")
    assert "music" in heading
    assert "2026-09-14" in heading
    assert await page.input_value("select[name=by]") == "hub"
    names = await page.locator("#breakdown tbody th").all_inner_texts()
    assert names == ["Hub 1", "Hub 2"]
