"""What classes are to be taught: entered by their own school, and what the search is asked for."""

from datetime import date
from typing import Any

import pytest

from db import calendar, timetable
from scheduler.model import Demand, Term, Weeks
from tests.http.conftest import Site
from tests.http.test_timetable_api import entered
from tests.worlds import FAR, HUB, NEAR, TERM

D = "/api/v1/demands"


def wish(*classes: str, **other: object) -> dict[str, object]:
    asked = {"classes": list(classes or (f"{FAR}-301",)), "subject": "music"}
    return asked | {"weeks": "all", "lessons_per_week": 2} | other


async def of(site: Site, school: str = FAR) -> list[tuple[str, str, int]]:
    async with site.browser() as browser:
        admin = await entered(browser)
        found: list[dict[str, Any]] = (await admin.done("GET", f"{D}?school={school}"))["demands"]
    return [(d["subject"], d["weeks"], d["lessons_per_week"]) for d in found]


async def test_a_school_enters_changes_and_takes_back_its_own_demands(site: Site) -> None:
    async with site.browser() as browser:
        far = await entered(browser, "far-admin")
        await far.done("PUT", D, wish())
        await far.done("PUT", D, wish(weeks="odd", lessons_per_week=1))
        assert (await far.ask("PUT", D, wish(f"{FAR}-301", f"{NEAR}-301")))[0] == 403
        assert await of(site) == [("music", "all", 2), ("music", "odd", 1)]
        await far.done("PUT", D, wish(lessons_per_week=3))
        await far.done("PUT", D, wish(weeks="odd", lessons_per_week=0))
    assert await of(site) == [("music", "all", 3)]
    assert await of(site, NEAR) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": ["nobody"]},
        {"classes": [f"{HUB}-301"]},
        {"classes": []},
        {"subject": "alchemy"},
        {"lessons_per_week": 11},
        {"weeks": "some"},
    ],
)
async def test_what_cannot_be_asked_for_is_refused(site: Site, wrong: dict[str, object]) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        assert (await admin.ask("PUT", D, wish() | wrong))[0] == 422
    assert await of(site) == []


async def test_the_demands_of_the_term_before_are_taken_over_beside_what_is_entered(
    site: Site,
) -> None:
    before = Term("b", "Spring", TERM.zone, date(2026, 2, 16), date(2026, 2, 16), date(2026, 7, 3))
    async with site.pool.transaction() as connection:
        await calendar.add_term(connection, before)
        old = [
            Demand(f"{FAR}-301", "music", 2, Weeks.ALL),
            Demand(f"{FAR}-301", "music", 1, Weeks.EVEN),
            Demand(f"{NEAR}-301", "music", 4, Weeks.ALL),
        ]
        await timetable.add_demands(connection, before.id, old)
    async with site.browser() as browser:
        admin = await entered(browser)
        await admin.done("PUT", D, wish(lessons_per_week=3))
        assert await admin.done("POST", f"{D}/copy", {"school": FAR}) == {"demands": 1}
    assert await of(site) == [("music", "all", 3), ("music", "even", 1)]
    assert await of(site, NEAR) == []


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_the_page_shows_a_schools_demands_and_lets_only_it_enter_them(
    site: Site, language: str
) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": language}) as browser:
        far = await entered(browser, "far-admin")
        await far.done("PUT", D, wish(lessons_per_week=7))
        async with browser.get("/admin/demands") as response:
            own = await response.text()
        async with browser.get(f"/admin/demands?school={NEAR}") as response:
            others = await response.text()
    assert '<td class="number">7</td>' in own
    assert 'id="ask"' in own
    assert 'id="ask"' not in others
