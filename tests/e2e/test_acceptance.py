"""A room's acceptance test, from an administrator's click to the certificate, in a real browser."""

import json
from io import BytesIO
from pathlib import Path

import asyncpg
import pytest
from pypdf import PdfReader

from tests.e2e.running import browser, demo, new_page, sign_in

pytestmark = pytest.mark.browser

ROOM = "2132999916-R3"  # installed, interactive
LISTENING = "2132999912-R4"  # installed, listen-only

# What this machine does beside the test is not what is tested: its camera and line may be slow.
RULES = {
    "camera_lines": {"good": 720, "limit": 720},
    "camera_rate": {"good": 25, "limit": 3},
    "throughput": {"good": 10, "limit": 0.1},
    "media_share": {"good": 95, "limit": 30},
    "microphone_level": {"good": -60, "limit": -90},
    "delay": {"good": 200, "limit": 5000},
    "jitter": {"good": 50, "limit": 2000},
    "loss": {"good": 1, "limit": 60},
    "reconnect": {"good": 10, "limit": 30},
}


async def test_a_room_is_tested_from_its_own_browser_and_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSROOM_SYNC_ACCEPTANCE_SECONDS", "20")
    monkeypatch.setenv("CLASSROOM_SYNC_ACCEPTANCE", json.dumps(RULES))
    async with (
        demo(tmp_path, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        admin, screen = [await new_page(chromium) for _ in range(2)]
        await sign_in(admin, running, "admin")
        await admin.goto(f"{running.url}/admin/rooms")
        await admin.click(f"tr[id='{ROOM}'] button")
        code = await admin.text_content(f"tr[id='{ROOM}'] code")
        await screen.goto(f"{running.url}/pair")
        await screen.fill("#code", code or "")
        await screen.click("main form button")
        await screen.wait_for_url("**/room")

        # The administrator's click: the screen takes the test up by itself.
        await admin.goto(f"{running.url}/admin/rooms/{ROOM}")
        assert "建成" in await admin.inner_text("h1")
        await admin.click("form[data-api$='acceptance-tests'] button")
        await screen.wait_for_url("**/room/acceptance")
        await screen.wait_for_selector("#steps li.now[data-step='media']", timeout=60_000)
        await screen.wait_for_selector("#back video", timeout=30_000)
        await screen.wait_for_url("**/certificates/*", timeout=120_000)

        rows = await screen.query_selector_all("#figures tbody tr")
        found = {
            await row.get_attribute("data-figure"): (await row.inner_text()).split("\t")
            for row in rows
        }
        result = await screen.inner_text("#result")
        assert "通过" in result, found
        assert "未通过" not in result, found
        assert found["camera_lines"][1].strip() in ("720 p", "1080 p")
        for figure in ("throughput_up", "throughput_down", "delay", "jitter", "reconnect"):
            assert found[figure][1].strip()[0].isdigit(), found[figure]
        assert found["echo_delay"][3].strip() == "接近极限"  # this microphone hears no loudspeaker
        assert "扬声器" in found["echo_delay"][4]
        assert "有效" in await screen.inner_text("#signature")

        # The paper says the same.
        test_id = screen.url.rpartition("/")[2]
        answer = await screen.request.get(f"{running.url}/certificates/{test_id}.pdf")
        reader = PdfReader(BytesIO(await answer.body()))
        paper = "".join(reader.pages[0].extract_text().split())
        assert len(reader.pages) == 1
        for cells in found.values():
            assert "".join(cells[0].split()) in paper
            assert "".join(cells[1].split()) in paper
        assert "直播课堂验收证书" in paper
        fingerprint = await screen.inner_text("code.wrap >> nth=1")
        assert fingerprint in paper

        # The room counts now; no lesson was made of the test, and what the node saw was kept apart.
        await admin.reload()
        assert "验收" in await admin.inner_text("h1")
        connection = await asyncpg.connect(running.dsn)
        try:
            seen = await connection.fetchrow(
                "SELECT bool_or(sent_decodable) AS sent, bool_or(received_decodable) AS received,"
                " sum(packets_in) AS packets FROM acceptance_evidence WHERE test_id = $1::uuid",
                test_id,
            )
            counted = await connection.fetchval(
                "SELECT count(*) FROM participants WHERE room_id = $1", ROOM
            )
        finally:
            await connection.close()
        assert seen is not None
        assert (seen["sent"], seen["received"], counted) == (True, True, 0)
        assert seen["packets"] > 100


async def test_a_listening_room_starts_its_test_by_its_own_button_and_sends_a_test_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSROOM_SYNC_ACCEPTANCE_SECONDS", "20")
    monkeypatch.setenv("CLASSROOM_SYNC_ACCEPTANCE", json.dumps(RULES))
    async with (
        demo(tmp_path, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        admin, screen = await new_page(chromium), await new_page(chromium, locale="en-GB")
        await sign_in(admin, running, "admin")
        await admin.goto(f"{running.url}/admin/rooms")
        await admin.click(f"tr[id='{LISTENING}'] button")
        code = await admin.text_content(f"tr[id='{LISTENING}'] code")
        await screen.goto(f"{running.url}/pair")
        await screen.fill("#code", code or "")
        await screen.click("main form button")
        await screen.wait_for_url("**/room")
        await screen.click("a[href='/room/acceptance']")
        assert await screen.query_selector("#steps li[data-step='camera']") is None
        await screen.click("#begin")
        await screen.wait_for_url("**/certificates/*", timeout=120_000)
        figures = [
            await row.get_attribute("data-figure")
            for row in await screen.query_selector_all("#figures tbody tr")
        ]
        assert figures == [
            "throughput_up",
            "throughput_down",
            "media_share",
            "round_trip",
            "delay",
            "jitter",
            "loss_up",
            "loss_down",
            "reconnect",
        ]
        result = await screen.inner_text("#result")
        assert result.startswith("passed"), await screen.inner_text("#figures")
        await admin.goto(f"{running.url}/admin/rooms/{LISTENING}?lang=en")
        assert "passed its acceptance test" in await admin.inner_text("main")
