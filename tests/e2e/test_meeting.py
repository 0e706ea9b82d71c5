"""Three teachers of three schools meet in real browsers, down to the bureau's figures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from playwright.async_api import Browser, FloatRect, Page

from classroom_sync.auth import hash_password
from tests.e2e.running import RunningDemo, browser, demo, enter, hears, new_page, sees, sign_in
from tests.e2e.test_accessibility import findings
from tests.e2e.test_recorded_lesson import made_ready, plays_on
from tests.media.stages import played

pytestmark = pytest.mark.browser

PASSWORD = "Right-1234"
PATIENCE = 90.0  # seconds: six media connections and three encoders begin at once
#: Three cameras and a screen are encoded on one machine here: small pictures, few a second.
SMALL_CAMERA = """
    const devices = navigator.mediaDevices;
    const open = devices.getUserMedia.bind(devices);
    devices.getUserMedia = (asked) =>
        open({...asked, video: {width: 320, height: 180, frameRate: 10}});
    const capture = devices.getDisplayMedia.bind(devices);
    devices.getDisplayMedia = (asked) =>
        capture({...asked, video: {width: 320, height: 180, frameRate: 5}});
"""


@asynccontextmanager
async def connected(running: RunningDemo) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(running.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def _three(running: RunningDemo) -> list[dict[str, str]]:
    """Teachers of three schools who are in nothing today, each with an account."""
    hashed = await hash_password(PASSWORD)
    async with connected(running) as connection:
        rows = await connection.fetch(
            "SELECT DISTINCT ON (t.school_code) t.id, t.name, t.school_code,"
            "   s.short_name AS school FROM teachers t JOIN schools s ON s.code = t.school_code"
            " WHERE t.role = 'assistant' AND NOT EXISTS (SELECT FROM reservations r"
            "   WHERE r.resource_id = t.id AND upper(r.during) > now()"
            "     AND lower(r.during) < now() + interval '3 hours')"
            "   AND NOT EXISTS (SELECT FROM busy_times b WHERE b.teacher_id = t.id)"
            " ORDER BY t.school_code, t.id LIMIT 3"
        )
        for row in rows:
            await connection.execute(
                "INSERT INTO accounts (login, name, password_hash, role, school_code, teacher_id)"
                " VALUES ($1, $2, $3, 'teacher', $4, $5)",
                row["id"].lower() + "-m",
                row["name"],
                hashed,
                row["school_code"],
                row["id"],
            )
    return [dict(row) for row in rows]


async def _entered(chromium: Browser, running: RunningDemo, teacher: dict[str, str]) -> Page:
    page = await new_page(chromium, "en")
    page.set_default_timeout(PATIENCE * 1000)
    await page.add_init_script(SMALL_CAMERA)
    await enter(page, running.url, teacher["id"].lower() + "-m", PASSWORD)
    return page


async def press(page: Page, selector: str) -> None:
    """Click without waiting for the page to be drawn, which takes long while it encodes video."""
    await page.locator(selector).first.dispatch_event("click")


async def _box(page: Page, selector: str) -> FloatRect:
    """Where it is on the page, in pixels."""
    box = await page.locator(selector).bounding_box()
    assert box
    return box


async def _ground(page: Page, selector: str) -> str:
    """The colour that it stands on."""
    return str(await page.eval_on_selector(selector, "e => getComputedStyle(e).backgroundColor"))


async def _main(page: Page) -> str:
    """Whose picture is large."""
    return str(await page.get_attribute("#tiles .tile.main", "data-key"))


async def test_three_schools_meet_and_the_bureau_counts_it(tmp_path: Path) -> None:
    async with (
        demo(tmp_path, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        one, two, three = await _three(running)
        pages = [await _entered(chromium, running, who) for who in (one, two, three)]
        chair, second, third = pages
        session_id = await _called(chair, running, one, [two, three])

        # Everybody joins by one click, sees and hears everybody.
        await second.goto(running.url + "/teacher")
        await second.click(f"a.button.primary[href='/meetings/{session_id}']")
        await third.goto(f"{running.url}/meetings/{session_id}")
        for page in pages:
            await page.click("#join:enabled")
        for page in pages:
            await sees(page, "#tiles .tile:not(.mine) video", count=2, timeout=PATIENCE)
            await hears(page, timeout=PATIENCE)
        since = datetime.now(UTC)
        assert await chair.text_content("#state") == "Live"
        assert await findings(chair) == []
        heads = [await _box(chair, each) for each in (".stagebar h1", ".stagebar #state")]
        assert heads[1]["y"] < heads[0]["y"] + heads[0]["height"], "the head takes one row"
        last = await _box(chair, "#tiles .tile:last-child")
        assert last["y"] + last["height"] <= 768, "the gallery fits the screen"
        assert await _ground(chair, "#camera") != await _ground(chair, "#hand")

        # The chair records it, which everybody there is told.
        for page in pages:
            assert await page.is_hidden("#recordingsign")
        assert await second.locator("#record").count() == 0
        await press(chair, "#record")
        await chair.wait_for_selector("#recorddialog[open]")
        assert await findings(chair) == []
        await press(chair, "#recorddialog button[value=ok]")
        for page in pages:
            await page.wait_for_selector("#recordingsign:visible")

        # Speaker view by keyboard: whoever has the floor is large.
        state = await chair.evaluate(
            "session => fetch(`/api/v1/sessions/${session}`).then(r => r.json())", session_id
        )
        ids = {p["school"]: p["id"] for p in state["session"]["participants"]}
        await third.focus("#speaker")
        await third.keyboard.press("Enter")
        await press(second, "#hand")
        await press(chair, "[data-panel=peoplepanel]")
        await press(chair, f"[data-about='floor-{ids[two['school']]}']")
        await third.wait_for_selector(
            f"#tiles.speaker .main[data-key='{ids[two['school']]}/camera']"
        )

        # A shared screen reaches the others in a slot of its own.
        await press(chair, f"[data-about='floor-{ids[two['school']]}']")
        await second.focus("#screen")
        await second.keyboard.press("Enter")  # only who asks for it by hand may share a screen
        for page in (chair, third):
            await sees(page, "#tiles .tile.screen video", timeout=PATIENCE)
        assert await _main(third) == f"{ids[two['school']]}/screen"
        await press(second, "#screen")
        await third.wait_for_selector("#tiles .tile.screen", state="detached")

        # Own camera off is said to the others; a reload comes back by itself.
        await press(second, "#camera")
        await third.wait_for_selector(f"[data-key='{ids[two['school']]}/camera'].blank")
        await second.reload()
        await sees(second, "#tiles .tile:not(.mine) video", count=2, timeout=PATIENCE)

        # The agenda moves on for everybody.
        await press(chair, "[data-panel=agendapanel]")
        for title in ("Looking back", "The next plan"):
            await press(chair, "#nextitem")
            await third.wait_for_selector(f"#agenda li[aria-current]:has-text('{title}')")
        await two_write_the_plan(second, third)

        # Nobody calls a meeting of a minute, but a test can't wait: it was planned for just now.
        async with connected(running) as connection:
            await connection.execute(
                "UPDATE sessions SET starts_at = $2, ends_at = now() WHERE id = CAST($1 AS uuid)",
                session_id,
                since,
            )
        await press(chair, "#end")
        await press(chair, "#enddialog button[value=ok]")
        await chair.wait_for_selector("table .status.full")
        assert await chair.locator("table .status.full").count() == 3
        assert await findings(chair) == []
        await _is_counted(chromium, running, session_id)
        await _is_recorded(third, running, session_id, tmp_path)


async def _called(
    page: Page, running: RunningDemo, chair: dict[str, str], members: list[dict[str, str]]
) -> str:
    """Call a meeting that begins in some minutes, so that its doors are open; its session."""
    local = datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(minutes=5)
    await page.goto(running.url + "/meetings/new")
    await page.fill("#title", "Rhythm in grade 3")
    await page.fill("#day", local.date().isoformat())
    await page.fill("#starts", local.strftime("%H:%M"))
    for who in members:
        await press(page, f"details:has(input[value='{who['id']}']) summary")
        await page.check(f"input[value='{who['id']}']")
    await page.fill("#agenda li:nth-child(1) .itemtitle", "Looking back")
    await page.fill("#agenda li:nth-child(1) .itemminutes", "2")
    await press(page, "#more")
    await page.fill("#agenda li:nth-child(2) .itemtitle", "The next plan")
    assert await findings(page) == []
    await press(page, "#call button.primary")
    await page.wait_for_selector("#join")
    return page.url.rpartition("/")[2]


async def two_write_the_plan(one: Page, other: Page) -> None:
    """Both write on one version; the second is shown what the first changed, and keeps both."""
    for page in (one, other):
        await press(page, "[data-panel=planpanel]")
        await page.wait_for_selector("#planversion:has-text('version 1')")
    await one.fill("#plantext", "# Aims\n\n- listen\n")
    await other.fill("#plantext", "# Aims\n\n- clap\n")
    await press(one, "#saveplan")
    await one.wait_for_selector("#planversion:has-text('Saved as version 2')")
    await press(other, "#saveplan")
    await other.wait_for_selector("#conflict:visible ins:has-text('listen')")
    assert await other.input_value("#plantext") == "# Aims\n\n- clap\n"
    assert await findings(other) == []
    await other.fill("#plantext", "# Aims\n\n- listen\n- clap\n")
    await press(other, "#keepmine")
    await other.wait_for_selector("#planversion:has-text('Saved as version 3')")
    await one.wait_for_function(
        "() => document.getElementById('plantext').value.includes('- clap')"
    )
    await press(one, "#history summary")
    await press(one, "#compare button")
    await one.wait_for_selector("#diff ins:has-text('clap')")
    await press(one, "#versions li[value='2'] button")
    await other.wait_for_function(
        "() => !document.getElementById('plantext').value.includes('- clap')"
    )


async def _is_recorded(member: Page, running: RunningDemo, session_id: str, data_dir: Path) -> None:
    """One picture and sound of all that was said, and the screen, for those who were called."""
    found = await made_ready(running)
    assert (found["state"], found["cause"]) == ("ready", None)
    assert str(found["session_id"]) == session_id
    async with connected(running) as connection:
        parts = await connection.fetch(
            "SELECT track, storage_key FROM recording_parts WHERE recording_id = $1", found["id"]
        )
    files: dict[str, list[Path]] = {}
    for part in parts:
        files.setdefault(part["track"], []).append(data_dir / "recordings" / part["storage_key"])
    assert set(files) == {"main", "screen"}
    films = [played(file) for file in files["main"]]
    seconds = sum(film.seconds for film in films)
    took = (found["ended_at"] - found["started_at"]).total_seconds()
    assert seconds > 0.8 * took > 4, f"{seconds:.1f} s of film of {took:.1f} s"
    assert sum(film.sounds for film in films) > seconds * 50 * 0.7
    assert sum(film.frames for film in films) > seconds
    assert all(played(file).frames > 0 for file in files["screen"])
    await member.goto(f"{running.url}/meetings/{session_id}")
    await member.click(f"a[href='/recordings/{found['id']}']")
    assert await findings(member) == []
    shown = await plays_on(member, 2)
    assert shown["width"] > 0
    assert await member.locator("#choices button").count() == 2
    assert await member.locator(".parts button[data-at]").count() >= 2  # what was taken up when


async def _is_counted(chromium: Browser, running: RunningDemo, session_id: str) -> None:
    """Indicators 6 and 15, from the media of this meeting alone."""
    bureau = await new_page(chromium, "en")
    await sign_in(bureau, running, "bureau")
    answer = await bureau.request.get(running.url + "/api/v1/coverage")
    measures = {
        (indicator["number"], m["slug"]): m["numerator"]
        for indicator in (await answer.json())["indicators"]
        for m in indicator["measures"]
    }
    assert measures[6, "researcher"] == 3
    assert measures[15, "activities"] == 1
    assert measures[15, "attendances"] == 3
    async with connected(running) as connection:
        seconds = await connection.fetchval(
            "SELECT extract(epoch FROM closed_at - live_at)::float FROM sessions WHERE id = $1",
            UUID(session_id),
        )
    assert seconds > 0
    assert measures[15, "hours"] == round(int(seconds) / 3600, 2)
    behind = "/bureau/behind?indicator=15&measure=attendances&side=numerator"
    await bureau.goto(running.url + behind)
    await bureau.click("tbody tr a >> nth=0")
    await bureau.wait_for_selector("#intervals tbody td.number")
    assert await findings(bureau) == []
    await bureau.goto(f"{running.url}/meetings/{session_id}")
    assert await bureau.locator("table .status.full").count() == 3
