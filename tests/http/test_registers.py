"""The registers: entered, changed, retired; one's own school's only, and never out of a lesson."""

from datetime import UTC, datetime
from typing import Any

import pytest

from db import city
from scheduler.model import ClassGroup, School, SchoolRole, Teacher
from tests.http.conftest import Site
from tests.http.test_timetable_api import V, entered, lesson
from tests.worlds import FAR, HUB, NEAR

A = "/api/v1"
NEW = "2132000009"
SCHOOL = {
    "name": "New school",
    "short_name": "new",
    "role": "receiving",
    "hub_code": HUB,
    "uplink_mbit": 50,
}
LEAD = {"name": "Ann", "role": "lead", "subjects": ["music"], "max_lessons_per_day": 4}
CLASS = {"name": "4(1)", "grade": 4, "enrolment": 41}


@pytest.fixture
def monday(site: Site) -> Site:
    site.now = datetime(2026, 9, 14, 0, tzinfo=UTC)
    return site


async def test_a_school_its_teacher_and_its_class_are_entered_and_changed(monday: Site) -> None:
    async with monday.browser() as browser:
        admin = await entered(browser)
        await admin.done("PUT", f"{A}/schools/{NEW}", SCHOOL)
        teacher = (await admin.done("POST", f"{A}/schools/{NEW}/teachers", LEAD))["id"]
        group = (await admin.done("POST", f"{A}/schools/{NEW}/classes", CLASS))["id"]
        await admin.done("PUT", f"{A}/schools/{NEW}", SCHOOL | {"uplink_mbit": 80})
        await admin.done(
            "PUT", f"{A}/teachers/{teacher}", LEAD | {"role": "assistant", "subjects": []}
        )
        await admin.done("PUT", f"{A}/classes/{group}", CLASS | {"enrolment": 39})
    async with monday.pool.connection() as connection:
        schools, teachers = await city.schools(connection), await city.teachers(connection)
        classes = await city.class_groups(connection)
    assert [s for s in schools if s.code == NEW] == [
        School(NEW, "New school", "new", SchoolRole.RECEIVING, HUB, 80)
    ]
    assert [t for t in teachers if t.school_code == NEW] == [
        Teacher(f"{NEW}-T01", NEW, "Ann", "assistant", (), 4)
    ]
    assert [g for g in classes if g.school_code == NEW] == [
        ClassGroup(f"{NEW}-C01", NEW, "4(1)", 4, 39)
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", f"schools/{NEW}x", SCHOOL, 422),
        ("PUT", "schools/213200000９", SCHOOL, 422),
        ("PUT", f"schools/{NEW}", SCHOOL | {"hub_code": None}, 422),
        ("PUT", f"schools/{NEW}", SCHOOL | {"hub_code": FAR}, 422),
        ("PUT", f"schools/{NEW}", SCHOOL | {"role": "hub"}, 422),
        ("PUT", f"schools/{NEW}", SCHOOL | {"uplink_mbit": 0}, 422),
        ("PUT", f"schools/{HUB}", SCHOOL, 409),
        ("POST", f"schools/{NEW}/teachers", LEAD, 404),
        ("POST", f"schools/{FAR}/teachers", LEAD | {"subjects": ["alchemy"]}, 422),
        ("POST", f"schools/{FAR}/teachers", LEAD | {"subjects": []}, 422),
        ("POST", f"schools/{FAR}/classes", CLASS | {"name": "3(1)"}, 409),
        ("POST", f"schools/{FAR}/classes", CLASS | {"grade": 10}, 422),
        ("PUT", "teachers/nobody", LEAD, 404),
        ("PUT", "classes/none", CLASS, 404),
        ("POST", "teachers/nobody/retirement", {"retired": True}, 404),
    ],
)
async def test_what_cannot_be_in_the_registers_is_refused(
    monday: Site, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    async with monday.browser() as browser:
        admin = await entered(browser)
        assert (await admin.ask(method, f"{A}/{path}", body))[0] == status


async def test_who_is_in_a_lesson_to_come_is_not_retired(monday: Site) -> None:
    async with monday.browser() as browser:
        admin = await entered(browser)
        for path in (
            f"schools/{FAR}",
            f"schools/{HUB}",
            f"teachers/{HUB}-T1",
            f"teachers/{FAR}-T1",
            f"classes/{FAR}-301",
        ):
            status, answer = await admin.ask("POST", f"{A}/{path}/retirement", {"retired": True})
            assert (status, "lessons: 1)" in answer["detail"]) == (409, True), path


async def test_who_is_retired_is_not_free_and_no_draft_may_have_them_until_brought_back(
    monday: Site,
) -> None:
    span = "since=2026-09-15T01:00:00Z&until=2026-09-15T02:00:00Z"
    who = f"{HUB}-T2"
    async with monday.browser() as browser:
        admin = await entered(browser)
        draft = (await admin.done("POST", V, {}))["id"]
        wanted = {"put": [lesson(lead_teacher_id=who)]}
        await admin.done("POST", f"{V}/{draft}/changes", wanted)

        async def broken() -> set[str]:
            found = (await admin.done("GET", f"{V}/{draft}"))["conflicts"]
            return {c["rule"] for c in found if c["hard"]}

        async def free() -> set[str]:
            return {*(await admin.done("GET", f"{A}/free?{span}"))["teachers"]}

        assert (who in await free(), "retired" in await broken()) == (True, False)
        await admin.done("POST", f"{A}/teachers/{who}/retirement", {"retired": True})
        assert (who in await free(), "retired" in await broken()) == (False, True)
        await admin.done("PUT", f"{A}/teachers/{who}", LEAD)  # changing them brings nobody back
        assert who not in await free()
        await admin.done("POST", f"{A}/teachers/{who}/retirement", {"retired": False})
        assert (who in await free(), "retired" in await broken()) == (True, False)
        # with a school go its people
        await admin.done("POST", f"{A}/schools/{NEAR}/retirement", {"retired": True})
        assert f"{NEAR}-T1" not in await free()


async def test_a_schools_administrator_keeps_its_own_register_only(monday: Site) -> None:
    async with monday.browser() as browser:
        far = await entered(browser, "far-admin")
        await far.done("POST", f"{A}/schools/{FAR}/classes", CLASS)
        await far.done("PUT", f"{A}/teachers/{FAR}-T1", LEAD | {"role": "assistant"})
        for method, path, body in (
            ("PUT", f"schools/{FAR}", SCHOOL),
            ("POST", f"schools/{FAR}/retirement", {"retired": True}),
            ("POST", f"schools/{NEAR}/teachers", LEAD),
            ("POST", f"schools/{NEAR}/classes", CLASS),
            ("PUT", f"teachers/{NEAR}-T1", LEAD),
            ("PUT", f"classes/{NEAR}-301", CLASS),
            ("POST", f"teachers/{NEAR}-T1/retirement", {"retired": True}),
            ("POST", f"classes/{NEAR}-301/retirement", {"retired": True}),
        ):
            assert (await far.ask(method, f"{A}/{path}", body))[0] == 403, (method, path)


@pytest.mark.parametrize(
    ("kind", "shows"), [("schools", HUB), ("teachers", "Helper"), ("classes", "3(1)")]
)
async def test_the_page_shows_each_register(monday: Site, kind: str, shows: str) -> None:
    async with monday.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        await entered(browser)
        async with browser.get(f"/admin/registers?kind={kind}&school={FAR}") as response:
            assert response.status == 200
            assert shows in await response.text()
