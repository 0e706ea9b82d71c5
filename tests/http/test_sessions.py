"""Web sessions: their limits, their secret, and how they end, with all that hangs on them."""

import asyncio
from collections.abc import Container
from datetime import timedelta
from http.cookies import Morsel
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from classroom_sync.entry_rules import EntryRules
from classroom_sync.media_access import authorizer, granted
from classroom_sync.open_sockets import SIGNED_OUT
from classroom_sync.withdrawals import Withdrawals
from db import accounts, web_sessions
from db.pool import Connection, Pool
from media.http import Unauthorized
from tests.http.conftest import MEDIA_KEY, PASSWORD, Site, pair_room, sign_in, small_site
from tests.worlds import FAR

RULES = EntryRules()
_ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


async def _status(response: Any) -> int:
    async with response as answer:
        return int(answer.status)


def _cookie(browser: aiohttp.ClientSession) -> Morsel[str]:
    [found] = [c for c in browser.cookie_jar if c.key.endswith("session")]
    return found


async def _post(browser: aiohttp.ClientSession, path: str, csrf: str, **form: str) -> int:
    data = {"csrf": csrf, **form}
    return await _status(browser.post(path, data=data, allow_redirects=False))


async def _is_in(site: Site, secret: str) -> bool:
    async with site.browser(Cookie=f"session={secret}") as browser:
        return await _status(browser.get("/account")) == 200


async def test_an_account_is_signed_out_after_half_a_day_however_busy(site: Site) -> None:
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        for _ in range(30):
            site.now += RULES.idle - timedelta(minutes=6)
            if await _status(browser.get("/account")) != 200:
                break
        begun = site.now - RULES.absolute
        assert await _status(browser.get("/account")) == 401
    async with site.pool.connection() as connection:
        account = await accounts.account_by_login(connection, "lead")
        assert account is not None
        [session] = await web_sessions.of_account(connection, account.id)
        assert session.created_at <= begun
        await web_sessions.sweep(
            connection, site.now, site.now - RULES.idle, site.now - RULES.absolute
        )
        assert await web_sessions.of_account(connection, account.id) == []


async def test_what_a_page_asks_by_itself_keeps_nobody_in(site: Site) -> None:
    async with site.browser() as browser:
        await sign_in(browser, "bureau")
        for _ in range(3):
            site.now += RULES.idle / 2
            asked = browser.get("/api/v1/alarms", headers={"X-Unattended": "1"})
            await _status(asked)
        assert await _status(browser.get("/account")) == 401


async def _sessions_of(connection: Connection, login: str) -> list[Any]:
    account = await accounts.account_by_login(connection, login)
    assert account is not None
    return list(await web_sessions.of_account(connection, account.id))


async def test_no_limit_holds_for_who_takes_part_in_a_lesson(site: Site) -> None:
    path = f"/ws/sessions/{site.planned.session_id}"
    async with site.browser() as lead, site.browser() as patrol:
        await sign_in(lead, "lead")
        await sign_in(patrol, "bureau")
        site.now += RULES.absolute - timedelta(minutes=1)
        async with site.pool.connection() as connection:  # both were busy until now
            for login in ("lead", "bureau"):
                account = await accounts.account_by_login(connection, login)
                assert account is not None
                [session] = await web_sessions.of_account(connection, account.id)
                await web_sessions.touch(connection, session.token_hash, site.now)
        async with lead.ws_connect(path) as taught, patrol.ws_connect(path) as watched:
            await taught.receive_json(timeout=5)
            await watched.receive_json(timeout=5)
            site.now += timedelta(minutes=2)
            assert (await watched.receive(timeout=10)).data == SIGNED_OUT
            assert await _status(lead.get("/account")) == 200
            site.now += RULES.absolute  # the machine's clock is set on
            async with asyncio.timeout(10), site.pool.connection() as connection:
                while await _sessions_of(connection, "bureau"):
                    await asyncio.sleep(0.1)  # until sessions that are over have been removed
                assert len(await _sessions_of(connection, "lead")) == 1
            await taught.send_json({"do": "end"})
            assert (await taught.receive_json(timeout=5))["type"] == "refused"


async def test_the_secret_is_another_one_after_each_sign_in(site: Site) -> None:
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        first = _cookie(browser).value
        csrf = await sign_in_again(browser)
        assert _cookie(browser).value != first
        assert not await _is_in(site, first)
        assert await _post(browser, "/logout", csrf) == 303


async def sign_in_again(browser: aiohttp.ClientSession) -> str:
    """Sign in as who is signed in already."""
    async with browser.get("/login") as response:
        page = await response.text()
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    form = {"login": "lead", "password": PASSWORD, "csrf": csrf}
    assert await _status(browser.post("/login", data=form, allow_redirects=False)) == 303
    async with browser.get("/account") as response:
        return (await response.text()).split('name="csrf" value="')[1].split('"')[0]


async def test_a_changed_password_gives_a_new_secret_and_signs_out_elsewhere(site: Site) -> None:
    async with site.browser() as here, site.browser() as elsewhere:
        csrf = await sign_in(here, "lead")
        await sign_in(elsewhere, "lead")
        before = _cookie(here).value
        good = {"present": PASSWORD, "password": "Bamboo-flute-7", "again": "Bamboo-flute-7"}
        wrong = (
            (good | {"present": "x"}, 422),
            (good | {"again": "x"}, 422),
            (good | {"password": PASSWORD, "again": PASSWORD}, 422),
            (good | {"password": "short", "again": "short"}, 422),
        )
        for form, status in wrong:
            assert await _post(here, "/account/password", csrf, **form) == status
        assert await _is_in(site, before)
        assert await _post(here, "/account/password", csrf, **good) == 303
        assert not await _is_in(site, before)
        assert await _status(here.get("/account")) == 200
        assert await _status(elsewhere.get("/account")) == 401
        await sign_in(elsewhere, "lead", "Bamboo-flute-7")


async def test_wrong_present_passwords_lock_the_account(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "lead")
        form = {"present": "wrong", "password": "Bamboo-flute-7", "again": "Bamboo-flute-7"}
        tried = [
            await _post(browser, "/account/password", csrf, **form)
            for _ in range(RULES.failures + 1)
        ]
        assert tried == [422] * RULES.failures + [429]


async def test_a_browser_is_signed_out_from_the_list_of_ones_own_alone(site: Site) -> None:
    async with site.browser() as here, site.browser() as there, site.browser() as other:
        csrf = await sign_in(here, "lead")
        await sign_in(there, "lead")
        await sign_in(other, "helper")
        async with site.pool.connection() as connection:
            ids = {
                s.token_hash: s.id
                for login in ("lead", "helper")
                if (a := await accounts.account_by_login(connection, login)) is not None
                for s in await web_sessions.of_account(connection, a.id)
            }
        async with here.get("/account", headers=_ENGLISH) as response:
            page = await response.text()
        assert page.count("/end") == 1
        theirs = [i for i in ids.values() if f"/account/sessions/{i}/end" in page]
        [foreign] = [
            i
            for i in ids.values()
            if i not in theirs and str(i) not in page and i != await _own(site, here)
        ]
        assert await _post(here, f"/account/sessions/{foreign}/end", csrf) == 404
        assert await _status(other.get("/account")) == 200
        assert await _post(here, f"/account/sessions/{theirs[0]}/end", csrf) == 303
        assert await _status(there.get("/account")) == 401
        assert await _status(here.get("/account")) == 200


async def _own(site: Site, browser: aiohttp.ClientSession) -> Any:
    import hashlib

    async with site.pool.connection() as connection:
        found = await web_sessions.by_token(
            connection, hashlib.sha256(_cookie(browser).value.encode()).digest()
        )
    assert found is not None
    return found.id


async def test_signing_out_everywhere_closes_sockets_and_withdraws_media_tokens(
    site: Site,
) -> None:
    path = f"/ws/sessions/{site.planned.session_id}"
    async with site.browser() as here, site.browser() as there:
        csrf = await sign_in(here, "lead")
        other = await sign_in(there, "lead")
        text = await _media_token(site, there, other)
        grant = granted(MEDIA_KEY, text, site.now)
        told: list[Container[str]] = []
        withdrawn = Withdrawals(site.pool, told.append)
        await withdrawn.look()
        authorize = authorizer(MEDIA_KEY, withdrawn)
        ask = (text, "publish", str(site.planned.session_id), str(site.planned.lead))
        assert await authorize(*ask) == grant
        async with there.ws_connect(path) as socket:
            await socket.receive_json(timeout=5)
            assert await _post(here, "/account/sign-out-everywhere", csrf) == 303
            assert (await socket.receive(timeout=10)).data == SIGNED_OUT
        assert await _status(there.get("/account")) == 401
        await withdrawn.look()
        assert [grant.holder in new for new in told] == [True]
        with pytest.raises(Unauthorized, match="withdrawn"):
            await authorize(*ask)
        await withdrawn.look()
        assert len(told) == 1  # each is told once


async def _media_token(site: Site, browser: aiohttp.ClientSession, csrf: str) -> str:
    url = f"/api/v1/sessions/{site.planned.session_id}/tokens"
    headers = {"X-CSRF-Token": csrf}
    async with browser.post(url, json={"direction": "publish"}, headers=headers) as response:
        assert response.status == 200, await response.text()
        return str((await response.json())["token"])


async def test_a_revoked_screen_is_put_out_of_its_lesson(site: Site) -> None:
    path = f"/ws/sessions/{site.planned.session_id}"
    async with site.browser() as screen, site.browser() as admin:
        await pair_room(site, screen, f"{FAR}-R1", "DDDD5555")
        csrf = await sign_in(admin, "far-admin")
        async with screen.ws_connect(path) as socket:
            await socket.receive_json(timeout=5)
            async with admin.get("/api/v1/given") as response:
                [device] = (await response.json())["devices"]
            url = f"/api/v1/devices/{device['id']}"
            assert await _status(admin.delete(url, headers={"X-CSRF-Token": csrf})) == 204
            assert (await socket.receive(timeout=10)).data == SIGNED_OUT
        assert await _status(screen.get("/room/next")) == 401
        assert await _status(admin.delete(url, headers={"X-CSRF-Token": csrf})) == 404


async def test_sockets_stay_open_while_the_database_is_away(site: Site) -> None:
    path = f"/ws/sessions/{site.planned.session_id}"
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        async with browser.ws_connect(path) as socket:
            await socket.receive_json(timeout=5)
            await site.pool.close()
            await asyncio.sleep(0)
            await socket.send_str("not json")
            assert (await socket.receive_json(timeout=5))["type"] == "refused"


@pytest.mark.parametrize("secure", [False, True])
async def test_the_cookie_is_bound_to_this_host_where_https_lets_it(
    pool: Pool, tmp_path: Path, secure: bool
) -> None:
    async with (
        small_site(pool, tmp_path, secure_cookies=secure) as site,
        aiohttp.ClientSession(site.url, cookie_jar=aiohttp.DummyCookieJar()) as browser,
    ):
        body = {"login": "lead", "password": PASSWORD}
        async with browser.post("/api/v1/sign-in", json=body) as response:
            [given] = response.headers.getall("Set-Cookie")
            csrf = (await response.json())["csrf"]
        name, _, rest = given.partition("=")
        assert name == ("__Host-session" if secure else "session")
        said = {part.strip() for part in rest.split(";")[1:]}
        assert said == {"HttpOnly", "Path=/", "SameSite=Lax"} | ({"Secure"} if secure else set())
        headers = {"Cookie": given.split(";")[0], "X-CSRF-Token": csrf}
        assert await _status(browser.get("/account", headers=headers)) == 200
        async with browser.post("/logout", headers=headers, allow_redirects=False) as response:
            taken = response.headers["Set-Cookie"]
        assert taken.startswith(f'{name}=""')
        assert "Max-Age=0" in taken
        assert ("Secure" in taken) is secure


@pytest.mark.parametrize("site_of_origin", ["cross-site", "same-site"])
async def test_no_other_site_signs_a_browser_in_or_out(site: Site, site_of_origin: str) -> None:
    form = {"login": "lead", "password": PASSWORD}
    headers = {"Sec-Fetch-Site": site_of_origin}
    async with site.browser(**headers) as browser:
        assert await _status(browser.post("/login", data=form)) == 403
        assert await _status(browser.post("/pair", data={"code": "AAAA2222"})) == 403
