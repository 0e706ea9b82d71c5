"""The API and the errors: what it says of itself, and what it says of bad input."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from classroom_sync.api.registry import openapi
from classroom_sync.keys import STOPPING
from classroom_sync.tokens import BadToken, MediaToken, issue, verify
from tests.http.conftest import MEDIA_KEY, STUN, Site, pair_room, sign_in
from tests.worlds import FAR

KEY = b"k" * 32


async def test_the_description_is_openapi_3_1_and_names_every_endpoint(site: Site) -> None:
    async with site.browser() as browser, browser.get("/api/openapi.json") as response:
        document = await response.json()
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"] == "3.1.0"
    assert document == openapi()
    assert "/api/v1/coverage" in document["paths"]


@pytest.mark.parametrize(
    ("method", "path", "how", "status"),
    [
        ("GET", "/api/v1/nothing", {}, 404),
        ("GET", "/api/v1/sessions/not-a-uuid", {}, 404),
        ("GET", f"/api/v1/sessions/{UUID(int=7)}", {}, 404),
        ("GET", "/api/v1/sessions?since=yesterday", {}, 422),
        ("GET", "/api/v1/sessions?since=2026-01-01T00:00:00", {}, 422),
        ("GET", "/api/v1/sessions?since=1999-01-01T00:00:00Z", {}, 422),
        ("GET", "/api/v1/coverage?since=2026-10-01&until=2026-09-01", {}, 422),
        ("GET", "/api/v1/coverage?surprise=1", {}, 422),
        ("POST", "/api/v1/sign-in", {"data": "not json"}, 415),
        (
            "POST",
            "/api/v1/sign-in",
            {"data": b"{", "headers": {"Content-Type": "application/json"}},
            400,
        ),
        ("POST", "/api/v1/sign-in", {"json": {"login": "x"}}, 422),
        ("POST", "/api/v1/sign-in", {"json": [1]}, 422),
        ("POST", "/api/v1/sign-in", {"json": {"login": "x", "password": "y" * 300_000}}, 413),
        ("POST", "/api/v1/pairings", {"json": {"code": "ZZZZ9999"}}, 404),
        ("POST", "/api/v1/rooms/none/pairing-codes", {}, 404),
        ("DELETE", "/api/v1/rooms", {}, 404),
    ],
)
async def test_bad_input_is_a_problem_that_says_what_to_do(
    site: Site, method: str, path: str, how: dict[str, Any], status: int
) -> None:
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        csrf = await sign_in(browser, "admin")
        how = {**how, "headers": {"X-CSRF-Token": csrf, **how.get("headers", {})}}
        async with browser.request(method, path, **how) as response:
            problem = await response.json()
            assert response.status == status, problem
            assert response.content_type == "application/problem+json"
    assert problem["status"] == status
    assert len(problem["detail"]) > 10
    assert "Traceback" not in problem["detail"]


async def test_a_page_says_it_in_a_sentence(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        async with browser.get("/nowhere") as response:
            assert response.status == 404
            assert "There is no such page." in await response.text()
        async with browser.get("/bureau") as response:
            assert response.status == 401
            assert "Please sign in first." in await response.text()


async def test_a_head_count_is_kept_with_who_gave_it_and_a_wrong_one_is_refused(
    site: Site,
) -> None:
    path = f"/api/v1/sessions/{site.planned.session_id}/head-counts"
    body = {"participant": str(site.planned.receiving), "expected": 40, "present": 38}
    async with site.browser() as screen:
        headers = {"X-CSRF-Token": await pair_room(site, screen, f"{FAR}-R1", "DDDD5555")}
        async with screen.post(path, json=body, headers=headers) as response:
            assert response.status == 204
        async with screen.post(path, json=body | {"present": 41}, headers=headers) as response:
            assert response.status == 422
        async with screen.post(path, json=body | {"present": -1}, headers=headers) as response:
            assert response.status == 422
        other = body | {"participant": str(site.planned.lead)}
        async with screen.post(path, json=other, headers=headers) as response:
            assert response.status == 403
    live = await site.live.need(site.planned.session_id)
    assert live.heads == {site.planned.receiving: (40, 38)}


async def test_health_and_metrics(site: Site) -> None:
    async with site.browser() as browser:
        async with browser.get("/healthz") as response:
            assert response.status == 200
        async with browser.get("/readyz") as response:  # there is no media node here
            assert response.status == 503
            found = await response.json()
            assert found == {"database": True, "media_node": False, "draining": False}
        site.app[STOPPING].set()  # as SIGTERM does
        async with browser.get("/readyz") as response:
            assert (response.status, (await response.json())["draining"]) == (503, True)
        await site.live.need(site.planned.session_id)
        async with browser.get("/metrics") as response:
            text = await response.text()
    assert 'classroom_sync_sessions{state="open"} 1.0' in text


async def test_pages_carry_a_strict_policy(site: Site) -> None:
    async with site.browser() as browser, browser.get("/login") as response:
        policy = response.headers["Content-Security-Policy"]
        text = await response.text()
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert " style=" not in text
    assert "<script>" not in text


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_every_page_renders_for_its_role_in_both_languages(site: Site, language: str) -> None:
    headers = {"Accept": "text/html", "Accept-Language": language}
    session, link = site.planned.session_id, site.planned.receiving
    pages = {
        "lead": ["/teacher", f"/teacher/sessions/{session}"],
        "admin": [
            "/admin",
            "/admin/rooms",
            "/admin/timetable",
            "/admin/timetable?week=2026-09-08",
            "/admin/timetable/versions",
            "/admin/timetable/solve",
            "/admin/changes",
            "/admin/shifts",
            "/admin/repair",
            f"/admin/changes?session={session}",
        ],
        "bureau": [
            "/bureau",
            "/bureau?of=subject:music&by=school&since=2026-09-01&until=2026-12-31",
            "/bureau/wall",
            "/bureau/rooms",
            "/bureau/behind?indicator=4&measure=delivery&side=denominator",
            f"/bureau/links/{link}",
            f"/bureau/links/{link}?raw=1",
        ],
    }
    for login, paths in pages.items():
        async with site.browser(**headers) as browser:
            await sign_in(browser, login)
            for path in paths:
                async with browser.get(path) as response:
                    text = await response.text()
                    assert response.status == 200, (path, text[:500])
                    assert f'lang="{language}"' in text
    async with site.browser(**headers) as screen:
        await pair_room(site, screen, f"{FAR}-R1", "EEEE6666")
        async with screen.get("/room") as response:
            assert response.status == 200
            assert str(session) in await response.text()


async def test_the_language_is_remembered(site: Site) -> None:
    async with site.browser() as browser:
        async with browser.get("/login?lang=en") as response:
            assert "Password" in await response.text()
        async with browser.get("/login") as response:
            assert "Password" in await response.text()


def _token(**how: Any) -> MediaToken:
    values = {"direction": "publish", "role": "lead", "stream": "camera"} | how
    return MediaToken(uuid4(), uuid4(), **values)


def test_a_media_token_says_what_was_put_into_it_until_it_expires() -> None:
    now = datetime(2026, 9, 7, 4, tzinfo=UTC)
    token = _token(stream="screen")
    text = issue(KEY, token, now, timedelta(minutes=5))
    assert verify(KEY, text, now) == token
    with pytest.raises(BadToken, match="has expired"):
        verify(KEY, text, now + timedelta(minutes=5))


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", issue(b"other" * 8, _token(), datetime.now(UTC))]
)
def test_what_is_not_ours_is_no_token(text: str) -> None:
    with pytest.raises(BadToken):
        verify(KEY, text, datetime.now(UTC))


async def test_a_page_gets_tokens_for_its_own_seat_only(site: Site) -> None:
    path = f"/api/v1/sessions/{site.planned.session_id}/tokens"
    async with site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "helper")}
        async with browser.post(path, json={"direction": "publish"}, headers=headers) as response:
            answer = await response.json()
    token = verify(MEDIA_KEY, answer["token"], site.now)
    assert token.participant_id == site.planned.receiving
    assert token.role == "receiving"
    assert answer["url"] == f"/whip/{site.planned.session_id}/{site.planned.receiving}"
    assert answer["ice_servers"] == [{"urls": STUN, "username": "", "credential": ""}]
