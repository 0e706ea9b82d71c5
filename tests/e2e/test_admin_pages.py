"""The administrator's and the bureau's pages in Chromium: what fits, what keys do, what is on
paper, and a substitution in three clicks."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Response
from pypdf import PdfReader

from tests.e2e.running import RunningDemo, keep, new_page, sign_in

pytestmark = pytest.mark.browser

ADMIN = ("/admin", "/admin/patrol", "/admin/timetable", "/admin/repair", "/admin/needs")
PAGES = {"admin": ADMIN, "bureau": ("/bureau", "/bureau/schools", "/bureau/rooms", *ADMIN[:3])}
_SCRIPT = 150_000  # bytes of script that a page may bring
_SHIFT = 0.02  # of the window, that may move while a page loads


async def entered(site: tuple[RunningDemo, Browser], role: str, locale: str = "en") -> Page:
    page = await new_page(site[1], locale)
    await sign_in(page, site[0], role)
    return page


async def wider(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    found: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return found


@pytest.mark.parametrize("role", PAGES)
async def test_a_page_fits_its_window_moves_nothing_and_brings_little_script(
    site: tuple[RunningDemo, Browser], role: str
) -> None:
    page = await entered(site, role)
    scripts: list[Response] = []
    page.on("response", lambda answer: scripts.append(answer) if ".js" in answer.url else None)
    shifted = """() => new Promise(done => {
        let sum = 0;
        new PerformanceObserver(list => {
            for (const each of list.getEntries()) if (!each.hadRecentInput) sum += each.value;
        }).observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
    })"""
    sizes: dict[str, int] = {}  # what comes from the cache is as large as it was
    for path in PAGES[role]:
        scripts.clear()
        await page.set_viewport_size({"width": 1366, "height": 768})
        await page.goto(site[0].url + path, wait_until="load")
        assert await wider(page) <= 0, path
        assert await page.evaluate(shifted) < _SHIFT, path
        for answer in scripts:
            sizes[answer.url] = max(sizes.get(answer.url, 0), len(await answer.body()))
        assert 0 < sum(sizes[answer.url] for answer in scripts) < _SCRIPT, path
        bar = await page.locator("header.top").bounding_box()
        assert bar is not None
        assert bar["height"] < 70, "the navigation is one row"
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await wider(page) <= 0, f"{path} on a phone"


async def test_a_group_of_the_navigation_is_opened_and_left_by_keys(
    site: tuple[RunningDemo, Browser],
) -> None:
    page = await entered(site, "admin", "zh-CN")
    group = page.locator("details.menu").first
    await group.locator("summary").focus()
    await page.keyboard.press("Enter")
    assert await group.locator("a").first.is_visible()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.tagName") == "A"
    await page.keyboard.press("Escape")
    assert not await group.locator("a").first.is_visible()
    assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"
    await page.keyboard.press("Enter")
    await page.click("h1")
    assert not await group.locator("a").first.is_visible()


async def test_a_school_declares_what_it_cannot_give(site: tuple[RunningDemo, Browser]) -> None:
    page = await entered(site, "admin")
    await page.click("nav >> text=Schools")
    await page.click("nav >> text=Declared needs")
    before = await page.locator("#needs td.kept").count()
    await page.click("#needs button:text-is('Declare') >> nth=0")
    await page.wait_for_function(
        "count => document.querySelectorAll('#needs td.kept').length === count", arg=before + 1
    )
    await page.click("#needs td.kept button >> nth=0")  # it counts for a day at least
    refused = page.locator("#needs td.kept .problem:visible")
    await refused.wait_for()
    assert "declared before today" in await refused.inner_text()


async def test_a_substitution_takes_three_clicks_and_a_publication_says_what_it_would_lose(
    site: tuple[RunningDemo, Browser],
) -> None:
    page = await entered(site, "admin")
    url = site[0].url
    lessons: list[dict[str, Any]] = await _lessons(page, url)
    teacher = lessons[0]["lead_teacher_id"]
    today = datetime.now(UTC).date()
    monday = today + timedelta(days=7 - today.weekday())
    await page.goto(url + "/admin")
    await page.fill("input[name=since]", str(monday))
    await page.fill("input[name=until]", str(monday + timedelta(days=4)))

    # Typing narrows the list: of schools and of people.
    name = await page.locator(f"#who option[value='{teacher}']").inner_text()
    school = await page.locator(f"#who optgroup:has([value='{teacher}'])").get_attribute("label")
    await page.fill("[data-narrows=who]", school or "")
    assert await page.locator("#who optgroup").count() == 1
    await page.fill("[data-narrows=who]", name)
    assert name in await page.locator("#who option:checked").inner_text()
    await page.fill("[data-narrows=who]", "nobody of this name")
    assert await page.locator("#who option").count() == 1
    await page.fill("[data-narrows=who]", "")

    await page.select_option("#who", teacher)  # one
    await page.click(".substitute button")  # two
    lines = await page.locator("section.week > ul.told li").all_inner_texts()
    assert lines
    named = [line.partition(":")[0] + line.partition(":")[2].partition(")")[0] for line in lines]
    assert len(set(named)) == len(named), "one line a lesson"
    await keep(page, "admin-repair")
    await page.click("#acceptance button")  # three
    await page.wait_for_selector("#acceptance .said li")

    # The timetable as the office sent it would not keep all of that, and says so first.
    await page.goto(url + "/admin/timetable/versions")
    await page.click("tbody tr:last-child a")
    form = page.locator("form[data-api$=publication]")
    await form.locator("[name=despite_conflicts]").check()
    await form.locator("button").click()
    foretold = form.locator(".foretold li")
    await foretold.first.wait_for()
    assert "is lost" in " ".join(await foretold.all_inner_texts())
    assert (await page.text_content("#board .state") or "") == "draft"
    await keep(page, "admin-foretold")
    await form.locator("button").click()
    await page.wait_for_url("**/admin/timetable/versions")
    assert await page.text_content("tbody tr:last-child .state") == "published"


async def _lessons(page: Page, url: str) -> list[dict[str, Any]]:
    known = await page.request.get(url + "/api/v1/timetable/versions")
    version = next(v for v in (await known.json())["versions"] if v["state"] == "published")
    whole = await page.request.get(f"{url}/api/v1/timetable/versions/{version['id']}")
    found: list[dict[str, Any]] = (await whole.json())["lessons"]
    return found


async def test_the_dashboard_and_the_timetable_are_made_for_paper(
    site: tuple[RunningDemo, Browser],
) -> None:
    page = await entered(site, "bureau")
    for path, most, gone in (
        ("/bureau", 3, "Told apart by"),
        ("/admin/timetable", 2, "Versions"),
    ):
        await page.goto(site[0].url + path)
        paper = PdfReader(BytesIO(await page.pdf(prefer_css_page_size=True))).pages
        text = " ".join(each.extract_text() for each in paper)
        assert len(paper) <= most, path
        assert paper[0].mediabox.width > paper[0].mediabox.height, "A4, lying"
        assert gone not in text
        assert "Sign out" not in text
