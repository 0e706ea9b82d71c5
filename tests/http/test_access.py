"""Who gets in, and how; what they may then do is in test_every_route.py."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientSession

from classroom_sync.entry_rules import EntryRules
from classroom_sync.pages.qr import qr
from db import accounts
from tests.http.conftest import PASSWORD, PASSWORD_HASH, Site, pair_room, sign_in
from tests.worlds import FAR, HUB, NEAR

RULES = EntryRules()


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


async def test_of_wrong_passwords_at_once_no_more_are_looked_at_than_one_by_one(site: Site) -> None:
    wrong = {"login": "lead", "password": "wrong"}
    async with site.browser() as browser:
        tries = [_status(browser.post("/api/v1/sign-in", json=wrong)) for _ in range(50)]
        assert sorted(await asyncio.gather(*tries)) == [401] * RULES.failures + [429] * 45
        right = {"login": "lead", "password": PASSWORD}
        assert await _status(browser.post("/api/v1/sign-in", json=right)) == 429
    async with site.pool.connection() as connection:
        said = await connection.fetch(
            "SELECT action, count(*) FROM audit WHERE object = 'account:lead' GROUP BY 1 ORDER BY 1"
        )
    assert [tuple(row) for row in said] == [("sign_in_failed", 4), ("sign_in_locked", 1)]


async def test_a_right_password_is_no_try_though_it_comes_among_wrong_ones(site: Site) -> None:
    wrong, right = ({"login": "lead", "password": p} for p in ("wrong", PASSWORD))
    async with site.browser() as browser, site.browser() as another:
        mixed = [*[wrong] * (RULES.failures - 1), right]
        tries = [_status(browser.post("/api/v1/sign-in", json=each)) for each in mixed]
        assert await asyncio.gather(*tries) == [401] * (RULES.failures - 1) + [200]
        assert await _status(another.post("/api/v1/sign-in", json=right)) == 200


async def test_a_name_that_nobody_has_is_locked_like_any_other(site: Site) -> None:
    told = {}
    async with site.browser() as browser:
        for login in ("lead", "stranger"):
            wrong = {"login": login, "password": "wrong"}
            said = []
            for _ in range(RULES.failures + 1):
                async with browser.post("/api/v1/sign-in", json=wrong) as response:
                    body = await response.json()
                    said.append((response.status, body, response.headers.get("Retry-After")))
            told[login] = said
            site.now += timedelta(minutes=1)
            assert await _status(browser.post("/api/v1/sign-in", json=wrong)) == 429
            site.now += RULES.lock
            assert await _status(browser.post("/api/v1/sign-in", json=wrong)) == 401
    assert told["stranger"] == told["lead"]
    assert [status for status, *_ in told["lead"]] == [401] * RULES.failures + [429]


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


async def test_of_two_administrators_who_disable_each_other_one_stays(site: Site) -> None:
    async with site.pool.transaction() as connection:
        second = await accounts.add_account(
            connection,
            login="second",
            name="second",
            password_hash=PASSWORD_HASH,
            role="admin",
        )
        first = await accounts.account_by_login(connection, "admin")
    assert first is not None
    async with site.browser() as one, site.browser() as other:
        tokens = await sign_in(one, "admin"), await sign_in(other, "second")

        async def disable(browser: ClientSession, csrf: str, account: UUID) -> int:
            path, headers = f"/api/v1/accounts/{account}/state", {"X-CSRF-Token": csrf}
            async with browser.post(path, json={"disabled": True}, headers=headers) as answer:
                return answer.status

        found = await asyncio.gather(
            disable(one, tokens[0], second), disable(other, tokens[1], first.id)
        )
    assert sorted(found)[0] == 204
    assert sorted(found)[1] in (401, 403)
