"""What was changed of single days survives a publication, or the administrator is told."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from classroom_sync.planning import plan_sessions
from db import changes, timetable
from scheduler.model import BusyTime, Lesson, Receiver, Session
from tests.http.conftest import Site
from tests.http.test_repair_page import cast, held_in_week, proposed
from tests.http.test_timetable_api import Admin, V, entered
from tests.worlds import FAR, HUB, NEAR, TERM, lesson, publish

_TUESDAY = date(2026, 9, 15)
_SUNDAY = datetime(2026, 9, 13, 4, 0, tzinfo=UTC)
_OWN = [("lead", f"{HUB}-T1"), ("receiving", f"{FAR}-T1")]


@pytest.fixture(autouse=True)
async def planned(site: Site) -> None:
    """Music on Tuesday, planned; on Sunday."""
    site.now = _SUNDAY
    async with site.pool.transaction() as connection:
        await publish(connection, lesson(2), since=date(2026, 9, 8))
        assert await plan_sessions(connection, site.now) == []


async def on_tuesday(site: Site) -> list[Session]:
    return [s for s in await held_in_week(site) if s.on_day == _TUESDAY]


async def substitute(site: Site, admin: Admin) -> None:
    [session] = await on_tuesday(site)
    lead = next(p for p in session.participants if p.role == "lead")
    wish = {"participant": str(lead.id), "teacher": f"{HUB}-T2"}
    await admin.done("POST", f"/api/v1/sessions/{session.id}/substitution", wish)


async def published(site: Site, admin: Admin, *lessons: Lesson) -> list[str]:
    """Publish a version from Monday on; what is said of it, and was foretold word by word."""
    async with site.pool.transaction() as connection:
        draft = await timetable.add_draft(connection, TERM.id, lessons)
    wish = {"valid_from": "2026-09-14", "despite_conflicts": True}
    before = await held_in_week(site)
    foretold = await admin.done("POST", f"{V}/{draft}/publication/preview", wish)
    assert await held_in_week(site) == before
    answer: dict[str, Any] = await admin.done("POST", f"{V}/{draft}/publication", wish)
    said: list[str] = answer["said"]
    assert foretold == {"said": said}
    return said


async def test_a_substitute_stays_when_the_same_lesson_is_published_again(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        await substitute(site, admin)
        [old] = await on_tuesday(site)
        assert await published(site, admin, lesson(2), lesson(4)) == []
    [new] = await on_tuesday(site)
    assert new.lesson_id != old.lesson_id
    assert cast(new) == [("lead", f"{HUB}-T2"), ("receiving", f"{FAR}-T1")]


async def test_a_substitute_follows_the_lesson_to_another_period_of_the_day(site: Site) -> None:
    async with site.browser() as browser:
        admin = await entered(browser)
        await substitute(site, admin)
        assert await published(site, admin, lesson(2, 3)) == []
    [new] = await on_tuesday(site)
    assert (cast(new)[0], new.starts_at.hour) == (("lead", f"{HUB}-T2"), 2)  # 10:35


@pytest.mark.parametrize(
    ("lessons", "said", "casts"),
    [
        (
            [lesson(4)],
            "On 2026-09-15: what was changed of Tuesday 08:30 Music (Lead 1) is lost, as the new "
            "timetable does not hold it for these classes on that day.",
            [],
        ),
        (
            [replace(lesson(2), receivers=(Receiver(f"{FAR}-R1", f"{FAR}-301", None),),
                     lead_teacher_id=f"{HUB}-T3")],
            "On 2026-09-15: what was changed of Tuesday 08:30 Music (Lead 1) is lost, as the new "
            "timetable gives it to others.",
            [[("lead", f"{HUB}-T3"), ("receiving", None)]],
        ),
        (
            [lesson(2), lesson(2, teacher=f"{HUB}-T2", room=f"{HUB}-R2",
                               receivers=(Receiver(f"{NEAR}-R1", f"{NEAR}-301", None),))],
            "On 2026-09-15: what was changed of Tuesday 08:30 Music (Lead 1) is lost, as somebody "
            "or something in it is in another lesson then.",
            [_OWN, [("lead", f"{HUB}-T2"), ("receiving", None)]],
        ),
    ],
)  # fmt: skip
async def test_what_cannot_be_kept_is_told_in_words(
    site: Site, lessons: list[Lesson], said: str, casts: list[Any]
) -> None:
    async with site.pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO teachers SELECT $1, school_code, 'Lead 3', role, subjects "
            "FROM teachers WHERE id = $2",
            f"{HUB}-T3",
            f"{HUB}-T1",
        )
    async with site.browser() as browser:
        admin = await entered(browser)
        await substitute(site, admin)
        assert await published(site, admin, *lessons) == [said]
    assert sorted(map(cast, await on_tuesday(site)), key=str) == sorted(casts, key=str)


async def test_a_cancelled_date_stays_cancelled_and_keeps_its_makeup(site: Site) -> None:
    [session] = await on_tuesday(site)
    async with site.browser() as browser:
        admin = await entered(browser)
        path = f"/api/v1/sessions/{session.id}"
        await admin.done("POST", f"{path}/cancellation", {"cause": "school"})
        made = await admin.done("POST", f"{path}/make-up", {"day": "2026-09-18", "starts": "15:00"})
        assert await published(site, admin, lesson(2), lesson(4)) == []
        assert [(s.id, s.state) for s in await on_tuesday(site)] == [(session.id, "cancelled")]
        assert await published(site, admin, lesson(4)) == [
            "On 2026-09-15: Tuesday 08:30 Music (Lead 1) was cancelled and its make-up stays, "
            "though the new timetable does not hold it on that day."
        ]
    async with site.pool.connection() as connection:
        kept = await changes.makeups(connection, [session.id])
        assert kept == {session.id: {f"{FAR}-301": UUID(made["session"])}}
        assert await plan_sessions(connection, site.now) == []


async def test_what_a_repair_moved_is_held_once_after_a_publication(site: Site) -> None:
    async with site.pool.transaction() as connection:
        home = BusyTime(f"{HUB}-T2", None, 2, 1, "home lesson")
        await timetable.add_busy_times(connection, TERM.id, [home])
    async with site.browser(Accept="text/html") as browser:
        admin = await entered(browser)
        query = f"who={HUB}-T1&since={_TUESDAY}&until={_TUESDAY}"
        steps = await proposed(browser, query)
        await admin.done("POST", "/api/v1/timetable/repair/acceptance", {"changes": steps})
        before = [(s.id, s.state) for s in await held_in_week(site)]
        assert await published(site, admin, lesson(2)) == []
    assert [(s.id, s.state) for s in await held_in_week(site)] == before


async def test_lessons_that_clash_with_an_extra_class_are_told(site: Site) -> None:
    at = datetime(2026, 9, 17, 0, 30, tzinfo=UTC)
    extra = changes.NewSession(
        at.date(), at, at.replace(hour=1), "music", True, f"{HUB}-T1", f"{HUB}-R1",
        (Receiver(f"{FAR}-R1", f"{FAR}-301", None),),
    )  # fmt: skip
    async with site.pool.transaction() as connection:
        await changes.add(connection, extra)
    async with site.browser() as browser:
        admin = await entered(browser)
        assert await published(site, admin, lesson(2), lesson(4)) == [
            "On 2026-09-17: Thursday 08:30 Music (Lead 1) clashes with another lesson and is not "
            "held."
        ]
