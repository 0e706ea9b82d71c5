"""The teacher's and the room's pages in a lesson with real media: what a new user does on them."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, FloatRect, Page
from playwright.async_api import Error as PlaywrightError

from tests.e2e.running import (
    LAPTOP,
    PHONE,
    RunningDemo,
    browser,
    demo,
    keep,
    new_page,
    pair,
    sees,
    shifts,
    sign_in,
    watch_shifts,
)
from tests.e2e.test_accessibility import SCRIPT_BUDGET, findings

pytestmark = pytest.mark.browser

SHIFT = 0.1  # of the window: what may move by itself, as Core Web Vitals call it good


@dataclass
class Lesson:
    """A lesson that is live: the teacher's page, and two rooms'."""

    running: RunningDemo
    chromium: Browser
    teacher: Page
    far: Page
    near: Page
    complaints: list[str]  # errors in the consoles of the three pages
    scripts: dict[str, int]  # size of each script that the teacher's and the rooms' pages loaded
    moved: dict[str, tuple[float, list[str]]]  # what moved by itself until they were live

    @property
    def session(self) -> str:
        return str(self.running.content["live_session"]["id"])


@pytest.fixture(scope="module")
async def lesson(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lesson]:
    data = tmp_path_factory.mktemp("demo") / "data"
    async with (
        demo(data, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        teacher, far, near = [await new_page(chromium, "en-GB") for _ in range(3)]
        for page in (teacher, far, near):
            await watch_shifts(page)
        complaints: list[str] = []
        scripts: dict[str, int] = {}
        for page in (teacher, far, near):
            page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)

        async def weigh(page: Page) -> None:
            names = await page.evaluate(
                "performance.getEntriesByType('resource')"
                ".filter(e => e.name.includes('.js')).map(e => [e.name, e.decodedBodySize])"
            )
            scripts.update({f"{page.url} {name}": size for name, size in names})

        await sign_in(teacher, running, "teacher")
        for index, room in enumerate((far, near)):
            await pair(room, running, index)
            await room.wait_for_selector("#buttons:visible")
        await teacher.click(".lesson.open a.button.primary")  # sign-in to live: this click …
        await teacher.wait_for_selector("[data-step=line][data-result=ok]", timeout=60_000)
        assert await findings(teacher) == []
        await teacher.click("#start:enabled")  # … and this one
        await sees(teacher, "#tiles video", count=2)
        for room in (far, near):
            await sees(room, "#main-picture")
        for page in (teacher, far):
            await weigh(page)
        moved = {page.url: await shifts(page) for page in (teacher, far)}
        yield Lesson(running, chromium, teacher, far, near, complaints, scripts, moved)


async def test_a_waiting_room_and_a_teacher_who_checks_hear_no_complaint(lesson: Lesson) -> None:
    assert lesson.complaints == []


async def test_no_page_loads_more_script_than_it_may(lesson: Lesson) -> None:
    for page in (lesson.teacher, lesson.far):
        mine = [size for name, size in lesson.scripts.items() if name.startswith(page.url)]
        assert 0 < sum(mine) < SCRIPT_BUDGET, page.url


async def test_nothing_moves_by_itself_until_a_lesson_is_live(lesson: Lesson) -> None:
    for page, (sum_, what) in lesson.moved.items():
        assert sum_ < SHIFT, f"{page}: {what}"


async def test_a_device_that_passed_its_check_is_remembered(lesson: Lesson) -> None:
    kept = await lesson.teacher.evaluate("JSON.parse(localStorage.devices)")
    assert kept["at"]
    assert kept["camera"]
    assert kept["microphone"]


async def test_rooms_fill_the_space_that_there_is(lesson: Lesson) -> None:
    [one, two] = [await t.bounding_box() for t in await lesson.teacher.query_selector_all(".tile")]
    assert one is not None
    assert two is not None
    assert one["width"] == pytest.approx(two["width"], abs=1)
    assert one["width"] > 560  # of 1366; as large as 16:9 allows with two of them


@pytest.mark.parametrize(
    ("count", "width", "height", "columns"),
    [
        (1, 1000, 690, 1),
        (2, 1000, 690, 1),
        (2, 1500, 700, 2),
        (3, 1000, 690, 2),
        (8, 1550, 1000, 3),
    ],
)
async def test_one_to_eight_tiles_are_laid_out_as_large_as_can_be(
    lesson: Lesson, count: int, width: int, height: int, columns: int
) -> None:
    found = await lesson.teacher.evaluate(
        """async ([count, width, height]) => {
            const { tiling } = await import("/static/tiling.js");
            return tiling(count, width, height, 10, 0);
        }""",
        [count, width, height],
    )
    assert found["columns"] == columns
    rows = -(-count // columns)
    assert found["width"] * columns + 10 * (columns - 1) <= width
    assert found["width"] * 9 / 16 * rows + 10 * (rows - 1) <= height


async def test_a_poll_is_answered_by_hands_and_counted_on_every_screen(lesson: Lesson) -> None:
    teacher, far, near = lesson.teacher, lesson.far, lesson.near
    await teacher.fill("#newquestion", "3/4 + 1/4 = ?")
    await teacher.click("#newpoll button")
    await far.wait_for_selector("#pollform:visible")
    assert await far.text_content("#pollquestion") == "3/4 + 1/4 = ?"
    assert "show of hands" in (await far.text_content("#promptword") or "")
    await far.fill("#poll-1", "12")
    await far.click("#pollform .primary")
    await near.click("#pollinputs [aria-label='B +1']")
    await near.click("#pollform .primary")
    for page in (teacher, far, near):
        await page.wait_for_selector("#pollbars :text('Hands for B: 13')")
        assert await findings(page) == []

    await teacher.reload()  # the poll outlasts it, and the teacher is back by herself
    await sees(teacher, "#tiles video", count=2)
    await teacher.wait_for_selector("#pollbars :text('Hands for B: 13')")
    await teacher.click("#pollclose")
    await far.wait_for_selector("#pollform", state="hidden")
    await teacher.click("#pollclose")  # too early: it can be undone
    await far.wait_for_selector("#pollform:visible")
    assert await far.input_value("#poll-1") == "12"
    await teacher.click("#pollaway")
    await far.wait_for_selector("#poll", state="hidden")


async def test_messages_and_the_worksheet_reach_everybody(lesson: Lesson) -> None:
    teacher, far, near = lesson.teacher, lesson.far, lesson.near
    if await far.is_hidden("#roomside"):
        await far.click("#sidebutton")
    await far.click("#roomside button:text('read the board')")
    await teacher.wait_for_selector("#messages :text('read the board')")
    await near.wait_for_selector("#toast:visible")
    assert "read the board" in (await near.text_content("#toast") or "")
    await teacher.fill("#saytext", "<b>Better</b> now?")
    await teacher.press("#saytext", "Enter")
    await far.wait_for_selector("#messages :text('<b>Better</b> now?')")
    await teacher.click("summary:text('Worksheet')")
    await teacher.fill("#worksheeturl", "https://example.cn/sheet.pdf")
    await teacher.click("#worksheetform button")
    await far.wait_for_selector("#worksheet[href='https://example.cn/sheet.pdf']:visible")


async def test_help_is_asked_for_and_ended(lesson: Lesson) -> None:
    await lesson.far.click("#help")
    await lesson.teacher.click(".helpline:visible .helped")
    await lesson.far.wait_for_selector("#help[aria-pressed=false]")
    await lesson.teacher.wait_for_selector(".helpline", state="hidden")


async def test_a_shared_screen_is_everybodys_main_picture(lesson: Lesson) -> None:
    teacher, far = lesson.teacher, lesson.far
    await teacher.click("#screen")
    await teacher.wait_for_selector("#screen[aria-pressed=true]")
    await teacher.wait_for_selector("#ownscreen:visible")
    await sees(far, "#main-picture")
    await sees(far, "#others video", count=2)  # the teacher's camera has moved beside it
    await teacher.click("#screen")
    await far.wait_for_function("() => document.querySelectorAll('#others figure').length === 1")
    await sees(far, "#main-picture")


async def test_a_shared_screen_stays_large_while_a_class_has_the_floor(lesson: Lesson) -> None:
    teacher, far, near = lesson.teacher, lesson.far, lesson.near
    await teacher.click("#screen")
    await far.wait_for_selector(".slides")
    await far.click("#hand")
    await teacher.click("#hands button")
    await near.wait_for_selector("#others .floor")
    await sees(near, "#main-picture")
    await sees(near, "#others .floor video")
    assert await near.text_content("#mainname") == "Large: the shared screen"
    captions = await near.locator("#others figcaption").all_text_contents()
    assert captions[0].endswith(" · has the floor")  # first beside it; then the teacher's camera
    assert len(captions) == 2
    for page in (far, near):
        large = await page.locator("#main-picture").bounding_box()
        assert large is not None
        if await page.is_hidden("#roomside"):
            assert large["width"] > 1000  # of 1366
        for beside in await page.query_selector_all(".beside > *, .beside figure"):
            box = await beside.bounding_box()
            assert box is None or box["x"] >= large["x"] + large["width"], "it lies on what is read"
        assert await findings(page) == []
    await keep(near, "room-slides-and-floor")
    assert await far.is_visible("#floorsign")
    await teacher.click(".tile.floor button.floor")
    await near.wait_for_selector("#others .floor", state="detached")
    await teacher.click("#screen")
    await near.wait_for_selector("#stage:not(.slides)")
    await sees(near, "#main-picture")


async def test_on_a_phone_nothing_lies_on_the_picture_or_on_what_is_written(lesson: Lesson) -> None:
    room = lesson.far
    if await room.is_hidden("#roomside"):
        await room.click("#sidebutton")
    await room.set_viewport_size(PHONE)
    picture, beside, side, buttons = [
        await _box(room, each) for each in ("#main-picture", ".beside", "#roomside", "#buttons")
    ]
    assert picture["width"] == PHONE["width"]
    assert picture["y"] + picture["height"] <= beside["y"]
    assert beside["y"] + beside["height"] <= side["y"] + 1
    assert side["y"] + 200 < buttons["y"], "a good part of it is seen at once"
    for each in await room.query_selector_all(".others figure, #self"):
        box = await each.bounding_box()
        assert box is None or beside["y"] <= box["y"] < beside["y"] + beside["height"]
    tops = [await each.bounding_box() for each in await room.query_selector_all("#buttons button")]
    assert len({box["y"] for box in tops if box}) == 1, "the buttons are in one row"
    assert await findings(room) == []
    await keep(room, "room-phone")
    await room.set_viewport_size({"width": PHONE["height"], "height": PHONE["width"]})
    picture, buttons = await _box(room, "#main-picture"), await _box(room, "#buttons")
    assert picture["height"] > PHONE["width"] / 2
    assert picture["y"] + picture["height"] <= buttons["y"]
    assert buttons["y"] + buttons["height"] <= PHONE["width"]
    await room.set_viewport_size(LAPTOP)


async def _box(page: Page, selector: str) -> FloatRect:
    box = await page.locator(selector).bounding_box()
    assert box, selector
    return box


async def test_a_room_floats_in_a_picture_of_its_own(lesson: Lesson) -> None:
    await lesson.teacher.click("#pip")
    await lesson.teacher.wait_for_function("() => document.pictureInPictureElement !== null")
    await lesson.teacher.click("#pip")
    await lesson.teacher.wait_for_function("() => document.pictureInPictureElement === null")


async def test_push_to_talk_opens_the_microphone_only_while_held(lesson: Lesson) -> None:
    teacher, room = lesson.teacher, lesson.far
    live = "document.querySelector('#self').srcObject.getAudioTracks()[0].enabled"
    tile = f".tile[data-participant='{await room.get_attribute('#room', 'data-participant')}']"
    await teacher.click(f"{tile} .enlarge")
    await teacher.click(f"{tile} .talk")
    await room.wait_for_selector("#talkbutton:visible")
    assert not await room.evaluate(live)
    await room.hover("#talkbutton")
    await room.mouse.down()
    assert await room.evaluate(live)
    await room.mouse.up()
    assert not await room.evaluate(live)
    await room.focus("#talkbutton")
    await room.keyboard.down("Space")
    assert await room.evaluate(live)
    await room.keyboard.up("Space")
    assert not await room.evaluate(live)
    await teacher.click(f"{tile} .talk")
    await room.wait_for_selector("#talkbutton", state="hidden")
    assert await room.evaluate(live)
    await teacher.click(f"{tile} .enlarge")


async def test_who_reloads_is_back_without_a_click_and_nothing_moves_meanwhile(
    lesson: Lesson, capsys: pytest.CaptureFixture[str]
) -> None:
    for who, page, picture in (
        ("teacher", lesson.teacher, "#tiles video"),
        ("room", lesson.near, "#main-picture"),
    ):
        began = time.monotonic()
        await page.reload(wait_until="commit")
        await sees(page, picture)
        with capsys.disabled():
            print(f"\n{who}: pictures {time.monotonic() - began:.1f} s after a reload")
        moved, what = await shifts(page)
        assert moved < SHIFT, what
    await sees(lesson.far, "#main-picture")


async def test_a_teacher_whose_page_crashed_is_back_by_opening_it_again(
    lesson: Lesson, capsys: pytest.CaptureFixture[str]
) -> None:
    crashed = lesson.teacher
    with pytest.raises(PlaywrightError):
        await crashed.goto("chrome://crash")
    began = time.monotonic()
    lesson.teacher = await crashed.context.new_page()
    await lesson.teacher.goto(f"{lesson.running.url}/teacher/sessions/{lesson.session}")
    await sees(lesson.teacher, "#tiles video", count=2)
    for room in (lesson.far, lesson.near):
        await sees(room, "#main-picture")
    with capsys.disabled():
        print(f"\nteacher: everybody's pictures {time.monotonic() - began:.1f} s after a crash")
    await lesson.teacher.click("#end")
    assert await findings(lesson.teacher) == []
    await lesson.teacher.wait_for_selector("table .status")  # it was not undone
