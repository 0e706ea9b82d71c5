"""Remake the pictures in docs/images, and the gallery, from the demo city: `make screenshots`."""

import asyncio
import base64
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, Page

from tests.e2e.running import PHONE, RunningDemo, browser, demo, new_page, pair, sees, sign_in
from tests.pictures import GALLERY, IMAGES, LANGUAGES, every, gallery

_GRID = Path(__file__).parent.parent / "classroom_sync/demo_city/timetable-grid.xlsx"
_QUALITY = 0.8
_MINUTES = "4"  # of lesson, all of which the rooms are there for: figures tell more than zeros
_OVER = "() => Date.now() > Date.parse(document.getElementById('lesson').dataset.ends) - 5000"
_TO_WEBP = """async ([png, quality]) => {
    const image = new Image();
    image.src = "data:image/png;base64," + png;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), {
        width: image.width, height: image.height,
    });
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""

Shot = Callable[[Page, str], Awaitable[None]]


async def take(folder: Path, language: str) -> None:
    """Every picture in a language, during a lesson and after it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {picture.name: picture.file(language) for picture in every()}
    with tempfile.TemporaryDirectory() as data:
        async with (
            demo(
                Path(data) / "data", "--port", "0", "--udp-port", "0", "--lesson-minutes", _MINUTES
            ) as running,
            browser() as chromium,
        ):
            scratch = await new_page(chromium)

            async def shot(page: Page, name: str) -> None:
                png = base64.b64encode(await page.screenshot()).decode()
                webp = await scratch.evaluate(_TO_WEBP, [png, _QUALITY])
                (folder / files.pop(name)).write_bytes(base64.b64decode(webp))

            await _lesson(chromium, running, language, shot)
            bureau = await new_page(chromium, language)
            await sign_in(bureau, running, "bureau")
            await _bureau(bureau, running, shot)
            await _phone(chromium, running, language, shot)
    assert not files, f"not taken: {sorted(files)}"


async def _lesson(chromium: Browser, running: RunningDemo, language: str, shot: Shot) -> None:
    """What teacher, rooms and administrator see while a lesson is on, until it is over."""
    teacher, *rooms = [await new_page(chromium, language) for _ in range(3)]
    await sign_in(teacher, running, "teacher")
    await shot(teacher, "teacher-today")
    for index, room in enumerate(rooms):
        await pair(room, running, index)
    await teacher.click(".lesson.open a.button.primary")
    await teacher.click("#start:enabled")
    await sees(teacher, "#tiles video", count=2)
    for missing, room in enumerate(rooms):
        await _count_heads(room, missing)
    await rooms[0].click("#hand")
    await teacher.wait_for_selector("#hands button")
    await shot(teacher, "teacher-live")
    await teacher.click("#hands button")
    await rooms[0].wait_for_selector("#floorsign:visible")
    await sees(rooms[0], "#main-picture")
    await shot(rooms[0], "room-live")
    admin = await new_page(chromium, language)
    await sign_in(admin, running, "admin")
    await shot(admin, "admin-today")
    await admin.goto(running.url + "/admin/patrol")
    await sees(admin, "#patrol video", count=3)
    await shot(admin, "admin-patrol")
    await _admin(admin, running, shot)
    await teacher.wait_for_function(_OVER, timeout=240_000)
    await teacher.click("#end")
    await teacher.wait_for_selector("table .status")


async def _count_heads(room: Page, missing: int) -> None:
    expected = await room.get_attribute("#room", "data-expected")
    await room.click("#heads")
    await room.fill("#present", str(int(expected or 0) - missing))
    await room.click("#headsdialog button.primary")


async def _admin(page: Page, running: RunningDemo, shot: Shot) -> None:
    for name in ("timetable", "calendar", "needs", "rooms"):
        await page.goto(f"{running.url}/admin/{name}")
        if name == "timetable":
            who = await page.evaluate(
                "JSON.parse(document.querySelector('[data-lesson]').dataset.lesson).lead_teacher_id"
            )
        await shot(page, f"admin-{name}")
    today = datetime.now(UTC).date()
    monday = today + timedelta(days=7 - today.weekday())
    days = f"since={monday}&until={monday + timedelta(days=4)}"
    await page.goto(f"{running.url}/admin/repair?who={who}&{days}")
    await shot(page, "admin-repair")
    await page.goto(running.url + "/admin/timetable/versions")
    await page.click("tbody tr:last-child a")
    await page.wait_for_selector("#editing")
    await page.click(".slot[draggable] b")
    await shot(page, "admin-draft")
    await page.goto(running.url + "/admin/import")
    await page.set_input_files("#file", str(_GRID))
    await page.click("#import button")
    await page.wait_for_url("**/admin/import/*")
    await shot(page, "admin-import")


async def _bureau(page: Page, running: RunningDemo, shot: Shot) -> None:
    await shot(page, "bureau-coverage")
    await page.emulate_media(color_scheme="dark")
    await shot(page, "bureau-dark")
    await page.emulate_media(color_scheme="light")
    await page.goto(running.url + "/bureau/schools")
    await shot(page, "bureau-schools")
    await page.goto(running.url + "/bureau/behind?indicator=4&measure=delivery&side=denominator")
    await shot(page, "bureau-behind")
    await page.click("a[href^='/bureau/links/']")
    await page.wait_for_selector("#intervals")
    await shot(page, "bureau-link")
    await page.goto(running.url + "/bureau/wall")
    await shot(page, "bureau-wall")


async def _phone(chromium: Browser, running: RunningDemo, language: str, shot: Shot) -> None:
    for role in ("admin", "bureau"):
        page = await new_page(chromium, language)
        await page.set_viewport_size(PHONE)
        await sign_in(page, running, role)
        await shot(page, f"phone-{role}")


async def _main(folder: Path) -> None:
    for language in LANGUAGES:
        await take(folder, language)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES))
    GALLERY.write_text(gallery(), encoding="utf-8")
