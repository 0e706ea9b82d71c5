"""The lesson's own pages in Firefox: as the teacher with a class in Chromium, then as the class."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.clients.conftest import Lesson
from tests.clients.harness import Chromium, Firefox, chromium, firefox
from tests.e2e.running import new_page, pair, sees, sign_in
from tests.weak.lines import SERVER, Network

pytestmark = [pytest.mark.browser, pytest.mark.network]

_PATIENCE = 60.0  # seconds
_FRAMES = """const [selector, done] = arguments;
    const video = document.querySelector(selector);
    let frames = 0;
    const seen = () => (++frames === 5 ? done(true) : video.requestVideoFrameCallback(seen));
    video?.requestVideoFrameCallback(seen);
    setTimeout(() => done(false), 3000);"""


class Visitor:
    """Somebody at a Firefox."""

    def __init__(self, browser: Firefox, url: str) -> None:
        self._browser, self._url = browser, url

    async def _do(self, what: Any) -> Any:
        driver = self._browser.driver
        return await self._browser.namespace.call(lambda: what(driver))

    async def _until(self, what: Any) -> Any:
        return await self._do(lambda driver: WebDriverWait(driver, _PATIENCE, 0.2).until(what))

    async def goes_to(self, path: str) -> None:
        await self._do(lambda driver: driver.get(self._url + path))

    async def reloads(self) -> None:
        await self._do(lambda driver: driver.refresh())

    async def leaves(self) -> None:
        await self._do(lambda driver: driver.get("about:blank"))

    async def forgets(self) -> None:
        await self._do(lambda driver: driver.delete_all_cookies())

    async def types(self, selector: str, text: str) -> None:
        await self._do(
            lambda driver: driver.find_element(By.CSS_SELECTOR, selector).send_keys(text)
        )

    async def clicks(self, selector: str) -> None:
        def click(driver: Any) -> bool:
            for element in driver.find_elements(By.CSS_SELECTOR, selector):
                if element.is_displayed() and element.is_enabled():
                    element.click()
                    return True
            return False

        await self._until(click)

    async def sees_picture(self, selector: str) -> None:
        await self._until(lambda driver: driver.execute_async_script(_FRAMES, selector))

    async def reads(self, selector: str, text: str) -> None:
        await self._until(
            lambda driver: text in driver.find_element(By.CSS_SELECTOR, selector).text
        )


@pytest.fixture(scope="module")
async def visitor(joined: Network, lesson: Lesson) -> AsyncIterator[Visitor]:
    async with firefox(joined.hosts[1].namespace, SERVER) as browser:
        yield Visitor(browser, lesson.running.url)


@pytest.fixture(scope="module")
async def other(
    joined: Network, lesson: Lesson, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Chromium]:
    folder = tmp_path_factory.mktemp("chromium")
    allowed = f"--unsafely-treat-insecure-origin-as-secure={lesson.running.url}"
    async with chromium(joined.hosts[0].namespace, folder, allowed) as browser:
        yield browser


async def test_a_teacher_gives_a_lesson_with_firefox(
    lesson: Lesson, visitor: Visitor, other: Chromium
) -> None:
    running = lesson.running
    account = running.content["accounts"]["teacher"]
    room = await new_page(other.browser, "en-GB")
    await pair(room, running, 0)

    await visitor.goes_to("/login?lang=en")
    await visitor.types("#login", account["login"])
    await visitor.types("#password", account["password"])
    await visitor.clicks("main form button")
    await visitor.clicks(".lesson.open a.button.primary")
    await visitor.reads("[data-step=line] .words", "there and back")  # the check goes through
    await visitor.clicks("#start")
    await visitor.sees_picture("#tiles video")
    await sees(room, "#main-picture")
    await room.press("#hand", "Enter")
    await visitor.clicks("#hands button")
    await room.wait_for_selector("#floorsign:visible")
    await visitor.types("#newquestion", "2 + 2 = ?")
    await visitor.clicks("#newpoll button")
    await room.fill("#poll-1", "12")
    await room.click("#pollform .primary")
    await visitor.reads("#pollbars", "Hands for B: 12")
    await visitor.reloads()  # and is back without a click
    await visitor.sees_picture("#tiles video")
    await visitor.clicks("#pollaway")
    await visitor.clicks("#end")
    await visitor.clicks("#undo")
    await room.wait_for_selector("#poll", state="hidden")
    await visitor.leaves()
    await room.close()


async def test_a_class_follows_a_lesson_with_firefox(
    lesson: Lesson, visitor: Visitor, other: Chromium
) -> None:
    running = lesson.running
    teacher = await new_page(other.browser, "en-GB")
    await sign_in(teacher, running, "teacher")
    await teacher.click(".lesson:is(.open, .live) a.button.primary")
    await teacher.click("#start:enabled", timeout=1000 * _PATIENCE)
    await visitor.goes_to("/login?lang=en")
    await visitor.forgets()
    await visitor.goes_to("/pair?lang=en")
    await visitor.types("#code", running.content["rooms"][1]["pairing_code"])
    await visitor.clicks("main form button")
    await visitor.sees_picture("#main-picture")
    await sees(teacher, "#tiles video")
