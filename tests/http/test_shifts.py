"""A receiving school's word on shifts: its own only, kept, and heeded by the check."""

import aiohttp

from tests.http.conftest import Site
from tests.http.test_timetable_api import V, entered
from tests.worlds import FAR, HUB, NEAR

R = "/api/v1/timetable/shifts"


def answer(approved: bool, school: str = FAR, **other: object) -> dict[str, object]:
    return {
        "school_code": school,
        "hub_code": HUB,
        "weekday": 1,
        "period": 1,
        "approved": approved,
    } | other


async def broken(browser: aiohttp.ClientSession) -> set[str]:
    """Rules of shifts that the published version breaks."""
    async with browser.get(V) as response:
        [version] = (await response.json())["versions"]
    async with browser.get(f"{V}/{version['id']}") as response:
        found = (await response.json())["conflicts"]
    return {c["rule"] for c in found if c["rule"].startswith("shift")}


async def test_a_school_approves_or_refuses_its_shift_and_the_check_heeds_the_last_word(
    site: Site,
) -> None:
    async with site.browser() as browser:
        far = await entered(browser, "far-admin")
        assert await broken(browser) == {"shift_not_approved"}
        await far.done("POST", R, answer(approved=True, weekday=None))
        assert await broken(browser) == set()
        await far.done("POST", R, answer(approved=False))
        assert await broken(browser) == {"shift_refused"}
        await far.done("POST", R, answer(approved=True))
        assert await broken(browser) == set()
    async with site.pool.connection() as connection:
        rows = await connection.fetch("SELECT action FROM audit WHERE action LIKE 'shift%'")
    assert [row["action"] for row in rows] == [
        "shift_approved",
        "shift_refused",
        "shift_approved",
    ]


async def test_a_schools_administrator_answers_for_no_other_school(site: Site) -> None:
    async with site.browser() as browser, site.browser() as city:
        far = await entered(browser, "far-admin")
        assert (await far.ask("POST", R, answer(approved=True, school=NEAR)))[0] == 403
        admin = await entered(city)
        assert (await admin.ask("POST", R, answer(approved=True, school=NEAR)))[0] == 204
        assert (await admin.ask("POST", R, answer(approved=True, school=HUB)))[0] == 422
        assert (await admin.ask("POST", R, answer(approved=True, period=9)))[0] == 422


async def test_the_page_shows_what_a_session_displaces_in_ones_own_school(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        await entered(browser, "far-admin")
        async with browser.get("/admin/shifts") as response:
            text = await response.text()
    row = text.split('<table class="shifts">')[1].split("<tbody>")[1].split("</tr>")[0]
    for part in ("Monday", "08:30–09:10", "08:20–09:00", "08:20–09:10", "3(1) Music", "Approve"):
        assert part in row
    assert "near" not in text
