"""A recording of two parts and a shared screen, sent to a class: fetched, played, told of."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from playwright.async_api import Page
from selenium.webdriver import Firefox
from selenium.webdriver.support.wait import WebDriverWait

from db import accounts, pushes
from media.specs import Codec, Source
from scheduler.receipts import Progress, progress
from tests.e2e.cable import cable
from tests.e2e.running import browser, enter, new_page
from tests.e2e.test_accessibility import findings
from tests.http.conftest import PASSWORD, Site
from tests.http.studios import Studio, studio_of
from tests.http.test_pushes import FAR_CLASS, kept, visit, wish
from tests.media.stages import lead, staged
from tests.worlds import FAR

pytestmark = pytest.mark.browser

QUESTIONS = [
    {
        "kind": "single",
        "text": "<b>调性</b>是什么？",
        "options": ["C 大调", "G 大调"],
        "right": [1],
    },
    {"kind": "text", "text": "哪里最难？", "options": []},
]


_FILMS = """
const film = document.getElementById('film'), side = document.getElementById('side');
"""
#: Whether the classroom is shown in step with a part of the picture, and is heard.
_IN_STEP = (
    _FILMS
    + """
const tracks = JSON.parse(document.getElementById('tracks').textContent);
const starts = tracks[0].parts[arguments[0]].starts_ms - tracks.at(-1).parts[0].starts_ms;
const apart = Math.abs(starts / 1000 + film.currentTime - side.currentTime);
return film.currentTime > 0.5 && !side.hidden && !side.muted && side.currentTime > 0 && apart < 0.4;
"""
)


async def in_parts(studio: Studio) -> UUID:
    """VP8 with a shared screen, then VP9: two parts, five seconds together; and a classroom."""
    recording = await studio.begin()
    stage = staged(studio.recorder, str(recording), recording=str(recording))
    stage.room.set_recorded(False, stage.now)
    stage.room.set_recorded(True, stage.now, others=True)
    act = stage.enter(Codec.VP8)
    room = str(studio.site.planned.receiving)
    guest = replace(lead(Codec.VP8, "g>", ssrc=40), participant=room, lead=False)
    stage.admit(guest, Codec.VP8, 40)
    await stage.play(1)
    stage.enter(Codec.VP8, "s>", source=Source.SCREEN, ssrc=20)
    await stage.play(1.5)
    await stage.leave(act)
    stage.enter(Codec.VP9, "b>", ssrc=30)
    await stage.play(2.5)
    await studio.recorder.end(str(recording))
    await studio.courier.deliver()
    await studio.stop(recording)
    await studio.tend()
    return recording


async def send(site: Site, item: UUID) -> UUID:
    async with site.browser() as desk:
        teacher = await visit(desk, "lead")
        asked = wish(item, FAR_CLASS, questions=QUESTIONS)
        return UUID((await teacher.done("POST", "/pushes", asked))["id"])


async def pairing_code(site: Site) -> str:
    async with site.pool.transaction() as connection:
        code = "FARAAAAA"
        await accounts.add_pairing_code(connection, code, f"{FAR}-R1", site.now.replace(year=2099))
    return code


async def done(site: Site, push_id: UUID) -> Progress:
    async with site.pool.connection() as connection:
        told = await pushes.receipts_of(connection, [push_id])
        push = await pushes.push(connection, push_id)
    assert push is not None
    return progress(told.get((push_id, FAR_CLASS), []), push.duration_ms, push.watched_share)


async def answer(page: Page) -> None:
    """What the class answers, its pupils having raised their hands."""
    await page.wait_for_selector("#quiz[open]", timeout=60_000)
    assert await findings(page) == []
    assert await page.inner_text("#quiz legend >> nth=0") == "1. <b>调性</b>是什么？"
    await page.fill("#q0o0", "7")
    await page.click(".hands button >> nth=3")  # one more for the second
    await page.fill("#quiz textarea", "第二段")
    await page.click("#quiz button.primary")
    await page.wait_for_selector("#marks[open]")
    assert await findings(page) == []
    assert await page.inner_text("#marked .good") == "✓ G 大调 · 1"
    await page.click("#marks button")
    await page.wait_for_selector("#word[open]")
    await page.click("#word button[value=cancel]")


async def test_all_parts_play_with_the_line_down_and_are_told_of_as_one(
    site: Site, tmp_path: Path
) -> None:
    async with (
        studio_of(site, tmp_path) as studio,
        browser() as chromium,
        cable(urlsplit(site.url).port or 0) as (line, port),
    ):
        push_id = await send(site, await in_parts(studio))
        page = await new_page(chromium)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(f"http://127.0.0.1:{port}/pair")
        await page.fill("#code", await pairing_code(site))
        await page.click("main form button")
        await page.wait_for_url("**/room")
        await page.click("#sentlink")
        await page.wait_for_selector(".sentcard")
        await page.click("#fetch")
        await page.wait_for_selector(".place.good", timeout=60_000)
        files = await page.evaluate(
            "async () => [...await (await import('/static/fetched.js')).kept()]"
            ".map(([url, of]) => [url.split('/content')[1], of.whole]).sort()"
        )
        assert files == [["", True], ["/main/2", True], ["/screen/1", True]]
        line.cut()
        await page.goto(page.url)
        await page.click(".sentcard .primary")
        await page.wait_for_function(
            "() => !document.getElementById('side').hidden"
            " && document.getElementById('side').videoWidth > 0"
        )
        assert await page.locator("#choices button").count() == 2  # no other classroom
        await page.click("#choices button[value=main]")  # the picture alone
        await page.wait_for_function("() => document.getElementById('side').hidden")
        await answer(page)
        assert (await done(site, push_id)).opened_at is None
        line.mend()
        await page.goto(page.url)
        await page.wait_for_selector(".choice .good", timeout=60_000)
        found = await done(site, push_id)
        assert found.watched
        assert found.share > 0.9
        assert [(a.counts, a.text) for a in found.answers] == [((7, 1), ""), ((), "第二段")]
        async with site.browser() as desk:
            teacher = await visit(desk, "lead")
            await teacher.done("POST", f"/pushes/{push_id}/withdrawal", {"why": "错了"})
        await page.goto(page.url)
        await page.wait_for_function(
            "async () => !document.querySelector('.sentcard')"
            " && !(await (await import('/static/fetched.js')).kept()).size"
        )
        assert (await done(site, push_id)).watched
        assert problems == []


async def test_a_teacher_ticks_what_is_right(site: Site) -> None:
    item = await kept(site)
    async with browser() as chromium, site.browser() as desk:
        page = await new_page(chromium, "en")
        await enter(page, site.url, "lead", PASSWORD)
        await page.goto(f"{site.url}/sent/new?item={item}")
        await page.check(f"input[name=class][value='{FAR_CLASS}']")
        await page.click("#ask")
        await page.fill(".question [name=text]", "Which key?")
        await page.fill(".question [name=options]", "C\nG")
        ticks = page.locator(".question .right input")
        for option in (0, 1):  # of one of several the last one ticked is right
            await ticks.nth(option).check()
        assert not await ticks.nth(0).is_checked()
        await page.fill(".question [name=options]", "C\nG\nF")
        assert await ticks.nth(1).is_checked(), "who writes on keeps what was ticked"
        assert await findings(page) == []
        await page.click("#send button.primary")
        await page.wait_for_url("**/sent")
        teacher = await visit(desk, "lead")
        [sent] = (await teacher.done("GET", "/pushes"))["pushes"]
    assert [(q["options"], q["right"]) for q in sent["questions"]] == [(["C", "G", "F"], [1])]


def _in_firefox(driver: Firefox, url: str, code: str) -> None:
    """Pair, play the lesson to its end, answer."""

    def see(css: str) -> None:
        script = (
            "return [...document.querySelectorAll(arguments[0])].some(e => e.checkVisibility())"
        )
        WebDriverWait(driver, 60).until(lambda d: d.execute_script(script, css))

    def click(css: str) -> None:
        see(css)
        driver.find_element("css selector", css).click()

    driver.get(f"{url}/pair")
    driver.find_element("id", "code").send_keys(code)
    click("main form button")
    WebDriverWait(driver, 60).until(lambda d: d.current_url.endswith("/room"))
    driver.get(f"{url}/room/sent")
    click(".sentcard .primary")
    see("#side")
    see("#quiz[open]")
    driver.execute_script("document.getElementById('q0o0').value = '7'")
    click("#quiz button.primary")
    click("#marks[open] button")
    see("#word[open]")
    click("#word button[value=cancel]")
    see(".choice .good")


async def test_firefox_plays_all_parts_in_order_and_answers(
    site: Site, tmp_path: Path, firefox: Firefox
) -> None:
    async with studio_of(site, tmp_path) as studio:
        recording = await in_parts(studio)
        push_id = await send(site, recording)
        await asyncio.to_thread(_in_firefox, firefox, site.url, await pairing_code(site))
    found = await done(site, push_id)
    assert found.watched
    assert [a.counts for a in found.answers] == [(7, 0), ()]

    def pages() -> tuple[str, list[dict[str, Any]]]:
        firefox.delete_all_cookies()
        firefox.get(f"{site.url}/login")
        firefox.find_element("name", "login").send_keys("lead")
        firefox.find_element("name", "password").send_keys(PASSWORD)
        firefox.find_element("css selector", "main button").click()
        WebDriverWait(firefox, 60).until(lambda f: f.current_url.endswith("/teacher"))
        firefox.get(f"{site.url}/sent")
        shown = str(firefox.find_element("css selector", "article.push").text)
        firefox.get(f"{site.url}/recordings/{recording}")
        wait = WebDriverWait(firefox, 60)
        wait.until(lambda f: f.execute_script(f"{_FILMS} return film.readyState >= 1"))
        firefox.execute_script(f"{_FILMS} film.muted = true; film.play()")
        firefox.find_element("css selector", "#choices button[value^=room]").click()
        states = []
        for part in (0, 1):
            firefox.find_elements("css selector", ".parts button")[part].click()
            wait.until(lambda f, part=part: f.execute_script(_IN_STEP, part))
            states.append(
                firefox.execute_script(f"{_FILMS} return {{film: film.src, side: side.src}}")
            )
        return shown, states

    shown, states = await asyncio.to_thread(pages)
    assert "<b>调性</b>是什么？" in shown
    assert [urlsplit(s["film"]).path.split("/media")[1] for s in states] == ["/main/1", "/main/2"]
    assert {urlsplit(s["side"]).path.split("/media")[1] for s in states} == {"/room/1"}
