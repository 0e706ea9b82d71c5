"""Who gets in, and who may do what: the table, walked over every route."""

import asyncio
import importlib
import pkgutil
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from classroom_sync import api, pages
from classroom_sync.api.registry import ENDPOINTS
from classroom_sync.entry_rules import EntryRules
from classroom_sync.pages.qr import qr
from classroom_sync.permissions import TABLE, Action, Role
from classroom_sync.uploads import routes as uploads
from tests.http.conftest import PASSWORD, Site, pair_room, sign_in
from tests.worlds import FAR, HUB, NEAR, TERM

for found in pkgutil.iter_modules(api.__path__):  # their declarations fill ENDPOINTS
    importlib.import_module(f"classroom_sync.api.{found.name}")
PAGES = [
    module
    for found in pkgutil.iter_modules(pages.__path__)
    if hasattr(module := importlib.import_module(f"classroom_sync.pages.{found.name}"), "routes")
] + [uploads]
RULES = EntryRules()
ACCOUNTS = {
    Role.BUREAU: "bureau",
    Role.ADMIN: "admin",
    Role.TEACHER: "lead",
    Role.OBSERVER: "observer",
}


async def _status(response: Any) -> int:
    async with response as answer:
        return int(answer.status)


async def test_a_right_password_opens_the_front_door(site: Site) -> None:
    async with site.browser(Accept="text/html") as browser:
        form = {"login": "LEAD ", "password": PASSWORD}
        async with browser.post("/login", data=form) as response:
            assert response.status == 200
            assert response.url.path == "/teacher"
            cookie = next(iter(browser.cookie_jar))
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize("login", ["lead", "nobody", "", "'; DROP TABLE accounts; --", "x" * 5000])
async def test_a_wrong_name_or_password_is_told_the_same(site: Site, login: str) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        form = {"login": login, "password": "wrong"}
        async with browser.post("/login", data=form) as response:
            assert response.status == 401
            assert "The name or the password is wrong." in await response.text()
            assert response.url.path == "/login"


async def test_too_many_wrong_passwords_lock_for_a_while(site: Site) -> None:
    async with site.browser() as browser:
        for _ in range(RULES.failures):
            wrong = {"login": "lead", "password": "wrong"}
            assert await _status(browser.post("/api/v1/sign-in", json=wrong)) == 401
        right = {"login": "lead", "password": PASSWORD}
        async with browser.post("/api/v1/sign-in", json=right) as response:
            assert response.status == 429
            assert "30" in (await response.json())["detail"]
        site.now += RULES.lock + timedelta(seconds=1)
        assert await _status(browser.post("/api/v1/sign-in", json=right)) == 200


async def test_an_idle_browser_is_signed_out_but_a_room_screen_is_not(site: Site) -> None:
    async with site.browser() as person, site.browser() as screen:
        await sign_in(person, "bureau")
        await pair_room(site, screen, f"{FAR}-R1", "AAAA2222")
        site.now += RULES.idle + timedelta(seconds=1)
        assert await _status(person.get("/api/v1/coverage")) == 401
        assert await _status(screen.get("/room/next")) == 200


async def test_signing_out_ends_the_session(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "bureau")
        await _status(browser.post("/logout", data={"csrf": csrf}, allow_redirects=False))
        assert await _status(browser.get("/api/v1/coverage")) == 401


async def test_an_unsafe_request_without_its_csrf_token_is_refused(site: Site) -> None:
    path = f"/api/v1/rooms/{FAR}-R1/pairing-codes"
    async with site.browser() as browser:
        csrf = await sign_in(browser, "admin")
        assert await _status(browser.post(path)) == 403
        assert await _status(browser.post(path, headers={"X-CSRF-Token": "forged"})) == 403
        assert await _status(browser.post(path, headers={"X-CSRF-Token": csrf})) == 200


async def test_a_pairing_code_pairs_once(site: Site) -> None:
    async with site.browser() as first, site.browser(Accept="text/html") as second:
        await pair_room(site, first, f"{FAR}-R1", "BBBB3333")
        async with second.post("/pair", data={"code": "bbbb 3333"}) as response:
            assert response.status == 404
            assert "配对码无效或已用过" in await response.text()


async def test_a_pairing_code_is_shown_as_a_qr_code_of_the_page_that_takes_it(site: Site) -> None:
    async with site.browser(Accept="text/html") as browser:
        csrf = await sign_in(browser, "admin")
        path = f"/api/v1/rooms/{FAR}-R1/pairing-codes"
        async with browser.post(path, headers={"X-CSRF-Token": csrf}) as response:
            code = (await response.json())["code"]
        async with browser.get("/admin/rooms") as response:
            shown = await response.text()
        assert qr(f"{site.url}/pair?code={code}") in shown
        async with browser.get(f"/pair?code={code}") as response:
            assert f'value="{code}"' in await response.text()


async def test_two_screens_that_type_one_code_at_once_get_one_pairing(site: Site) -> None:
    async with site.browser() as admin_, site.browser() as one, site.browser() as two:
        csrf = await sign_in(admin_, "admin")
        path = f"/api/v1/rooms/{FAR}-R1/pairing-codes"
        async with admin_.post(path, headers={"X-CSRF-Token": csrf}) as response:
            code = (await response.json())["code"]
        tries = [b.post("/api/v1/pairings", json={"code": code}) for b in (one, two)]
        assert sorted(await asyncio.gather(*map(_status, tries))) == [200, 404]


async def test_a_schools_administrator_pairs_that_schools_rooms_only(site: Site) -> None:
    async with site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "far-admin")}
        for school, status in ((FAR, 200), (NEAR, 403), (HUB, 403)):
            path = f"/api/v1/rooms/{school}-R1/pairing-codes"
            assert await _status(browser.post(path, headers=headers)) == status


def _guarded_routes() -> list[tuple[str, str, Action]]:
    """Every page and endpoint that names the action it needs."""
    found = [
        (r.method, r.path, r.handler.action)
        for module in PAGES
        for r in module.routes
        if isinstance(r, web.RouteDef) and hasattr(r.handler, "action")
    ]
    found += [(e.method, e.path, e.action) for e in ENDPOINTS if e.action is not None]
    return found


def test_every_page_and_endpoint_is_in_the_table() -> None:
    unguarded = [
        r.path
        for module in PAGES
        for r in module.routes
        if isinstance(r, web.RouteDef) and not hasattr(r.handler, "action")
    ]
    assert set(unguarded) == {
        "/",  # on to the visitor's own page
        "/login",
        "/login/code",  # of who has given the right password
        "/logout",
        "/oidc/begin",  # of an attempt that the browser keeps itself
        "/oidc/callback",
        "/oidc/leave",
        "/second-factor",  # of who is signed in, or may be only with one
        "/pair",
        "/password/{token}",  # good once
        "/calendar/{token}.ics",  # of these the address is the secret
        "/certificates/{test}",
        "/certificates/{test}.json",
        "/wall/{token}",
    }
    assert {e.path for e in ENDPOINTS if e.action is None} == {
        "/api/v1/sign-in",
        "/api/v1/pairings",
    }


@pytest.mark.parametrize("role", [None, *ACCOUNTS, Role.ROOM])
async def test_roles_reach_what_the_table_allows_and_nothing_else(
    site: Site, role: Role | None
) -> None:
    values = {
        "session": str(site.planned.session_id),
        "participant": str(site.planned.receiving),
        "room": f"{FAR}-R1",
        "feed": str(site.planned.session_id),
        "import": str(site.planned.session_id),
        "what": "grid",
        "test": str(site.planned.session_id),
        "version": str(site.planned.session_id),
        "term": TERM.id,
        "day": "2026-12-24",
        "week": "20",
        "school": FAR,
        "teacher": f"{FAR}-T1",
        "class": f"{FAR}-301",
        "busy": str(site.planned.session_id),
        "recording": str(site.planned.session_id),
        "track": "main",
        "number": "1",
        "ms": "0",
        "upload": str(site.planned.session_id),
        "push": str(site.planned.session_id),
        "rule": str(site.planned.session_id),
        "web_session": str(site.planned.session_id),
        "account": str(site.planned.session_id),
        "device": str(site.planned.session_id),
        "token": str(site.planned.session_id),
        "observation": str(site.planned.session_id),
        "form": "md",
        "plan": str(site.planned.session_id),
    }
    async with site.browser() as browser:
        csrf = ""
        if role is Role.ROOM:
            csrf = await pair_room(site, browser, f"{FAR}-R1", "CCCC4444")
        elif role is not None:
            csrf = await sign_in(browser, ACCOUNTS[role])
        wrong = []
        for method, path, action in _guarded_routes():
            if path == "/account/sign-out-everywhere":
                continue  # it would end the walk; tests/http/test_sessions.py tries it
            url = path.format(**values)
            headers = {"X-CSRF-Token": csrf, "Accept": "application/json"}
            status = await _status(
                browser.request(method, url, headers=headers, json={}, allow_redirects=False)
            )
            if role is None:
                expected = status == 401
            elif role in TABLE[action]:
                expected = status != 401
            else:
                expected = status == 403
            if not expected or status >= 500:
                wrong.append((method, url, action, status))
    assert wrong == []


async def test_a_teacher_reaches_only_their_own_lessons(site: Site) -> None:
    path = f"/api/v1/sessions/{site.planned.session_id}"
    for login, status in (("lead", 200), ("helper", 200), ("other", 403), ("bureau", 200)):
        async with site.browser() as browser:
            await sign_in(browser, login)
            assert await _status(browser.get(path)) == status, login


async def test_only_the_lead_ends_a_lesson(site: Site) -> None:
    path = f"/api/v1/sessions/{site.planned.session_id}/end"
    async with site.browser() as browser:
        csrf = await sign_in(browser, "helper")
        assert await _status(browser.post(path, headers={"X-CSRF-Token": csrf})) == 403


async def test_the_session_socket_refuses_strangers_and_other_sites(site: Site) -> None:
    path = f"/ws/sessions/{site.planned.session_id}"
    async with site.browser() as browser:
        assert await _status(browser.get(path)) == 401
        await sign_in(browser, "lead")
        elsewhere = {"Origin": "https://evil.example", "Upgrade": "websocket"}
        assert await _status(browser.get(path, headers=elsewhere)) == 403
        async with browser.ws_connect(path) as socket:
            state = await socket.receive_json(timeout=5)
            assert state["you"] == str(site.planned.lead)
            await socket.send_str("not json")
            assert (await socket.receive_json(timeout=5))["type"] == "refused"
            await socket.send_json({"do": "end"})
            assert (await socket.receive_json(timeout=5))["type"] == "refused"  # it is not live
