"""Bad input and bad days: each ends in a clear message, and nothing recorded is lost."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psutil
import pytest

from tests.e2e.running import (
    RunningDemo,
    browser,
    demo,
    free_port,
    new_page,
    pair,
    run,
    sees,
    sign_in,
)


async def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = await run("serve", "--data-dir", str(tmp_path), "--port", str(port))
    assert code == 1
    assert f"port {port} on 127.0.0.1 is taken by another program" in said
    assert "Traceback" not in said


async def test_an_unreachable_database_is_said_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://app:hidden@127.0.0.1:{free_port()}/none"
    code, said = await run(
        "serve", "--data-dir", str(tmp_path), "--port", "0", "--database-url", url
    )
    assert code == 1
    assert "can't be reached" in said
    assert "hidden" not in said
    assert "Traceback" not in said


async def test_wrong_use_exits_with_2(tmp_path: Path) -> None:
    code, said = await run("serve", "--port", "99999")
    assert code == 2
    assert "port" in said


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    async with demo(tmp_path_factory.mktemp("demo"), "--port", "0", "--udp-port", "0") as started:
        yield started


async def test_a_second_server_on_the_data_directory_is_refused(running: RunningDemo) -> None:
    code, said = await run("demo", "--data-dir", str(running.data_dir), "--port", "0")
    assert code == 1
    assert "is in use by another server" in said
    assert str(running.process.pid) in said


async def _post(running: RunningDemo, kind: str, index: int, **how: Any) -> tuple[int, Any, Any]:
    grant = running.content["live_session"][kind][index]
    headers = {
        "Content-Type": "application/sdp",
        "Authorization": f"Bearer {how.get('token', grant['token'])}",
    }
    async with (
        aiohttp.ClientSession() as http,
        http.post(grant["url"], data=how.get("body", "v=0"), headers=headers) as response,
    ):
        return response.status, json.loads(await response.text()), response.headers


async def test_a_whip_body_that_is_not_sdp_is_400(running: RunningDemo) -> None:
    status, problem, _ = await _post(running, "whip", 0, body="hello")
    assert (status, problem["status"]) == (400, 400)
    assert "session description" in problem["detail"]


async def test_whep_before_the_hub_publishes_is_409_with_retry_after(running: RunningDemo) -> None:
    offer = (Path(__file__).parent / "play_offer.sdp").read_text()
    status, problem, headers = await _post(running, "whep", 1, body=offer)
    assert status == 409
    assert int(headers["Retry-After"]) > 0
    assert "not published yet" in problem["detail"]


async def test_a_forged_or_foreign_token_is_refused(running: RunningDemo) -> None:
    status, problem, headers = await _post(running, "whip", 0, token="forged")
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Bearer realm="media", error="invalid_token"'
    other = running.content["live_session"]["whip"][1]["token"]
    status, problem, _ = await _post(running, "whip", 0, token=other)
    assert status == 403
    assert "another participant" in problem["detail"]


async def _evidence(running: RunningDemo) -> tuple[int, float]:
    """Rows and seconds of presence written so far."""
    connection = await asyncpg.connect(running.dsn)
    try:
        row = await connection.fetchrow(
            "SELECT count(*) AS n, coalesce(sum(extract(epoch FROM to_at - from_at)), 0) AS s"
            " FROM evidence WHERE sent_decodable AND received_decodable"
        )
    finally:
        await connection.close()
    assert row is not None, "an aggregate always has a row"
    return row["n"], float(row["s"])


@pytest.mark.browser
async def test_a_killed_media_node_is_replaced_and_pages_rejoin_by_themselves(
    tmp_path: Path,
) -> None:
    async with (
        demo(tmp_path, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        teacher, room = await new_page(chromium), await new_page(chromium)
        await sign_in(teacher, running, "teacher")
        await pair(room, running, 0)
        await teacher.click(".lesson.open a.button.primary")
        await teacher.click("#start:enabled")
        await sees(room, "#main-picture")
        children = psutil.Process(running.process.pid).children()
        [node] = [child for child in children if "node" in child.cmdline()]
        node.kill()
        await asyncio.to_thread(node.wait, 5)
        await sees(room, "#main-picture")
        await sees(teacher, "#tiles video")
        assert await teacher.text_content("#state") == "直播中"  # the lesson went on all the while


@pytest.mark.browser
async def test_a_killed_server_loses_nothing_and_pages_come_back_by_themselves(
    tmp_path: Path,
) -> None:
    ports = ("--port", str(free_port()), "--udp-port", str(free_port(socket.SOCK_DGRAM)))
    async with browser() as chromium:
        teacher, room = await new_page(chromium), await new_page(chromium)
        async with demo(tmp_path, *ports) as running:
            lesson = running.content["live_session"]["id"]
            accounts = running.content["accounts"]
            await sign_in(teacher, running, "teacher")
            await pair(room, running, 0)
            await teacher.click(".lesson.open a.button.primary")
            await teacher.click("#start:enabled")
            await sees(room, "#main-picture")
            async with asyncio.timeout(30):
                while (await _evidence(running))[0] < 2:
                    await asyncio.sleep(0.2)  # written by another process
            before = await _evidence(running)
            await running.kill()
        async with demo(tmp_path, *ports) as again:
            assert again.content["live_session"]["id"] == lesson  # it still is on
            assert again.content["accounts"] == accounts
            assert await _evidence(again) >= before
            await sees(room, "#main-picture", timeout=40)
            await sees(teacher, "#tiles video", timeout=40)
            async with asyncio.timeout(30):
                while (await _evidence(again))[0] <= before[0]:
                    await asyncio.sleep(0.2)  # written by another process

            # A tab closed in mid-lesson: the teacher is told within seconds.
            await room.close()
            await teacher.wait_for_selector(".tile.absent", timeout=15_000)


@pytest.mark.browser
async def test_a_second_tab_of_a_room_waits_until_the_first_is_closed(tmp_path: Path) -> None:
    async with (
        demo(tmp_path, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        teacher, room = await new_page(chromium), await new_page(chromium)
        await sign_in(teacher, running, "teacher")
        await pair(room, running, 0)
        await teacher.click(".lesson.open a.button.primary")
        await teacher.click("#start:enabled")
        await sees(room, "#main-picture")
        second = await room.context.new_page()
        await second.goto(running.url + "/room")
        await second.wait_for_selector("#notice:has-text('另一个标签页')")
        await sees(room, "#main-picture")  # undisturbed
        await room.close()
        await sees(second, "#main-picture")
