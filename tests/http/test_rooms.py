"""The life of rooms through the API and the administrator's pages."""

from typing import Any

import aiohttp

from tests.http.conftest import Site, sign_in
from tests.worlds import FAR

NEW = {
    "id": "far-2",
    "school_code": FAR,
    "name": "Room 2",
    "kind": "interactive",
    "phase": 2,
    "funding": "city budget 2026, item 7",
}


async def send(
    browser: aiohttp.ClientSession, csrf: str, method: str, path: str, body: Any
) -> tuple[int, str]:
    headers = {"X-CSRF-Token": csrf}
    async with browser.request(method, f"/api/v1{path}", json=body, headers=headers) as response:
        return response.status, await response.text()


async def test_a_room_is_planned_installed_and_accepted_for_a_reason(site: Site) -> None:
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        csrf = await sign_in(browser, "admin")
        assert (await send(browser, csrf, "POST", "/rooms", NEW))[0] == 204
        status, said = await send(browser, csrf, "POST", "/rooms", NEW)
        assert (status, "There is a room of that name" in said) == (409, True)
        path = "/rooms/far-2/status"
        status, said = await send(
            browser, csrf, "POST", path, {"status": "accepted", "why": "we like it very much"}
        )
        assert (status, "in order" in said) == (409, True)
        assert (await send(browser, csrf, "POST", path, {"status": "installed"}))[0] == 204
        status, said = await send(browser, csrf, "POST", path, {"status": "accepted"})
        assert (status, "for a reason only" in said) == (422, True)
        future = {"status": "accepted", "why": "the builder promised it", "on": "2999-01-01"}
        assert (await send(browser, csrf, "POST", path, future))[0] == 422
        early = {**future, "on": "2019-01-01"}
        status, said = await send(browser, csrf, "POST", path, early)
        assert (status, "follow one another" in said) == (422, True)
        reasoned = {"status": "accepted", "why": "accepted on paper, protocol 12"}
        assert (await send(browser, csrf, "POST", path, reasoned))[0] == 204
        note = {"phase": 1, "funding": "donation"}
        assert (await send(browser, csrf, "PUT", "/rooms/far-2/note", note))[0] == 204
        async with browser.get("/api/v1/rooms/far-2/life") as response:
            life = await response.json()
        async with browser.get("/admin/rooms/far-2") as response:
            text = await response.text()
    assert (life["status"], life["phase"], life["funding"]) == ("accepted", 1, "donation")
    assert [(m["to_status"], m["actor"], m["why"]) for m in life["history"]] == [
        ("planned", "account:admin", "planned"),
        ("installed", "account:admin", ""),
        ("accepted", "account:admin", "accepted on paper, protocol 12"),
    ]
    assert "accepted on paper, protocol 12" in text
    async with site.pool.connection() as connection:
        audited = await connection.fetch(
            "SELECT action FROM audit WHERE object = 'room:far-2' ORDER BY id"
        )
    assert [r["action"] for r in audited] == [
        "room_planned",
        "room_installed",
        "room_accepted",
        "room_noted",
    ]


async def test_a_schools_administrator_moves_no_room(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "far-admin")
        for method, path, body in (
            ("POST", "/rooms", NEW),
            ("POST", f"/rooms/{FAR}-R1/status", {"status": "retired"}),
            ("PUT", f"/rooms/{FAR}-R1/note", {"phase": 1}),
        ):
            assert (await send(browser, csrf, method, path, body))[0] == 403


async def test_the_page_of_a_room_offers_what_may_come_next(site: Site) -> None:
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "admin")
        async with browser.get(f"/admin/rooms/{FAR}-R1") as response:
            text = await response.text()
        async with browser.get("/admin/rooms/none") as response:
            assert response.status == 404
    assert "taken over from the register" in text
    assert 'value="retired"' in text
    assert 'name="status" value="accepted"' not in text
