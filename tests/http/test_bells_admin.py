"""Bells through the API: from a day on, in order, never those that have rung."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from classroom_sync.planning import plan_sessions
from db import calendar, city, sessions
from scheduler.model import School, SchoolRole
from tests.http.conftest import Site
from tests.http.test_timetable_api import entered
from tests.worlds import FAR, HUB, NEAR, TERM, lesson, publish

SATURDAY = datetime(2026, 9, 12, 4, tzinfo=UTC)
B = "/api/v1/schools"


def rings(*times: tuple[int, str, str]) -> dict[str, Any]:
    return {"periods": [{"period": n, "starts": a, "ends": b} for n, a, b in times]}


WINTER = rings((1, "09:00", "09:40"), (2, "09:55", "10:35"), (3, "11:05", "11:45"))


@pytest.fixture
def saturday(site: Site) -> Site:
    site.now = SATURDAY
    return site


async def test_winter_bells_hold_from_their_day_on_and_planned_lessons_follow(
    saturday: Site,
) -> None:
    async with saturday.pool.transaction() as connection:
        await publish(connection, lesson(weekday=1), lesson(weekday=2), since=date(2026, 9, 13))
        await plan_sessions(connection, SATURDAY)

    async def planned() -> list[str]:
        async with saturday.pool.connection() as connection:
            found = await sessions.between(connection, SATURDAY, SATURDAY + timedelta(days=6))
        zone = ZoneInfo(TERM.zone)
        return [s.starts_at.astimezone(zone).strftime("%a %H:%M") for s in found]

    assert await planned() == ["Mon 08:30", "Tue 08:30"]
    async with saturday.browser() as browser:
        admin = await entered(browser)
        await admin.done("PUT", f"{B}/{HUB}/bells/2026-09-15", WINTER)
        assert await planned() == ["Mon 08:30", "Tue 09:00"]
        found = (await admin.done("GET", "/api/v1/bells"))["schedules"]
        spans = [(s["valid_from"], s["valid_until"]) for s in found if s["school_code"] == HUB]
        assert spans == [("2026-08-31", "2026-09-14"), ("2026-09-15", None)]
        await admin.done("DELETE", f"{B}/{HUB}/bells/2026-09-15")
        assert await planned() == ["Mon 08:30", "Tue 08:30"]


@pytest.mark.parametrize(
    ("day", "bells", "status", "says"),
    [
        ("2026-09-12", WINTER, 422, "after today"),
        ("2026-08-31", WINTER, 422, "after today"),
        ("winter", WINTER, 422, "such as"),
        (
            "2026-11-01",
            rings((1, "09:00", "09:40"), (2, "09:30", "10:10")),
            422,
            "Period 2 begins before period 1",
        ),
        (
            "2026-11-01",
            rings((1, "10:00", "10:40"), (2, "09:00", "09:40")),
            422,
            "Period 2 begins before period 1",
        ),
        ("2026-11-01", rings((1, "09:40", "09:00")), 422, "Period 1 ends before"),
        ("2026-11-01", rings((1, "09:00", "09:40"), (1, "10:00", "10:40")), 422, "twice"),
        ("2026-11-01", rings((2, "09:00", "09:40")), 409, "a lesson in period 1"),
        ("2026-11-01", rings(), 422, "wrong values"),
    ],
)
async def test_bells_that_cannot_ring_so_are_refused_with_a_reason(
    saturday: Site, day: str, bells: dict[str, Any], status: int, says: str
) -> None:
    async with saturday.browser() as browser:
        admin = await entered(browser)
        answered, answer = await admin.ask("PUT", f"{B}/{HUB}/bells/{day}", bells)
        assert (answered, says in answer["detail"]) == (status, True), answer
    async with saturday.pool.connection() as connection:
        assert {s.valid_from for s in await calendar.bells(connection)} == {date(2026, 8, 31)}


async def test_only_bells_to_come_are_taken_back_and_never_the_last_ones(saturday: Site) -> None:
    new = "2132000004"
    async with saturday.pool.transaction() as connection:
        await city.add_schools(
            connection, [School(new, "New", "new", SchoolRole.RECEIVING, HUB, 20)]
        )
    async with saturday.browser() as browser:
        admin = await entered(browser)
        assert (await admin.ask("DELETE", f"{B}/{HUB}/bells/2026-08-31"))[0] == 422
        assert (await admin.ask("DELETE", f"{B}/{HUB}/bells/2026-12-01"))[0] == 404
        assert (await admin.ask("PUT", f"{B}/2132009999/bells/2026-12-01", WINTER))[0] == 404
        # a school's first bells may reach back, and the only ones stay
        await admin.done("PUT", f"{B}/{new}/bells/2026-09-01", WINTER)
        assert (await admin.ask("PUT", f"{B}/{new}/bells/2026-09-01", WINTER))[0] == 422
    async with saturday.browser() as browser:
        admin = await entered(browser)
        saturday.now = datetime(2026, 8, 1, tzinfo=UTC)
        status, answer = await admin.ask("DELETE", f"{B}/{new}/bells/2026-09-01")
        assert (status, "only bells" in answer["detail"]) == (409, True)


async def test_a_schools_administrator_keeps_its_own_bells_only(saturday: Site) -> None:
    async with saturday.browser() as browser:
        far = await entered(browser, "far-admin")
        await far.done("PUT", f"{B}/{FAR}/bells/2026-11-01", WINTER)
        for school in (NEAR, HUB):
            assert (await far.ask("PUT", f"{B}/{school}/bells/2026-11-01", WINTER))[0] == 403
            assert (await far.ask("DELETE", f"{B}/{school}/bells/2026-11-01"))[0] == 403


async def test_the_page_shows_what_holds_and_what_is_to_come(saturday: Site) -> None:
    async with saturday.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = await entered(browser)
        await admin.done("PUT", f"{B}/{FAR}/bells/2026-11-01", WINTER)
        async with browser.get(f"/admin/bells?school={FAR}&from=2026-11-01") as response:
            text = await response.text()
        coming, holding = text.split('<section class="card coming">')[1].split(
            '<section class="card now">'
        )
        assert ("2026-11-01" in coming, "Take back" in coming) == (True, True)
        assert ("until 2026-10-31" in holding, "Take back" in holding) == (True, False)
        assert "Change the bells from 2026-11-01 on" in text
