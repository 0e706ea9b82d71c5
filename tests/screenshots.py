"""Remake the pictures in docs/images from the demo city: `make screenshots`."""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page

from tests.e2e.running import browser, demo, new_page, pair, sees, sign_in

ADMIN_PAGES = {  # picture → page
    "admin-calendar": "/admin/calendar",
    "admin-bells": "/admin/bells",
    "admin-busy": "/admin/busy",
    "admin-registers": "/admin/registers",
    "admin-versions": "/admin/timetable/versions",
    "admin-solve": "/admin/timetable/solve",
    "admin-changes": "/admin/changes",
    "admin-repair": "/admin/repair",
    "admin-shifts": "/admin/shifts",
    "admin-import": "/admin/import",
    "admin-feeds": "/calendar",
}
IMAGES = Path(__file__).parent.parent / "docs" / "images"


async def take(folder: Path) -> None:
    """The four front doors at 1366x768, during a lesson and after it."""
    folder.mkdir(parents=True, exist_ok=True)

    async def shot(page: Page, name: str) -> None:
        await page.screenshot(path=folder / f"{name}.png")

    with tempfile.TemporaryDirectory() as data:
        async with (
            demo(Path(data) / "data", "--port", "0", "--udp-port", "0") as running,
            browser() as chromium,
        ):
            teacher, *rooms = [await new_page(chromium) for _ in range(3)]
            await sign_in(teacher, running, "teacher")
            await shot(teacher, "teacher-today")
            for index, room in enumerate(rooms):
                await pair(room, running, index)
            await teacher.click(".lesson.open a.button.primary")
            await teacher.click("#start:enabled")
            await sees(teacher, "#tiles video", count=2)
            await rooms[0].click("#hand")
            await teacher.wait_for_selector("#hands button")
            await shot(teacher, "teacher-live")
            await teacher.click("#hands button")
            await rooms[0].wait_for_selector("#floorsign:visible")
            await sees(rooms[0], "#main-picture")
            await shot(rooms[0], "room-live")
            admin = await new_page(chromium)
            await sign_in(admin, running, "admin")
            await shot(admin, "admin-today")
            await admin.goto(running.url + "/admin/timetable")
            await shot(admin, "admin-timetable")
            for name, path in ADMIN_PAGES.items():
                await admin.goto(running.url + path)
                await shot(admin, name)
            await teacher.click("#end")
            await teacher.wait_for_selector("table .status")
            bureau = await new_page(chromium)
            await sign_in(bureau, running, "bureau")
            await shot(bureau, "bureau-coverage")


if __name__ == "__main__":
    asyncio.run(take(IMAGES))
