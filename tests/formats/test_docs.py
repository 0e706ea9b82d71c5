"""docs/import-and-export.md says what the program does."""

import re
from pathlib import Path

import pytest

from classroom_sync.formats import oneroster
from classroom_sync.formats.kinds import Export, FileKind
from classroom_sync.formats.spreadsheet import MAX_BYTES
from classroom_sync.formats.spreadsheet_process import MAX_CELLS, MAX_COLUMNS, MAX_ROWS
from classroom_sync.formats.timetable_preview import Kind
from tests.formats.books import table, understood

_ROOT = Path(__file__).parents[2]
_TEXT = (_ROOT / "docs/import-and-export.md").read_text(encoding="utf-8")


def test_it_names_every_kind_of_file() -> None:
    assert f"--kind {'|'.join(FileKind)}" in _TEXT
    assert f"export {'|'.join(Export)} FILE" in _TEXT


def test_its_limits_are_those_of_the_reader() -> None:
    for limit in (f"{MAX_BYTES // 2**20} MB", f"{MAX_ROWS:,} rows", f"{MAX_CELLS:,} cells"):
        assert limit in _TEXT
    assert f"{MAX_COLUMNS} columns" in _TEXT


def test_it_names_every_column_of_ours_in_oneroster() -> None:
    source = Path(oneroster.__file__).read_text(encoding="utf-8")
    ours = set(re.findall(r'_OURS \+ "(\w+)"', source))
    assert ours
    assert {name for name in ours if f"`{name}`" not in _TEXT} == set()


@pytest.mark.parametrize("language", [0, 1], ids=["Chinese", "English"])
def test_the_headings_it_gives_make_a_list(language: int) -> None:
    given = re.search(
        r"headings in any order: (.+?), and if you\nlike (.+?) \((.+?)\)", _TEXT, re.S
    )
    assert given is not None
    chinese = f"{given[1]} {given[2]}".split()
    english = re.split(r"[,;]\s+", given[3])
    heading = (chinese, english)[language]
    row = {"学科": "音乐", "Subject": "Music", "星期": "周一", "Weekday": "Mon"}
    found = understood(table([heading, [row.get(name, "1") for name in heading]], "Sheet1"))
    assert found.kind is Kind.LIST
    assert len(heading) == 10
