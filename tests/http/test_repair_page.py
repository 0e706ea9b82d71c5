"""A teacher is ill: the page proposes who stands in, or says why a lesson can't be kept."""

import asyncio
import html
import json
import re
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from classroom_sync.planning import plan_sessions
from db import changes, city, presence, sessions, timetable
from scheduler.model import BusyTime, Lesson, Receiver, Session, TimetableVersion
from tests.http.conftest import Site, sign_in
from tests.http.test_timetable_api import Admin
from tests.worlds import FAR, HUB, NEAR, TERM, lesson, publish

_MONDAY = "since=2026-09-14&until=2026-09-14"
_SUNDAY = datetime(2026, 9, 13, 4, 0, tzinfo=UTC)
_ACCEPT = "/api/v1/timetable/repair/acceptance"


@pytest.fixture(autouse=True)
def the_day_before(site: Site) -> None:
    site.now = _SUNDAY


async def asked(site: Site, query: str, language: str = "en") -> tuple[int, str]:
    async with site.browser(Accept="text/html", **{"Accept-Language": language}) as browser:
        await sign_in(browser, "admin")
        async with browser.get(f"/admin/repair?{query}") as response:
            return response.status, re.sub(r"\s+", " ", await response.text())


async def test_another_teacher_of_the_subject_is_proposed_and_nothing_is_changed(
    site: Site,
) -> None:
    status, text = await asked(site, f"who={HUB}-T1&{_MONDAY}")
    assert status == 200
    assert "1 lesson has a substitute · proven: no change loses or moves fewer" in text
    assert "far3(1): Lead 2 gives Monday 08:30 Music (Lead 1)." in text
    assert 'href="/admin/changes?day=2026-09-14"' in text
    status, text = await asked(site, f"who={HUB}-T1&{_MONDAY}", "zh-CN")
    assert "代课 1 节 · 已证明：没有更小的调整" in text
    async with site.pool.connection() as connection:
        day = date(2026, 9, 14)
        [version] = await timetable.versions_between(connection, day, day)
    assert [k.lead_teacher_id for k in version.lessons] == [f"{HUB}-T1"]


async def test_lessons_that_have_begun_are_proposed_no_change(site: Site) -> None:
    site.now = datetime(2026, 9, 14, 0, 30, tzinfo=UTC)  # Monday 08:30: it begins
    _, text = await asked(site, f"who={HUB}-T1&{_MONDAY}")
    assert "Nothing has to change." in text
    site.now = datetime(2026, 9, 15, 0, 0, tzinfo=UTC)
    _, text = await asked(site, f"who={HUB}-T1&{_MONDAY}")
    assert "There is no teaching day in this time." in text


async def test_who_is_in_no_lesson_changes_nothing(site: Site) -> None:
    _, text = await asked(site, f"who={HUB}-T2&{_MONDAY}")
    assert "Nothing has to change." in text
    _, text = await asked(site, f"who={HUB}-T1&since=2026-09-19&until=2026-09-19")
    assert "There is no teaching day in this time." in text


@pytest.mark.parametrize(
    "query",
    [
        f"who=nobody&{_MONDAY}",
        f"who={HUB}-T1&since=soon",
        f"who={HUB}-T1&since=2026-09-01&until=2026-12-01",
    ],
)
async def test_what_cannot_be_asked_is_refused(site: Site, query: str) -> None:
    assert (await asked(site, query))[0] == 422


async def proposed(browser: aiohttp.ClientSession, query: str) -> list[dict[str, Any]]:
    """The changes that the page would send, accepted as they stand."""
    async with browser.get(f"/admin/repair?{query}") as response:
        text = await response.text()
    [value] = re.findall(r'name="changes" data-kind="json" value="(.*?)"', text)
    found: list[dict[str, Any]] = json.loads(html.unescape(value))
    return found


async def held_in_week(site: Site, monday: date = date(2026, 9, 14)) -> list[Session]:
    since = datetime(monday.year, monday.month, monday.day, tzinfo=UTC) - timedelta(hours=8)
    async with site.pool.connection() as connection:
        return await sessions.between(connection, since, since + timedelta(days=7))


def cast(session: Session) -> list[tuple[str, str | None]]:
    return [(p.role.value, p.teacher_id) for p in session.participants]


async def nobody_stands_in(site: Site) -> None:
    """Lead 2 is kept by the hub at the time of Lead 1's only lesson."""
    async with site.pool.transaction() as connection:
        home = BusyTime(f"{HUB}-T2", None, 1, 1, "home lesson")
        await timetable.add_busy_times(connection, TERM.id, [home])


async def both_teach(site: Site) -> None:
    """Both leads have a lesson on Monday morning."""
    near = (Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{NEAR}-T1"),)
    async with site.pool.transaction() as connection:
        await publish(
            connection,
            lesson(),
            lesson(teacher=f"{HUB}-T2", room=f"{HUB}-R2", receivers=near),
            since=date(2026, 9, 8),
        )


async def test_a_substitution_is_accepted_in_one_step_and_said_in_words(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        steps = await proposed(browser, f"who={HUB}-T1&{_MONDAY}")
        said = (await admin.done("POST", _ACCEPT, {"changes": steps}))["said"]
        assert said == ["On 2026-09-14: far3(1): Lead 2 gives Monday 08:30 Music (Lead 1)."]
        async with browser.get(f"/admin/repair?who={HUB}-T1&{_MONDAY}") as response:
            assert "Nothing has to change." in await response.text()
    [session] = await held_in_week(site)
    assert (session.state, cast(session)) == (
        "scheduled",
        [("lead", f"{HUB}-T2"), ("receiving", f"{FAR}-T1")],
    )
    async with site.pool.connection() as connection:
        assert await plan_sessions(connection, _SUNDAY) == []
        [row] = await connection.fetch("SELECT * FROM audit WHERE action = 'repair_accepted'")
    assert (row["actor"], row["detail"]["sessions"]) == ("account:admin", [str(session.id)])
    assert await held_in_week(site) == [session]


async def test_a_lesson_that_moves_is_cancelled_and_held_again_as_its_makeup(site: Site) -> None:
    await nobody_stands_in(site)
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        steps = await proposed(browser, f"who={HUB}-T1&{_MONDAY}")
        [said] = (await admin.done("POST", _ACCEPT, {"changes": steps}))["said"]
    assert said.startswith("On 2026-09-14: far3(1): Monday 08:30 Music (Lead 1): moves to ")
    assert said.endswith("; Lead 2 gives it.")
    found = await held_in_week(site)
    [old] = [s for s in found if s.state == "cancelled"]
    async with site.pool.connection() as connection:
        makeups = await changes.makeups(connection, [old.id])
        [link] = await presence.attendance_of_session(connection, old.id)
        assert await plan_sessions(connection, _SUNDAY) == []
    new = next(s for s in found if s.id == makeups[old.id][f"{FAR}-301"])
    assert (new.state, new.lesson_id, new.subject) == ("scheduled", None, "music")
    assert [p.class_id for p in new.participants] == [p.class_id for p in old.participants]
    assert link.cause == "school"
    assert new.starts_at > old.starts_at
    assert len(found) == 2


async def test_what_another_lesson_took_meanwhile_is_refused_and_nothing_is_changed(
    site: Site,
) -> None:
    await nobody_stands_in(site)
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        steps = await proposed(browser, f"who={HUB}-T1&{_MONDAY}")
        [new] = [step["becomes"] for step in steps if step["was"] is None]
        day = date.fromisoformat(new["day"])
        starts = {1: (8, 30), 2: (9, 25), 3: (10, 35)}[new["period"]]
        at = datetime(day.year, day.month, day.day, *starts, tzinfo=UTC) - timedelta(hours=8)
        async with site.pool.transaction() as connection:
            other = changes.NewSession(
                day, at, at + timedelta(minutes=30), "music", True, f"{HUB}-T2",
                new["lead_room_id"], (Receiver(f"{NEAR}-R1", f"{NEAR}-301", None),),
            )  # fmt: skip
            await changes.add(connection, other)
            await plan_sessions(connection, _SUNDAY)
        before = await held_in_week(site)
        status, answer = await admin.ask("POST", _ACCEPT, {"changes": steps})
        assert status == 409
        assert answer["detail"].startswith("This would break a rule now: ")
    assert await held_in_week(site) == before


async def test_a_lesson_changed_since_the_proposal_stays_as_it_is(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        steps = await proposed(browser, f"who={FAR}-T1&{_MONDAY}")
        [step] = steps
        assert step["becomes"]["receivers"][0]["assistant_id"] is None
        other = [step | {"becomes": step["was"] | {"lead_teacher_id": f"{HUB}-T2"}}]
        await admin.done("POST", _ACCEPT, {"changes": other})
        before = await held_in_week(site)
        status, answer = await admin.ask("POST", _ACCEPT, {"changes": steps})
        assert (status, answer["detail"]) == (
            409,
            "A lesson has begun or has been changed since this was proposed: ask for a new "
            "proposal.",
        )
        site.now = datetime(2026, 9, 14, 0, 30, tzinfo=UTC)  # it begins
        admin = Admin(browser, await sign_in(browser, "admin"))
        assert (await admin.ask("POST", _ACCEPT, {"changes": other}))[0] == 409
    assert await held_in_week(site) == before


async def test_two_teachers_who_swap_are_changed_together_or_not_at_all(site: Site) -> None:
    await both_teach(site)
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        [version] = await versions_on(site, date(2026, 9, 14))
        steps = [swapped(each) for each in version.lessons]
        nobody = [steps[0], steps[1] | {"becomes": steps[1]["becomes"] | {"lead_room_id": "x"}}]
        assert (await admin.ask("POST", _ACCEPT, {"changes": nobody}))[0] == 422
        assert await held_in_week(site) == []
        assert len((await admin.done("POST", _ACCEPT, {"changes": steps}))["said"]) == 2
    assert sorted(map(cast, await held_in_week(site))) == [
        [("lead", f"{HUB}-T1"), ("receiving", f"{NEAR}-T1")],
        [("lead", f"{HUB}-T2"), ("receiving", f"{FAR}-T1")],
    ]


async def test_a_lesson_planned_at_the_same_moment_undoes_the_whole_acceptance(
    site: Site,
) -> None:
    await both_teach(site)
    at = datetime(2026, 9, 14, 1, 25, tzinfo=UTC)  # the second period
    other = changes.NewSession(
        at.date(), at, at + timedelta(minutes=40), "music", True, f"{HUB}-T2", f"{HUB}-R2",
        (Receiver(f"{NEAR}-R1", f"{NEAR}-301", None),),
    )  # fmt: skip
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        [version] = await versions_on(site, date(2026, 9, 14))
        [far] = [k for k in version.lessons if k.lead_teacher_id == f"{HUB}-T1"]
        [near] = [k for k in version.lessons if k.lead_teacher_id == f"{HUB}-T2"]
        moved = swapped(near)
        moved["becomes"] = moved["was"] | {"period": 2}
        cancelled = swapped(far) | {"becomes": None}
        async with site.pool.transaction() as connection:
            planned = await changes.add(connection, other)
            asked = asyncio.create_task(admin.ask("POST", _ACCEPT, {"changes": [cancelled, moved]}))
            while not (asked.done() or await waits_for_a_lock(site)):
                await asyncio.sleep(0.01)
        status, answer = await asked
        assert (status, answer["detail"]) == (
            409,
            "A room, a teacher or a class is in another lesson at that time: choose another.",
        )
    assert [s.id for s in await held_in_week(site)] == [planned]


async def waits_for_a_lock(site: Site) -> bool:
    async with site.pool.connection() as connection:
        found = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(found)


async def test_a_schools_administrator_accepts_nothing(site: Site) -> None:
    async with site.browser() as browser:
        far = Admin(browser, await sign_in(browser, "far-admin"))
        [version] = await versions_on(site, date(2026, 9, 14))
        steps = [swapped(each) for each in version.lessons]
        assert (await far.ask("POST", _ACCEPT, {"changes": steps}))[0] == 403


async def versions_on(site: Site, day: date) -> list[TimetableVersion]:
    async with site.pool.connection() as connection:
        return list(await timetable.versions_between(connection, day, day))


def swapped(of: Lesson) -> dict[str, Any]:
    """The lesson of Monday 14th, to be given by the other lead."""
    was = {
        "day": "2026-09-14",
        "period": of.period,
        "subject": of.subject,
        "lead_teacher_id": of.lead_teacher_id,
        "lead_room_id": of.lead_room_id,
        "receivers": [asdict(r) for r in of.receivers],
    }
    other = {f"{HUB}-T1": f"{HUB}-T2", f"{HUB}-T2": f"{HUB}-T1"}[of.lead_teacher_id]
    return {"lesson": str(of.id), "was": was, "becomes": was | {"lead_teacher_id": other}}


async def split(site: Site) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Monday's lesson of two classes cancelled, and what holds it for each of them on Tuesday."""
    both = [Receiver(f"{s}-R1", f"{s}-301", f"{s}-T1") for s in (FAR, NEAR)]
    async with site.pool.transaction() as connection:
        await publish(connection, lesson(receivers=tuple(both)), since=date(2026, 9, 8))
    [version] = await versions_on(site, date(2026, 9, 14))
    [step] = [swapped(each) for each in version.lessons]
    far, near = (
        step["was"] | {"day": "2026-09-15", "period": period, "receivers": [asdict(receiver)]}
        for period, receiver in enumerate(both, 1)
    )
    return step | {"becomes": None}, {"becomes": far}, {"becomes": near}


async def due(site: Site) -> dict[str, int]:
    """How many lessons are due to each class, once they are over."""
    async with site.pool.connection() as connection:
        rows = await connection.fetch(
            "SELECT class_id, count(*) FROM links_as_of('2026-10-01', '2026-09-14', '2026-09-20')"
            " WHERE due GROUP BY 1"
        )
    return {row["class_id"]: row["count"] for row in rows}


async def test_a_lesson_split_in_two_is_made_up_once_for_each_class(site: Site) -> None:
    steps = await split(site)
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        await admin.done("POST", _ACCEPT, {"changes": steps})
        old, far, near = await held_in_week(site)
        async with browser.get(f"/admin/changes?day=2026-09-14&session={old.id}") as response:
            assert "A make-up is planned." in await response.text()
    async with site.pool.connection() as connection:
        found = await changes.makeups(connection, [old.id])
    assert found == {old.id: {f"{FAR}-301": far.id, f"{NEAR}-301": near.id}}
    assert await due(site) == {f"{FAR}-301": 1, f"{NEAR}-301": 1}


async def test_the_class_that_a_split_left_out_is_made_up_by_itself(site: Site) -> None:
    cancelled, far, _ = await split(site)
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        await admin.done("POST", _ACCEPT, {"changes": [cancelled, far]})
        [old, _] = await held_in_week(site)
        async with browser.get(f"/admin/changes?day=2026-09-14&session={old.id}") as response:
            assert "Plan the make-up" in await response.text()
        path = f"/api/v1/sessions/{old.id}/make-up"
        await admin.done("POST", path, {"day": "2026-09-16", "starts": "10:35"})
        status, answer = await admin.ask("POST", path, {"day": "2026-09-17", "starts": "10:35"})
        assert (status, answer["detail"]) == (409, "This lesson has a make-up already.")
    late = (await held_in_week(site))[-1]
    assert [p.class_id for p in late.participants if p.class_id] == [f"{NEAR}-301"]
    assert await due(site) == {f"{FAR}-301": 1, f"{NEAR}-301": 1}


async def two_lessons(site: Site) -> tuple[dict[str, Any], dict[str, Any]]:
    """The far class's lesson on Monday, and the near one's on Tuesday, each to be held as it is."""
    near = (Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{NEAR}-T1"),)
    other = lesson(weekday=2, teacher=f"{HUB}-T2", room=f"{HUB}-R2", receivers=near)
    async with site.pool.transaction() as connection:
        await publish(connection, lesson(), other, since=date(2026, 9, 8))
    [version] = await versions_on(site, date(2026, 9, 14))
    monday, tuesday = sorted(version.lessons, key=lambda each: each.weekday)
    first, second = swapped(monday), swapped(tuesday)
    second["was"]["day"] = "2026-09-15"
    return first | {"becomes": first["was"]}, second | {"becomes": second["was"]}


def classes(session: Session) -> list[str]:
    return sorted(p.class_id for p in session.participants if p.class_id is not None)


async def test_two_lessons_that_are_cancelled_and_held_as_one_are_both_made_up(site: Site) -> None:
    far, near = await two_lessons(site)
    both = far["was"]["receivers"] + near["was"]["receivers"]
    merged = far["was"] | {"day": "2026-09-16", "receivers": both}
    steps = [far | {"becomes": None}, near | {"becomes": None}, {"becomes": merged}]
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        await admin.done("POST", _ACCEPT, {"changes": steps})
        first, second, held = await held_in_week(site)
        for day, old in (("2026-09-14", first), ("2026-09-15", second)):
            async with browser.get(f"/admin/changes?day={day}&session={old.id}") as response:
                assert "A make-up is planned." in await response.text()
    assert classes(held) == [f"{FAR}-301", f"{NEAR}-301"]
    async with site.pool.connection() as connection:
        found = await changes.makeups(connection, [first.id, second.id])
    assert found == {first.id: {f"{FAR}-301": held.id}, second.id: {f"{NEAR}-301": held.id}}
    assert await due(site) == {f"{FAR}-301": 1, f"{NEAR}-301": 1}


async def test_a_class_that_joins_a_lesson_in_place_of_its_own_is_made_up_there(
    site: Site,
) -> None:
    far, near = await two_lessons(site)
    both = far["was"]["receivers"] + near["was"]["receivers"]
    joined = far["was"] | {"receivers": both}
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        await admin.done(
            "POST", _ACCEPT, {"changes": [near | {"becomes": None}, far | {"becomes": joined}]}
        )
        held, cancelled = await held_in_week(site)
        async with site.pool.connection() as connection:
            found = await changes.makeups(connection, [held.id, cancelled.id])
        assert found == {cancelled.id: {f"{NEAR}-301": held.id}}
        assert await due(site) == {f"{FAR}-301": 1, f"{NEAR}-301": 1}
        async with site.pool.transaction() as connection:
            rooms = {r.id: r for r in await city.rooms(connection)}
            other = replace(rooms[f"{NEAR}-R1"], id=f"{NEAR}-R2", name="Room 2")
            await city.add_rooms(connection, [other])
        first, last = joined["receivers"]
        again = joined | {"receivers": [first, last | {"room_id": other.id}]}
        step = {"lesson": far["lesson"], "was": joined, "becomes": again}
        await admin.done("POST", _ACCEPT, {"changes": [step]})
        async with site.pool.connection() as connection:
            assert await changes.makeups(connection, [held.id, cancelled.id]) == found
            moved = await sessions.session(connection, held.id)
    assert moved is not None
    assert other.id in {p.room_id for p in moved.participants}
