"""A receiving school's word on shifts: its own only, kept, and heeded by the check."""

import aiohttp

from tests.http.conftest import Site
from tests.http.test_timetable_api import V, entered, lesson
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


async def test_all_shifts_of_ones_own_school_are_approved_at_once_and_answers_stay(
    site: Site,
) -> None:
    near = [{"room_id": f"{NEAR}-R1", "class_id": f"{NEAR}-301", "assistant_id": None}]
    async with site.browser() as browser, site.browser() as city:
        admin, far = await entered(city), await entered(browser, "far-admin")
        version = (await admin.done("POST", V, {}))["id"]
        lessons = [lesson(1), lesson(2), lesson(3, 2), lesson(4, receivers=near)]
        await admin.done("POST", f"{V}/{version}/changes", {"put": lessons})
        await far.done("POST", R, answer(approved=False, weekday=3, period=2))
        wish = {"school_code": FAR, "version": version, "approved": True}
        assert await far.done("POST", f"{R}/unanswered", wish) == {"shifts": 2}
        found = (await admin.done("GET", f"{V}/{version}"))["conflicts"]
        told = [(c["rule"], c["lessons"]) for c in found if c["rule"].startswith("shift")]
        assert told == [("shift_refused", [lessons[2]["id"]])]
        assert await far.done("POST", f"{R}/unanswered", wish) == {"shifts": 0}
        others = wish | {"school_code": NEAR}
        assert (await far.ask("POST", f"{R}/unanswered", others))[0] == 403
        assert (await admin.ask("POST", f"{R}/unanswered", wish | {"school_code": HUB}))[0] == 422
        assert await admin.done("POST", f"{R}/unanswered", others) == {"shifts": 1}


async def test_the_page_offers_to_approve_all_while_there_is_one_unanswered(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        far = await entered(browser, "far-admin")
        async with browser.get("/admin/shifts") as response:
            text = await response.text()
        form = text.split('id="all-shifts"')[1].split("</form>")[0]
        assert "1 not answered" in form
        [version] = (await far.done("GET", V))["versions"]
        wish = {"school_code": FAR, "version": version["id"], "approved": True}
        await far.done("POST", f"{R}/unanswered", wish)
        async with browser.get("/admin/shifts") as response:
            assert "all-shifts" not in await response.text()


async def test_the_page_shows_what_a_session_displaces_in_ones_own_school(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        await entered(browser, "far-admin")
        async with browser.get("/admin/shifts") as response:
            text = await response.text()
    row = text.split('<table class="shifts">')[1].split("<tbody>")[1].split("</tr>")[0]
    for part in ("Monday", "08:30–09:10", "08:20–09:00", "08:20–09:10", "3(1) Music", "Approve"):
        assert part in row
    assert "near" not in text
