"""`classroom-sync import` and `export` as people type them, on a real database."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from classroom_sync.demo_city.lesson import load_once
from classroom_sync.formats.oneroster import write
from classroom_sync.formats.timetable_preview import accepted
from db import city, timetable
from db.pool import Pool
from tests.formats.books import CITY, HUB, NAMES, table, understood
from tests.worlds import NOON

_GRID = Path(__file__).parents[2] / "classroom_sync/demo_city/timetable-grid.xlsx"
_WEEK = ["节次", "星期一", "星期二"]
_BAD = table([_WEEK, ["第1节", "音乐\n宋老师\n春晖三（1）班", "音乐\n玉老师\n春晖三（2）班"]])


@pytest.fixture
async def demo(pool: Pool) -> Pool:
    """A database with the demo city and its published week."""
    async with pool.transaction() as connection:
        await load_once(connection, CITY, NOON)
    return pool


def run(dsn: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command on a database."""
    done = subprocess.run(
        [sys.executable, "-m", "classroom_sync", *arguments, "--database-url", dsn],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "200"},
    )
    return done.returncode, done.stdout, done.stderr


def said(dsn: str, *arguments: str) -> tuple[int, Any]:
    code, out, error = run(dsn, *arguments, "--json")
    assert out, error
    return code, json.loads(out)


async def _drafts(pool: Pool) -> int:
    async with pool.connection() as connection:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM timetable_versions WHERE state = 'draft'"
            )
        )


async def test_a_whole_timetable_becomes_a_draft(demo: Pool, dsn: str) -> None:
    before = await _drafts(demo)
    code, answer = said(dsn, "import", str(_GRID))
    assert (code, answer["kind"], answer["lessons"]) == (0, "grid", len(CITY.lessons))
    assert (answer["problems"], answer["imported"]) == ([], True)
    assert len(answer["proposals"]) == sum(len(each.receivers) for each in CITY.lessons)
    assert await _drafts(demo) == before + 1


async def test_a_dry_run_stores_nothing(demo: Pool, dsn: str) -> None:
    before = await _drafts(demo)
    code, answer = said(dsn, "import", str(_GRID), "--dry-run")
    assert (code, answer["imported"]) == (0, False)
    assert await _drafts(demo) == before


async def test_nothing_is_imported_unless_all_is_or_one_says_so(
    demo: Pool, dsn: str, tmp_path: Path
) -> None:
    file = tmp_path / "week.xlsx"
    file.write_bytes(_BAD)
    before = await _drafts(demo)
    code, answer = said(dsn, "import", str(file))
    assert (code, answer["imported"], answer["lessons"]) == (1, False, 1)
    assert answer["problems"] == [
        {
            "sheet": "城厢四小录播室1",
            "row": 2,
            "column": 3,
            "cell": "C2",
            "text": "玉老师",
            "why": {"zh-CN": "没有叫这个名字的教师。", "en": "No teacher has this name."},
            "mend": {
                "zh-CN": "请改正名称，或先在登记表中录入。",
                "en": "Correct the name, or enter it in the registers first.",
            },
        }
    ]
    assert await _drafts(demo) == before
    code, out, _ = run(dsn, "import", str(file), "--partly")
    assert code == 0
    assert "玉老师" in out
    assert await _drafts(demo) == before + 1


@pytest.mark.parametrize("what", ["grid", "list"])
async def test_what_is_exported_is_imported_as_the_same_lessons(
    demo: Pool, dsn: str, tmp_path: Path, what: str
) -> None:
    async with demo.connection() as connection:
        [standing] = await timetable.versions_between(connection, NOON.date(), NOON.date())
    file = tmp_path / "out.xlsx"
    code, answer = said(dsn, "export", what, str(file), "--on", NOON.date().isoformat())
    assert (code, answer["lessons"]) == (0, len(standing.lessons))
    found = accepted(understood(file.read_bytes()))
    assert len(found) == len(standing.lessons)
    assert {(x.weekday, x.period, x.lead_room_id, x.weeks, x.receivers) for x in found} == {
        (x.weekday, x.period, x.lead_room_id, x.weeks, x.receivers) for x in standing.lessons
    }


async def test_a_file_that_cannot_be_read_is_told_as_json_in_both_languages(
    demo: Pool, dsn: str, tmp_path: Path
) -> None:
    file = tmp_path / "x.xlsx"
    file.write_bytes(b"")
    assert said(dsn, "import", str(file)) == (
        1,
        {"refused": {"zh-CN": "文件是空的。", "en": "The file is empty."}},
    )


async def test_registers_go_out_and_come_in_again(demo: Pool, dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "city.zip"
    assert said(dsn, "export", "oneroster", str(file))[0] == 0
    async with demo.transaction() as connection:
        before = await city.teachers(connection)
        await connection.execute("UPDATE teachers SET name = 'x' WHERE school_code = $1", HUB)
    code, answer = said(dsn, "import", str(file))
    assert (code, answer["kind"], answer["teachers"]) == (0, "oneroster", len(before))
    async with demo.connection() as connection:
        assert await city.teachers(connection) == before


async def test_registers_come_into_a_city_without_a_term(
    dsn: str, pool: Pool, tmp_path: Path
) -> None:
    async with pool.transaction() as connection:
        await city.add_subjects(connection, NAMES.subjects)
    file = tmp_path / "city.zip"
    file.write_bytes(write(NAMES, None, datetime(2026, 9, 1, tzinfo=UTC)))
    assert said(dsn, "import", str(file))[0] == 0
    code, _, error = run(dsn, "import", str(_GRID))
    assert (code, "there is no term yet" in error) == (2, True)
    async with pool.connection() as connection:
        assert len(await city.class_groups(connection)) == len(NAMES.classes)


async def test_a_week_goes_out_for_fet(demo: Pool, dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "week.fet"
    on = ("--on", NOON.date().isoformat(), "--week", "2")
    assert said(dsn, "export", "fet", str(file), *on)[0] == 0
    assert b"<Permanently_Locked>true" in file.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("import", "nowhere.xlsx"), 2, "there is no file nowhere.xlsx"),
        (("import", str(_GRID), "--kind", "pdf"), 2, "'pdf' is not one of"),
        (("import", str(_GRID), "--term", "never"), 2, "there is no term never"),
        (("import", __file__), 1, "No timetable was found"),
        (("export", "grid", "/nowhere/x.xlsx"), 2, "there is no directory /nowhere"),
        (("export", "everything", "x"), 2, "'everything' is not one of"),
        (("export", "grid", "x.xlsx", "--lang", "fr"), 2, "--lang is zh-CN or en, not fr"),
    ],
)
async def test_wrong_use_and_bad_files_have_their_exit_codes(
    demo: Pool, dsn: str, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    found, _, error = run(dsn, *arguments)
    assert (found, sentence in error) == (code, True), error


@pytest.mark.parametrize("command", ["import", "export"])
def test_help_ends_with_an_example(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "classroom_sync", command, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f"Example: classroom-sync {command}" in done.stdout
