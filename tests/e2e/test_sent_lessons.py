"""A lesson from a teacher's computer to a classroom whose line is down, and the word back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from playwright.async_api import Page, Request

from tests.e2e.cable import Cable, cable
from tests.e2e.running import RunningDemo, browser, demo, enter, new_page, sign_in
from tests.uploads.files import pdf, video

pytestmark = pytest.mark.browser

_CHUNK = 1 << 20  # bytes, as the page fetches them


@dataclass
class School:
    """A teacher's page on a sound line, and a classroom's on one that can be cut."""

    running: RunningDemo
    teacher: Page
    room: Page
    line: Cable
    class_id: str
    problems: list[str]  # script errors and breaches of the content security policy

    async def rows(self, query: str) -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(self.running.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def send(self, name: str, content: bytes, folder: Path) -> None:
        """Upload a file on the teacher's page and send it to the classroom's class."""
        path = folder / name
        path.write_bytes(content)
        page = self.teacher
        await page.goto(self.running.url + "/sent")
        await page.click("text=推送给班级 >> nth=-1")
        await page.set_input_files("#file", str(path))
        await page.select_option("#subject", "music")
        await page.click("#upload button.primary")
        await page.wait_for_selector("#send", timeout=60_000)
        await page.check(f'input[value="{self.class_id}"]')
        await page.fill("#note", "请和老师一起唱")
        await page.click("#send button.primary")
        await page.wait_for_url("**/sent")

    async def fetch(self) -> None:
        """Have the classroom's computer fetch what was sent to it."""
        await self.room.click("#fetch")
        await self.room.wait_for_selector(".place.good", timeout=60_000)


@asynccontextmanager
async def school(data_dir: Path) -> AsyncIterator[School]:
    async with (
        demo(data_dir, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
        cable(urlsplit(running.url).port or 0) as (line, port),
    ):
        teacher, room = await new_page(chromium), await new_page(chromium)
        problems: list[str] = []
        for page in (teacher, room):
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on(
                "console",
                lambda said: "Security Policy" in said.text and problems.append(said.text),
            )
        await sign_in(teacher, running, "teacher")
        place = running.content["rooms"][0]
        await room.goto(f"http://127.0.0.1:{port}/pair")
        await room.fill("#code", place["pairing_code"])
        await room.click("main form button")
        await room.wait_for_url("**/room")
        found = School(running, teacher, room, line, "", problems)
        [[found.class_id]] = await found.rows(
            "SELECT class_id FROM participants WHERE role = 'receiving'"
            f" AND room_id = '{place['id']}' LIMIT 1"
        )  # type: ignore[misc]  # one text
        await room.click("#sentlink")
        await room.wait_for_url("**/room/sent")
        yield found
        assert problems == []


async def test_a_lesson_plays_with_the_line_down_and_is_told_of_afterwards(tmp_path: Path) -> None:
    async with school(tmp_path / "data") as at:
        await at.send("唱歌.webm", video(6, suffix="webm"), tmp_path)
        await at.room.reload()
        await at.room.wait_for_selector("text=唱歌")
        await at.fetch()
        assert await at.rows("SELECT kind FROM receipts") == [("fetched",)]
        at.line.cut()
        listed, live = at.room.url, at.room.url.removesuffix("/sent")
        await at.room.goto(live)  # is not to be had, and the list stands in for it
        await at.room.click(".sentcard .primary")
        await at.room.wait_for_selector("#word[open]", timeout=30_000)  # it has played to its end
        await at.room.check("input[value=most]")
        await at.room.fill("#wordnote", "第二段太快")
        await at.room.click("#word button.primary")
        await at.room.wait_for_function(
            "() => /\\d 条回执等待联网/.test(document.querySelector('#line').textContent)"
        )
        assert await at.rows("SELECT kind FROM receipts") == [("fetched",)]
        at.line.mend()
        await at.room.reload()
        await at.room.wait_for_selector("#sentlink")  # the live page is back
        for _ in range(3):  # told once, however often the page is opened
            await at.room.goto(listed)
            await at.room.wait_for_function(
                "() => !/回执/.test(document.querySelector('#line').textContent)"
                " && document.querySelector('.choice .good')"
            )
        kinds = [kind for (kind,) in await at.rows("SELECT kind FROM receipts ORDER BY at, id")]
        assert kinds[:2] == ["fetched", "opened"]
        assert kinds[-1] == "feedback"
        assert set(kinds[2:-1]) == {"played"}
        [[watched]] = await at.rows("SELECT watched IS NOT NULL FROM push_facts")
        assert watched is True
        viewed = await at.rows("SELECT actor FROM audit WHERE action = 'push_opened'")
        assert len(viewed) == 1
        await at.teacher.reload()
        told = await at.teacher.text_content("article.push") or ""
        for words in ("第二段太快", "多数听懂", "已看完", "请和老师一起唱"):
            assert words in told


async def test_fetching_goes_on_from_the_piece_that_a_broken_line_cost(tmp_path: Path) -> None:
    content = video(40, suffix="webm", bits=6_000_000)
    pieces = -(-len(content) // _CHUNK)
    assert pieces >= 4
    async with school(tmp_path / "data") as at:
        await at.send("long.webm", content, tmp_path)
        await at.room.reload()
        await at.room.wait_for_selector("text=long")
        at.line.let_down = 2 * _CHUNK + _CHUNK // 2
        await at.room.click("#fetch")
        await at.room.wait_for_selector("#notice:not([hidden])")
        at.line.mend()
        asked: list[str] = []

        def note(request: Request) -> None:
            if request.url.endswith("/content"):
                asked.append(request.headers.get("range", ""))

        at.room.on("request", note)
        await at.fetch()
        starts = [int(r.removeprefix("bytes=").split("-")[0]) for r in dict.fromkeys(asked)]
        assert starts == [n * _CHUNK for n in range(2, pieces)]
        whole = await at.room.evaluate(
            """async (push) => {
                const url = `/room/sent/${push}/content`;
                const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
                const hash = await crypto.subtle.digest('SHA-256', bytes);
                const part = await fetch(url, {headers: {Range: 'bytes=1048570-1048581'}});
                return {
                    hash: [...new Uint8Array(hash)],
                    part: [...new Uint8Array(await part.arrayBuffer())],
                    status: part.status, range: part.headers.get('Content-Range'),
                };
            }""",
            await at.room.get_attribute(".sentcard", "data-push"),
        )
        [[digest]] = await at.rows("SELECT digest FROM uploads")
        assert bytes(whole["hash"]) == digest
        assert whole["part"] == list(content[1048570:1048582])
        assert (whole["status"], whole["range"]) == (206, f"bytes 1048570-1048581/{len(content)}")


async def test_what_does_not_fit_is_not_fetched_and_what_is_done_with_makes_room(
    tmp_path: Path,
) -> None:
    async with school(tmp_path / "data") as at:
        for number in (1, 2):
            await at.send(f"sheet{number}.pdf", pdf(number), tmp_path)
        sizes = [size for (size,) in await at.rows("SELECT size FROM uploads ORDER BY made_at")]
        await at.room.reload()
        await at.room.wait_for_selector("text=sheet2")
        script = """async (most) => {
            const {fetchAll, kept} = await import('/static/fetched.js');
            const {items} = await (await fetch('/api/v1/room/sent')).json();
            const done = document.querySelector('body').dataset.done;
            for (const item of items) if (item.title === done) item.classes[0].watched = true;
            const said = [];
            await fetchAll(items, most, {
                progress: () => {},
                whole: async (item) => said.push(`has ${item.title}`),
                noRoom: (item) => said.push(`no room for ${item.title}`),
            }, new AbortController().signal);
            const total = [...(await kept()).values()].reduce((sum, of) => sum + of.size, 0);
            return [said.sort(), total];
        }"""
        most = max(map(int, sizes)) + 1  # type: ignore[call-overload]  # numbers
        said, total = await at.room.evaluate(script, most)
        first = next(s.removeprefix("has ") for s in said if s.startswith("has "))
        second = ({"sheet1", "sheet2"} - {first}).pop()
        assert said == sorted([f"has {first}", f"no room for {second}"])
        assert total <= most
        await at.room.evaluate("(name) => { document.body.dataset.done = name; }", first)
        said, total = await at.room.evaluate(script, most)
        assert said == [f"has {second}"]
        assert total <= most


async def test_a_waiting_screen_fetches_by_itself_in_its_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASSROOM_SYNC_FETCH_HOURS", "00:00-00:00")
    async with school(tmp_path / "data") as at:
        await at.room.goto("about:blank")
        await at.send("tonight.webm", video(2, suffix="webm"), tmp_path)
        await at.room.go_back()
        await at.room.click('a[href="/room"]')
        await at.room.wait_for_selector("#sentcount:not(:empty)")
        async with asyncio.timeout(150):  # the screen looks once a minute
            while await at.rows("SELECT kind FROM receipts") != [("fetched",)]:
                await asyncio.sleep(0.1)  # the database tells nobody
        at.line.cut()
        await at.room.click("#sentlink")
        await at.room.click(".sentcard .primary")
        await at.room.wait_for_selector("#word[open]", timeout=30_000)
        at.line.mend()
        assert await at.room.evaluate("() => caches.has('sent')") is True
        await at.rows("UPDATE room_devices SET revoked_at = now() RETURNING id")
        await at.room.goto(at.room.url)  # a screen that is not paired any more keeps nothing
        await at.room.wait_for_function("() => caches.has('sent').then(there => !there)")


async def test_an_upload_goes_on_after_a_broken_line_and_is_taken_back(tmp_path: Path) -> None:
    content = video(40, suffix="webm", bits=6_000_000)
    path = tmp_path / "long.webm"
    path.write_bytes(content)
    async with school(tmp_path / "data") as at:
        account = at.running.content["accounts"]["teacher"]
        chromium = at.room.context.browser
        assert chromium is not None, "the classroom's"
        page = await new_page(chromium)
        line = at.room.url.removesuffix("/room/sent")  # by the line that can be cut
        await enter(page, line, account["login"], account["password"])
        await page.goto(page.url.replace("/teacher", "/sent/new"))
        offsets: list[str] = []

        def note(request: Request) -> None:
            if request.method == "PATCH":
                offsets.append(request.headers["upload-offset"])

        page.on("request", note)
        await page.set_input_files("#file", str(path))
        at.line.let_up = len(content) // 2
        await page.click("#upload button.primary")
        await page.wait_for_selector("text=网络中断，正在重试")
        at.line.mend()
        await page.wait_for_selector("#send", timeout=60_000)
        assert int(offsets[0]) == 0
        assert int(offsets[-1]) > _CHUNK  # what had come was not sent again
        await page.click("text=另选一个")
        await page.click("[data-delete]")
        await page.wait_for_selector("[data-delete]", state="detached")
        assert await at.rows("SELECT state FROM uploads") == [("deleted",)]
