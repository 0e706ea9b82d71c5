"""An administrator makes a draft, changes it by drag and by keyboard, solves, and publishes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.e2e.running import browser, demo, new_page, sign_in

pytestmark = pytest.mark.browser


async def lessons(page: Page) -> dict[str, tuple[int, int]]:
    """Each lesson's day and period, as the page says."""
    found: list[dict[str, Any]] = await page.evaluate(
        "[...document.querySelectorAll('[data-lesson]')].map(e => JSON.parse(e.dataset.lesson))"
    )
    return {each["id"]: (each["weekday"], each["period"]) for each in found}


async def until(page: Page, lesson: str, at: tuple[int, int]) -> None:
    weekday, period = at
    cell = f'td[data-weekday="{weekday}"][data-period="{period}"]'
    await page.wait_for_selector(f'{cell} [id="lesson-{lesson}"]')


async def said(page: Page, text: str) -> None:
    await page.wait_for_function(
        "text => document.querySelector('#said').textContent === text", arg=text
    )


async def test_a_draft_is_changed_by_hand_solved_by_the_machine_and_published(
    tmp_path: Path,
) -> None:
    async with (
        demo(tmp_path / "data", "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        page = await new_page(chromium)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await sign_in(page, running, "admin")
        await page.click("text=课表")
        await page.click("nav.tabs >> text=版本")
        await page.click("text=据此新建草稿")
        await page.wait_for_selector("#editing")

        before = await lessons(page)
        one, other = next(iter(before)), list(before)[-1]
        assert before[one] != before[other]

        # by drag, and back by undo
        target = (before[one][0] + 1, before[one][1])
        slot, cell = (
            f'[id="lesson-{one}"] b',
            f'td[data-weekday="{target[0]}"][data-period="{target[1]}"]',
        )
        await page.drag_and_drop(slot, cell)
        await until(page, one, target)
        await page.click("#undo")
        await until(page, one, before[one])
        assert await lessons(page) == before

        # by keyboard: choose, a day on, put down
        await page.focus(f'[id="lesson-{one}"]')
        for key in ("Enter", "ArrowRight", "Enter"):
            await page.keyboard.press(key)
        await until(page, one, target)
        focused = await page.evaluate("document.activeElement.id")
        assert focused == f"lesson-{one}"

        # two swapped
        await page.keyboard.press("Enter")
        await page.click("#swap")
        await page.click(f'[id="lesson-{other}"] b')
        await until(page, one, before[other])
        await until(page, other, target)

        # and back, by one undo
        await page.click("#undo")
        await until(page, one, target)
        await until(page, other, before[other])

        # weeks copied, and back
        here = await lessons(page)
        await page.click("#copy-weeks summary")
        await page.click("#copy-weeks button[value=odd]")
        await said(page, "教学周已复制。")
        await page.click("#undo")
        await said(page, "已撤销。")
        assert await lessons(page) == here

        # one locked; then one deleted, brought back, and deleted again
        await page.click(f'[id="lesson-{one}"] b')
        await page.click("#lock")
        await page.wait_for_selector(f'[id="lesson-{one}"] .lock')
        await page.click(f'[id="lesson-{other}"] b')
        await page.keyboard.press("Delete")
        await page.wait_for_selector(f'[id="lesson-{other}"]', state="detached")
        await page.click("#undo")
        await until(page, other, before[other])
        await page.click(f'[id="lesson-{other}"] b')
        await page.click("#remove")
        await page.wait_for_selector(f'[id="lesson-{other}"]', state="detached")

        # a new one
        await page.click("#add")
        await page.select_option("dialog [name=weekday]", "5")
        await page.click("dialog button[value=save]")
        await page.wait_for_function(
            "count => document.querySelectorAll('[data-lesson]').length === count", arg=len(before)
        )

        # what a day apart is worth
        await page.fill("#score [name='weights:spread']", "7")
        await page.click("text=保存权重")
        await page.wait_for_selector("#score [name='weights:spread'][value='7']")
        await page.click("text=恢复默认权重")
        await page.wait_for_selector("#score [name='weights:spread'][value='1']")

        # the machine's turn: watched from a page that is loaded anew, and stopped
        await page.click("nav.tabs >> text=自动排课")
        await page.fill("[name=seconds]", "600")
        await page.click("form button.primary")
        await page.wait_for_selector("#share")
        await page.reload()
        await page.wait_for_function(
            "() => /^[0-9]+$/.test(document.querySelector('#best').textContent)"
        )
        await page.click("text=停止并保留最好结果")
        await page.click("text=打开草稿", timeout=120_000)
        await page.wait_for_selector("#editing")
        assert "没有违反硬性规则" in (await page.text_content("#board .summary") or "")

        # what differs, in words; then it is published
        await page.click("form[data-api$=publication] button")
        await page.wait_for_url("**/admin/timetable/versions")
        assert await page.text_content("tbody tr:first-child .state") == "已发布"
        await page.click("text=比较")
        await page.wait_for_selector("#differences li")
        assert errors == []


async def test_single_days_are_changed_and_a_class_is_held_right_now(tmp_path: Path) -> None:
    async with (
        demo(tmp_path / "data", "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        page = await new_page(chromium, "en")
        await sign_in(page, running, "admin")
        await page.goto(running.url + "/admin/changes")
        await page.click("tbody tr:last-child a.button")
        substitution = page.locator(".substitution:has(button:enabled)").first
        participant = await substitution.locator("[name=participant]").input_value()
        stands_in = await substitution.locator("option").first.text_content() or ""
        await substitution.locator("button").click()
        # whoever of the lesson was free to be replaced: the lead, or an assistant
        changed = f".substitution:has([value='{participant}']) label"
        await page.wait_for_function(
            "([place, name]) => document.querySelector(place)?.textContent.includes(`: ${name} →`)",
            arg=[changed, stands_in],
        )
        await page.click("text=Cancel the lesson")
        await page.fill("[name=starts]", "18:00")
        await page.click("text=Plan the make-up")
        await page.wait_for_url("**/admin/changes")
        assert "made up" in (await page.text_content("tbody tr:last-child") or "")

        before = await page.locator("tbody tr").count()
        await page.click("#now button")
        await page.wait_for_function(
            "count => document.querySelectorAll('tbody tr').length === count + 1", arg=before
        )


async def test_a_repairs_proposal_is_accepted_whole_and_said_in_words(tmp_path: Path) -> None:
    async with (
        demo(tmp_path / "data", "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        page = await new_page(chromium, "en")
        await sign_in(page, running, "admin")
        await page.goto(running.url + "/admin")
        assert "will not be held" not in (await page.text_content("main") or "")
        await page.goto(running.url + "/admin/timetable")
        teacher = await page.evaluate(
            "JSON.parse(document.querySelector('[data-lesson]').dataset.lesson).lead_teacher_id"
        )
        coming = datetime.now(UTC).date() + timedelta(days=7)
        monday = coming - timedelta(days=coming.weekday())
        path = f"/admin/repair?who={teacher}&since={monday}&until={monday + timedelta(days=4)}"
        await page.goto(running.url + path)
        proposed = await page.locator("section.week li").count()
        assert proposed > 0
        await page.click("#acceptance button")
        await page.wait_for_selector("#acceptance .said li")
        first = await page.text_content("#acceptance .said li") or ""
        assert first.startswith("On 20")
        for about_the_proposal in ("section.week", ".untilaccepted"):
            assert await page.locator(about_the_proposal).first.is_hidden()
        await page.click("#acceptance .said a")
        await page.wait_for_selector("section.week .good")
        assert await page.locator("#acceptance").count() == 0
