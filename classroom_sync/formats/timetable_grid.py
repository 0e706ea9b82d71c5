"""Read a weekly timetable as a school office writes it: grids of weekdays and periods.

Weekdays 星期一…五 (周一, Mon) go across and periods 第1节… down, or the other way round. A sheet
may hold several grids under one another, each with lines above that say whose timetable it is.
A cell that is merged over two periods is a lesson in both. What stands in a row without a period is
told, not dropped; a row that says the same all along (午休) is not a lesson.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from classroom_sync.formats.entries import FORMULA, NO_TIMETABLE, Entries, Entry, Token
from classroom_sync.formats.sentences import Place, Problem, Sentence
from classroom_sync.formats.spreadsheet import Sheet
from classroom_sync.formats.vocabulary import NUMERALS, folded

_WEEKDAYS = {name: number for number, name in enumerate("一二三四五六日", start=1)} | {"天": 7}
_WEEKDAY = re.compile(r"(?:星期|周|礼拜)([一二三四五六日天])(?:[^\u3400-\u9fff、,].*)?")
_ENGLISH = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERIOD = re.compile(
    r"(?:上午|下午|am|pm)?(?:第([0-9]{1,2}|[一二三四五六七八九十])(?:节课?)?|([0-9]{1,2}|[一二三四五六七八九十])节课?"
    r"|(?:period|p|lesson)\.?([0-9]{1,2}))(?:[^0-9a-z].*|[0-9]{2}:[0-9]{2}.*)?"
)
_PERIODS = re.compile(
    r"(?:上午|下午|am|pm)?(?:第|periods?)?([0-9]{1,2})(?:[-–—~至、,/]|to)第?([0-9]{1,2})(?:节课?)?"
    r"(?:[^0-9a-z].*)?"
)
_BARE = re.compile(r"[0-9]{1,2}|[一二三四五六七八九十]")
_PERIOD_HEADING = re.compile(r"节次|节|课节|period|periods|lesson")
_NOTHING = {"", "-", "—", "——", "/", "\\", "无", "无课", "空", "×", "x", "none"}
_LABEL = re.compile(
    r"(?:学科|课程|科目|主讲教师|主讲|任课教师|教师|老师|主讲教室|教室|地点|听课班级|班级|听课教室|助教"
    r"|辅助教师|辅助|subject|teacher|room|classes|class|assistant)\s*[:：]\s*",
    re.IGNORECASE,
)
_BREAKS = re.compile(r"[\n\r/|;；、，,·•／｜]+")


def weekday(text: str) -> int | None:
    """星期一, 周一, Mon, Monday, 周一 Mon → 1."""
    key = folded(text)
    if matched := _WEEKDAY.fullmatch(key):
        return _WEEKDAYS[matched[1]]
    for number, name in enumerate(_ENGLISH, start=1):
        if key in (name, name[:3], name[:3] + ".", name[:4]):
            return number
    return None


def period(text: str, *, bare: bool = False) -> int | None:
    """第１节, 第一节 08:30, 1节, Period 1 → 1; `bare`: also 1 and 一."""
    key = folded(text)
    matched = _PERIOD.fullmatch(key)
    found = next((g for g in matched.groups() if g), None) if matched else None
    if found is None and bare and _BARE.fullmatch(key):
        found = key
    if found is None:
        return None
    return int(found) if found.isdigit() else NUMERALS[found]


def periods(text: str, *, bare: bool = False) -> tuple[int, ...]:
    """The periods that a text names, one or several: 第1-2节 → 1, 2; none where it names none."""
    key = folded(text)
    matched = _PERIODS.fullmatch(key)
    if matched and (bare or "节" in key or "p" in key) and int(matched[1]) < int(matched[2]):
        return tuple(range(int(matched[1]), int(matched[2]) + 1))
    found = period(text, bare=bare)
    return () if found is None else (found,)


def says_nothing(text: str) -> bool:
    """An empty cell, or what people write into one."""
    return folded(text) in _NOTHING


def words(text: str, place: Place) -> tuple[Token, ...]:
    """The parts of a cell: its lines, and what separators keep apart on one line."""
    parts = (_LABEL.sub("", re.sub(r"\s+", " ", part).strip(), count=1) for part in separated(text))
    return tuple(Token(part, place) for part in parts if part)


def separated(text: str) -> Iterator[str]:
    """The parts between separators, which may be empty; 音乐（单、3-10周）is one part."""
    depth, start = 0, 0
    for at, letter in enumerate(text):
        depth = max(0, depth + (letter in "（([【") - (letter in "）)]】"))
        if letter in "\n\r":
            depth = 0
        if depth == 0 and _BREAKS.match(letter):
            yield text[start:at]
            start = at + 1
    yield text[start:]


@dataclass(frozen=True, slots=True)
class _Lines:
    """A sheet's cells with weekdays across; `turned` when the file has them down."""

    sheet: Sheet
    turned: bool

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        rows = self.sheet.rows
        return iter(tuple(zip(*rows, strict=True)) if self.turned else rows)

    def place(self, row: int, column: int) -> Place:
        if self.turned:
            row, column = column, row
        return Place(self.sheet.name, row + 1, column + 1)

    def origin(self, row: int, column: int) -> tuple[int, int]:
        """The first cell of the merged range that holds a cell."""
        if self.turned:
            row, column = column, row
            row, column = self.sheet.origin.get((row, column), (row, column))
            return column, row
        return self.sheet.origin.get((row, column), (row, column))

    def is_formula(self, row: int, column: int) -> bool:
        at = (column, row) if self.turned else (row, column)
        return at in self.sheet.formulas


def read(sheets: Iterable[Sheet]) -> Entries | None:
    """Every lesson of every grid, and the cells that stand outside of one; None: no grid at all."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    notes: list[Problem] = []
    found = False
    for sheet in sheets:
        lines = _oriented(sheet)
        if lines is not None:
            found = True
            _read_sheet(lines, entries, problems)
        elif any(cell.strip() for row in sheet.rows for cell in row):
            notes.append(Problem(Place(sheet.name, 1, 1), sheet.name, *NO_TIMETABLE))
    return Entries(tuple(entries), tuple(problems), tuple(notes)) if found else None


def _oriented(sheet: Sheet) -> _Lines | None:
    for turned in (False, True):
        lines = _Lines(sheet, turned)
        if any(len(set(_headings(line).values())) >= 2 for line in lines):
            return lines
    return None


def _headings(line: Iterable[str]) -> dict[int, int]:
    return {c: day for c, text in enumerate(line) if (day := weekday(text)) is not None}


def _read_sheet(lines: _Lines, entries: list[Entry], problems: list[Problem]) -> None:
    weekdays: dict[int, int] = {}  # column → weekday, from the newest heading
    labels: set[int] = set()  # columns in which periods stand
    above: list[str] = []
    titles: tuple[str, ...] = (lines.sheet.name,)
    seen: set[tuple[tuple[int, int], int, int]] = set()
    for r, line in enumerate(lines):
        headings = _headings(line)
        if len(set(headings.values())) >= 2:
            weekdays = headings
            labels = {c for c, t in enumerate(line) if _PERIOD_HEADING.fullmatch(folded(t))}
            labels = labels or {min(headings) - 1}
            titles = (lines.sheet.name, *above)
            above = []
            continue
        numbers = _periods_of(line, weekdays, labels)
        if not numbers:
            above = _told_above(above, line)
            problems += _without_period(lines, r, line, weekdays)
            continue
        above = []
        for number in numbers:
            _read_line(lines, r, line, weekdays, number, titles, seen, entries, problems)


def _read_line(
    lines: _Lines,
    r: int,
    line: tuple[str, ...],
    weekdays: dict[int, int],
    number: int,
    titles: tuple[str, ...],
    seen: set[tuple[tuple[int, int], int, int]],
    entries: list[Entry],
    problems: list[Problem],
) -> None:
    for column, day in weekdays.items():
        text = line[column].strip()
        origin = lines.origin(r, column)
        key = (origin, day, number)
        if says_nothing(text) or key in seen:
            continue
        seen.add(key)
        place = lines.place(*origin)
        if lines.is_formula(*origin):
            problems.append(Problem(place, text, *FORMULA))
        else:
            entries.append(Entry(place, day, number, words(text, place), titles))


def _periods_of(
    line: tuple[str, ...], weekdays: dict[int, int], labels: set[int]
) -> tuple[int, ...]:
    if not weekdays:
        return ()
    for column, text in enumerate(line):
        if column not in weekdays:
            found = periods(text, bare=column in labels)
            if found:
                return found
    return ()


def _told_above(above: list[str], line: tuple[str, ...]) -> list[str]:
    texts = list(dict.fromkeys(text.strip() for text in line if text.strip()))
    return [*above, *texts][-6:]


def _without_period(
    lines: _Lines, row: int, line: tuple[str, ...], weekdays: dict[int, int]
) -> list[Problem]:
    """Cells under weekdays in a row without a period, unless the row says one thing all along."""
    texts = {line[column].strip() for column in weekdays}
    labels = {text.strip() for column, text in enumerate(line) if column not in weekdays}
    if len(texts) <= 1 or texts <= labels | {""}:
        return []
    return [
        Problem(lines.place(row, column), line[column].strip(), *_NO_PERIOD)
        for column in weekdays
        if line[column].strip()
    ]


_NO_PERIOD = (
    Sentence("The row says no period."),
    Sentence("Write the period, such as 第1节, at the row's beginning; or clear these cells."),
)
