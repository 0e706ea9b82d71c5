"""The solver behind the API: in a process of its own, one at a time, watched, stopped, kept."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from db import timetable
from scheduler.model import Demand, Weeks
from tests.http.conftest import Site
from tests.http.test_timetable_api import V, entered, lesson
from tests.worlds import FAR, NEAR, TERM

R = "/api/v1/timetable/solver"


@pytest.fixture
async def demanding(site: Site) -> Site:
    """Two classes that want music, one of them more than can be."""
    async with site.pool.transaction() as connection:
        wanted = [
            Demand(f"{FAR}-301", "music", 1, Weeks.ALL),
            Demand(f"{NEAR}-301", "music", 9, Weeks.ALL),
        ]
        await timetable.add_demands(connection, TERM.id, wanted)
    return site


async def states(browser: aiohttp.ClientSession) -> AsyncIterator[dict[str, Any]]:
    async with browser.get(f"{R}/events", headers={"Accept-Language": "en"}) as response:
        assert response.content_type == "text/event-stream"
        async for line in response.content:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


async def finished(browser: aiohttp.ClientSession) -> dict[str, Any]:
    async for state in states(browser):
        if state["state"] in ("done", "failed"):
            return state
    raise AssertionError("the server closed before the search ended")


async def test_a_search_becomes_a_draft_and_says_in_words_what_finds_no_place(
    demanding: Site,
) -> None:
    async with demanding.browser() as browser, demanding.browser() as reader:
        admin = await entered(browser)
        await entered(reader, "bureau")
        assert (await admin.done("GET", R))["state"] == "idle"
        base = (await admin.done("POST", V, {}))["id"]
        kept = lesson(3, 1, locked=True)
        await admin.done("POST", f"{V}/{base}/changes", {"put": [kept, lesson(4)]})
        begun = await admin.done("POST", R, {"base": base, "seconds": 5})
        assert begun["state"] == "running"
        status, answer = await admin.ask("POST", R, {"seconds": 1})
        assert (status, answer["detail"]) == (
            409,
            "A search is under way already: wait for it, or stop it first.",
        )
        found = await finished(reader)  # another page, opened later
        assert found["state"] == "done"
        assert [u["what"] for u in found["unmet"]] == ["near3(1): Music, 4 a week"]
        assert found["unmet"][0]["why"].startswith(
            "Beside 1 locked lessons, at most 5 of these 6 lessons a week fit"
        )
        lessons = await admin.lessons(found["draft"])
    locked = [(k["weekday"], k["period"]) for k in lessons if k["locked"]]
    assert locked == [(3, 1)]  # the locked one, and not the other
    assert all(k["id"] != kept["id"] for k in lessons)


async def test_a_search_without_demands_is_refused(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        status, answer = await admin.ask("POST", R, {})
        assert status == 409
        assert answer["detail"].startswith("No demands are entered")


async def test_a_schools_administrator_watches_and_neither_starts_nor_stops(site: Site) -> None:
    async with site.browser() as browser:
        far = await entered(browser, "far-admin")
        assert (await far.ask("POST", R, {}))[0] == 403
        assert (await far.ask("POST", f"{R}/stop"))[0] == 403
        assert (await far.ask("GET", R))[0] == 200
