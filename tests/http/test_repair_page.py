"""A teacher is ill: the page proposes who stands in, or says why a lesson can't be kept."""

import re
from datetime import UTC, date, datetime

import pytest

from classroom_sync.planning import plan_sessions
from db import timetable
from scheduler.model import Demand, Weeks
from tests.http.conftest import Site, sign_in
from tests.http.test_timetable_api import Admin
from tests.worlds import FAR, HUB, TERM

_MONDAY = "since=2026-09-14&until=2026-09-14"


async def asked(site: Site, query: str, language: str = "en") -> tuple[int, str]:
    async with site.browser(Accept="text/html", **{"Accept-Language": language}) as browser:
        await sign_in(browser, "admin")
        async with browser.get(f"/admin/repair?{query}") as response:
            return response.status, re.sub(r"\s+", " ", await response.text())


async def test_another_teacher_of_the_subject_is_proposed_and_nothing_is_changed(
    site: Site,
) -> None:
    async with site.pool.transaction() as connection:
        demand = Demand(f"{FAR}-301", "music", 1, Weeks.ALL)
        await timetable.add_demands(connection, TERM.id, [demand])
    status, text = await asked(site, f"who={HUB}-T1&{_MONDAY}")
    assert status == 200
    assert "0 moved, 1 substituted, 0 lost · proven: no change loses or moves fewer" in text
    assert "far3(1): Lead 2 gives Monday 08:30 Music (Lead 1)." in text
    assert 'href="/admin/changes?day=2026-09-14"' in text
    status, text = await asked(site, f"who={HUB}-T1&{_MONDAY}", "zh-CN")
    assert "调动 0 节，代课 1 节，无法保留 0 节" in text
    async with site.pool.connection() as connection:
        day = date(2026, 9, 14)
        [version] = await timetable.versions_between(connection, day, day)
    assert [k.lead_teacher_id for k in version.lessons] == [f"{HUB}-T1"]


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


async def test_a_substitution_in_a_planned_session_is_accepted_in_one_step(site: Site) -> None:
    site.now = datetime(2026, 9, 14, 0, 0, tzinfo=UTC)  # half an hour before the lesson
    async with site.pool.transaction() as connection:
        demand = Demand(f"{FAR}-301", "music", 1, Weeks.ALL)
        await timetable.add_demands(connection, TERM.id, [demand])
        assert await plan_sessions(connection, site.now) == []
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = Admin(browser, await sign_in(browser, "admin"))
        page = f"/admin/repair?who={HUB}-T1&{_MONDAY}"
        async with browser.get(page) as response:
            [form] = re.findall(r'<form data-api="(.*?)</form>', await response.text(), re.DOTALL)
        fields = dict(re.findall(r'name="(\w+)" value="(.*?)"', form))
        assert fields["teacher"] == f"{HUB}-T2"
        await admin.done("POST", form.split('"')[0], fields)
        async with browser.get(page) as response:
            assert "Accept</button>" not in await response.text()
    async with site.pool.connection() as connection:
        [row] = await connection.fetch(
            "SELECT p.teacher_id FROM participants p JOIN sessions s ON s.id = p.session_id "
            "WHERE s.on_day = '2026-09-14' AND p.role = 'lead'"
        )
    assert row["teacher_id"] == f"{HUB}-T2"
