"""Every page, by each role that may see it, in both languages: axe finds nothing serious, and a
phone shows it without scrolling sideways."""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from classroom_sync import pages
from classroom_sync.i18n import LOCALES
from tests.e2e.running import LAPTOP, PHONE, RunningDemo, new_page, pair, sign_in

pytestmark = pytest.mark.browser

_AXE = Path(__file__).parents[1] / "clients/node_modules/axe-core/axe.min.js"
#: What axe calls serious or critical on the page that is open. A rule's impact is that of all it
#: finds: lesser rules need not look.
_SERIOUS = """() => {
    const lesser = axe._audit.rules.filter(rule => ["minor", "moderate"].includes(rule.impact));
    const rules = Object.fromEntries(lesser.map(rule => [rule.id, { enabled: false }]));
    return axe.run(document, { resultTypes: ["violations"], rules });
}"""
_GRID = Path(__file__).parents[2] / "classroom_sync/demo_city/timetable-grid.xlsx"
#: Role → pages that it surely reaches, so that a broken sign-in can't pass for a clean page.
FRONT_DOORS = {
    "nobody": {"/login", "/pair"},
    "teacher": {"/teacher", "/calendar", "/meetings", "/meetings/new"},
    "assistant": {"/teacher", "/calendar"},
    "observer": {"/observe", "/observe/rubric"},
    "admin": {"/admin", "/admin/timetable", "/admin/calendar", "/admin/needs", "/admin/patrol"},
    "bureau": {"/bureau", "/bureau/rooms", "/admin/calendar"},
    "room": {"/room"},
}
ROLES = tuple(FRONT_DOORS)

SCRIPT_BUDGET = 150_000  # bytes of script, unpacked, that a page may bring
#: Bytes of script that the page which is open has brought, and ms until anything was seen of it.
_WEIGHT = """() => new Promise(done => {
    const all = performance.getEntriesByType("resource");
    const scripts = all.filter(e => /\\.js(\\?|$)/.test(e.name));
    const size = scripts.reduce((sum, e) => sum + e.decodedBodySize, 0);
    new PerformanceObserver(list => done([size, list.getEntries().at(-1).startTime]))
        .observe({ type: "paint", buffered: true });
})"""

#: What goes beyond the right edge of the page that is open, if the page itself scrolls sideways:
#: tables and tabs may, within themselves.
_TOO_WIDE = """() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return "";
    const beyond = [...document.body.querySelectorAll("*")]
        .filter(each => each.getBoundingClientRect().right > clientWidth);
    return beyond.map(each => `${each.nodeName}.${each.className}`).join(" ") || "the page";
}"""

#: Pages whose address needs more than its path, beside those that need nothing: role → addresses.
#: {session} is the lesson that is on, {version} the newest timetable, {day} one of the term's days,
#: {meeting} a meeting that the demo's teacher chairs.
MORE = {
    "nobody": ("/no/such/page",),
    "teacher": (
        "/teacher/sessions/{session}",
        "/observe/{session}/record",
        "/meetings/{meeting}",
        "/meetings/{meeting}/plan",
        "/meetings/{meeting}/change",
    ),
    "admin": (
        "/admin/timetable/versions/{version}",
        "/admin/timetable?view=teacher",
        "/admin/timetable?view=class",
        "/admin/timetable/versions?old={version}&new={version}",
        "/admin/changes?session={session}",
        "/admin/calendar?day={day}",
        "/admin/calendar?day={day}&kind=holiday",
        "/admin/registers?kind=teachers&edit={teacher}",
        "/admin/registers?kind=classes",
        "/admin/repair?who={teacher}&since={day}&until={day}",
    ),
    "observer": ("/observe/{session}", "/observe/{session}/record"),
    "bureau": (
        "/observe/{session}/record",
        "/meetings/{meeting}",
        "/bureau/behind?indicator=4&measure=delivery&side=denominator",
        "/bureau?by=school",
        "/admin/timetable/versions/{version}",
        "/admin/changes?session={session}",
        "/admin/calendar?day={day}",
    ),
}


def plain_pages() -> Iterator[str]:
    """Addresses of the pages that need nothing but their path."""
    for found in pkgutil.iter_modules(pages.__path__):
        module = importlib.import_module(f"{pages.__name__}.{found.name}")
        for route in getattr(module, "routes", ()):
            if isinstance(route, web.RouteDef) and route.method == "GET" and "{" not in route.path:
                yield route.path


@asynccontextmanager
async def entered(
    chromium: Browser, running: RunningDemo, role: str, locale: str
) -> AsyncIterator[Page]:
    """The browser of somebody of a role, with axe on each page; a room's is paired."""
    page = await new_page(chromium, locale)
    # As a script of every page it is compiled once, as an expression to evaluate each time.
    await page.add_init_script(path=_AXE)
    if role == "room":
        await pair(page, running, LOCALES.index(locale))
    elif role != "nobody":
        await sign_in(page, running, role)
    try:
        yield page
    finally:
        await page.context.close()  # else its last page would go on beside all that follow


async def is_page(page: Page, url: str) -> bool:
    """Whether an address answers with a page to whoever asks, rather than with another address, a
    refusal, a file or data."""
    answer = await page.request.get(url, headers={"Accept": "text/html"}, max_redirects=0)
    refused = answer.status in (401, 403, 409) or 300 <= answer.status < 400
    return not refused and answer.headers.get("content-type", "").startswith("text/html")


async def findings(page: Page) -> list[str]:
    """What axe calls serious or critical on the page that is open: rule, and where."""
    if await page.evaluate("typeof axe === 'undefined'"):  # not `entered`
        await page.evaluate(_AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate(_SERIOUS)
    return [
        f"{v['id']}: {node['target']} {node['html'][:120]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


async def values_of(page: Page, running: RunningDemo) -> dict[str, str]:
    """What fills the gaps of MORE; asked by an administrator."""
    session = running.content["live_session"]["id"]
    known = await page.request.get(running.url + "/api/v1/timetable/versions")
    [newest, *_] = (await known.json())["versions"]
    whole = await page.request.get(f"{running.url}/api/v1/timetable/versions/{newest['id']}")
    teacher = (await whole.json())["lessons"][0]["lead_teacher_id"]
    terms = await page.request.get(running.url + "/api/v1/calendar/terms")
    day = (await terms.json())["terms"][-1]["ends_on"]
    called = await page.request.get(running.url + "/api/v1/meetings")
    meeting = (await called.json())["meetings"][0]["session"]
    return {
        "session": session,
        "version": newest["id"],
        "day": day,
        "teacher": teacher,
        "meeting": meeting,
    }


@pytest.fixture(scope="module")
async def values(site: tuple[RunningDemo, Browser]) -> dict[str, str]:
    running, chromium = site
    async with entered(chromium, running, "admin", "en") as page:
        return await values_of(page, running)


@pytest.mark.parametrize("role", ROLES)
async def test_axe_finds_nothing_serious_little_script_and_no_scrolling_sideways_on_any_page(
    site: tuple[RunningDemo, Browser],
    values: dict[str, str],
    role: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running, chromium = site
    wrong, seen = [], set()
    slowest = (0.0, "")
    for locale in LOCALES:
        async with entered(chromium, running, role, locale) as page:
            for path in (*plain_pages(), *(p.format(**values) for p in MORE.get(role, ()))):
                if await is_page(page, running.url + path):
                    await page.goto(running.url + path)
                    seen.add(path)
                    script, first = await page.evaluate(_WEIGHT)
                    slowest = max(slowest, (first, path))
                    if script >= SCRIPT_BUDGET:
                        wrong.append(f"{path} in {locale}: brings {script} bytes of script")
                    wrong += [f"{path} in {locale}: {each}" for each in await findings(page)]
                    await page.set_viewport_size(PHONE)
                    if wide := await page.evaluate(_TOO_WIDE):
                        wrong.append(f"{path} in {locale} is too wide for a phone: {wide}")
                    await page.set_viewport_size(LAPTOP)
    with capsys.disabled():
        print("\nfirst view of the slowest page of {}: {:.0f} ms, {}".format(role, *slowest))
    assert seen >= FRONT_DOORS[role]
    assert wrong == []


async def test_axe_finds_nothing_serious_in_what_an_import_understood(
    site: tuple[RunningDemo, Browser],
) -> None:
    running, chromium = site
    async with entered(chromium, running, "admin", "en") as page:
        await page.goto(running.url + "/admin/import")
        await page.set_input_files("#file", str(_GRID))
        await page.click("#import button")
        await page.wait_for_url("**/admin/import/*")
        assert await findings(page) == []
        await page.click("text=Import as a draft")
        await page.click("text=Open the draft")
        await page.wait_for_selector("#editing")
        assert await findings(page) == []
