"""What every answer says to browsers, by class of page; how much, and how often, may be asked."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from classroom_sync.limits import TokenBuckets
from tests.http.conftest import PASSWORD, Site, pair_room, sign_in
from tests.http.test_sessions import _status
from tests.worlds import FAR, HUB

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "media-src": "'self' blob:",
    "font-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "manifest-src": "'self'",
}
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: Class of page → who asks (a login, a room, or nobody), its address, its status and its type.
_PAGES = {
    "nobody's page": ("", "/login", 200, "text/html"),
    "a page to pair at": ("", "/pair", 200, "text/html"),
    "a page that is not there": ("", "/no/such/page", 404, "text/html"),
    "a page that is refused": ("", "/admin", 401, "text/html"),
    "on to another page": ("", "/", 303, "text/plain"),
    "a teacher's page": ("lead", "/teacher", 200, "text/html"),
    "one's own account": ("lead", "/account", 200, "text/html"),
    "a secret to take along": ("lead", "/second-factor", 200, "text/html"),
    "an administrator's page": ("admin", "/admin/people", 200, "text/html"),
    "the bureau's page": ("bureau", "/bureau/rooms", 200, "text/html"),
    "a room's page": (f"{FAR}-R1", "/room", 200, "text/html"),
    "a file": ("admin", "/admin/export/grid", 200, None),
    "the API": ("bureau", "/api/v1/rooms", 200, "application/json"),
    "the API's refusal": ("", "/api/v1/rooms", 401, "application/problem+json"),
    "the API's description": ("", "/api/openapi.json", 200, "application/json"),
    "what pages are made of": ("", "/static/style.css", 200, "text/css"),
    "a calendar that is not there": ("", "/calendar/x.ics", 404, "text/html"),
    "media": ("", "/whep/x", 200, "application/sdp"),
    "health": ("", "/healthz", 200, None),
}


async def test_every_class_of_page_says_what_browsers_must_not_do(site: Site) -> None:
    wrong: list[str] = []
    for what, (who, path, status, media_type) in _PAGES.items():
        async with site.browser(Accept="text/html") as browser:
            if who.startswith((FAR, HUB)):
                await pair_room(site, browser, who, "FFFF7777")
            elif who:
                await sign_in(browser, who)
            async with browser.get(path, allow_redirects=False) as response:
                headers = response.headers
                if response.status != status or media_type not in (None, response.content_type):
                    wrong.append(f"{what}: {response.status}, {response.content_type}")
        policy = headers.get("Content-Security-Policy", "")
        said = dict(part.strip().split(" ", 1) for part in policy.split(";") if part.strip())
        if said != _POLICY:
            wrong.append(f"{what}: {said}")
        wrong += [f"{what}: {n}" for n, value in _ALWAYS.items() if headers.get(n) != value]
        kept = headers.get("Cache-Control") == "no-store"
        if kept is path.startswith("/static/"):
            wrong.append(f"{what}: Cache-Control {headers.get('Cache-Control')}")
        if "Server" in headers and "aiohttp" in headers["Server"]:
            wrong.append(f"{what}: tells what it is made of")
    assert not wrong, "\n".join(wrong)


async def _endless() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield b" " * 32_768


_TOO_LARGE = b" " * 300_000


async def test_more_than_can_be_taken_is_refused_as_a_problem(site: Site) -> None:
    async with site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "admin")}
        json = headers | {"Content-Type": "application/json"}
        form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
        asked: list[tuple[str, Any, dict[str, str]]] = [
            ("/api/v1/accounts", _TOO_LARGE, json),
            ("/api/v1/accounts", _endless(), json),
            ("/account/password", _TOO_LARGE, form),
            ("/calendar", _endless(), form),
        ]
        for path, body, given in asked:
            async with browser.post(path, data=body, headers=given) as response:
                assert response.status == 413, path
                assert response.content_type == "application/problem+json"
                told = await response.json()
                assert (told["status"], told["detail"] != "") == (413, True)
        async with browser.post(
            "/account/password", data=_TOO_LARGE, headers=form | {"Accept": "text/html"}
        ) as response:
            assert (response.status, response.content_type) == (413, "text/html")
    async with site.browser() as browser:  # nobody, before anything is known of them
        for path in ("/api/v1/sign-in", "/api/v1/pairings"):
            async with browser.post(path, data=_TOO_LARGE, headers=json) as response:
                assert response.status == 413


async def test_who_tries_too_often_is_told_when_again(site: Site) -> None:
    tries: list[tuple[str, dict[str, Any]]] = [
        ("/api/v1/sign-in", {"json": {"login": "lead", "password": PASSWORD}}),
        ("/api/v1/pairings", {"json": {"code": "AAAA2222"}}),
        ("/login", {"data": {"login": "lead", "password": PASSWORD}}),
        ("/pair", {"data": {"code": "AAAA2222"}}),
    ]
    for path, given in tries:
        site.limits.entrance = TokenBuckets(rate=0.01, burst=2.0)
        async with site.browser() as browser:
            for _ in range(2):
                assert await _status(browser.post("/login", data={"login": path})) == 401
            async with browser.post(path, **given) as response:
                assert response.status == 429, path
                assert 90 <= int(response.headers["Retry-After"]) <= 100
            elsewhere = {"X-Forwarded-For": "192.0.2.7"}  # as a proxy on this machine says
            async with browser.post(path, headers=elsewhere, **given) as response:
                assert response.status != 429


async def test_a_refusal_by_rate_is_a_problem_with_its_time(site: Site) -> None:
    site.limits.entrance = TokenBuckets(rate=0.001, burst=1.0)
    async with site.browser() as browser:
        wrong = {"login": "lead", "password": "wrong"}
        assert await _status(browser.post("/api/v1/sign-in", json=wrong)) == 401
        async with browser.post("/api/v1/sign-in", json=wrong) as response:
            told = await response.json()
            assert (response.status, response.content_type) == (429, "application/problem+json")
            assert told["status"] == 429
            assert 900 <= int(response.headers["Retry-After"]) <= 1000


async def test_what_no_database_can_hold_is_refused_wherever_it_stands(site: Site) -> None:
    async with site.browser() as browser:
        for path in ("/calendar/%00.ics", "/password/a%00", "/no%00where"):
            assert await _status(browser.get(path)) in (404, 422), path
        form = {"login": "le\x00ad", "password": PASSWORD}
        assert await _status(browser.post("/login", data=form)) == 422
        csrf = await sign_in(browser, "admin")
        for path in ("/admin/people?name=%00", "/recordings/%00", f"/admin/rooms/{FAR}%00"):
            assert await _status(browser.get(path)) in (200, 404, 422), path
        form = {"csrf": csrf, "whose": "school:\x00"}
        assert await _status(browser.post("/calendar", data=form)) in (403, 422)


async def test_headers_that_are_no_text_break_nothing(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "admin")
        cookie = next(c.value for c in browser.cookie_jar)
    for name in ("User-Agent", "X-CSRF-Token", "Accept-Language", "X-Forwarded-For", "Origin"):
        method = "POST" if name == "X-CSRF-Token" else "GET"
        status = await _raw(site, method, "/account", name, cookie)
        assert status in (200, 403, 405), name
    assert csrf


async def _raw(site: Site, method: str, path: str, header: str, cookie: str) -> int:
    host, port = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = (
        f"{method} {path} HTTP/1.1",
        f"Host: {host}:{port}",
        f"Cookie: session={cookie}",
        "Content-Length: 0",
        "Connection: close",
    )
    writer.write("\r\n".join(lines).encode() + f"\r\n{header}: ".encode() + b"\xff\xfe\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return int(answer.split()[1])
