"""What teacher and room are told when devices, line or sound fail; and a lesson by keyboard."""

import math
import re
import struct
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from playwright.async_api import Page, Route

from tests.e2e.running import RunningDemo, browser, demo, new_page, pair, sees, sign_in
from tests.e2e.test_accessibility import findings

pytestmark = pytest.mark.browser

IN_USE = """navigator.mediaDevices.getUserMedia = () =>
    Promise.reject(new DOMException("Could not start video source", "NotReadableError"));"""


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningDemo]:
    data = tmp_path_factory.mktemp("demo") / "data"
    async with demo(data, "--port", "0", "--udp-port", "0") as found:
        yield found


async def to_the_check(page: Page, running: RunningDemo) -> None:
    await sign_in(page, running, "teacher")
    await page.click(".lesson:is(.open, .live) a.button.primary")
    await page.wait_for_selector("#check:visible")


async def to_live(page: Page, running: RunningDemo) -> None:
    await to_the_check(page, running)
    await page.click("#start:enabled")
    await page.wait_for_selector("#state.live")


async def said_of(page: Page, step: str) -> str:
    """What the check says of a part that failed."""
    await page.wait_for_selector(f"[data-step={step}][data-result=bad]", timeout=60_000)
    return str(await page.text_content(f"[data-step={step}] .words"))


async def test_a_browser_that_was_not_allowed_says_where_to_allow_it(running: RunningDemo) -> None:
    async with browser(without=("--use-fake-ui-for-media-stream",)) as chromium:
        page = await new_page(chromium, "en-GB")
        await to_the_check(page, running)
        assert "click the camera sign in the address bar" in await said_of(page, "camera")
        assert "click the camera sign in the address bar" in await said_of(page, "microphone")
        assert await page.is_disabled("#start")


async def test_a_computer_without_camera_and_microphone_says_so(running: RunningDemo) -> None:
    async with browser(without=("--use-fake-device-for-media-stream",)) as chromium:
        page = await new_page(chromium, "zh-CN")
        await to_the_check(page, running)
        assert await said_of(page, "camera") == "未找到摄像头或麦克风：插上后会立即启用。"
        assert await said_of(page, "microphone") == "未找到摄像头或麦克风：插上后会立即启用。"


async def test_a_camera_in_use_by_another_program_is_named_as_such(running: RunningDemo) -> None:
    async with browser() as chromium:
        page = await new_page(chromium, "en-GB")
        await page.add_init_script(IN_USE)
        await to_the_check(page, running)
        assert "in use by another program" in await said_of(page, "camera")


async def test_a_line_that_lets_no_udp_through_is_found_before_the_lesson(
    running: RunningDemo,
) -> None:
    async def elsewhere(route: Route) -> None:
        """The answer with candidates where nobody listens, as behind a firewall."""
        answer = await route.fetch()
        body = re.sub(r"(a=candidate:\S+ 1 udp \d+ \S+) \d+", r"\1 9", await answer.text())
        await route.fulfill(response=answer, body=body)

    async with browser() as chromium:
        page = await new_page(chromium, "en-GB")
        await page.route("**/whip/check-*/*", elsewhere)
        await to_the_check(page, running)
        said = await said_of(page, "line")
        assert "UDP is blocked" in said
        assert "no relay (TURN) is set up" in said


async def pressed(page: Page, target: str, key: str = "Enter") -> None:
    """Go to an element as people without a mouse do, and press a key on it."""
    for _ in range(60):
        if await page.evaluate(
            "selector => document.activeElement?.matches(selector) ?? false", target
        ):
            break
        await page.keyboard.press("Tab")
    else:
        raise AssertionError(f"{target} can't be reached by Tab")
    await page.keyboard.press(key)


async def test_a_lesson_is_taken_over_and_taken_back_and_both_are_told(
    running: RunningDemo,
) -> None:
    async with browser() as chromium:
        first, second = await new_page(chromium, "en-GB"), await new_page(chromium, "en-GB")
        await to_live(first, running)
        await to_the_check(second, running)
        await second.wait_for_selector("#elsewhere:visible")
        await second.click("#start:enabled")
        await first.wait_for_selector("#taken:visible")
        await second.wait_for_selector("#notice:text('taken this lesson over')")
        await first.click("#takeback")
        await second.wait_for_selector("#taken:visible")
        await first.wait_for_selector("#live:visible")


def voice(path: Path, seed: int) -> Path:
    """A second of syllables of uneven length and loudness, to be repeated: 48 kHz, mono."""
    random, rate = Random(seed), 48_000
    samples: list[int] = []
    while len(samples) < rate // 2:
        loud, length = random.uniform(4000, 14_000), random.randint(4000, 9000)
        for n in range(length):
            shape = math.sin(math.pi * n / length) ** 2
            tone = sum(math.sin(2 * math.pi * 180 * k * n / rate) / k for k in range(1, 12))
            samples.append(round(loud * shape * tone / 2))
        samples += [0] * random.randint(3000, 9000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return path


async def test_a_reload_without_a_camera_leads_to_the_device_check(running: RunningDemo) -> None:
    async with browser() as chromium:
        page = await new_page(chromium, "en-GB")
        await to_live(page, running)
        await page.add_init_script(IN_USE)
        await page.reload()
        assert "in use by another program" in await said_of(page, "camera")
        assert await page.is_visible("#check")
        for gone in ("#live", "#end", "#mic"):
            assert await page.is_hidden(gone)


async def test_a_room_that_sends_the_teachers_voice_back_is_told_of_its_echo(
    running: RunningDemo, tmp_path: Path
) -> None:
    capture = f"--use-file-for-fake-audio-capture={voice(tmp_path / 'voice.wav', 1)}"
    async with browser(capture) as chromium:  # the room's microphone hears what the teacher says
        teacher, room = await new_page(chromium, "en-GB"), await new_page(chromium, "en-GB")
        await pair(room, running, 1)
        await to_live(teacher, running)
        await room.wait_for_selector("#echosign:visible", timeout=90_000)
        await teacher.wait_for_selector(".cause:visible:text('echo')")
        await teacher.click(".tile .talk:visible")  # which is offered now
        await room.wait_for_selector("#talkbutton:visible")


async def test_a_whole_lesson_is_held_by_keyboard_alone(running: RunningDemo) -> None:
    async with browser() as chromium:
        teacher, room = await new_page(chromium, "en-GB"), await new_page(chromium, "en-GB")
        await pair(room, running, 0)
        await teacher.goto(running.url + "/login")
        account = running.content["accounts"]["teacher"]
        await teacher.keyboard.type(account["login"])
        await teacher.keyboard.press("Tab")
        await teacher.keyboard.type(account["password"])
        await teacher.keyboard.press("Enter")
        await teacher.wait_for_selector(".lesson")
        await pressed(teacher, ".lesson a.button.primary")
        await teacher.wait_for_selector("#start:enabled")
        await pressed(teacher, "#start")
        await sees(teacher, "#tiles video")
        assert await findings(teacher) == []
        await room.wait_for_selector("#hand:visible")
        await pressed(room, "#hand")
        await teacher.wait_for_selector("#hands button")
        assert await findings(teacher) == []
        await pressed(teacher, "#hands button")
        await room.wait_for_selector("#floorsign:visible")
        assert await findings(room) == []
        await pressed(teacher, "#record")
        await teacher.wait_for_selector("#recorddialog[open]")
        assert await findings(teacher) == []
        await teacher.keyboard.press("Escape")
        await pressed(teacher, "#newquestion", "A")
        await teacher.keyboard.press("Enter")
        await room.wait_for_selector("#pollform:visible")
        await pressed(room, "#pollinputs [aria-label='A +1']")
        await pressed(room, "#pollform .primary")
        await teacher.wait_for_selector("#pollbars :text('Hands for A: 1')")
        await pressed(teacher, "#pollaway")
        await pressed(teacher, "#end")
        await teacher.wait_for_selector("#endbar:visible")
        await pressed(teacher, "#undo")
        await teacher.wait_for_selector("#endbar", state="hidden")
        assert await teacher.evaluate("document.activeElement.id") == "end"
        await pressed(teacher, "#end")
        await pressed(teacher, "#endnow")
        await room.wait_for_selector("#notice.calm:visible")  # that it is over is no trouble
        await teacher.wait_for_selector("table .status")  # the page of a lesson that is over
        assert await findings(teacher) == []
        await pressed(teacher, "main a[href='/teacher']")
        await teacher.wait_for_url("**/teacher")
