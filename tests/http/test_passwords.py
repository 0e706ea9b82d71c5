"""A link for a new password: good once, for a day, and it signs the account out elsewhere."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from classroom_sync import passwords
from classroom_sync.errors import Refused
from db import accounts, web_sessions
from db.pool import Pool
from tests.http.conftest import PASSWORD, Site, sign_in, small_site

_GOOD = "Bamboo-flute-7"
_ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


async def _link(site: Site, login: str = "lead") -> str:
    async with site.pool.transaction() as connection:
        account = await accounts.account_by_login(connection, login)
        assert account is not None
        return await passwords.make_link(connection, account.id, site.now, "system")


def _form(password: str) -> dict[str, str]:
    return {"password": password, "again": password}


async def test_a_link_sets_the_password_once_and_signs_out_everywhere(site: Site) -> None:
    link = await _link(site)
    async with site.browser() as before, site.browser(**_ENGLISH) as browser:
        await sign_in(before, "lead")
        async with browser.get(link) as response:
            assert response.status == 200
            assert 'value="lead"' in await response.text()
        async with browser.post(link, data=_form(_GOOD)) as response:
            assert response.url.path == "/login"
        async with before.get("/api/v1/sessions") as response:
            assert response.status == 401
        await sign_in(browser, "lead", _GOOD)
        old = {"login": "lead", "password": PASSWORD}
        async with before.post("/api/v1/sign-in", json=old) as response:
            assert response.status == 401
    async with site.browser(**_ENGLISH) as browser:
        for answer in (browser.get(link), browser.post(link, data=_form(_GOOD))):
            async with answer as response:
                assert response.status == 404
                assert "This link is not good" in await response.text()


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("Ab1-xyz", "Ab1-xyz", "A password has 8 characters or more."),
        ("Ab1-" * 51, "Ab1-" * 51, "A password has 8 characters or more."),
        ("alllowercase1", "alllowercase1", "A password has three of these"),
        ("12345678901-", "12345678901-", "A password has three of these"),
        ("Lead-2026", "Lead-2026", "does not hold the name"),
        (_GOOD, _GOOD + "x", "The two are not the same"),
    ],
)
async def test_a_weak_password_is_refused_and_the_link_stays_good(
    site: Site, password: str, again: str, said: str
) -> None:
    link = await _link(site)
    async with site.browser(**_ENGLISH) as browser:
        async with browser.post(link, data={"password": password, "again": again}) as response:
            assert response.status == 422
            assert said in await response.text()
        async with browser.post(link, data=_form(_GOOD)) as response:
            assert response.url.path == "/login"


async def test_a_link_ends_after_a_day_and_with_the_next_one(site: Site) -> None:
    first, second = await _link(site), await _link(site)
    async with site.browser() as browser:
        async with browser.get(first) as response:
            assert response.status == 404
        async with browser.get(second) as response:
            assert response.status == 200
        site.now += passwords.LIFETIME + timedelta(seconds=1)
        async with browser.get(second) as response:
            assert response.status == 404


async def test_a_link_unlocks_the_account(site: Site) -> None:
    link = await _link(site)
    async with site.browser() as browser:
        for _ in range(5):
            wrong = {"login": "lead", "password": "wrong"}
            async with browser.post("/api/v1/sign-in", json=wrong) as response:
                assert response.status == 401
        async with browser.post(link, data=_form(_GOOD)) as response:
            assert response.status == 200
        await sign_in(browser, "lead", _GOOD)


@pytest.mark.parametrize("password", [_GOOD, "Abcdef12", "abc-1234", "春江花月夜Aa1"])
def test_three_classes_of_eight_characters_are_enough(password: str) -> None:
    passwords.check(password, "teacher")


def test_a_password_of_chinese_letters_needs_others_too() -> None:
    with pytest.raises(Refused):
        passwords.check("春江花月夜春江花月夜", "teacher")


@pytest.fixture
async def aging(pool: Pool, tmp_path: Path) -> AsyncIterator[Site]:
    """A site whose passwords are good for 90 days; its accounts have had theirs for a moment."""
    async with small_site(pool, tmp_path, password_days=90) as found:
        found.now = datetime.now(UTC)
        yield found


async def test_an_old_password_is_changed_before_its_holder_comes_in(aging: Site) -> None:
    old = {"login": "bureau", "password": PASSWORD}
    async with aging.browser(**_ENGLISH) as browser:
        aging.now += timedelta(days=80)
        async with browser.post("/login", data=old) as response:
            assert response.url.path == "/bureau"
            assert "Your password has to be changed by" in await response.text()
        async with browser.get("/bureau/wall") as response:  # nobody sits before it
            assert "has to be changed" not in await response.text()
    async with aging.browser(**_ENGLISH) as browser:
        aging.now += timedelta(days=11)
        async with browser.post("/login", data=old) as response:
            page = await response.text()
            found = re.search(r'action="(/password/[^"]+)"', page)
            assert found, "the page asks for a new password"
            link = found[1]
            assert "Your password has to be changed from time to time." in page
        async with browser.post("/api/v1/sign-in", json=old) as response:
            assert response.status == 403
        async with browser.get("/bureau", allow_redirects=False) as response:
            assert response.status == 401
        async with browser.post(link, data=_form(PASSWORD)) as response:
            assert response.status == 422
            page = await response.text()
            assert "The new password is the present one" in page
            assert "Your password has to be changed from time to time." in page
        async with browser.post(link, data=_form(_GOOD)) as response:
            assert response.url.path == "/login"
        # PostgreSQL says when a password was set, and this site is three months ahead of it.
        aging.now = datetime.now(UTC)
        async with browser.post("/login", data=old | {"password": _GOOD}) as response:
            assert response.url.path == "/bureau"
            assert "has to be changed" not in await response.text()


async def test_who_teaches_in_a_moment_changes_an_old_password_next_time(aging: Site) -> None:
    async with aging.pool.connection() as connection:
        await connection.execute("UPDATE accounts SET password_set_at = '2020-01-01'")
        starts = await connection.fetchval("SELECT starts_at FROM sessions")
    for before, leads_to in ((timedelta(minutes=2), "/teacher"), (timedelta(hours=2), "/password")):
        aging.now = starts - before
        async with (
            aging.browser(**_ENGLISH) as browser,
            browser.post("/login", data={"login": "lead", "password": PASSWORD}) as response,
        ):
            assert response.url.path.startswith(leads_to)
            told = "Your password had to be changed by" in await response.text()
            assert told is (leads_to == "/teacher")


async def test_the_browser_of_a_session_is_kept_as_last_seen(site: Site) -> None:
    async with site.browser() as browser:
        await sign_in(browser, "bureau")
        for agent in ("Old/1", "New/" + "2" * 400):
            async with browser.get("/api/v1/coverage", headers={"User-Agent": agent}) as response:
                assert response.status == 200
    async with site.pool.connection() as connection:
        found = await web_sessions.user_agents(connection, site.now - timedelta(days=1))
        assert found == {("New/" + "2" * 400)[:300]: 1}
        assert await web_sessions.user_agents(connection, site.now) == {}
