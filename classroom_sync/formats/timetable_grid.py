"""Read a weekly timetable as a school office writes it: a sheet per lead room, a grid on each.

Weekdays 星期一…五 go across, periods 第1节… down; a cell holds, over several lines, the subject
(with （单） or （双） for odd or even weeks), the lead teacher, and the classes that listen.
Full-width digits, Chinese numerals and merged title rows are understood. Names are kept as
written: who is meant is decided by whoever knows the city.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from scheduler.model import Weeks

_WEEKDAYS = {name: number for number, name in enumerate("一二三四五六日", start=1)}
_NUMERALS = {name: number for number, name in enumerate("一二三四五六七八九十", start=1)}
_PERIOD = re.compile(r"第([0-9]+|[一二三四五六七八九十])节")
_WEEKDAY = re.compile(r"(?:星期|周)([一二三四五六日])")
_PARITY = re.compile(r"\((单|双)周?\)")
_MAX_CELLS = 20_000


class UnreadableTimetable(Exception):
    """The file is not a timetable grid; the message says which part could not be understood."""


@dataclass(frozen=True, slots=True)
class GridLesson:
    """One cell of a grid. `classes` are names as written, such as "春晖三(1)班"."""

    sheet: str
    cell: str  # such as "C4"
    weekday: int
    period: int
    weeks: Weeks
    subject: str
    teacher: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CellProblem:
    """A cell that was not understood, and why."""

    sheet: str
    cell: str
    reason: str


@dataclass(frozen=True, slots=True)
class TimetableGrid:
    lessons: tuple[GridLesson, ...]
    problems: tuple[CellProblem, ...]


def plain(text: str) -> str:
    """Full-width digits, letters and brackets as their ASCII forms; spaces removed."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def read(file: Path) -> TimetableGrid:
    """Every lesson of every sheet of an XLSX, XLS or ODS file, and the cells not understood.

    Raises UnreadableTimetable for a file that can't be opened or has no grid on any sheet.
    """
    try:
        workbook = CalamineWorkbook.from_path(str(file))
        sheets = [
            (name, workbook.get_sheet_by_name(name).to_python(skip_empty_area=False))
            for name in workbook.sheet_names
        ]
    except (CalamineError, OSError) as error:
        raise UnreadableTimetable(f"{file.name} is not a readable spreadsheet: {error}") from error
    if sum(len(row) for _, rows in sheets for row in rows) > _MAX_CELLS:
        raise UnreadableTimetable(f"{file.name} has more than {_MAX_CELLS} cells")
    lessons: list[GridLesson] = []
    problems: list[CellProblem] = []
    found = False
    for name, rows in sheets:
        weekdays: dict[int, int] = {}  # column → weekday, from the newest heading row
        for r, row in enumerate(rows):
            texts = [str(value) for value in row]
            headings = {c: m for c, t in enumerate(texts) if (m := _WEEKDAY.fullmatch(plain(t)))}
            if headings:
                weekdays = {c: _WEEKDAYS[m[1]] for c, m in headings.items()}
                found = True
                continue
            period = next((m for t in texts if (m := _PERIOD.fullmatch(plain(t)))), None)
            if period is None:
                continue
            number = int(period[1]) if period[1].isdigit() else _NUMERALS[period[1]]
            for column, weekday in weekdays.items():
                text = texts[column].strip() if column < len(texts) else ""
                if text:
                    cell = f"{chr(ord('A') + column)}{r + 1}" if column < 26 else f"{column},{r}"
                    match _read_cell(text):
                        case str(reason):
                            problems.append(CellProblem(name, cell, reason))
                        case (weeks, subject, teacher, classes):
                            lessons.append(
                                GridLesson(
                                    name, cell, weekday, number, weeks, subject, teacher, classes
                                )
                            )
    if not found:
        raise UnreadableTimetable(f"{file.name} has no sheet with a row of weekdays 星期一…")
    return TimetableGrid(tuple(lessons), tuple(problems))


def _read_cell(text: str) -> tuple[Weeks, str, str, tuple[str, ...]] | str:
    lines = [line for line in map(plain, re.split(r"[\n/]", text)) if line]
    if len(lines) < 3:
        return "expected subject, teacher and classes on three lines 应为三行：学科、教师、班级"
    subject, teacher, *classes = lines
    weeks = Weeks.ALL
    if parity := _PARITY.search(subject):
        weeks = Weeks.ODD if parity[1] == "单" else Weeks.EVEN
        subject = _PARITY.sub("", subject)
    names = tuple(name for line in classes for name in re.split("[、,,;;]", line) if name)
    return weeks, subject, teacher, names
