"""Uploads by tus over a real port: resumed, refused in words, and never half listed."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from uuid import UUID

import aiohttp
import pytest

from classroom_sync.uploads.receiving import KEPT_UNFINISHED, UNFINISHED
from db import pushes, uploads
from tests.http.conftest import Site, sign_in
from tests.uploads.files import office, pdf, video
from tests.worlds import HUB

TUS = {"Tus-Resumable": "1.0.0"}
CHUNK = {**TUS, "Content-Type": "application/offset+octet-stream"}


class Teacher:
    """A signed-in browser of the hub's first teacher, speaking tus."""

    def __init__(self, browser: aiohttp.ClientSession, csrf: str) -> None:
        self.browser = browser
        self.csrf = csrf

    async def ask(
        self, method: str, url: str, headers: dict[str, str], data: object = None
    ) -> tuple[int, dict[str, str], str]:
        sent = {"X-CSRF-Token": self.csrf, "Accept-Language": "en", **headers}
        async with self.browser.request(method, url, headers=sent, data=data) as response:
            said = await response.text()
            if response.status >= 400 and method != "HEAD":
                said = (await response.json(content_type=None))["detail"]
            return response.status, dict(response.headers), said

    async def begin(
        self, size: int, name: str = "lesson.mp4", kind: str = "lesson", subject: str = "music"
    ) -> tuple[int, str]:
        """Status, and the new address or what is said."""
        told = {"filename": name, "kind": kind, "subject": subject}
        encoded = ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in told.items())
        headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": encoded}
        status, found, said = await self.ask("POST", "/uploads", headers)
        return status, found.get("Location", said)

    async def send(self, url: str, content: bytes, offset: int = 0) -> tuple[int, str]:
        headers = {**CHUNK, "Upload-Offset": str(offset)}
        status, found, said = await self.ask("PATCH", url, headers, content)
        return status, found.get("Upload-Offset", said)

    async def offset(self, url: str) -> tuple[int, str | None]:
        status, found, _ = await self.ask("HEAD", url, TUS)
        return status, found.get("Upload-Offset")

    async def whole(self, content: bytes, name: str, kind: str) -> tuple[int, str]:
        status, url = await self.begin(len(content), name, kind)
        assert status == 201, url
        return await self.send(url, content)


@pytest.fixture
async def teacher(site: Site) -> AsyncIterator[Teacher]:
    async with site.browser() as browser:
        yield Teacher(browser, await sign_in(browser, "lead"))


async def listed(site: Site) -> list[tuple[str, int | None]]:
    """What can be sent: names and durations."""
    async with site.pool.connection() as connection:
        found = await pushes.items(connection, teacher_id=f"{HUB}-T1")
    return [(item.title, item.duration_ms) for item in found]


def stored(site: Site) -> list[str]:
    """The names of the files on the shelf."""
    return sorted(path.name for path in site.uploads.glob("*"))


async def test_the_server_tells_what_it_can(teacher: Teacher) -> None:
    status, headers, _ = await teacher.ask("OPTIONS", "/uploads", {})
    assert status == 204
    told = {k: v for k, v in headers.items() if k.startswith("Tus-")}
    assert told == {
        "Tus-Resumable": "1.0.0",
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,termination",
        "Tus-Max-Size": "2000000000",
    }


async def test_another_version_is_told_which_one_is_spoken(teacher: Teacher) -> None:
    status, headers, _ = await teacher.ask("POST", "/uploads", {"Tus-Resumable": "0.2"})
    assert (status, headers["Tus-Version"], headers["Tus-Resumable"]) == (412, "1.0.0", "1.0.0")


@pytest.mark.parametrize(
    ("name", "kind", "make"),
    [
        ("第3课 音乐.mp4", "lesson", partial(video, 4)),
        ("lesson.webm", "lesson", partial(video, 4, suffix="webm")),
        ("slides.pptx", "slides", office),
        ("slides.pdf", "slides", pdf),
        ("sheet.docx", "worksheet", partial(office, "docx")),
    ],
)
async def test_a_good_file_can_be_sent_to_classes_once_it_is_whole(
    site: Site, teacher: Teacher, name: str, kind: str, make: Callable[[], bytes]
) -> None:
    content = make()
    status, url = await teacher.begin(len(content), name, kind)
    assert status == 201
    half = len(content) // 2
    assert await teacher.send(url, content[:half]) == (204, str(half))
    assert await listed(site) == []
    assert await teacher.offset(url) == (200, str(half))
    assert await teacher.send(url, content[half:], half) == (204, str(len(content)))
    [(title, duration)] = await listed(site)
    assert title == name
    assert (duration is not None) == (kind == "lesson")
    assert stored(site) == [url.rpartition("/")[2]]
    assert (site.uploads / stored(site)[0]).read_bytes() == content
    assert await teacher.offset(url) == (200, str(len(content)))


async def test_a_cut_line_loses_nothing_that_came(site: Site, teacher: Teacher) -> None:
    content = video(4)
    _, url = await teacher.begin(len(content))

    async def dying() -> AsyncIterator[bytes]:
        yield content[:5000]
        await asyncio.wait_for(_sending(site, url), 10)
        raise ConnectionError("the line is cut")

    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await teacher.send(url, dying())  # type: ignore[arg-type]  # aiohttp takes iterators
    status, offset = await teacher.offset(url)
    assert (status, offset) == (200, "5000")
    assert (await teacher.send(url, content[5000:], 5000))[0] == 204
    assert len(await listed(site)) == 1


async def _sending(site: Site, url: str) -> None:
    """Until the server takes bytes of an upload."""
    while not site.receiving.is_taking(UUID(url.rpartition("/")[2])):
        await asyncio.sleep(0.01)  # the server tells nobody of it


async def test_a_newer_request_ends_one_that_waits_for_a_dead_line(
    site: Site, teacher: Teacher
) -> None:
    content = video(4)
    _, url = await teacher.begin(len(content))
    blocked = asyncio.Event()

    async def hanging() -> AsyncIterator[bytes]:
        yield content[:3000]
        await blocked.wait()

    dead = asyncio.create_task(teacher.send(url, hanging()))  # type: ignore[arg-type]  # as above
    await asyncio.wait_for(_sending(site, url), 10)
    status, offset = await teacher.offset(url)
    assert (status, offset) == (200, "3000")
    assert (await teacher.send(url, content[3000:], 3000))[0] == 204
    blocked.set()
    await asyncio.gather(dead, return_exceptions=True)


@pytest.mark.parametrize("offset", [0, 99, 101, 5000])
async def test_a_wrong_offset_conflicts_and_changes_nothing(teacher: Teacher, offset: int) -> None:
    _, url = await teacher.begin(1000)
    await teacher.send(url, bytes(100))
    status, _ = await teacher.send(url, b"x", offset)
    assert status == 409
    assert await teacher.offset(url) == (200, "100")


async def test_more_than_was_declared_is_not_kept(teacher: Teacher) -> None:
    _, url = await teacher.begin(1000)
    await teacher.send(url, bytes(100))
    assert (await teacher.send(url, bytes(901), 100))[0] == 413
    assert await teacher.offset(url) == (200, "100")


async def test_a_chunk_must_say_what_it_is(teacher: Teacher) -> None:
    _, url = await teacher.begin(1000)
    headers = {**TUS, "Content-Type": "video/mp4", "Upload-Offset": "0"}
    assert (await teacher.ask("PATCH", url, headers, b"x"))[0] == 415
    assert (await teacher.ask("PATCH", url, CHUNK, b"x"))[0] == 400


async def test_a_terminated_upload_is_gone(site: Site, teacher: Teacher) -> None:
    _, url = await teacher.begin(1000)
    await teacher.send(url, bytes(100))
    assert (await teacher.ask("DELETE", url, TUS))[0] == 204
    assert (await teacher.offset(url))[0] == 410
    assert (await teacher.send(url, b"x", 100))[0] == 410
    assert stored(site) == []


async def test_proxies_that_let_no_patch_through_are_overridden(teacher: Teacher) -> None:
    _, url = await teacher.begin(1000)
    override = {**CHUNK, "X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
    assert (await teacher.ask("POST", url, override, bytes(10)))[0] == 204
    override["X-HTTP-Method-Override"] = "GET"
    assert (await teacher.ask("POST", url, override, bytes(10)))[0] == 405


@pytest.mark.parametrize(
    ("size", "name", "status", "says"),
    [
        (0, "lesson.mp4", 422, "The file is empty"),
        (20_000_000_000, "lesson.mp4", 413, "The file has 20.0 GB; the most that is taken is 2.0"),
        (9, "../../etc/passwd.mp4", 422, "The file's name holds a folder"),
        (9, "..\\x.mp4", 422, "The file's name holds a folder"),
        (9, "<b onload=alert(1)>.mp4", 422, "The file's name holds signs of HTML"),
        (9, "x" * 300 + ".mp4", 422, "The file's name has more than 120"),
        (9, "virus.exe", 415, "This can't be sent as such"),
        (9, "slides.pdf", 415, "This can't be sent as such"),
    ],
)
async def test_bad_input_is_refused_before_a_byte_is_sent(
    site: Site, teacher: Teacher, size: int, name: str, status: int, says: str
) -> None:
    got, said = await teacher.begin(size, name)
    assert got == status
    assert said.startswith(says)
    assert not site.uploads.exists() or list(site.uploads.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind", "make", "says"),
    [
        ("a.mp4", "lesson", lambda: b"<!doctype html>" * 99, "The file is not what its name says"),
        ("a.mp4", "lesson", lambda: video(4)[:-2000], "The file is cut off"),
        ("a.mp4", "lesson", lambda: video(4, movflags="faststart")[:-2000], "The file is cut off"),
        ("a.pdf", "slides", lambda: pdf()[:-300], "The file is cut off"),
        ("a.pptx", "slides", partial(office, "docx"), "The file is not what its name says"),
    ],
)
async def test_bad_files_are_refused_in_words_and_not_kept(
    site: Site, teacher: Teacher, name: str, kind: str, make: Callable[[], bytes], says: str
) -> None:
    status, said = await teacher.whole(make(), name, kind)
    assert status == 422
    assert said.startswith(says)
    assert await listed(site) == []
    assert stored(site) == []


async def test_a_whole_file_that_was_not_looked_into_is_when_it_is_asked_for(
    site: Site, teacher: Teacher
) -> None:
    """The server went down after the last byte."""
    content = video(4)
    _, url = await teacher.begin(len(content))
    await teacher.send(url, content[:100])
    with (site.uploads / f"{url.rpartition('/')[2]}.part").open("ab") as part:
        part.write(content[100:])
    assert await listed(site) == []
    assert await teacher.offset(url) == (200, str(len(content)))
    assert len(await listed(site)) == 1


async def test_an_upload_is_its_teachers_alone(site: Site, teacher: Teacher) -> None:
    _, url = await teacher.begin(1000)
    async with site.browser() as browser:
        other = Teacher(browser, await sign_in(browser, "other"))
        assert (await other.offset(url))[0] == 404
        assert (await other.send(url, b"x"))[0] == 404
        assert (await other.ask("DELETE", url, TUS))[0] == 404


async def test_only_hub_teachers_upload(site: Site) -> None:
    async with site.browser() as browser:
        helper = Teacher(browser, await sign_in(browser, "helper"))
        assert await helper.begin(9) == (403, "Only teachers of a hub school send lessons.")
    async with site.browser() as browser:
        admin = Teacher(browser, await sign_in(browser, "admin"))
        assert (await admin.begin(9))[0] == 403


async def test_uploads_of_a_teacher_are_bounded_and_old_ones_swept(
    site: Site, teacher: Teacher
) -> None:
    urls = [(await teacher.begin(1000))[1] for _ in range(UNFINISHED)]
    assert (await teacher.begin(1000))[0] == 429
    site.now += KEPT_UNFINISHED - timedelta(minutes=1)
    assert await site.receiving.sweep() == 0
    assert len(stored(site)) == UNFINISHED
    site.now += timedelta(minutes=2)
    assert await site.receiving.sweep() == UNFINISHED
    assert stored(site) == []
    later = Teacher(teacher.browser, await sign_in(teacher.browser, "lead"))
    assert (await later.offset(urls[0]))[0] == 410
    assert (await later.begin(1000))[0] == 201


async def test_uploads_go_when_their_school_year_is_over(site: Site, teacher: Teacher) -> None:
    assert (await teacher.whole(pdf(), "sheet.pdf", "worksheet"))[0] == 204
    async with site.pool.transaction() as connection:
        made, ends = date(2026, 9, 20), date(2027, 1, 22)  # in and at the end of the only term
        await connection.execute(
            "UPDATE uploads SET made_at = $1", datetime(2026, 9, 20, tzinfo=UTC)
        )
        assert await uploads.expire(connection, ends) == []
        await connection.execute("UPDATE terms SET ends_on = $1 WHERE id = 't'", made)
        assert await uploads.expire(connection, made) == []
        [gone] = await uploads.expire(connection, made + timedelta(days=1))
        await connection.execute("UPDATE uploads SET state = 'ready'")
        await connection.execute("UPDATE terms SET ends_on = $1 WHERE id = 't'", ends)
    site.now = datetime(2027, 1, 23, 12, tzinfo=UTC)
    assert await site.receiving.sweep() == 1
    assert await site.receiving.sweep() == 0
    assert (await listed(site), stored(site)) == ([], [])
    async with site.pool.connection() as connection:
        found = await uploads.upload(connection, gone)
        assert found is not None
        assert found.state == "deleted"


async def test_a_subject_that_is_not_taught_is_refused(teacher: Teacher) -> None:
    status, said = await teacher.begin(9, subject="alchemy")
    assert (status, said) == (422, "There is no such subject: choose one of the list.")
