"""The second factor: set up, asked for, used once, guessed at, lost."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pyotp
import pytest

from classroom_sync.auth import UNFINISHED
from classroom_sync.second_factor import RECOVERY_CODES, STEP
from db.pool import Pool
from tests.http.conftest import PASSWORD, Site, sign_in, small_site
from tests.http.test_sessions import _cookie, _is_in, _post, _status

_ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}
_NEXT = timedelta(seconds=STEP)


@pytest.fixture
async def strict(pool: Pool, tmp_path: Path) -> AsyncIterator[Site]:
    """A site where administrators and the bureau need a second factor."""
    async with small_site(pool, tmp_path, second_factor_roles="admin,bureau") as site:
        yield site


def _code(site: Site, secret: str, *, steps: int = 0) -> str:
    return pyotp.TOTP(secret).generate_otp(int(site.now.timestamp()) // STEP + steps)


async def _form(browser: aiohttp.ClientSession, path: str) -> tuple[str, str]:
    """A page's text, and its CSRF token."""
    async with browser.get(path, headers=_ENGLISH) as response:
        text = await response.text()
        assert response.status == 200, text
    return text, text.split('name="csrf" value="')[1].split('"')[0]


async def _password(browser: aiohttp.ClientSession, login: str = "lead") -> str:
    """Give the right password in a browser; where it is led on to."""
    form = {"login": login, "password": PASSWORD}
    async with browser.post("/login", data=form, allow_redirects=False) as response:
        assert response.status == 303, await response.text()
        return response.headers["Location"]


def _secret(text: str) -> str:
    """The secret that the page shows."""
    [found] = re.findall(r'id="secret">([A-Z2-7 ]+)<', text)
    return str(found.replace(" ", ""))


async def _enrol(site: Site, browser: aiohttp.ClientSession, **form: str) -> tuple[str, list[str]]:
    """Set a second factor up; its secret and the recovery codes."""
    text, csrf = await _form(browser, "/second-factor")
    if "<svg" not in text:  # who needs one has begun by signing in
        assert await _post(browser, "/second-factor/secret", csrf) == 303
        text, csrf = await _form(browser, "/second-factor")
    assert "<svg" in text
    assert " style=" not in text
    secret = _secret(text)
    given = {"csrf": csrf, "code": _code(site, secret), **form}
    async with browser.post("/second-factor", data=given, headers=_ENGLISH) as response:
        page = await response.text()
        assert response.status == 200, page
    codes = re.findall(r'<code class="pairing">([A-Z0-9-]+)</code>', page)
    assert len(codes) == RECOVERY_CODES
    site.now += _NEXT  # the first code is used up
    return secret, codes


async def test_who_needs_a_second_factor_is_nobody_without_one(strict: Site) -> None:
    async with strict.browser() as browser, strict.browser() as teacher:
        assert await _password(teacher) == "/teacher"
        assert await _password(browser, "bureau") == "/second-factor"
        for path in ("/bureau", "/account", "/api/v1/coverage", "/login/code"):
            assert await _status(browser.get(path, allow_redirects=False)) in (401, 303), path
        before = _cookie(browser).value
        await _enrol(strict, browser)
        assert not await _is_in(strict, before)
        assert await _status(browser.get("/bureau")) == 200
        json = {"login": "admin", "password": PASSWORD}
        assert await _status(browser.post("/api/v1/sign-in", json=json)) == 403


async def test_a_code_is_asked_for_and_is_good_once(site: Site) -> None:
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        secret, _ = await _enrol(site, browser, present=PASSWORD)
    async with site.browser() as first, site.browser() as second:
        assert await _password(first) == "/login/code"
        before = _cookie(first).value
        _, csrf = await _form(first, "/login/code")
        assert await _status(first.get("/teacher")) == 401
        code = _code(site, secret)
        assert await _post(first, "/login/code", csrf, code=f"{code[:3]} {code[3:]}") == 303
        assert not await _is_in(site, before)
        assert await _status(first.get("/teacher")) == 200
        await _password(second)
        _, csrf = await _form(second, "/login/code")
        assert await _post(second, "/login/code", csrf, code=code) == 401
        old = _code(site, secret, steps=-1)
        assert await _post(second, "/login/code", csrf, code=old) == 401
        far = _code(site, secret, steps=2)
        assert await _post(second, "/login/code", csrf, code=far) == 401
        ahead = _code(site, secret, steps=1)  # a phone whose clock is fast
        assert await _post(second, "/login/code", csrf, code=ahead) == 303


async def test_an_old_password_is_changed_after_the_code_and_not_before(
    pool: Pool, tmp_path: Path
) -> None:
    async with small_site(pool, tmp_path, password_days=90) as site:
        async with site.browser() as browser:
            await sign_in(browser, "bureau")
            secret, _ = await _enrol(site, browser, present=PASSWORD)
        async with site.pool.connection() as connection:
            await connection.execute("UPDATE accounts SET password_set_at = '2020-01-01'")
        async with site.browser() as browser:
            assert await _password(browser, "bureau") == "/login/code"
            pending = _cookie(browser).value
            _, csrf = await _form(browser, "/login/code")
            form = {"csrf": csrf, "code": _code(site, secret)}
            async with browser.post("/login/code", data=form, allow_redirects=False) as response:
                assert response.headers["Location"].startswith("/password/")
            assert await _status(browser.get("/bureau")) == 401
            assert not await _is_in(site, pending)


async def test_a_recovery_code_stands_in_once(site: Site) -> None:
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        _, [one, *_] = await _enrol(site, browser, present=PASSWORD)
    for status in (303, 401):
        async with site.browser() as browser:
            await _password(browser)
            _, csrf = await _form(browser, "/login/code")
            assert await _post(browser, "/login/code", csrf, code=one.lower()) == status
    async with site.browser() as browser:
        json = {"login": "lead", "password": PASSWORD}
        async with browser.post("/api/v1/sign-in", json=json) as response:
            assert response.status == 401
        async with browser.post("/api/v1/sign-in", json=json | {"code": one}) as response:
            assert response.status == 401


async def test_fresh_recovery_codes_end_those_before(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "lead")
        secret, [one, *_] = await _enrol(site, browser, present=PASSWORD)
        path = "/account/recovery-codes"
        code = _code(site, secret)
        assert await _post(browser, path, csrf, present="wrong", code=code) == 422
        assert await _post(browser, path, csrf, present=PASSWORD) == 422
        proof = {"present": PASSWORD, "code": code}
        async with browser.post(path, data={"csrf": csrf, **proof}) as response:
            fresh = re.findall(r'"pairing">([A-Z0-9-]+)<', await response.text())
    site.now += _NEXT
    async with site.browser() as browser:
        json = {"login": "lead", "password": PASSWORD}
        for code, status in ((one, 401), (fresh[0], 200)):
            given = browser.post("/api/v1/sign-in", json=json | {"code": code})
            assert await _status(given) == status
    async with site.browser() as browser:
        right = json | {"code": _code(site, secret)}
        assert await _status(browser.post("/api/v1/sign-in", json=right)) == 200


async def test_guessed_codes_lock_the_account_though_the_password_is_right(site: Site) -> None:
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        secret, _ = await _enrol(site, browser, present=PASSWORD)
    tried = []
    for _ in range(6):
        async with site.browser() as browser:  # the right password does not set the count back
            json = {"login": "lead", "password": PASSWORD, "code": "000000"}
            tried.append(await _status(browser.post("/api/v1/sign-in", json=json)))
    assert tried == [401] * 5 + [429]
    async with site.browser() as browser:
        json["code"] = _code(site, secret)
        async with browser.post("/api/v1/sign-in", json=json) as response:
            assert response.status == 429
            assert 0 < int(response.headers["Retry-After"]) <= 1800


async def test_half_a_sign_in_is_forgotten_after_some_minutes(site: Site) -> None:
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        secret, _ = await _enrol(site, browser, present=PASSWORD)
    async with site.browser() as browser:
        await _password(browser)
        _, csrf = await _form(browser, "/login/code")
        site.now += UNFINISHED
        code = _code(site, secret)
        assert await _post(browser, "/login/code", csrf, code=code) == 303  # to the start
        assert await _status(browser.get("/teacher")) == 401


async def test_it_is_set_up_and_removed_with_the_password_only(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "lead")
        assert await _post(browser, "/second-factor/secret", csrf) == 303
        text, _ = await _form(browser, "/second-factor")
        code = _code(site, _secret(text))
        for form in ({"code": code}, {"code": code, "present": "wrong"}, {"present": PASSWORD}):
            assert await _post(browser, "/second-factor", csrf, **form) == 422, form
        secret, [one, *_] = await _enrol(site, browser, present=PASSWORD)
        assert await _status(browser.get("/second-factor")) == 409
        assert await _post(browser, "/second-factor/secret", csrf) == 409
        path = "/account/second-factor/removal"
        code = _code(site, secret)
        for form in ({"code": code}, {"present": PASSWORD}):  # five wrong ones would lock it
            assert await _post(browser, path, csrf, **form) == 422, form
        before = _cookie(browser).value
        assert await _post(browser, path, csrf, present=PASSWORD, code=one) == 303
        assert not await _is_in(site, before)
        assert await _post(browser, path, csrf, present=PASSWORD, code=code) == 409
    async with site.browser() as browser:
        assert await _password(browser) == "/teacher"


async def test_who_must_have_one_sets_it_up_anew_at_once(strict: Site) -> None:
    async with strict.browser() as browser:
        await _password(browser, "bureau")
        secret, _ = await _enrol(strict, browser)
        _, csrf = await _form(browser, "/account")
        path = "/account/second-factor/removal"
        proof = {"csrf": csrf, "present": PASSWORD, "code": _code(strict, secret)}
        async with browser.post(path, data=proof, allow_redirects=False) as response:
            assert response.headers["Location"] == "/second-factor"
        assert await _status(browser.get("/bureau")) == 401
        await _enrol(strict, browser)
        assert await _status(browser.get("/bureau")) == 200


async def test_looking_at_the_page_begins_nothing_and_ends_nothing(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "lead")
        for _ in range(2):
            text, _ = await _form(browser, "/second-factor")
            assert 'id="secret"' not in text
        async with site.pool.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM second_factors") == 0
        assert await _post(browser, "/second-factor", csrf, code="000000", present=PASSWORD) == 422
        begun = []
        for _ in range(2):
            assert await _post(browser, "/second-factor/secret", csrf) == 303
            shown = {_secret((await _form(browser, "/second-factor"))[0]) for _ in range(2)}
            begun += shown
        first, second = begun  # one each, and another one: who saw the first has nothing of it
        assert first != second
        form = {"code": _code(site, first), "present": PASSWORD}
        assert await _post(browser, "/second-factor", csrf, **form) == 422
        site.now += UNFINISHED
        form = {"code": _code(site, second), "present": PASSWORD}
        assert await _post(browser, "/second-factor", csrf, **form) == 422
        text, _ = await _form(browser, "/second-factor")
        assert 'id="secret"' not in text
        await _enrol(site, browser, present=PASSWORD)


async def test_codes_tried_at_once_are_no_more_than_one_after_the_other(site: Site) -> None:
    async with site.browser() as browser:
        await sign_in(browser, "lead")
        await _enrol(site, browser, present=PASSWORD)
    async with site.browser() as browser:
        await _password(browser)
        _, csrf = await _form(browser, "/login/code")
        wrong = [_post(browser, "/login/code", csrf, code="000000") for _ in range(20)]
        assert sorted(await asyncio.gather(*wrong)) == [401] * 5 + [429] * 15


async def test_a_browser_left_signed_in_gives_nobody_its_account(site: Site) -> None:
    async with site.browser() as browser, site.browser() as other:
        headers = {"X-CSRF-Token": await sign_in(browser, "far-admin")}
        await _enrol(site, browser, present=PASSWORD)
        async with browser.get("/api/v1/accounts") as response:
            found = {a["login"]: a["id"] for a in (await response.json())["accounts"]}
        own = f"/api/v1/accounts/{found['far-admin']}"
        assert await _status(browser.delete(own + "/second-factor", headers=headers)) == 409
        assert await _status(browser.post(own + "/password-links", headers=headers)) == 409
        assert await _status(browser.post(own + "/unlock", headers=headers)) == 409
        async with browser.get("/admin/people") as response:
            page = await response.text()
        assert f"{own}/password-links" not in page
        assert f"{own}/second-factor" not in page
        assert f"/api/v1/accounts/{found['helper']}/password-links" in page
        city = {"X-CSRF-Token": await sign_in(other, "admin")}
        assert await _status(other.delete(own + "/second-factor", headers=city)) == 204


async def test_an_administrator_removes_a_lost_one(site: Site) -> None:
    async with site.browser() as teacher, site.browser() as admin, site.browser() as far:
        await sign_in(teacher, "lead")
        await _enrol(site, teacher, present=PASSWORD)
        headers = {"X-CSRF-Token": await sign_in(admin, "admin")}
        async with admin.get("/api/v1/accounts") as response:
            found = (await response.json())["accounts"]
        [account] = [a for a in found if a["login"] == "lead"]
        assert account["second_factor_since"] is not None
        url = f"/api/v1/accounts/{account['id']}/second-factor"
        foreign = {"X-CSRF-Token": await sign_in(far, "far-admin")}
        assert await _status(far.delete(url, headers=foreign)) == 403
        assert await _status(admin.delete(url, headers=headers)) == 204
        assert await _status(admin.delete(url, headers=headers)) == 409
        assert await _status(teacher.get("/teacher")) == 401
        assert await _password(teacher) == "/teacher"
    async with site.pool.connection() as connection:
        said = await connection.fetch(
            "SELECT actor, action FROM audit WHERE object = $1 ORDER BY id",
            f"account:{account['id']}",
        )
    assert [tuple(row) for row in said] == [
        ("account:lead", "second_factor_set"),
        ("account:lead", "recovery_codes_made"),
        ("account:admin", "second_factor_removed"),
    ]
