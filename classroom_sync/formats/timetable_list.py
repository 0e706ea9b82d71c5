"""Read a timetable written as a plain list: one lesson a row, with headings in Chinese or English.

Several classes may stand in one cell, separated by 、 or commas; rooms and assistants stand in
the same order, "-" for none. Rows that differ only in who listens are one lesson.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from classroom_sync.formats.entries import FORMULA, NO_TIMETABLE, Entries, Entry, Token
from classroom_sync.formats.sentences import Place, Problem, Sentence
from classroom_sync.formats.spreadsheet import Sheet
from classroom_sync.formats.timetable_grid import periods, separated, weekday
from classroom_sync.formats.vocabulary import folded

_HEADINGS = {
    "weekday": ("星期", "星期几", "周几", "上课日", "weekday", "day"),
    "period": ("节次", "节", "第几节", "课节", "period"),
    "weeks": ("单双周", "周次", "上课周", "周数", "weeks", "week"),
    "subject": ("学科", "课程", "科目", "课程名称", "subject", "course"),
    "teacher": ("主讲教师", "教师", "任课教师", "授课教师", "老师", "leadteacher", "teacher"),
    "room": ("主讲教室", "教室", "录播室", "主讲室", "上课地点", "leadroom", "room"),
    "classes": ("听课班级", "班级", "受援班级", "classes", "class"),
    "receiving": ("听课教室", "接收教室", "receivingrooms", "receivingroom"),
    "assistants": ("辅助教师", "助教", "辅导教师", "assistants", "assistant", "assistantteacher"),
    "mode": ("方式", "形式", "mode"),
}
_FIELD = {name: field for field, names in _HEADINGS.items() for name in names}
_NEEDED = ("weekday", "period", "subject")
_NONE = ("", "-", "—", "无", "none")
_RANGE = re.compile(r"[0-9]{1,2}\s*[-–—~～]\s*[0-9]{1,2}")  # of weeks, without saying so


def read(sheets: Iterable[Sheet]) -> Entries | None:
    """Every row of every list, and the rows not understood; None: no sheet is a list."""
    entries: list[tuple[Entry, int]] = []
    problems: list[Problem] = []
    found = False
    notes: list[Problem] = []
    for sheet in sheets:
        fields: dict[str, int] = {}
        for r, row in enumerate(sheet.rows):
            headings = _headings(row)
            if all(field in headings for field in _NEEDED):
                fields, found = headings, True
            elif fields and any(row[column].strip() for column in fields.values()):
                match _entry(sheet, r, fields):
                    case Problem() as problem:
                        problems.append(problem)
                    case (tuple() as read, int() as leading):
                        entries += [(entry, leading) for entry in read]
        if not fields and any(cell.strip() for row in sheet.rows for cell in row):
            notes.append(Problem(Place(sheet.name, 1, 1), sheet.name, *NO_TIMETABLE))
    return Entries(tuple(_joined(entries)), tuple(problems), tuple(notes)) if found else None


def _headings(row: tuple[str, ...]) -> dict[str, int]:
    named = {c: _FIELD.get(re.sub(r"\(.*\)", "", folded(text))) for c, text in enumerate(row)}
    return {field: c for c, field in reversed(named.items()) if field is not None}


def _entry(sheet: Sheet, r: int, fields: dict[str, int]) -> tuple[tuple[Entry, ...], int] | Problem:
    """The lessons of a row, one for each period it names, and how many of their tokens come before
    the classes."""
    row = sheet.rows[r]
    places = {field: Place(sheet.name, r + 1, c + 1) for field, c in fields.items()}
    text = {field: row[c].strip() for field, c in fields.items()}
    for field, c in fields.items():
        if (r, c) in sheet.formulas:
            return Problem(places[field], text[field], *FORMULA)
    day = weekday(text["weekday"]) or _number(text["weekday"], 7)
    if day is None:
        return Problem(places["weekday"], text["weekday"], *_NO_WEEKDAY)
    if _RANGE.fullmatch(text.get("weeks", "")):
        text["weeks"] += "周"
    numbers = periods(text["period"], bare=True)
    if not numbers:
        return Problem(places["period"], text["period"], *_NO_PERIOD)
    tokens = [
        Token(text[field], places[field])
        for field in ("subject", "weeks", "mode", "teacher", "room")
        if text.get(field, "") not in _NONE
    ]
    leading = len(tokens)
    lists = {
        field: [part.strip() for part in separated(text.get(field, ""))]
        for field in ("classes", "receiving", "assistants")
    }
    for field in ("receiving", "assistants"):
        if lists[field] != [""] and len(lists[field]) != len(lists["classes"]):
            return Problem(places[field], text[field], *_NOT_AS_MANY)
    for at, _ in enumerate(lists["classes"]):
        tokens += [
            Token(lists[field][at], places[field])
            for field in ("classes", "receiving", "assistants")
            if at < len(lists[field]) and lists[field][at] not in _NONE
        ]
    return tuple(
        Entry(places["subject"], day, number, tuple(tokens), (sheet.name,)) for number in numbers
    ), leading


def _number(text: str, most: int) -> int | None:
    key = folded(text)
    return int(key) if key.isdigit() and 1 <= int(key) <= most else None


def _joined(rows: list[tuple[Entry, int]]) -> list[Entry]:
    """Rows of one sheet with the same time, subject, teacher and room, as one with all classes."""
    found: dict[tuple[object, ...], Entry] = {}
    for entry, leading in rows:
        head = tuple(folded(t.text) for t in entry.tokens[:leading])
        key = (entry.place.sheet, entry.weekday, entry.period, head)
        if key in found:
            listening = entry.tokens[leading:]
            found[key] = replace(found[key], tokens=(*found[key].tokens, *listening))
        else:
            found[key] = entry
    return list(found.values())


_NO_WEEKDAY = (
    Sentence("This is not a weekday."),
    Sentence("Write 星期一 to 星期日, 周一, Mon, or 1 to 7."),
)
_NO_PERIOD = (
    Sentence("This is not a period."),
    Sentence("Write 第1节, Period 1, or just 1."),
)
_NOT_AS_MANY = (
    Sentence("There are not as many of these as classes in the row."),
    Sentence('Give one for each class, in the same order, and "-" where there is none.'),
)
