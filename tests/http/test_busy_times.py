"""A school keeps a teacher or class for itself: said on its own word, heeded by "who is free"."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from tests.http.conftest import Site
from tests.http.test_timetable_api import Admin, entered
from tests.worlds import FAR, HUB, NEAR

B = "/api/v1/busy-times"
TEACHER, CLASS = f"{FAR}-T1", f"{FAR}-301"


def keeps(who: str = "teacher_id", of: str = TEACHER, **other: object) -> dict[str, object]:
    return {who: of, "weekday": 2, "period": 1, "reason": "own lesson"} | other


@pytest.fixture
def monday(site: Site) -> Site:
    site.now = datetime(2026, 9, 14, 0, tzinfo=UTC)
    return site


async def free(admin: Admin, day: str, since: str, until: str) -> set[str]:
    span = "&".join(
        f"{k}={quote(f'{day}T{at}:00+08:00')}" for k, at in (("since", since), ("until", until))
    )
    found = await admin.done("GET", f"/api/v1/free?{span}")
    return {*found["teachers"], *found["classes"]}


async def test_whom_a_school_keeps_is_not_free_in_that_period_of_its_own_bells(
    monday: Site,
) -> None:
    async with monday.browser() as browser:
        admin = await entered(browser, "far-admin")
        teacher = (await admin.done("POST", B, keeps()))["id"]
        await admin.done("POST", B, keeps("class_id", CLASS, period=2))
        tuesday = "2026-09-15"  # the far school's periods ring at 08:20 and 09:15
        both = {TEACHER, CLASS}
        assert both & await free(admin, tuesday, "08:59", "09:14") == {CLASS}
        assert both & await free(admin, tuesday, "09:00", "09:15") == both
        assert both & await free(admin, tuesday, "08:30", "09:20") == set()
        assert both <= await free(admin, "2026-09-16", "08:30", "09:20")
        await admin.done("DELETE", f"{B}/{teacher}")
        assert TEACHER in await free(admin, tuesday, "08:30", "09:20")
        [left] = (await admin.done("GET", B))["busy_times"]
        assert (left["class_id"], left["teacher_id"], left["period"]) == (CLASS, None, 2)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        (keeps(class_id=CLASS), 422),
        ({"weekday": 1, "period": 1}, 422),
        (keeps(of="nobody"), 422),
        (keeps(period=9), 422),
        (keeps(weekday=8), 422),
        (keeps(of=f"{NEAR}-T1"), 403),
        (keeps("class_id", f"{HUB}-301"), 403),
    ],
)
async def test_a_busy_time_that_is_not_ones_own_to_say_is_refused(
    monday: Site, wish: dict[str, object], status: int
) -> None:
    async with monday.browser() as browser:
        admin = await entered(browser, "far-admin")
        assert (await admin.ask("POST", B, wish))[0] == status
        assert (await admin.done("GET", B))["busy_times"] == []


async def test_a_period_is_kept_once_and_taken_back_by_its_own_school_only(monday: Site) -> None:
    async with monday.browser() as browser, monday.browser() as other:
        city = await entered(other)
        far = await entered(browser, "far-admin")
        kept = (await city.done("POST", B, keeps(of=f"{NEAR}-T1")))["id"]
        assert (await city.ask("POST", B, keeps(of=f"{NEAR}-T1")))[0] == 409
        assert (await far.ask("DELETE", f"{B}/{kept}"))[0] == 403
        await city.done("DELETE", f"{B}/{kept}")
        assert (await city.ask("DELETE", f"{B}/{kept}"))[0] == 404


async def test_the_page_shows_the_week_of_a_teacher_by_the_schools_own_bells(monday: Site) -> None:
    async with monday.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = await entered(browser, "far-admin")
        await admin.done("POST", B, keeps())
        async with browser.get(f"/admin/busy?of={TEACHER}") as response:
            text = await response.text()
    first, second = text.split("<tbody>")[1].split("</tr>")[:2]
    assert ("08:20" in first, "own lesson" in first) == (True, True)
    assert "own lesson" not in second
