"""Terms and their days, by API and page: what a word on a day would do, does, and undoes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from classroom_sync.planning import plan_sessions
from db import calendar, changes, sessions
from scheduler.calendar import official_days
from scheduler.model import Receiver, Weeks
from tests.http.conftest import Site
from tests.http.test_timetable_api import Admin, entered
from tests.worlds import FAR, HUB, NEAR, TERM, lesson, publish

T = f"/api/v1/calendar/terms/{TERM.id}"
TERMS = "/api/v1/calendar/terms"
SATURDAY = datetime(2026, 9, 12, 4, tzinfo=UTC)  # of week 2, noon in Shanghai
MONDAY = date(2026, 9, 14)  # of week 3, an odd one
FAR_TERM = {  # a term whose holidays nobody can know yet
    "name": "Far",
    "week1_monday": "2090-08-28",
    "starts_on": "2090-09-01",
    "ends_on": "2091-01-19",
}


@pytest.fixture
async def term(site: Site) -> Site:
    """The site on a Saturday, with a lesson on Mondays, one on Tuesdays of odd weeks, planned."""
    site.now = SATURDAY
    async with site.pool.transaction() as connection:
        await calendar.set_official_days(
            connection, TERM.id, official_days(date(2026, 9, 1), date(2026, 12, 31))
        )
        await publish(
            connection,
            lesson(weekday=1),
            lesson(weekday=2, weeks=Weeks.ODD),
            since=date(2026, 9, 13),
        )
        await plan_sessions(connection, SATURDAY)
    return site


async def planned(site: Site) -> list[str]:
    """When the coming week's sessions start, in Shanghai."""
    async with site.pool.connection() as connection:
        found = await sessions.between(connection, SATURDAY, SATURDAY + timedelta(days=7))
    zone = ZoneInfo(TERM.zone)
    return [session.starts_at.astimezone(zone).strftime("%a %d %H:%M") for session in found]


def starts(found: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(each["day"], each["starts"], each["subject"]) for each in found]


USUAL = ["Mon 14 08:30", "Tue 15 08:30"]


async def test_a_day_off_names_the_lessons_it_cancels_before_it_is_saved_and_can_be_undone(
    term: Site,
) -> None:
    async with term.browser() as browser:
        admin = await entered(browser)
        wish = {"kind": "holiday", "note": "typhoon"}
        effect = await admin.done("POST", f"{T}/days/{MONDAY}/effect", wish)
        assert starts(effect["cancelled"]) == [("2026-09-14", "08:30", "music")]
        assert (effect["held"], effect["staying"]) == ([], 0)
        assert await planned(term) == USUAL  # nothing was saved
        await admin.done("PUT", f"{T}/days/{MONDAY}", wish)
        assert await planned(term) == USUAL[1:]
        undo = await admin.done("POST", f"{T}/days/{MONDAY}/effect", {"kind": "official"})
        assert starts(undo["held"]) == [("2026-09-14", "08:30", "music")]
        await admin.done("DELETE", f"{T}/days/{MONDAY}")
        assert await planned(term) == USUAL


async def test_a_makeup_workday_runs_the_weekday_and_parity_of_the_date_it_acts_as(
    term: Site,
) -> None:
    sunday = "2026-09-13"
    async with term.browser() as browser:
        admin = await entered(browser)
        for acts_as, held in (("2026-09-15", 1), ("2026-09-22", 0), ("2026-09-16", 0)):
            wish = {"kind": "makeup", "acts_as": acts_as}
            effect = await admin.done("POST", f"{T}/days/{sunday}/effect", wish)
            assert len(effect["held"]) == held, acts_as
        await admin.done("PUT", f"{T}/days/{sunday}", {"kind": "makeup", "acts_as": "2026-09-15"})
        assert await planned(term) == ["Sun 13 08:30", *USUAL]
        days = (await admin.done("GET", T))["days"]
    [own] = [d for d in days if d["source"] == "admin"]
    assert (own["day"], own["kind"], own["acts_as"]) == (sunday, "makeup", "2026-09-15")


async def test_the_word_of_the_administrator_stands_beside_the_official_one(term: Site) -> None:
    makeup = "2026-09-20"
    async with term.browser() as browser:
        admin = await entered(browser)
        await admin.done("PUT", f"{T}/days/{makeup}", {"kind": "holiday", "note": "district"})
        await admin.done("POST", f"{T}/official-days")  # reading them again keeps it
        days = (await admin.done("GET", T))["days"]
        said = [(d["source"], d["kind"], d["holds"]) for d in days if d["day"] == makeup]
        assert said == [("admin", "holiday", True), ("official", "makeup", False)]


async def test_a_lesson_that_was_opened_stays_and_is_counted_apart(term: Site) -> None:
    async with term.pool.transaction() as connection:
        [monday, _] = await sessions.between(connection, SATURDAY, SATURDAY + timedelta(days=7))
        await sessions.open_session(connection, monday.id, SATURDAY)
    async with term.browser() as browser:
        admin = await entered(browser)
        effect = await admin.done("POST", f"{T}/days/{MONDAY}/effect", {"kind": "holiday"})
        assert effect == {"cancelled": [], "held": [], "staying": 1, "apart": []}


async def test_a_day_off_names_the_class_outside_of_the_timetable_that_it_does_not_cancel(
    term: Site,
) -> None:
    at = datetime(2026, 9, 14, 7, 30, tzinfo=UTC)
    extra = changes.NewSession(
        date(2026, 9, 14), at, at + timedelta(minutes=40), "music", True, f"{HUB}-T2",
        f"{HUB}-R1", (Receiver(f"{FAR}-R1", f"{FAR}-301", None),),
    )  # fmt: skip
    async with term.pool.transaction() as connection:
        apart = await changes.add(connection, extra)
    async with term.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin = await entered(browser)
        effect = await admin.done("POST", f"{T}/days/{MONDAY}/effect", {"kind": "holiday"})
        assert [(each["session"], each["starts"]) for each in effect["apart"]] == [
            (str(apart), "15:30")
        ]
        query = {"day": str(MONDAY), "kind": "holiday"}
        async with browser.get("/admin/calendar", params=query) as response:
            text = await response.text()
        assert "Not of the timetable, so held all the same" in text
        assert f"session={apart}" in text


async def test_a_lesson_that_clashes_is_not_counted_among_those_a_day_off_cancels(
    term: Site,
) -> None:
    async with term.pool.transaction() as connection:
        clash = lesson(weekday=1, receivers=(Receiver(f"{NEAR}-R1", f"{NEAR}-301", None),))
        await publish(connection, lesson(weekday=1), clash, since=date(2026, 9, 13))
        await plan_sessions(connection, SATURDAY)
    async with term.browser() as browser:
        admin = await entered(browser)
        effect = await admin.done("POST", f"{T}/days/{MONDAY}/effect", {"kind": "holiday"})
        assert len(effect["cancelled"]) == 1  # both want the same teacher and room: one is held


@pytest.mark.parametrize(
    ("day", "wish", "says"),
    [
        ("2026-09-11", {"kind": "holiday"}, "past"),
        ("2026-08-31", {"kind": "holiday"}, "not in the term"),
        ("2027-02-01", {"kind": "holiday"}, "not in the term"),
        ("2026-09-19", {"kind": "ordinary"}, "weekend"),
        ("2026-09-19", {"kind": "makeup"}, "Choose the school day"),
        ("2026-09-19", {"kind": "makeup", "acts_as": "2026-09-20"}, "Monday to Friday"),
        ("2026-09-19", {"kind": "makeup", "acts_as": "2027-06-01"}, "within the term"),
        ("someday", {"kind": "holiday"}, "such as"),
        ("2026-09-19", {"kind": "party"}, "wrong values"),
    ],
)
async def test_a_day_that_cannot_be_changed_so_is_refused_with_a_reason(
    term: Site, day: str, wish: dict[str, str], says: str
) -> None:
    async with term.browser() as browser:
        admin = await entered(browser)
        for method, path in (("PUT", ""), ("POST", "/effect")):
            status, answer = await admin.ask(method, f"{T}/days/{day}{path}", wish)
            assert (status, says in answer["detail"]) == (422, True), answer
    assert await planned(term) == USUAL


async def test_a_year_without_published_holidays_says_what_to_do(term: Site) -> None:
    async with term.browser(Accept="text/html") as browser:
        admin = await entered(browser)
        made = await admin.done("POST", TERMS, FAR_TERM)
        whole = await admin.done("GET", f"{TERMS}/{made['id']}")
        assert (whole["days"], whole["unpublished_years"]) == ([], [2090, 2091])
        status, answer = await admin.ask("POST", f"{TERMS}/{made['id']}/official-days")
        assert (status, "by hand" in answer["detail"]) == (409, True)
        for lang, says in (("en", "say yourself which are days off"), ("zh-CN", "自行设定放假")):
            page = f"/admin/calendar?term={made['id']}&lang={lang}"
            async with browser.get(page) as response:
                text = await response.text()
            assert 'id="unpublished"' in text
            assert says in text


async def test_a_new_term_brings_its_official_days_and_numbered_weeks(term: Site) -> None:
    spring = {  # of a year that is published
        "name": "Spring",
        "week1_monday": "2026-03-02",
        "starts_on": "2026-03-02",
        "ends_on": "2026-07-03",
    }
    term.now = datetime(2026, 3, 1, tzinfo=UTC)
    async with term.browser() as browser:
        admin = await entered(browser)
        made = await admin.done("POST", TERMS, spring)
        whole = await admin.done("GET", f"{TERMS}/{made['id']}")
        assert [t["name"] for t in (await admin.done("GET", TERMS))["terms"]] == [
            "Spring",
            "Autumn",
        ]
    assert [
        d.isoformat() for d in (o.day for o in official_days(date(2026, 3, 2), date(2026, 7, 3)))
    ] == [d["day"] for d in whole["days"]]
    assert [(w["number"], w["parity"]) for w in whole["weeks"][:2]] == [(1, "odd"), (2, "even")]
    assert (whole["weeks"][-1]["number"], whole["weeks"][-1]["monday"]) == (18, "2026-06-29")


@pytest.mark.parametrize(
    ("other", "status", "says"),
    [
        ({"week1_monday": "2090-08-29"}, 422, "Monday"),
        ({"starts_on": "2090-09-04"}, 422, "week 1"),
        ({"ends_on": "2090-08-30"}, 422, "ends after"),
        ({"ends_on": "2092-01-19"}, 422, "30 weeks"),
        (
            {"week1_monday": "2026-12-28", "starts_on": "2027-01-01", "ends_on": "2027-05-01"},
            409,
            "overlap",
        ),
        (
            {"week1_monday": "2025-09-01", "starts_on": "2025-09-01", "ends_on": "2026-01-19"},
            422,
            "over",
        ),
    ],
)
async def test_dates_that_make_no_term_are_refused_with_a_reason(
    term: Site, other: dict[str, str], status: int, says: str
) -> None:
    async with term.browser() as browser:
        admin = await entered(browser)
        answered, answer = await admin.ask("POST", TERMS, FAR_TERM | other)
        assert (answered, says in answer["detail"]) == (status, True), answer


async def test_a_term_that_has_begun_keeps_its_start_and_may_end_earlier(term: Site) -> None:
    dates = {
        "name": "Autumn",
        "week1_monday": "2026-08-31",
        "starts_on": "2026-09-01",
        "ends_on": "2026-09-14",
    }
    async with term.browser() as browser:
        admin = await entered(browser)
        for other in (
            {"week1_monday": "2026-08-24", "starts_on": "2026-08-24"},
            {"ends_on": "2026-09-11"},
        ):
            assert (await admin.ask("PUT", T, dates | other))[0] == 422
        await admin.done("PUT", T, dates)
        assert await planned(term) == USUAL[:1]
        await admin.done("PUT", T, dates | {"ends_on": "2027-01-22", "name": "Autumn term"})
        assert await planned(term) == USUAL
        assert (await admin.done("GET", T))["name"] == "Autumn term"


async def test_exam_weeks_are_kept_by_number_and_past_ones_stay(term: Site) -> None:
    async with term.browser() as browser:
        admin = await entered(browser)
        for week in (19, 20):
            await admin.done("PUT", f"{T}/exam-weeks/{week}")
        await admin.done("DELETE", f"{T}/exam-weeks/19")
        assert [w["number"] for w in (await admin.done("GET", T))["weeks"] if w["exams"]] == [20]
        assert (await admin.ask("PUT", f"{T}/exam-weeks/1"))[0] == 422
        assert (await admin.ask("PUT", f"{T}/exam-weeks/99"))[0] == 404
    async with term.pool.connection() as connection:
        assert await calendar.exam_weeks(connection, TERM.id) == {20}


async def test_only_an_administrator_of_the_city_changes_the_calendar(term: Site) -> None:
    async with term.browser() as browser:
        far = await entered(browser, "far-admin")
        for method, path, body in (
            ("POST", TERMS, FAR_TERM),
            ("PUT", T, FAR_TERM),
            ("POST", f"{T}/official-days", None),
            ("PUT", f"{T}/days/{MONDAY}", {"kind": "holiday"}),
            ("DELETE", f"{T}/days/{MONDAY}", None),
            ("PUT", f"{T}/exam-weeks/20", None),
        ):
            assert (await far.ask(method, path, body))[0] == 403, (method, path)
        assert (await far.ask("GET", T))[0] == 200
    assert FAR not in str(await planned(term))


async def test_the_page_tells_official_days_from_those_set_here_and_shows_an_effect_first(
    term: Site,
) -> None:
    async with term.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        admin: Admin = await entered(browser)
        await admin.done("PUT", f"{T}/days/2026-12-24", {"kind": "holiday", "note": "snow"})

        async def read(query: str) -> str:
            async with browser.get(f"/admin/calendar?{query}") as response:
                assert response.status == 200
                return await response.text()

        whole = await read("")
        snow = whole.split('id="d2026-12-24"')[1].split("</td>")[0]
        october = whole.split('id="d2026-10-01"')[1].split("</td>")[0]
        assert ("snow" in snow, "set here" in snow) == (True, True)
        assert ("National Day" in october, "official" in october) == (True, True)
        preview = await read(f"day={MONDAY}&kind=holiday&note=typhoon&acts_as=2026-10-01")
        assert "1 lesson will not be held" in preview
        assert 'name="note" value="typhoon"' in preview
        past = await read("day=2026-09-02&kind=holiday")
        assert "This day is past" in past
        assert 'id="effect"' not in past
