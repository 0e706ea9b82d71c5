"""One paired class from two commands, in real browsers, down to the row in PostgreSQL."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from classroom_sync.demo_city import read_city
from tests.e2e.running import browser, demo, hears, new_page, pair, sees, sign_in

pytestmark = pytest.mark.browser

LESSON_MINUTES = 3  # of which a slow machine may need half a minute to join


async def _rows(dsn: str, query: str, *arguments: object) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [dict(row) for row in await connection.fetch(query, *arguments)]
    finally:
        await connection.close()


async def test_a_teacher_teaches_two_rooms_and_the_bureau_sees_it(tmp_path: Path) -> None:
    async with (
        demo(
            tmp_path, "--port", "0", "--udp-port", "0", "--lesson-minutes", str(LESSON_MINUTES)
        ) as running,
        browser() as chromium,
    ):
        session_id = running.content["live_session"]["id"]
        teacher, *rooms = [await new_page(chromium) for _ in range(3)]

        # The session came from the published timetable, and the clock opened it.
        [session] = await _rows(
            running.dsn,
            "SELECT s.state, s.opened_at, s.starts_at, v.state AS version, v.published_at"
            " FROM sessions s JOIN lessons l ON l.id = s.lesson_id"
            " JOIN timetable_versions v ON v.id = l.version_id WHERE s.id = $1",
            session_id,
        )
        assert session["version"] == "published"
        await sign_in(teacher, running, "teacher")
        await teacher.wait_for_selector(".lesson.open a.button.primary")
        for index, room in enumerate(rooms):
            await pair(room, running, index)

        # One click, and everybody sees and hears everybody.
        await teacher.click(".lesson.open a.button.primary")
        await teacher.click("#start:enabled")
        for room in rooms:
            await sees(room, "#main-picture")
            await hears(room)
        await sees(teacher, "#tiles video", count=2)
        await hears(teacher)
        assert await teacher.text_content("#state") == "直播中"

        # Hand, floor, head count.
        for index, room in enumerate(rooms):
            await room.click("#hand")
            await teacher.click("#hands button")
            await room.wait_for_selector("#floorsign:visible")
            await room.click("#heads")
            await room.fill("#present", str(30 + index))
            await room.click("#headsdialog button.primary")
            await room.wait_for_function(
                "() => document.getElementById('headsword').textContent.startsWith('3')"
            )

        # The patrol wall shows every room of it, small and without sound, and notes who looked.
        patrol = await new_page(chromium)
        await sign_in(patrol, running, "admin")
        await patrol.goto(running.url + "/admin/patrol")
        await sees(patrol, "#patrol video", count=3)
        await patrol.wait_for_function(
            "() => [...document.querySelectorAll('#patrol video')].every(v => v.videoWidth <= 320)"
        )
        assert await patrol.locator("audio").count() == 0
        await patrol.click(f"#patrol a[href$='{session_id}']")  # others may be on
        await patrol.wait_for_url(f"**/observe/{session_id}")
        await sees(patrol, "#main-picture")
        await patrol.close()
        looks = await _rows(
            running.dsn,
            "SELECT actor FROM audit WHERE action LIKE '%observ%' AND object = $1",
            f"session:{session_id}",
        )
        assert {row["actor"] for row in looks} == {"account:admin"}

        # Presence is written while it happens, not at the end.
        written = await _rows(
            running.dsn, "SELECT count(*) AS n FROM evidence WHERE session_id = $1", session_id
        )
        assert written[0]["n"] > 0

        ends_at = (
            await _rows(running.dsn, "SELECT ends_at FROM sessions WHERE id = $1", session_id)
        )[0]["ends_at"]
        remaining = (ends_at - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(max(0.0, remaining))  # the bell itself
        for room in rooms:
            await sees(room, "#main-picture")
        await teacher.click("#end")
        await teacher.wait_for_selector("table .status.full")

        links = await _rows(
            running.dsn,
            "SELECT status, valid, seconds, planned_seconds, present, took_floor, cause,"
            " (SELECT count(*) FROM presence p WHERE p.participant_id = a.participant_id) AS n"
            " FROM attendance a WHERE session_id = $1 AND revision = 1 ORDER BY present",
            session_id,
        )
        assert [
            (link["status"], link["valid"], link["present"], link["took_floor"], link["cause"])
            for link in links
        ] == [("full", True, 30, True, None), ("full", True, 31, True, None)]
        for link in links:
            assert link["planned_seconds"] == LESSON_MINUTES * 60
            assert 0.8 * LESSON_MINUTES * 60 <= link["seconds"] <= LESSON_MINUTES * 60
            assert link["n"] >= 1

        # The bureau follows a figure down to the evidence.
        bureau = await new_page(chromium, locale="en-GB")
        await sign_in(bureau, running, "bureau")
        values = [
            " ".join((await v.inner_text()).split())
            for v in await bureau.query_selector_all(".hero .value, .hero .sides")
        ]
        receiving = sum(s.role == "receiving" for s in read_city(datetime.now(UTC).date()).schools)
        assert values[:2] == ["16 / 16 rooms", "32 / 48 rooms"]
        delivered, due = map(int, values[3].removesuffix(" links").split(" / "))
        assert delivered == 2
        assert due >= 2
        assert values[5] == f"2 / {receiving} schools"
        await bureau.click(".hero .sides a >> nth=0")
        await bureau.click("tr:has(.status.full) a >> nth=0")
        seconds = [
            float(await c.inner_text())
            for c in await bureau.query_selector_all("#intervals tbody td.number")
        ]
        assert sum(seconds) == pytest.approx(max(link["seconds"] for link in links), abs=25)
        await bureau.click("#intervals tbody a")
        await bureau.click("#evidence tbody a >> nth=0")
        await bureau.wait_for_selector("#raw tbody tr td:has-text('✓')")
