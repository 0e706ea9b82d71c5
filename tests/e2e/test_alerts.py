"""A room goes dark in the middle of a lesson: the administrator sees it, others are told."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from tests.e2e.running import RunningDemo, browser, demo, new_page, pair, sees, sign_in
from tests.http.test_alerts import SECRET, receiving

pytestmark = pytest.mark.browser

WITHIN = 60_000  # ms: what is promised


async def _times(running: RunningDemo, room: str) -> int:
    """How often a room of the lesson has been dark."""
    connection = await asyncpg.connect(running.dsn)
    try:
        found = await connection.fetchval("SELECT max(times) FROM alerts WHERE room_id = $1", room)
        return int(found or 0)
    finally:
        await connection.close()


async def test_a_room_that_goes_dark_is_told_of_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as receiver, browser() as chromium:
        monkeypatch.setenv("CLASSROOM_SYNC_WEBHOOK_URL", receiver.url)
        monkeypatch.setenv("CLASSROOM_SYNC_WEBHOOK_SECRET", SECRET)
        async with demo(
            tmp_path, "--port", "0", "--udp-port", "0", "--lesson-minutes", "20"
        ) as running:
            teacher, room, admin = [await new_page(chromium) for _ in range(3)]
            await sign_in(admin, running, "admin")
            await sign_in(teacher, running, "teacher")
            await teacher.wait_for_selector(".lesson.open a.button.primary")
            await pair(room, running, 0)
            await teacher.click(".lesson.open a.button.primary")
            await teacher.click("#start:enabled")
            await sees(room, "#main-picture")

            mine = running.content["rooms"][0]["id"]
            alert = f".alarm a[href='/admin/rooms/{mine}']"
            await admin.goto(f"{running.url}/admin")
            await admin.wait_for_selector(alert, state="detached")
            earlier = await _times(running, mine)  # a slow machine may join it late
            await room.goto("about:blank")  # its screen is closed
            await admin.wait_for_selector(alert, timeout=WITHIN)

            await room.goto(f"{running.url}/room")
            await sees(room, "#main-picture")
            await admin.wait_for_selector(alert, state="detached", timeout=WITHIN)
            await admin.wait_for_selector(".alert-over", state="attached")

            told: list[tuple[str, str | None]] = []
            async with asyncio.timeout(30):
                while len(told) < 2:
                    await receiver.came.wait()
                    receiver.came.clear()
                    found = [json.loads(body) for _, body in receiver.got]
                    told = [
                        (m["type"], m["data"]["closed_why"])
                        for m in found
                        if m["data"]["room_id"] == mine and m["data"]["times"] > earlier
                    ]
    assert told == [("room.dark", None), ("room.back", "back")]
