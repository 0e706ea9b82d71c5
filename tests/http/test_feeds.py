"""Calendar feeds over HTTP: addresses that read one feed, and what two clients' parsers make of
the feed as the timetable changes."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import aiohttp
import icalendar
import pytest
import vobject

from classroom_sync.feeds import REFRESH_EVERY
from classroom_sync.formats.feed import Feed, Wording, write
from classroom_sync.planning import plan_sessions
from db import calendar, sessions, timetable
from scheduler.model import FeedEntry, FeedEvent, Receiver, SessionKind
from tests.http.conftest import Site, sign_in
from tests.worlds import FAR, HUB, NEAR, TERM, lesson


@dataclass(frozen=True)
class Seen:
    """An event as a calendar program shows it."""

    uid: str
    sequence: int
    status: str
    starts: datetime
    summary: str
    location: str


def seen_by_icalendar(text: bytes) -> dict[str, Seen]:
    calendar = icalendar.Calendar.from_ical(text)
    return {
        str(e["UID"]): Seen(
            str(e["UID"]),
            int(e["SEQUENCE"]),
            str(e["STATUS"]),
            e.decoded("DTSTART").astimezone(UTC),
            str(e["SUMMARY"]),
            str(e["LOCATION"]),
        )
        for e in calendar.walk("VEVENT")
    }


def seen_by_vobject(text: bytes) -> dict[str, Seen]:
    calendar: Any = vobject.readOne(text.decode(), validate=True)
    return {
        e.uid.value: Seen(
            e.uid.value,
            int(e.sequence.value),
            e.status.value,
            e.dtstart.value.astimezone(UTC),
            e.summary.value,
            e.location.value,
        )
        for e in calendar.contents.get("vevent", [])
    }


def seen(text: bytes) -> dict[str, Seen]:
    """What both parsers see, which must be the same."""
    found = seen_by_icalendar(text)
    assert seen_by_vobject(text) == found
    return found


async def address(browser: aiohttp.ClientSession, csrf: str, whose: str) -> str:
    """A new feed address, as its maker copies it from the page."""
    form = {"csrf": csrf, "whose": whose}
    async with browser.post("/calendar", data=form) as response:
        assert response.status == 200, await response.text()
        [found] = re.findall(r"/calendar/[A-Za-z0-9_-]+\.ics", await response.text())
        return str(found)


async def read(site: Site, path: str) -> bytes:
    """The feed, read by a program that is not signed in; the register is fresh by then."""
    site.now += REFRESH_EVERY
    async with site.browser() as program, program.get(path) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
        return await response.read()


async def _publish(site: Site, *lessons: Any) -> None:
    """A timetable that holds from tomorrow on, with new lesson ids."""
    async with site.pool.transaction() as connection:
        version = await timetable.add_draft(connection, TERM.id, lessons)
        tomorrow = (site.now + timedelta(days=1)).astimezone(ZoneInfo(TERM.zone)).date()
        await timetable.publish(connection, version, TERM.id, tomorrow, site.now)
        await sessions.drop_superseded(connection, site.now)


_WEDNESDAY = datetime(2026, 9, 9, 4, tzinfo=UTC)


_TWO_DAYS_AND_A_PERIOD = timedelta(days=2, minutes=55)


async def _calm(site: Site) -> datetime:
    """A day in the term with a lesson on Tuesdays; when the site's own session starts."""
    site.now = _WEDNESDAY
    await _publish(site, lesson(weekday=2))
    async with site.pool.connection() as connection:
        planned = await sessions.session(connection, site.planned.session_id)
    assert planned is not None, "the site has it"
    return planned.starts_at.replace(microsecond=0)


async def test_a_feed_survives_updates_in_two_parsers(site: Site) -> None:
    own = await _calm(site)

    async def weekly() -> dict[str, Seen]:
        found = seen(await read(site, path))
        return {uid: event for uid, event in found.items() if event.starts != own}

    async with site.browser() as browser:
        path = await address(browser, await sign_in(browser, "admin"), f"class:{FAR}-301")
    first = await weekly()
    assert len(first) > 15
    assert {(e.status, e.sequence) for e in first.values()} == {("CONFIRMED", 0)}
    await _publish(site, replace(lesson(weekday=2), lead_room_id=f"{HUB}-R2"))
    await read(site, path)
    await _publish(site, lesson(weekday=4, period=2))
    moved = await weekly()
    assert first.keys() <= moved.keys()
    assert {(moved[uid].status, moved[uid].sequence) for uid in first} == {("CONFIRMED", 2)}
    assert all(moved[uid].starts - first[uid].starts == _TWO_DAYS_AND_A_PERIOD for uid in first)
    await _publish(site)
    gone = await weekly()
    assert gone.keys() == moved.keys()
    assert all(e.status == "CANCELLED" for e in gone.values())
    assert all(gone[uid].sequence == moved[uid].sequence + 1 for uid in gone)


async def test_a_cancelled_session_says_so_to_everybody_in_it(site: Site) -> None:
    site.now = _WEDNESDAY
    path_of = {}
    async with site.browser() as browser:
        csrf = await sign_in(browser, "admin")
        for whose in (
            f"teacher:{HUB}-T1",
            f"teacher:{FAR}-T1",
            f"room:{HUB}-R1",
            f"room:{FAR}-R1",
            f"class:{FAR}-301",
            f"school:{HUB}",
            f"school:{FAR}",
            f"school:{NEAR}",
        ):
            path_of[whose] = await address(browser, csrf, whose)
    await _publish(site, lesson(weekday=4))
    before = {whose: seen(await read(site, path)) for whose, path in path_of.items()}
    assert before.pop(f"school:{NEAR}") == {}
    uids = {frozenset(events) for events in before.values()}
    assert len(uids) == 1
    places = {whose: {e.location for e in events.values()} for whose, events in before.items()}
    assert places == {
        f"teacher:{HUB}-T1": {"hub Room 1"},
        f"teacher:{FAR}-T1": {"far Room 1"},
        f"room:{HUB}-R1": {"hub Room 1"},
        f"room:{FAR}-R1": {"far Room 1"},
        f"class:{FAR}-301": {"far Room 1"},
        f"school:{HUB}": {"hub Room 1"},
        f"school:{FAR}": {"far Room 1"},
    }
    async with site.pool.transaction() as connection:
        await plan_sessions(connection, site.now)
        coming = await sessions.between(connection, site.now, site.now + timedelta(days=5))
        [session] = [s for s in coming if s.lesson_id != site.planned.session_id]
        assert await sessions.cancel(connection, session.id, site.now, "school")
    for whose in before:
        after = seen(await read(site, path_of[whose]))
        changed = [e for uid, e in after.items() if e != before[whose][uid]]
        assert [(e.status, e.sequence, e.starts) for e in changed] == [
            ("CANCELLED", 1, session.starts_at)
        ]


async def test_a_next_term_that_is_entered_cancels_nothing_of_this_one(site: Site) -> None:
    own = await _calm(site)
    async with site.browser() as browser:
        path = await address(browser, await sign_in(browser, "admin"), f"class:{FAR}-301")
    before = seen(await read(site, path))
    spring = replace(
        TERM,
        id="spring",
        week1_monday=date(2027, 2, 15),
        starts_on=date(2027, 2, 15),
        ends_on=date(2027, 6, 30),
    )
    async with site.pool.transaction() as connection:
        await calendar.add_term(connection, spring)
        version = await timetable.add_draft(connection, spring.id, [lesson(weekday=5)])
        await timetable.publish(connection, version, spring.id, spring.starts_on, site.now)
    after = seen(await read(site, path))
    assert {uid: after[uid] for uid in before} == before
    added = [e for uid, e in after.items() if uid not in before and e.starts != own]
    assert {e.starts.astimezone(ZoneInfo(TERM.zone)).strftime("%a") for e in added} == {"Fri"}
    assert min(e.starts.date() for e in added) == date(2027, 2, 19)


async def test_who_is_substituted_hears_that_it_is_off_and_the_substitute_that_it_is_on(
    site: Site,
) -> None:
    own = await _calm(site)
    async with site.browser() as browser:
        csrf = await sign_in(browser, "admin")
        ill = await address(browser, csrf, f"teacher:{HUB}-T1")
        other = await address(browser, csrf, f"teacher:{HUB}-T2")
    before = seen(await read(site, ill))
    assert seen(await read(site, other)) == {}
    await _publish(site, lesson(weekday=2, teacher=f"{HUB}-T2"))
    after = seen(await read(site, ill))
    weekly = {uid for uid, event in before.items() if event.starts != own}
    assert {(after[uid].status, after[uid].sequence) for uid in weekly} == {("CANCELLED", 1)}
    taken = seen(await read(site, other))
    assert taken.keys() == weekly
    assert {(e.status, e.sequence) for e in taken.values()} == {("CONFIRMED", 1)}


async def test_a_feed_of_a_city_with_summer_time_keeps_its_bells(site: Site) -> None:
    async with site.pool.transaction() as connection:
        await connection.execute("UPDATE terms SET zone = 'Europe/Berlin'")
    own = await _calm(site)
    async with site.browser() as browser:
        path = await address(browser, await sign_in(browser, "admin"), f"class:{FAR}-301")
    found = [e.starts for e in seen(await read(site, path)).values() if e.starts != own]
    local = {at.astimezone(ZoneInfo("Europe/Berlin")).strftime("%a %H:%M") for at in found}
    assert local == {"Tue 08:30"}
    assert {at.strftime("%H:%M") for at in found} == {"06:30", "07:30"}  # UTC


async def test_an_unchanged_feed_is_not_sent_again(site: Site) -> None:
    await _calm(site)
    async with site.browser() as browser:
        path = await address(browser, await sign_in(browser, "lead"), f"teacher:{HUB}-T1")
    async with site.browser() as program:
        async with program.get(path) as response:
            etag, modified = response.headers["ETag"], response.headers["Last-Modified"]
        for headers, status in (
            ({"If-None-Match": etag}, 304),
            ({"If-None-Match": f'"other", W/{etag}'}, 304),
            ({"If-None-Match": '"other"'}, 200),
            ({"If-Modified-Since": modified}, 304),
            ({"If-Modified-Since": "Mon, 07 Sep 2020 00:00:00 GMT"}, 200),
            ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
        ):
            async with program.get(path, headers=headers) as response:
                assert response.status == status, headers
                assert response.headers["ETag"] == etag
        await _publish(site)
        site.now += REFRESH_EVERY
        async with program.get(path, headers={"If-None-Match": etag}) as response:
            assert response.status == 200


async def test_an_address_reads_one_feed_until_its_maker_revokes_it(site: Site) -> None:
    async with site.browser() as maker, site.browser() as other, site.browser() as program:
        csrf = await sign_in(maker, "admin")
        path = await address(maker, csrf, f"room:{FAR}-R1")
        async with maker.get("/calendar") as response:
            page = await response.text()
            [feed] = re.findall(r"/calendar/([0-9a-f-]{36})/revoke", page)
            assert path not in page  # it is shown only once
        form = {"csrf": await sign_in(other, "lead")}
        async with other.post(f"/calendar/{feed}/revoke", data=form) as response:
            assert response.status == 404
        async with program.get(path) as response:
            assert response.status == 200
        async with maker.post(
            f"/calendar/{feed}/revoke", data={"csrf": csrf}, allow_redirects=False
        ) as response:
            assert response.status == 303
        for dead in (path, "/calendar/short.ics", f"/calendar/{'x' * 43}.ics"):
            async with program.get(dead) as response:
                assert response.status == 404


@pytest.mark.parametrize(
    ("login", "whose", "status"),
    [
        ("lead", f"teacher:{HUB}-T1", 200),
        ("lead", f"teacher:{HUB}-T2", 403),
        ("lead", f"school:{HUB}", 403),
        ("far-admin", f"school:{FAR}", 200),
        ("far-admin", f"room:{FAR}-R1", 200),
        ("far-admin", f"class:{NEAR}-301", 403),
        ("far-admin", f"teacher:{HUB}-T1", 403),
        ("bureau", f"school:{NEAR}", 200),
        ("bureau", "school:nowhere", 403),
        ("bureau", "", 403),
    ],
)
async def test_people_give_out_only_calendars_that_are_theirs(
    site: Site, login: str, whose: str, status: int
) -> None:
    async with site.browser() as browser:
        form = {"csrf": await sign_in(browser, login), "whose": whose}
        async with browser.post("/calendar", data=form) as response:
            assert response.status == status


_WORDS = Wording(
    subject=lambda slug: slug or "",
    group=lambda group: f"{group}；\\ a,b;c\nnext" + "长" * 60,
    room=lambda room: room or "",
    teacher=lambda teacher: teacher or "",
    research="research",
    lead="lead",
    receiving="receiving",
    chair="chair",
    members="members",
)


def _event(day: date, zone: str, number: int) -> FeedEvent:
    at = datetime.combine(day, time(8, 30), ZoneInfo(zone)).astimezone(UTC)
    entry = FeedEntry(
        None,
        None,
        SessionKind.LIVE_LESSON,
        day,
        "music",
        at,
        at + timedelta(minutes=40),
        "T1",
        "R1",
        (Receiver("R2", "三（1）班", None),),
        cancelled=False,
    )
    return FeedEvent(UUID(int=number), entry, 0, _WEDNESDAY, _WEDNESDAY)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin"])
def test_a_bell_keeps_its_wall_clock_across_a_change_of_clocks(zone: str) -> None:
    days = [date(2026, 10, 23), date(2026, 10, 26), date(2027, 3, 26), date(2027, 3, 29)]
    events = [_event(day, zone, n) for n, day in enumerate(days)]
    text = write(Feed("room", "R2", "x"), events, zone, events[0].entry.starts_at, _WORDS)
    starts = [s.starts for s in seen(text).values()]
    assert starts == [e.entry.starts_at for e in events]
    offsets = {s.astimezone(ZoneInfo(zone)).strftime("%H:%M") for s in starts}
    assert offsets == {"08:30"}
    calendar = icalendar.Calendar.from_ical(text)
    [described] = calendar.walk("VTIMEZONE")
    assert described["TZID"] == zone
    transitions = {str(each.name) for each in described.subcomponents}
    assert transitions == ({"STANDARD"} if zone == "Asia/Shanghai" else {"STANDARD", "DAYLIGHT"})
    for each in calendar.walk("VEVENT"):
        assert each["DTSTART"].params["TZID"] == zone


def test_long_and_strange_text_is_folded_and_escaped_as_rfc_5545_wants() -> None:
    event = _event(date(2026, 9, 7), "Asia/Shanghai", 1)
    text = write(
        Feed("room", "R2", "a,b;c"), [event], "Asia/Shanghai", event.entry.starts_at, _WORDS
    )
    lines = text.split(b"\r\n")
    assert lines[-1] == b""
    assert max(map(len, lines)) <= 75
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    [found] = seen(text).values()
    assert found.summary == f"music · {_WORDS.group('三（1）班')}"
    assert text == write(
        Feed("room", "R2", "a,b;c"), [event], "Asia/Shanghai", event.entry.starts_at, _WORDS
    )
