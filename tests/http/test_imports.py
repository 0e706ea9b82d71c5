"""A file through the admin's page: sent, previewed, imported; and what can be downloaded."""

import io
import re
from datetime import UTC, datetime

import aiohttp
import pytest

from classroom_sync.formats.oneroster import write
from classroom_sync.formats.spreadsheet import MAX_BYTES, read_sheets
from classroom_sync.formats.vocabulary import Names
from db import city
from db.pool import Connection
from scheduler.model import ClassGroup
from tests.formats.books import table
from tests.http.conftest import Site, sign_in
from tests.worlds import FAR, HUB

_WEEK = ["Period", "Mon", "Tue", "Wed", "Thu", "Fri"]
_CELL = "Music\nLead 1\nfar 3(1)"
_GOOD = table([_WEEK, ["Period 1", _CELL]], "hubRoom 1")
_PART = table([_WEEK, ["Period 1", _CELL, "Music\nMs Nine\nfar 3(1)"]], "hubRoom 1")


async def send(
    browser: aiohttp.ClientSession, csrf: str, content: bytes, kind: str = ""
) -> tuple[int, str]:
    """Send a file as the page's script does: the status, and the preview's path or what is said."""
    headers = {"X-CSRF-Token": csrf, "X-File-Name": "%E8%AF%BE%E8%A1%A8.xlsx"}
    url = f"/admin/import?kind={kind}"
    async with browser.post(url, data=io.BytesIO(content), headers=headers) as response:
        answer = await response.json(content_type=None)
        return response.status, answer.get("location") or answer["detail"]


async def drafts(site: Site) -> list[tuple[str, str]]:
    """Room and class of each receiver of each draft's lessons."""
    async with site.pool.connection() as connection:
        rows = await connection.fetch(
            "SELECT lr.room_id, lr.class_id FROM lesson_receivers lr JOIN lessons l "
            "ON l.id = lr.lesson_id JOIN timetable_versions v ON v.id = l.version_id "
            "WHERE v.state = 'draft'"
        )
    return [(row["room_id"], row["class_id"]) for row in rows]


async def post(browser: aiohttp.ClientSession, path: str, **form: str) -> tuple[int, str]:
    async with browser.post(path, data=form) as response:
        return response.status, await response.text()


async def test_the_preview_says_which_hard_rules_the_lessons_break(site: Site) -> None:
    twice = table([_WEEK, ["Period 1", _CELL], ["Period 2", _CELL]], "hubRoom 1")
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        csrf = await sign_in(browser, "admin")
        _, path = await send(browser, csrf, _GOOD)
        async with browser.get(path) as response:
            assert "No hard rule is broken." in await response.text()
        _, path = await send(browser, csrf, twice)
        async with browser.get(path) as response:
            found = (await response.text()).split('id="conflicts"')[1].split("</section>")[0]
    assert "far3(1) has the same subject 2 times on Monday" in found
    assert "Move one of the lessons to another day." in found


async def test_a_whole_file_is_previewed_and_becomes_a_draft(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        csrf = await sign_in(browser, "admin")
        status, path = await send(browser, csrf, _GOOD)
        assert status == 201
        async with browser.get(path) as response:
            page = await response.text()
        assert "课表.xlsx" in page
        assert "Lessons understood: 1; cells that were not: 0." in page
        assert await drafts(site) == []  # nothing is stored until one says so
        status, page = await post(browser, path, csrf=csrf)
        assert status == 200
        assert "Imported as draft 2 of the timetable." in page
        assert await drafts(site) == [(f"{FAR}-R1", f"{FAR}-301")]
        status, _ = await post(browser, path, csrf=csrf)
        assert status == 409  # once is enough
        assert len(await drafts(site)) == 1


async def test_what_was_not_understood_is_shown_by_its_cell_in_the_readers_language(
    site: Site,
) -> None:
    for language, why in (("en", "No teacher has this name."), ("zh", "没有叫这个名字的教师。")):
        async with site.browser(Accept="text/html", **{"Accept-Language": language}) as browser:
            csrf = await sign_in(browser, "admin")
            _, path = await send(browser, csrf, _PART)
            async with browser.get(path) as response:
                rows = re.findall(r"<tr>(.*?)</tr>", await response.text(), re.DOTALL)
            [row] = [row for row in rows if why in row]
            assert "C2" in row
            assert "Ms Nine" in row


async def test_part_of_a_file_is_imported_only_if_one_says_so(site: Site) -> None:
    async with site.browser(Accept="text/html") as browser:
        csrf = await sign_in(browser, "admin")
        _, path = await send(browser, csrf, _PART)
        assert (await post(browser, path, csrf=csrf))[0] == 409
        assert await drafts(site) == []
        assert (await post(browser, path, csrf=csrf, partly="yes"))[0] == 200
        assert len(await drafts(site)) == 1


async def test_a_room_that_was_not_offered_is_refused(site: Site) -> None:
    async with site.browser() as browser:
        csrf = await sign_in(browser, "admin")
        _, path = await send(browser, csrf, _GOOD)
        form = {"csrf": csrf, "room-0": f"{HUB}-R1"}
        assert (await post(browser, path, **form))[0] == 422
        assert await drafts(site) == []


@pytest.mark.parametrize(
    ("content", "kind", "status", "sentence"),
    [
        (b"", "", 422, "The file is empty."),
        (b"%PDF-1.7", "", 422, "This is not a spreadsheet"),
        (b"a,b\nc,d\n", "grid", 422, "No timetable was found"),
        (_GOOD, "oneroster", 422, "manifest.csv is missing"),
        (b"x" * (MAX_BYTES + 1), "", 413, "That is larger than can be taken here."),
    ],
    ids=["empty", "pdf", "no grid", "not oneroster", "large"],
)
async def test_a_file_that_cannot_be_read_is_refused_and_not_kept(
    site: Site, content: bytes, kind: str, status: int, sentence: str
) -> None:
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        found, said = await send(browser, await sign_in(browser, "admin"), content, kind)
        assert (found, said.startswith(sentence)) == (status, True), said
    async with site.pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM imports") == 0


async def test_a_file_is_its_senders_and_needs_the_pages_token(site: Site) -> None:
    async with site.browser() as sender, site.browser() as other:
        csrf = await sign_in(sender, "admin")
        assert (await send(sender, "wrong", _GOOD))[0] == 403
        _, path = await send(sender, csrf, _GOOD)
        await sign_in(other, "far-admin")
        async with other.get(path) as response:
            assert response.status == 403
        async with other.get("/admin/export/oneroster") as response:
            assert response.status == 403


async def test_registers_come_in_through_the_page(site: Site) -> None:
    async with site.pool.connection() as connection:
        names = await _names(connection)
    added = ClassGroup("new", FAR, "4(2)", 4, 33)
    changed = Names(
        names.schools, names.rooms, names.teachers, (*names.classes, added), names.subjects
    )
    content = write(changed, None, datetime(2026, 9, 1, tzinfo=UTC))
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        csrf = await sign_in(browser, "admin")
        _, path = await send(browser, csrf, content)
        async with browser.get(path) as response:
            assert "Understood: schools 3, teachers 4, classes 4;" in await response.text()
        assert (await post(browser, path, csrf=csrf))[0] == 200
    async with site.pool.connection() as connection:
        assert added in await city.class_groups(connection)


async def _names(connection: Connection) -> Names:
    return Names(
        tuple(await city.schools(connection)),
        tuple(await city.rooms(connection)),
        tuple(await city.teachers(connection)),
        tuple(await city.class_groups(connection)),
        tuple(await city.subjects(connection)),
    )


async def test_what_stands_can_be_downloaded(site: Site) -> None:
    async with site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "admin")
        for what, begins in (
            ("grid", b"PK"),
            ("list", b"PK"),
            ("oneroster", b"PK"),
            ("fet", b"<?xml"),
        ):
            async with browser.get(f"/admin/export/{what}") as response:
                assert response.status == 200
                assert "attachment" in response.headers["Content-Disposition"]
                content = await response.read()
            assert content.startswith(begins)
            if what == "grid":
                [sheet] = read_sheets(content, "x")
                assert any("Lead 1" in cell for row in sheet.rows for cell in row)
        async with browser.get("/admin/export/everything") as response:
            assert response.status == 404
