"""Spreadsheets as schools send them, made for one test each; and the small city they speak of."""

import io
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import xlsxwriter

from classroom_sync.demo_city import read_city
from classroom_sync.formats.spreadsheet import Sheet, read_sheets
from classroom_sync.formats.timetable_preview import Kind, Preview, preview
from classroom_sync.formats.vocabulary import Names

CITY = read_city(date(2026, 11, 23))
NAMES = Names(CITY.schools, CITY.rooms, CITY.teachers, CITY.classes, CITY.subjects)
HUB = CITY.schools[0].code  # 城厢四小: 宋老师 (music) leads in 录播室1…4
NEAR = "2132999911"  # 春晖


def workbook(fill: Callable[[Any], None]) -> bytes:
    """An XLSX that `fill` writes."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    fill(book)
    book.close()
    return file.getvalue()


def table(rows: Sequence[Sequence[str]], name: str = "城厢四小录播室1") -> bytes:
    """An XLSX with one sheet of texts."""

    def fill(book: Any) -> None:
        sheet = book.add_worksheet(name)
        for r, row in enumerate(rows):
            sheet.write_row(r, 0, row)

    return workbook(fill)


def understood(content: bytes, kind: Kind | None = None) -> Preview:
    """What the importer makes of a file, by the demo city's names."""
    return of_sheets(read_sheets(content, "test.xlsx"), kind)


def of_sheets(sheets: Sequence[Sheet], kind: Kind | None = None) -> Preview:
    return preview(sheets, NAMES, CITY.bells, CITY.term.starts_on, kind)
