"""The published week in the grid, as its dates have it."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from db import calendar
from db.pool import Pool
from scheduler.model import CalendarDay
from tests.http.conftest import Site, served, sign_in
from tests.http.test_timetable_api import entered
from tests.worlds import FAR, HUB, TERM, build, lesson, plan

_AT_BELL = datetime(2026, 9, 7, 0, 30, tzinfo=UTC)  # Monday, 08:30 in Shanghai
_EARLY = datetime(2026, 9, 6, 23, 0, tzinfo=UTC)
_LATE = datetime(2026, 9, 7, 4, 0, tzinfo=UTC)
_FESTIVAL = CalendarDay(date(2026, 9, 14), None, "Festival")
_IN_LIEU = CalendarDay(date(2026, 9, 19), date(2026, 9, 14), "Festival 调休")


@pytest.fixture
async def monday(pool: Pool, tmp_path: Path) -> AsyncIterator[Site]:
    """A lesson each Monday at 08:30, an hour and a half before the first."""
    async with pool.transaction() as connection:
        await build(connection)
        await calendar.set_official_days(connection, TERM.id, [_FESTIVAL, _IN_LIEU])
        planned = await plan(connection, lesson(), _AT_BELL)
    async with served(pool, tmp_path, planned, _EARLY) as site:
        yield site


async def week(site: Site, query: str = "week=2026-09-07") -> str:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "bureau")
        async with browser.get(f"/admin/timetable?{query}") as response:
            text = await response.text()
            assert response.status == 200, text
    return re.sub(r"\s+", " ", text)


def slots(text: str) -> list[str]:
    """What each slot says, in the order of the page, but for what rules say of it."""
    found = re.findall(r'<div class="slot.*?</div>', re.sub("<details.*?</details>", "", text))
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", each)).strip() for each in found]


async def changed(site: Site, what: str, wish: dict[str, Any]) -> Any:
    async with site.browser() as browser:
        admin = await entered(browser)
        return await admin.done("POST", f"/api/v1/sessions/{site.planned.session_id}/{what}", wish)


async def test_a_lesson_as_planned_opens_its_day_and_says_no_more(monday: Site) -> None:
    text = await week(monday)
    assert slots(text) == ["Music Lead 1 · Room 1 far3(1)"]
    href = f"/admin/changes?day=2026-09-07&amp;session={monday.planned.session_id}"
    assert f'<a href="{href}">Music</a>' in text


async def test_who_stands_in_is_told_in_the_week_of_both(monday: Site) -> None:
    wish = {"participant": str(monday.planned.lead), "teacher": f"{HUB}-T2"}
    await changed(monday, "substitution", wish)
    for view in ("all", f"teacher&of={HUB}-T1", f"teacher&of={HUB}-T2", f"school&of={FAR}"):
        found = slots(await week(monday, f"week=2026-09-07&view={view}"))
        assert found == ["Music Lead 2 · Room 1 far3(1) substituted Lead 1 → Lead 2"]


async def test_what_is_cancelled_says_why_and_leads_to_its_make_up_and_back(monday: Site) -> None:
    await changed(monday, "cancellation", {"cause": "school"})
    assert slots(await week(monday)) == [
        "Music Lead 1 · Room 1 far3(1) cancelled cancelled by the school"
    ]
    made = await changed(monday, "make-up", {"day": "2026-09-08", "starts": "15:30"})
    text = await week(monday)
    assert slots(text) == [
        "Music Lead 1 · Room 1 far3(1) cancelled cancelled by the school"
        " made up on 2026-09-08 Tue 15:30",
        "Music Lead 1 · Room 1 far3(1) make-up 15:30–16:10 for that of 2026-09-07 Mon 08:30",
    ]
    assert "Between the bells" in text
    assert f"/admin/changes?day=2026-09-08&amp;session={made['session']}" in text


async def test_a_day_off_holds_nothing_and_a_make_up_workday_the_lessons_it_runs(
    monday: Site,
) -> None:
    text = await week(monday, "week=2026-09-14")
    assert '2026-09-14 Mon <span class="status excused">day off</span> <small>Festival' in text
    assert '2026-09-19 Sat <span class="status partial">runs Monday</span>' in text
    assert slots(text) == ["Music Lead 1 · Room 1 far3(1)"]
    [cell] = re.findall(r'<td[^>]*data-weekday="6" data-period="1".*?</td>', text)
    assert "Lead 1" in cell


async def test_what_was_over_before_it_was_published_was_not_held(
    pool: Pool, tmp_path: Path
) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson(), _AT_BELL)
        await connection.execute("DELETE FROM participants")
        await connection.execute("DELETE FROM sessions")
    async with served(pool, tmp_path, planned, _LATE) as site:
        found = slots(await week(site))
    assert found == ["Music Lead 1 · Room 1 far3(1) not held: published later"]
