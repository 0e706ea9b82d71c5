"""The acceptance test at the server: who may ask, run, finish and read it, and hostile figures."""

import json
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pypdf
import pytest

from classroom_sync.acceptance.media import listener, media_room, room_test, sender
from classroom_sync.acceptance.run import GOOD_FOR
from classroom_sync.media_access import granted
from db import acceptance, sessions
from db.pool import Pool
from media.evidence import Evidence
from tests.http.conftest import MEDIA_KEY, Site, pair_room, sign_in, small_site
from tests.http.test_rooms import NEW, send
from tests.worlds import FAR, NEAR

ROOM = f"{NEAR}-R1"
GOOD = {
    "camera_lines": 1080,
    "camera_rate": 25,
    "microphone_level": -25,
    "noise_floor": -60,
    "echo_delay": 80,
    "echo_return_loss": 30,
    "throughput_up": 50,
    "throughput_down": 90,
    "round_trip": 12,
    "delay": 60,
    "jitter": 3,
    "loss_up": 0,
    "loss_down": 0,
    "reconnect": 1.1,
}


async def _ask(browser: aiohttp.ClientSession, csrf: str, room: str = ROOM) -> str:
    status, said = await send(browser, csrf, "POST", f"/rooms/{room}/acceptance-tests", None)
    assert status == 200, said
    return str(json.loads(said)["id"])


async def _begun(browser: aiohttp.ClientSession, csrf: str, room: str = ROOM) -> str:
    test = await _ask(browser, csrf, room)
    status, said = await send(browser, csrf, "POST", f"/acceptance-tests/{test}/begin", None)
    assert status == 200, said
    return test


async def _bulk(browser: aiohttp.ClientSession, csrf: str, test: str) -> None:
    path = f"/room/acceptance/{test}"
    async with browser.get(f"{path}/download?seconds=0.2") as response:
        assert response.status == 200
        assert len(await response.read()) > 0
    headers = {"X-CSRF-Token": csrf}
    async with browser.post(
        f"{path}/upload", data=BytesIO(bytes(8_000_000)), headers=headers
    ) as response:
        assert response.status == 204


async def _seen(site: Site, test: str, seconds: int = 60) -> None:
    """The media node's evidence of a test that went well."""
    test_id, rows = UUID(test), []
    for who in (sender(test_id), listener(test_id)):
        for n in range(0, seconds, 5):
            at = site.now + timedelta(seconds=n)
            rows.append(
                Evidence(
                    room=media_room(test_id),
                    participant=str(who),
                    from_at=at,
                    to_at=at + timedelta(seconds=5),
                    sent_decodable=True,
                    received_decodable=True,
                    packets_in=500,
                    bytes_in=0,
                    packets_out=500,
                    bytes_out=0,
                    lost_in=1,
                    lost_out=0,
                    jitter_ms=2.0,
                    rtt_ms=11.0,
                    reason=None,
                )
            )
    async with site.pool.transaction() as connection:
        numbered = [(n, test_id, e) for n, e in enumerate(rows)]
        await acceptance.add_evidence(connection, uuid4(), numbered)


async def test_an_installed_room_is_accepted_by_the_test_it_passes(site: Site) -> None:
    async with site.browser() as admin, site.browser(**{"Accept-Language": "en"}) as screen:
        csrf = await sign_in(admin, "admin")
        await send(admin, csrf, "POST", "/rooms", NEW)
        await send(admin, csrf, "POST", "/rooms/far-2/status", {"status": "installed"})
        test = await _ask(admin, csrf, "far-2")
        room_csrf = await pair_room(site, screen, "far-2", "DDDD5555")
        async with screen.get("/room/next") as response:
            assert (await response.json())["acceptance"] is True
        status, said = await send(
            screen, room_csrf, "POST", f"/acceptance-tests/{test}/begin", None
        )
        plan = json.loads(said)
        assert (status, plan["seconds"], plan["kind"]) == (200, 120, "interactive")
        grant = granted(MEDIA_KEY, plan["publish"]["token"], site.now)
        assert (grant.room, grant.direction) == (f"test-{test}", "publish")
        assert plan["publish"]["url"] == f"/whip/test-{test}/{grant.participant}"
        async with screen.get("/room/next") as response:
            assert (await response.json())["acceptance"] is False
        await _bulk(screen, room_csrf, test)
        await _seen(site, test)
        low = {**GOOD, "loss_up": 0.0, "delay": 300}
        status, said = await send(
            screen, room_csrf, "POST", f"/acceptance-tests/{test}/result", low
        )
        assert status == 200, said
        result = json.loads(said)
        assert result["passed"] is True
        found = {f["figure"]: f for f in result["figures"]}
        assert (found["delay"]["verdict"], found["delay"]["asked"]) == ("limit", "≤ 200 (400) ms")
        assert "cable" in found["delay"]["mend"]
        assert (found["loss_up"]["value"], found["loss_up"]["measured_by"]) == (0.2, "node")
        async with admin.get("/api/v1/rooms/far-2/life") as response:
            life = await response.json()
    assert life["status"] == "accepted"
    assert (life["history"][-1]["test_id"], life["history"][-1]["to_status"]) == (test, "accepted")
    assert life["history"][-1]["actor"].startswith("device:")


async def test_a_test_that_fails_accepts_nothing_and_says_what_to_do(site: Site) -> None:
    async with site.browser() as admin, site.browser() as screen:
        csrf = await sign_in(admin, "admin")
        await send(admin, csrf, "POST", "/rooms", NEW)
        await send(admin, csrf, "POST", "/rooms/far-2/status", {"status": "installed"})
        room_csrf = await pair_room(site, screen, "far-2", "DDDD5555")
        test = await _begun(screen, room_csrf, "far-2")
        await _bulk(screen, room_csrf, test)
        status, said = await send(
            screen, room_csrf, "POST", f"/acceptance-tests/{test}/result", GOOD
        )
        assert (status, json.loads(said)["passed"]) == (200, False)  # no media node saw it
        async with admin.get("/api/v1/rooms/far-2/life") as response:
            assert (await response.json())["status"] == "installed"
        async with screen.get(f"/certificates/{test}", headers={"Accept": "text/html"}) as response:
            page = await response.text()
    assert "未通过" in page
    assert "请让防火墙放行 UDP" in page


async def test_a_certificate_can_be_checked_by_whoever_has_its_address(site: Site) -> None:
    async with site.browser() as screen, site.browser(**{"Accept-Language": "en"}) as anyone:
        csrf = await pair_room(site, screen, ROOM, "DDDD5555")
        test = await _begun(screen, csrf)
        async with anyone.get(f"/certificates/{test}") as response:
            assert response.status == 404
        await send(screen, csrf, "POST", f"/acceptance-tests/{test}/result", GOOD)
        async with anyone.get(f"/certificates/{test}") as response:
            page = await response.text()
            assert "These figures are as this server signed them." in page
        async with anyone.get(f"/certificates/{test}.json") as response:
            found = await response.json()
        assert found["holds"] is True
        assert found["key"]["kty"] == "OKP"
        assert "d" not in found["key"]
        async with anyone.get(f"/certificates/{test}.pdf") as response:
            assert response.status == 401
        async with screen.get(f"/certificates/{test}.pdf") as response:
            assert response.content_type == "application/pdf"
            assert (await response.read()).startswith(b"%PDF")


async def test_a_certificate_on_paper_leads_to_where_visitors_reach_the_server(
    pool: Pool, tmp_path: Path
) -> None:
    """By HTTPS where a proxy speaks it before the server."""
    async with small_site(pool, tmp_path, secure_cookies=True) as site, site.browser() as paired:
        csrf = await pair_room(site, paired, ROOM, "AAAA2222")
        [cookie] = paired.cookie_jar
        async with site.browser(Cookie=f"{cookie.key}={cookie.value}") as screen:
            test = await _begun(screen, csrf)
            await send(screen, csrf, "POST", f"/acceptance-tests/{test}/result", GOOD)
            async with screen.get(f"/certificates/{test}.pdf") as response:
                paper = pypdf.PdfReader(BytesIO(await response.read()))
    text = "".join("".join(each.extract_text().split()) for each in paper.pages)
    assert f"https{site.url.removeprefix('http')}/certificates/{test}" in text


@pytest.mark.parametrize(
    ("figures", "status"),
    [
        ({"jitter": -1}, 422),
        ({"throughput_up": -20}, 422),
        ({"loss_up": 101}, 422),
        ({"camera_lines": 1e308}, 422),
        ({"delay": float("nan")}, 422),
        ({"delay": float("inf")}, 422),
        ({"delay": "12"}, 422),
        ({"delay": [12]}, 422),
        ({"delay": True}, 422),
        ({"media_share": 100}, 422),  # the media node says that, not the browser
        ({"passed": True}, 422),
        ([GOOD], 422),
    ],
)
async def test_hostile_figures_are_refused_and_the_test_goes_on(
    site: Site, figures: Any, status: int
) -> None:
    async with site.browser() as screen:
        csrf = await pair_room(site, screen, ROOM, "DDDD5555")
        test = await _begun(screen, csrf)
        path = f"/acceptance-tests/{test}/result"
        assert (await send(screen, csrf, "POST", path, figures))[0] == status
        assert (await send(screen, csrf, "POST", path, GOOD))[0] == 200
        assert (await send(screen, csrf, "POST", path, GOOD))[0] == 410  # once


async def test_ten_megabytes_of_json_are_refused_unread(site: Site) -> None:
    async with site.browser() as screen:
        csrf = await pair_room(site, screen, ROOM, "DDDD5555")
        test = await _begun(screen, csrf)
        body = BytesIO(b'{"delay": "' + b"1" * 10_000_000 + b'"}')
        headers = {"X-CSRF-Token": csrf, "Content-Type": "application/json"}
        path = f"/api/v1/acceptance-tests/{test}/result"
        async with screen.post(path, data=body, headers=headers) as response:
            assert response.status == 413


async def test_a_room_reaches_no_other_rooms_test(site: Site) -> None:
    async with site.browser() as mine, site.browser() as theirs:
        csrf = await pair_room(site, mine, ROOM, "DDDD5555")
        other_csrf = await pair_room(site, theirs, "2132000001-R2", "EEEE6666")
        test = await _begun(mine, csrf)
        assert (await send(theirs, other_csrf, "POST", f"/rooms/{ROOM}/acceptance-tests", None))[
            0
        ] == 403
        for path, body in (
            (f"/acceptance-tests/{test}/begin", None),
            (f"/acceptance-tests/{test}/result", GOOD),
        ):
            assert (await send(theirs, other_csrf, "POST", path, body))[0] == 403
        async with theirs.get(f"/api/v1/acceptance-tests/{test}") as response:
            assert response.status == 403
        async with theirs.get(f"/room/acceptance/{test}/download") as response:
            assert response.status == 403
        headers = {"X-CSRF-Token": other_csrf}
        path = f"/room/acceptance/{test}/upload"
        async with theirs.post(path, data=b"x", headers=headers) as response:
            assert response.status == 403


@pytest.mark.parametrize(
    ("account", "status"),
    [("admin", 200), ("bureau", 200), ("near-admin", 200), ("far-admin", 403)],
)
async def test_an_admin_of_a_school_reads_no_other_schools_test(
    site: Site, account: str, status: int
) -> None:
    async with site.browser() as admin, site.browser() as browser:
        test = await _ask(admin, await sign_in(admin, "admin"))
        await sign_in(browser, account)
        async with browser.get(f"/api/v1/acceptance-tests/{test}") as response:
            assert response.status == status
            assert (ROOM in await response.text()) == (status == 200)


async def test_a_test_is_taken_up_once_and_in_time(site: Site) -> None:
    async with site.browser() as screen:
        csrf = await pair_room(site, screen, ROOM, "DDDD5555")
        test = await _ask(screen, csrf)
        path = f"/acceptance-tests/{test}"
        assert (await send(screen, csrf, "POST", f"{path}/result", GOOD))[0] == 409
        assert (await send(screen, csrf, "POST", f"{path}/begin", None))[0] == 200
        assert (await send(screen, csrf, "POST", f"{path}/begin", None))[0] == 409
        late = await _ask(screen, csrf)
        site.now += GOOD_FOR + timedelta(seconds=1)
        assert (await send(screen, csrf, "POST", f"/acceptance-tests/{late}/begin", None))[0] == 410
        assert (await send(screen, csrf, "POST", f"{path}/result", GOOD))[0] == 410
        assert (await send(screen, csrf, "POST", f"/acceptance-tests/{uuid4()}/begin", None))[
            0
        ] == 404


async def test_no_test_disturbs_a_lesson(site: Site) -> None:
    async with site.browser() as screen:
        csrf = await pair_room(site, screen, f"{FAR}-R1", "DDDD5555")
        path = f"/rooms/{FAR}-R1/acceptance-tests"
        assert (await send(screen, csrf, "POST", path, None))[0] == 409
        async with site.pool.transaction() as connection:
            await sessions.cancel(connection, site.planned.session_id, site.now, "school")
        assert (await send(screen, csrf, "POST", path, None))[0] == 200


async def test_a_room_is_not_tested_without_end(site: Site) -> None:
    async with site.browser() as screen:
        csrf = await pair_room(site, screen, ROOM, "DDDD5555")
        path = f"/rooms/{ROOM}/acceptance-tests"
        tries = [(await send(screen, csrf, "POST", path, None))[0] for _ in range(21)]
        assert tries == [200] * 20 + [429]
        site.now += timedelta(hours=1)
        assert (await send(screen, csrf, "POST", path, None))[0] == 200


async def test_more_than_is_needed_is_not_taken(site: Site) -> None:
    async with site.browser() as screen:
        csrf = await pair_room(site, screen, ROOM, "DDDD5555")
        test = await _begun(screen, csrf)
        headers = {"X-CSRF-Token": csrf, "Content-Length": str(10**12)}
        path = f"/room/acceptance/{test}/upload"
        async with screen.post(path, data=b"x", headers=headers) as response:
            assert response.status == 413


async def test_a_media_token_of_a_test_opens_no_lesson(site: Site) -> None:
    async with site.browser() as screen:
        csrf = await pair_room(site, screen, ROOM, "DDDD5555")
        test = await _ask(screen, csrf)
        _, said = await send(screen, csrf, "POST", f"/acceptance-tests/{test}/begin", None)
        token = json.loads(said)["play"]["token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
        for session in (test, site.planned.session_id):
            async with screen.post(f"/whep/{session}", data=b"v=0", headers=headers) as response:
                assert response.status == 403
        async with screen.post(f"/whep/test-{test}", data=b"v=0", headers=headers) as response:
            assert response.status == 503  # its media node is not there


def test_only_the_rooms_of_tests_are_theirs() -> None:
    test_id = uuid4()
    assert room_test(media_room(test_id)) == test_id
    for room in (str(test_id), "test-", "test-x", "", f"Test-{test_id}"):
        assert room_test(room) is None
