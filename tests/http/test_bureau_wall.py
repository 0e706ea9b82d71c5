"""The bureau's wall: the same figures, by an address of its own."""

from datetime import timedelta
from uuid import uuid4

import aiohttp

from classroom_sync import tokens
from classroom_sync.reports.numbers import plain
from db import accounts
from tests.http.bureau import AT, got, read
from tests.http.conftest import MEDIA_KEY, Site, sign_in
from tests.indicator_world import AS_OF
from tests.reports import readers


async def test_the_wall_shows_the_same_figures_without_a_way_out(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    bureau.now = AS_OF
    wall = await got(reader, f"/bureau/wall?{AT}")
    found = await read(bureau)
    for (part, _, number, slug), (over, *_) in readers.of_report(found.report).items():
        if part == "city":
            assert plain(over) in wall, (number, slug)
    for school in found.names.schools.values():
        assert (school.short_name in wall) == (school.retired_on is None), school
    for way_out in ("/logout", "/bureau/behind", "/bureau/links", "/bureau/rooms", "/admin"):
        assert way_out not in wall


async def test_a_wall_of_a_part_leaves_out_the_other_schools(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    bureau.now = AS_OF
    hub = next(s for s in (await read(bureau)).names.schools.values() if s.role == "hub")
    wall = await got(reader, f"/bureau/wall?{AT}&of=hub:{hub.code}")
    assert 'class="family"' not in wall


async def _opened(site: Site) -> str:
    """The address of a wall that the bureau opens."""
    async with site.browser(Accept="text/html") as browser:
        form = {"csrf": await sign_in(browser, "bureau"), "of": "city", "by": "hub"}
        async with browser.post("/bureau/wall", data=form, allow_redirects=False) as response:
            assert response.status == 303, await response.text()
            return response.headers["Location"]


async def test_a_walls_address_needs_no_sign_in_and_outlives_every_session(bureau: Site) -> None:
    address = await _opened(bureau)
    bureau.now += timedelta(days=300)
    async with bureau.browser(Accept="text/html") as screen:
        assert 'id="views"' in await got(screen, address)
        await got(screen, "/bureau", 401)
        bureau.now += timedelta(days=70)
        await got(screen, address, 404)


async def test_a_walls_address_ends_with_the_password_that_made_it(bureau: Site) -> None:
    address = await _opened(bureau)
    async with bureau.pool.transaction() as connection:
        account = await accounts.account_by_login(connection, "bureau")
        assert account is not None
        await accounts.set_password(connection, account.id, "another hash")
    async with bureau.browser(Accept="text/html") as screen:
        await got(screen, address, 404)


async def test_a_forged_walls_address_opens_nothing(bureau: Site) -> None:
    address = await _opened(bureau)
    media = tokens.issue(
        MEDIA_KEY, tokens.MediaToken(uuid4(), uuid4(), "publish", "lead"), bureau.now
    )
    async with bureau.browser(Accept="text/html") as screen:
        for forged in (address[:-4] + "AAAA", "/wall/x", f"/wall/{media}", f"/wall/{'x' * 3000}"):
            await got(screen, forged, 404)


async def test_a_teacher_opens_no_wall(bureau: Site) -> None:
    async with bureau.browser(Accept="text/html") as browser:
        form = {"csrf": await sign_in(browser, "lead"), "of": "city"}
        async with browser.post("/bureau/wall", data=form) as response:
            assert response.status == 403
