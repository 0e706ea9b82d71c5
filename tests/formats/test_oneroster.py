"""Schools, people and classes as OneRoster 1.2 CSV."""

import contextlib
import csv
import io
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom_sync.formats.oneroster import Roster, read, write
from classroom_sync.formats.sentences import UnreadableFile
from classroom_sync.formats.vocabulary import Names
from scheduler.model import ClassGroup, School, SchoolRole, Teacher
from tests.formats.books import CITY, NAMES

_MADE = datetime(2026, 9, 1, 8, tzinfo=UTC)
_NOBODY = Names((), (), (), (), NAMES.subjects)
_MANIFEST = {
    "manifest.version": "1.0",
    "oneroster.version": "1.2",
    **{f"file.{n}": "bulk" for n in ("orgs", "users", "roles", "classes", "enrollments")},
    "file.courses": "bulk",
}
_ROLE, _HUB = "metadata.classroomSync.role", "metadata.classroomSync.hub"
_FILES = {
    "orgs": [
        ["sourcedId", "name", "type", "identifier", _ROLE, _HUB],
        ["d", "太仓市", "district", "", "", ""],
        ["o1", "主校", "school", "2132000001", "hub", ""],
        ["o2", "受援校", "school", "2132000002", "receiving", "2132000001"],
    ],
    "users": [
        ["sourcedId", "enabledUser", "username", "givenName", "familyName"],
        ["u1", "true", "wang", "芳", "王"],
        ["u2", "true", "lee", "Ann", "Lee"],
        ["p1", "true", "pupil", "小明", "李"],
    ],
    "roles": [
        ["sourcedId", "userSourcedId", "roleType", "role", "orgSourcedId"],
        ["r1", "u1", "primary", "teacher", "o1"],
        ["r2", "u2", "primary", "teacher", "o2"],
        ["r3", "p1", "primary", "student", "o2"],
    ],
    "courses": [["sourcedId", "title", "subjects"], ["c1", "音乐", "音乐"]],
    "classes": [
        ["sourcedId", "title", "grades", "courseSourcedId", "classType", "schoolSourcedId"],
        ["k1", "三（1）班", "03", "", "homeroom", "o2"],
        ["k2", "音乐课", "03", "c1", "scheduled", "o1"],
    ],
    "enrollments": [
        ["sourcedId", "classSourcedId", "schoolSourcedId", "userSourcedId", "role"],
        ["e1", "k1", "o2", "p1", "student"],
        ["e2", "k2", "o1", "u1", "teacher"],
    ],
}


def _zip(files: dict[str, list[list[str]]], manifest: dict[str, str] = _MANIFEST) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        rows = [["propertyName", "value"], *map(list, manifest.items())]
        for name, content in {"manifest": rows, **files}.items():
            text = io.StringIO(newline="")
            csv.writer(text).writerows(content)
            archive.writestr(f"{name}.csv", "\ufeff" + text.getvalue())
    return out.getvalue()


def _changed(file: str, row: int, column: str, value: str) -> bytes:
    files = {name: [list(line) for line in lines] for name, lines in _FILES.items()}
    files[file][row][files[file][0].index(column)] = value
    return _zip(files)


def test_schools_people_and_classes_are_read_and_pupils_only_counted() -> None:
    assert read(_zip(_FILES), _NOBODY) == Roster(
        schools=(
            School("2132000001", "主校", "主校", SchoolRole.HUB, None, 20),
            School("2132000002", "受援校", "受援校", SchoolRole.RECEIVING, "2132000001", 20),
        ),
        teachers=(
            Teacher("u1", "2132000001", "王芳", "lead", ("music",), 3),
            Teacher("u2", "2132000002", "Ann Lee", "assistant", (), 3),
        ),
        classes=(ClassGroup("k1", "2132000002", "三（1）班", 3, 1),),
        pupils=1,
        problems=(),
    )


def test_what_is_exported_is_read_as_the_same_registers() -> None:
    content = write(NAMES, CITY.term, _MADE)
    found = read(content, _NOBODY)
    assert found == Roster(NAMES.schools, NAMES.teachers, NAMES.classes, 0, ())
    assert content == write(NAMES, CITY.term, _MADE)


def test_what_the_file_leaves_out_stays_as_it_is_registered() -> None:
    files = {**_FILES, "orgs": [row[:4] for row in _FILES["orgs"]]}
    known = (
        School("2132000001", "old", "主", SchoolRole.HUB, None, 100),
        School("2132000002", "old", "受", SchoolRole.RECEIVING, "2132000001", 50),
    )
    found = read(_zip(files), Names(known, (), (), (), NAMES.subjects))
    assert [(s.name, s.short_name, s.uplink_mbit) for s in found.schools] == [
        ("主校", "主", 100),
        ("受援校", "受", 50),
    ]


@pytest.mark.parametrize(
    ("changed", "cell", "why"),
    [
        (("orgs", 2, "identifier", "12345"), "D3", "A school is known by its national code"),
        (("orgs", 3, _ROLE, ""), "E4", "It is not known whether the school is a hub"),
        (("orgs", 3, _HUB, "2132000009"), "F4", "No hub school has this code."),
        (("orgs", 3, "sourcedId", "o1"), "A4", "The same id or name stands in an earlier row."),
        (("users", 1, "sourcedId", "u2"), "A3", "The same id or name stands in an earlier row."),
        (("roles", 1, "orgSourcedId", "o9"), "E2", "This refers to no school"),
        (("users", 1, "givenName", ""), None, ""),
        (("classes", 1, "grades", "KG"), "C2", "A class has one grade from 1 to 9."),
        (("classes", 1, "schoolSourcedId", "d"), "F2", "This refers to no school"),
    ],
)
def test_a_row_that_is_not_understood_is_told_by_file_and_cell(
    changed: tuple[str, int, str, str], cell: str | None, why: str
) -> None:
    found = read(_changed(*changed), _NOBODY)
    if cell is None:  # a family name alone is a name
        assert found.whole
        return
    assert cell in [p.place.cell for p in found.problems if p.why.text().startswith(why)]
    assert found.problems[0].place.sheet == f"{changed[0]}.csv"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK nothing", "This is not a OneRoster zip file"),
        (
            _zip(_FILES, {**_MANIFEST, "oneroster.version": "1.1"}),
            "The manifest says OneRoster 1.1",
        ),
        (_zip(_FILES, {**_MANIFEST, "file.users": "delta"}), "users.csv holds only changes"),
        (_zip(_FILES, {**_MANIFEST, "file.orgs": "absent"}), "The manifest says that orgs.csv"),
        (_zip({k: v for k, v in _FILES.items() if k != "users"}), "users.csv is missing"),
        (_zip({**_FILES, "orgs": [["sourcedId"], ["x" * 25 * 2**20]]}), "orgs.csv is too large."),
    ],
    ids=["not a zip", "1.1", "delta", "absent", "missing", "large"],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(
    content: bytes, sentence: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(content, _NOBODY)
    assert str(caught.value).startswith(sentence)


_TEXTS = st.sampled_from(
    ["", "o1", "o2", "u1", "school", "teacher", "homeroom", "03", "2132000001", "hub", "²", "9" * 9]
) | st.text(max_size=6)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(_FILES)), st.integers(1, 2), st.integers(0, 4), _TEXTS)
def test_no_field_whatever_stands_in_it_does_more_than_have_problems(
    file: str, row: int, column: int, text: str
) -> None:
    files = {name: [list(line) for line in lines] for name, lines in _FILES.items()}
    line = files[file][min(row, len(files[file]) - 1)]
    line[min(column, len(line) - 1)] = text
    with contextlib.suppress(UnreadableFile):
        read(_zip(files), _NOBODY)
