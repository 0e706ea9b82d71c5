"""Drafts through the API: made, changed and given back, refused, compared, published."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from classroom_sync.timetabling import today
from db import timetable
from tests.http.conftest import Site, sign_in
from tests.worlds import FAR, HUB, MONDAY, NEAR, TERM

V = "/api/v1/timetable/versions"


class Admin:
    """An administrator's program: JSON in and out, in English."""

    def __init__(self, browser: aiohttp.ClientSession, csrf: str) -> None:
        self._browser, self._headers = browser, {"X-CSRF-Token": csrf, "Accept-Language": "en"}

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        request = self._browser.request(method, path, json=body, headers=self._headers)
        async with request as response:
            return response.status, await response.json() if response.status != 204 else None

    async def done(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.ask(method, path, body)
        assert status in (200, 204), answer
        return answer

    async def lessons(self, version: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.done("GET", f"{V}/{version}"))["lessons"]
        return found


async def entered(browser: aiohttp.ClientSession, login: str = "admin") -> Admin:
    return Admin(browser, await sign_in(browser, login))


def lesson(weekday: int = 2, period: int = 1, **other: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "weekday": weekday,
        "period": period,
        "weeks": "all",
        "subject": "music",
        "lead_teacher_id": f"{HUB}-T1",
        "lead_room_id": f"{HUB}-R1",
        "interactive": True,
        "receivers": [
            {"room_id": f"{FAR}-R1", "class_id": f"{FAR}-301", "assistant_id": f"{FAR}-T1"}
        ],
        "week_from": None,
        "week_until": None,
        "locked": False,
    } | other


async def test_a_draft_copies_what_is_published_and_is_changed_without_touching_it(
    site: Site,
) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        [published] = (await admin.done("GET", V))["versions"]
        draft = await admin.done("POST", V, {"copy_of": published["id"]})
        assert (draft["state"], draft["number"]) == ("draft", 2)
        [copied] = await admin.lessons(draft["id"])
        moved = copied | {"weekday": 3}
        await admin.done("POST", f"{V}/{draft['id']}/changes", {"put": [moved]})
        assert await admin.lessons(draft["id"]) == [moved]
        assert [k["weekday"] for k in await admin.lessons(published["id"])] == [1]


async def test_every_change_answers_what_undoes_it(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        version = (await admin.done("POST", V, {}))["id"]
        one, other = lesson(1), lesson(2, locked=True)
        before: list[list[dict[str, Any]]] = []
        undos = []
        for change in (
            {"put": [one, other]},
            {"put": [one | {"weekday": 2}, other | {"weekday": 1}]},  # a swap
            {"put": [other | {"locked": False, "weekday": 1}]},
            {"remove": [one["id"]], "put": [lesson(4)]},
        ):
            before.append(await admin.lessons(version))
            undos.append((await admin.done("POST", f"{V}/{version}/changes", change))["undo"])
        while undos:
            await admin.done("POST", f"{V}/{version}/changes", undos.pop())
            assert await admin.lessons(version) == before.pop()


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"lead_teacher_id": "nobody"}, 422),
        ({"subject": "alchemy"}, 422),
        ({"weekday": 8}, 422),
        ({"week_from": 9, "week_until": 3}, 422),
        ({"period": 19}, 409),  # does not ring
    ],
)
async def test_a_lesson_that_cannot_be_is_refused_and_nothing_of_the_change_stays(
    site: Site, wrong: dict[str, Any], status: int
) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        version = (await admin.done("POST", V, {}))["id"]
        change = {"put": [lesson(1), lesson(2) | wrong]}
        got, answer = await admin.ask("POST", f"{V}/{version}/changes", change)
        assert got == status, answer
        assert await admin.lessons(version) == []


async def test_a_lesson_of_another_version_is_not_taken_from_it(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        first = (await admin.done("POST", V, {}))["id"]
        second = (await admin.done("POST", V, {}))["id"]
        theirs = lesson()
        await admin.done("POST", f"{V}/{first}/changes", {"put": [theirs]})
        status, _ = await admin.ask("POST", f"{V}/{second}/changes", {"put": [theirs]})
        assert status == 422
        assert await admin.lessons(first) == [theirs]


async def test_a_published_version_refuses_every_change_in_words(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        [published] = (await admin.done("GET", V))["versions"]
        [held] = await admin.lessons(published["id"])
        path = f"{V}/{published['id']}"
        for method, where, body in (
            ("POST", "/changes", {"put": [lesson()]}),
            ("POST", "/changes", {"put": [held | {"weekday": 5}]}),
            ("POST", "/changes", {"remove": [held["id"]]}),
            ("POST", "/weeks", {"copy_of": "odd"}),
            ("PUT", "/weights", {}),
            ("POST", "/publication", {"valid_from": "2027-01-01"}),
            ("DELETE", "", None),
        ):
            status, answer = await admin.ask(method, path + where, body)
            assert status == 409
            assert answer["detail"].startswith("This version is published and cannot change")
        assert await admin.lessons(published["id"]) == [held]


async def test_conflicts_are_told_in_the_readers_language_with_what_would_mend_them(
    site: Site,
) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        version = (await admin.done("POST", V, {}))["id"]
        near = [{"room_id": f"{NEAR}-R1", "class_id": f"{NEAR}-301", "assistant_id": None}]
        twice = [lesson(1), lesson(1, lead_room_id=f"{HUB}-R2", receivers=near)]
        await admin.done("POST", f"{V}/{version}/changes", {"put": twice})
        found = (await admin.done("GET", f"{V}/{version}"))["conflicts"]
        [clash] = [c for c in found if c["rule"] == "teacher_clash"]
        assert sorted(clash["lessons"]) == sorted(k["id"] for k in twice)
        assert clash["sentence"].startswith("Lead 1 is in 2 lessons at once on Monday at 08:30")
        assert clash["mend"] == "Move one of the lessons, or let another teacher take it."
        async with browser.get(f"{V}/{version}?lang=zh-CN") as response:
            told = [c["mend"] for c in (await response.json())["conflicts"] if c["hard"]]
        assert told == ["调整其中一节课，或由其他教师承担。"]


async def test_lessons_of_different_ranges_of_weeks_do_not_clash(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        version = (await admin.done("POST", V, {}))["id"]
        path = f"{V}/{version}/changes"
        early, late = lesson(1, week_until=8), lesson(1, week_from=9)
        await admin.done("POST", path, {"put": [early, late]})
        found = (await admin.done("GET", f"{V}/{version}"))["conflicts"]
        assert [c["rule"] for c in found if c["hard"]] == []
        await admin.done("POST", path, {"put": [late | {"week_from": 8}]})
        found = (await admin.done("GET", f"{V}/{version}"))["conflicts"]
        assert {c["rule"] for c in found if c["hard"]} >= {"teacher_clash", "class_clash"}


async def test_publishing_supersedes_from_a_day_on_and_never_in_the_past(site: Site) -> None:
    day = today(TERM, site.now)
    async with site.browser() as browser:
        admin = await entered(browser)
        version = (await admin.done("POST", V, {}))["id"]
        path = f"{V}/{version}/publication"
        status, answer = await admin.ask("POST", path, {"valid_from": str(day)})
        assert (status, answer["detail"]) == (
            422,
            "This draft has no lessons: nothing would be held.",
        )
        await admin.done("POST", f"{V}/{version}/changes", {"put": [lesson()]})
        yesterday = str(day - timedelta(days=1))
        status, answer = await admin.ask("POST", path, {"valid_from": yesterday})
        assert status == 422
        assert "what has happened stays as it was" in answer["detail"]
        later = day + timedelta(days=3)
        await admin.done("POST", path, {"valid_from": str(later)})
        new, old = (await admin.done("GET", V))["versions"]
    assert (new["state"], new["valid_from"]) == ("published", str(later))
    assert (old["state"], old["valid_until"]) == ("superseded", str(later - timedelta(days=1)))
    async with site.pool.connection() as connection:
        audit = [row["action"] for row in await connection.fetch("SELECT * FROM audit ORDER BY id")]
    assert audit[-3:] == ["draft_made", "draft_changed", "published"]


async def test_hard_conflicts_are_published_only_if_one_insists(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        version = (await admin.done("POST", V, {}))["id"]
        await admin.done(
            "POST", f"{V}/{version}/changes", {"put": [lesson(1), lesson(1, weeks="odd")]}
        )
        wish = {"valid_from": str(today(TERM, site.now))}
        status, answer = await admin.ask("POST", f"{V}/{version}/publication", wish)
        assert status == 409
        assert "break hard rules" in answer["detail"]
        wish["despite_conflicts"] = True  # type: ignore[assignment]  # JSON mixes types
        await admin.done("POST", f"{V}/{version}/publication", wish)


async def test_two_versions_are_compared_in_words_and_a_draft_is_thrown_away(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        one = (await admin.done("POST", V, {}))["id"]
        first = lesson(1)
        await admin.done("POST", f"{V}/{one}/changes", {"put": [first]})
        other = (await admin.done("POST", V, {"copy_of": one}))["id"]
        [copied] = await admin.lessons(other)
        changed = copied | {"weekday": 4, "lead_teacher_id": f"{HUB}-T2"}
        await admin.done("POST", f"{V}/{other}/changes", {"put": [changed]})
        found = await admin.done("GET", f"/api/v1/timetable/comparison?old={one}&new={other}")
        assert found["sentences"] == [
            "far3(1): Monday 08:30 Music (Lead 1) moves to Thursday at 08:30.",
            "far3(1): Lead 2 gives Monday 08:30 Music (Lead 1).",
        ]
        await admin.done("DELETE", f"{V}/{other}")
        assert (await admin.ask("GET", f"{V}/{other}"))[0] == 404


async def test_weeks_are_copied_and_given_back_by_what_the_answer_says(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        version = (await admin.done("POST", V, {}))["id"]
        path = f"{V}/{version}"
        odd, even = lesson(1, weeks="odd"), lesson(2, weeks="even", locked=True)
        third = lesson(3, week_from=3, week_until=3)
        await admin.done("POST", f"{path}/changes", {"put": [odd, even, third]})
        before = await admin.lessons(version)
        changed = await admin.done("POST", f"{path}/weeks", {"copy_of": "odd"})
        assert [(k["weekday"], k["weeks"], k["week_from"], k["week_until"])
                for k in await admin.lessons(version)] == [
            (1, "all", None, None), (3, "all", 3, 4)]  # fmt: skip
        await admin.done("POST", f"{path}/changes", changed["undo"])
        assert await admin.lessons(version) == before
        wish = {"copy_of": "range", "first": 3, "last": 4, "to": 9}
        changed = await admin.done("POST", f"{path}/weeks", wish)
        copied = [k for k in await admin.lessons(version) if k["weekday"] == 3]
        assert sorted((k["week_from"], k["week_until"]) for k in copied) == [(3, 3), (9, 9)]
        await admin.done("POST", f"{path}/changes", changed["undo"])
        assert await admin.lessons(version) == before


@pytest.mark.parametrize(("week", "meet"), [(3, True), (4, False)])
async def test_what_is_held_in_one_week_meets_only_what_that_week_holds(
    site: Site, week: int, meet: bool
) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        path = f"{V}/{(await admin.done('POST', V, {}))['id']}"
        both = [lesson(weeks="odd"), lesson(week_from=week, week_until=week)]
        await admin.done("POST", f"{path}/changes", {"put": both})
        clashes = [
            c for c in (await admin.done("GET", path))["conflicts"] if c["rule"] == "class_clash"
        ]
        assert bool(clashes) == meet


@pytest.mark.parametrize(
    "wrong",
    [
        {"copy_of": "range"},
        {"copy_of": "range", "first": 4, "last": 3, "to": 9},
        {"copy_of": "range", "first": 3, "last": 5, "to": 5},
        {"copy_of": "range", "first": 3, "last": 5, "to": 20},
        {"copy_of": "moon"},
    ],
)
async def test_weeks_that_cannot_be_copied_are_refused(site: Site, wrong: dict[str, Any]) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        version = (await admin.done("POST", V, {}))["id"]
        assert (await admin.ask("POST", f"{V}/{version}/weeks", wrong))[0] == 422


async def test_a_schools_administrator_sees_versions_and_changes_none(site: Site) -> None:
    async with site.browser() as browser:
        far = await entered(browser, "far-admin")
        [published] = (await far.done("GET", V))["versions"]
        path = f"{V}/{published['id']}"
        for method, where, body in (
            ("POST", V, {}),
            ("POST", path + "/changes", {}),
            ("POST", path + "/weeks", {"copy_of": "odd"}),
            ("PUT", path + "/weights", {}),
            ("POST", path + "/publication", {"valid_from": "2027-01-01"}),
            ("DELETE", path, None),
        ):
            assert (await far.ask(method, where, body))[0] == 403


@pytest.mark.parametrize("view", ["all", "school", "room", "teacher", "class"])
async def test_the_week_is_shown_by_whose_it_is(site: Site, view: str) -> None:
    mine = {
        "all": (HUB, f"{HUB}"),
        "school": (FAR, NEAR),
        "room": (f"{FAR}-R1", f"{NEAR}-R1"),
        "teacher": (f"{HUB}-T1", f"{HUB}-T2"),
        "class": (f"{FAR}-301", f"{NEAR}-301"),
    }
    one, other = mine[view]
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "bureau")
        for of, lessons in ((one, 1), (other, 1 if view == "all" else 0)):
            path = f"/admin/timetable?view={view}&of={of}&week=2026-09-07"
            async with browser.get(path) as response:
                text = await response.text()
            assert text.count('<div class="slot') == lessons, (of, response.status)
        async with browser.get("/admin/timetable?view=moon") as response:
            assert response.status == 422


async def test_one_version_holds_on_a_day_whatever_order_they_are_published_in(
    site: Site,
) -> None:
    site.now = datetime(2026, 9, 8, 4, 0, tzinfo=UTC)
    async with site.browser() as browser:
        admin = await entered(browser)

        async def published(valid_from: str) -> list[str]:
            version = (await admin.done("POST", V, {}))["id"]
            await admin.done("POST", f"{V}/{version}/changes", {"put": [lesson()]})
            wish = {"valid_from": valid_from}
            answer = await admin.done("POST", f"{V}/{version}/publication", wish)
            said: list[str] = answer["said"]
            return said

        assert await published("2026-10-12") == []
        assert await published("2026-09-14") == [
            "Version 2, planned from 2026-10-12 on, is replaced and will not be held."
        ]
        found = (await admin.done("GET", V))["versions"]
    spans = {v["number"]: (v["state"], v["valid_from"], v["valid_until"]) for v in found}
    assert spans == {
        1: ("superseded", str(MONDAY), "2026-09-13"),
        2: ("superseded", "2026-10-12", "2026-10-11"),
        3: ("published", "2026-09-14", None),
    }
    async with site.pool.connection() as connection:
        for day, number in ((13, 1), (14, 3), (21, 3), (52, 3)):
            on = date(2026, 8, 31) + timedelta(days=day)
            [held] = await timetable.versions_between(connection, on, on)
            assert held.number == number


@pytest.mark.parametrize("drafts", [1, 2])
async def test_of_drafts_published_at_one_moment_the_last_holds_and_each_is_published_once(
    site: Site, drafts: int
) -> None:
    day = today(TERM, site.now)
    async with site.browser() as browser:
        admin = await entered(browser)
        made = [(await admin.done("POST", V, {}))["id"] for _ in range(drafts)]
        for each in made:
            await admin.done("POST", f"{V}/{each}/changes", {"put": [lesson()]})
        wish = {"valid_from": str(day + timedelta(days=3))}
        async with site.pool.transaction() as connection:  # both wait for what it holds
            await connection.fetch("SELECT FROM timetable_versions FOR UPDATE")
            asked = [
                asyncio.create_task(admin.ask("POST", f"{V}/{each}/publication", wish))
                for each in (made * 2)[:2]
            ]
            while await waiting(site) < len(asked):
                await asyncio.sleep(0.01)
        answers = [await each for each in asked]
        found = (await admin.done("GET", V))["versions"]
    assert sorted(status for status, _ in answers) == ([200, 409] if drafts == 1 else [200, 200])
    assert [v["state"] for v in found].count("published") == 1
    assert {v["state"] for v in found} == {"published", "superseded"}
    async with site.pool.connection() as connection:
        audit = [row["action"] for row in await connection.fetch("SELECT action FROM audit")]
    assert audit.count("published") == drafts


async def waiting(site: Site) -> int:
    """How many wait for what another transaction holds."""
    async with site.pool.connection() as connection:
        found: int = await connection.fetchval(
            "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
        )
    return found
