"""The admin's import page and a teacher's calendar address, in a real browser."""

import asyncio
from pathlib import Path

import aiohttp
import icalendar
import pytest
from playwright.async_api import Page, Route

from tests.e2e.running import browser, demo, new_page, sign_in

pytestmark = pytest.mark.browser

_GRID = Path(__file__).parents[2] / "classroom_sync/demo_city/timetable-grid.xlsx"


async def test_an_office_file_is_previewed_and_imported_and_a_calendar_is_given_out(
    tmp_path: Path,
) -> None:
    async with (
        demo(tmp_path / "data", "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        admin = await new_page(chromium)
        await sign_in(admin, running, "admin")
        await admin.click("nav >> text=学校")
        await admin.click("text=导入与导出")
        bad = tmp_path / "photo.xlsx"
        bad.write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
        await admin.set_input_files("#file", str(bad))
        await admin.click("#import button")
        await admin.wait_for_selector("#problem:not([hidden])")
        assert "这不是电子表格" in (await admin.text_content("#problem") or "")
        await _press_before_the_script_is_there(admin)
        await admin.wait_for_url("**/admin/import/*")
        main = await admin.text_content("main") or ""
        assert "识别出 85 节课；0 个单元格未能识别。" in main
        await admin.click("text=导入为草稿")
        await admin.wait_for_selector("[role=status]")
        assert "已导入为课表草稿" in (await admin.text_content("[role=status]") or "")

        teacher = await new_page(chromium)
        await sign_in(teacher, running, "teacher")
        await teacher.click("text=日历订阅地址")
        await teacher.click("main form button")
        address = await teacher.text_content("[role=status] code") or ""
        async with aiohttp.ClientSession() as program, program.get(address) as response:
            assert response.status == 200
            calendar = icalendar.Calendar.from_ical(await response.read())
        assert calendar.walk("VEVENT")


async def _press_before_the_script_is_there(admin: Page) -> None:
    """On a slow line a file is chosen and sent while the page's script is still coming."""
    pressed = asyncio.Event()

    async def slow(route: Route) -> None:
        await pressed.wait()
        await route.continue_()

    await admin.route("**/import.js*", slow)
    await admin.goto(admin.url, wait_until="commit")
    await admin.set_input_files("#file", str(_GRID))
    await admin.click("#import button", no_wait_after=True)
    pressed.set()
