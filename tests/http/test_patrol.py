"""The patrol wall: which lessons are on it, in which order, and what each says of its rooms."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from db import alerts, sessions
from scheduler.alerts import Dark, Seat
from scheduler.model import ParticipantRole, Receiver, RoomKind
from tests.http.conftest import Site, sign_in
from tests.worlds import FAR, HUB, NEAR, lesson, plan

BY_ITSELF = {"X-Unattended": "1"}  # as the page asks
PATROL = "/admin/patrol/lessons"


@pytest.fixture
async def two(site: Site) -> tuple[Site, str, str]:
    """Two lessons under way: the site's with the far school, and one with the near school that
    began earlier."""
    receiver = Receiver(f"{NEAR}-R1", f"{NEAR}-301", None)
    near = lesson(teacher=f"{HUB}-T2", room=f"{HUB}-R2", receivers=(receiver,))
    async with site.pool.transaction() as connection:
        other = await plan(connection, near, site.now + timedelta(minutes=1))
        await sessions.open_session(connection, other.session_id, site.now)
    return site, str(site.planned.session_id), str(other.session_id)


async def walls(site: Site, login: str) -> list[str]:
    """The lessons on somebody's wall, in order."""
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, login)
        async with browser.get(PATROL, headers=BY_ITSELF) as response:
            assert response.status == 200
            return re.findall(r'data-session="(.*?)"', await response.text())


async def test_every_lesson_under_way_is_on_the_wall_and_a_schools_own_on_its_own(
    two: tuple[Site, str, str],
) -> None:
    site, far, near = two
    for everybody in ("admin", "bureau"):
        assert await walls(site, everybody) == [near, far]
    assert await walls(site, "far-admin") == [far]
    assert await walls(site, "near-admin") == [near]


async def test_an_alarm_comes_first_and_is_said(two: tuple[Site, str, str]) -> None:
    site, far, near = two
    seat = Seat(
        site.planned.session_id, site.planned.receiving, f"{FAR}-R1", ParticipantRole.RECEIVING,
        RoomKind.INTERACTIVE, interactive=True, starts_at=site.now,
        ends_at=site.now + timedelta(minutes=40), sent_until=None, received_until=None,
        sent_since=None,
    )  # fmt: skip
    async with site.pool.transaction() as connection:
        assert await alerts.open_alert(connection, Dark(seat, site.now), site.now) is not None
    assert await walls(site, "admin") == [far, near]
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "admin")
        async with browser.get("/admin/patrol") as response:
            text = await response.text()
    assert text.count("dark since") == 1
    assert text.index("dark since") < text.index(f'data-session="{near}"')


async def test_with_no_lesson_on_the_wall_says_when_the_next_begins(site: Site) -> None:
    async with site.pool.transaction() as connection:
        await sessions.miss(connection, site.planned.session_id, site.now)
        await plan(
            connection, replace(lesson(), weekday=2), site.now + timedelta(hours=1), minutes=30
        )
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "bureau")
        async with browser.get("/admin/patrol") as response:
            text = await response.text()
    assert "No lesson is under way. The next one begins at" in " ".join(text.split())


async def test_the_list_alone_is_for_the_page_and_for_those_who_see_the_city(site: Site) -> None:
    async with site.browser(Accept="text/html") as browser:
        await sign_in(browser, "admin")
        async with browser.get(PATROL, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/admin/patrol")
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        async with browser.get("/admin/patrol") as response:
            assert response.status == 403
