"""The report as a workbook: a sheet for each table, as real Excel tables with number formats.

On each sheet stand whose figures they are, the period, the cut-off and the version of the rules.
The bytes depend on the document and `as_of` alone.
"""

from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from classroom_sync.reports.document import Cell, Column, Document, Kind, Table

_FORMATS = {
    Kind.NUMBER: "#,##0",
    Kind.SHARE: "0.0%",
    Kind.DATE: "yyyy-mm-dd",
    Kind.TEXT: "@",
    Kind.LONG: "@",
}
_PARTS = "#,##0.00"  # a column of hours that are not all whole
_WIDTHS = {Kind.TEXT: 18.0, Kind.LONG: 52.0, Kind.DATE: 12.0}
_TABLE_ROW = 5  # zero-based: above it stand the title and the facts
_MADE_BY = "Classroom Sync"


def write(document: Document, as_of: datetime) -> bytes:
    """The workbook's bytes."""
    file = BytesIO()
    # Nothing that begins with "=" is a formula, nothing that looks like an address a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        created = as_of.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        book.set_properties({"title": document.title, "author": _MADE_BY, "created": created})
        formats = {
            "title": book.add_format({"bold": True, "font_size": 16}),
            "fact": book.add_format({"font_color": "#55645F"}),
            "heading": book.add_format({"bold": True, "text_wrap": True, "valign": "vcenter"}),
        }
        for table in document.tables:
            _sheet(book, document, table, formats)
        for sheet in book.worksheets():
            if sheet.get_name() == document.tables[-1].title:
                below = _TABLE_ROW + len(document.tables[-1].rows) + 2
                for n, sentence in enumerate(document.thresholds):
                    sheet.write_string(below + n, 0, sentence, formats["fact"])
    return file.getvalue()


def _sheet(book: Any, document: Document, table: Table, formats: dict[str, Any]) -> None:
    sheet = book.add_worksheet(table.title)
    sheet.write_string(0, 0, f"{document.title} · {table.title}", formats["title"])
    for n, fact in enumerate(document.facts):
        sheet.write_string(1 + n, 0, fact, formats["fact"])
    kinds = [column.kind for column in table.columns]
    looks = [_look(book, table, at) for at in range(len(kinds))]
    if table.rows:
        sheet.add_table(
            _TABLE_ROW,
            0,
            _TABLE_ROW + len(table.rows),
            len(kinds) - 1,
            {
                "name": f"t_{table.slug}",
                "style": "Table Style Light 9",
                "columns": [
                    {"header": c.heading, "header_format": formats["heading"]}
                    for c in table.columns
                ],
            },
        )
    else:
        for at, column in enumerate(table.columns):
            sheet.write_string(_TABLE_ROW, at, column.heading, formats["heading"])
    for at, column in enumerate(table.columns):
        sheet.set_column(at, at, _width(column, at))
        for n, row in enumerate(table.rows):
            _write(sheet, _TABLE_ROW + 1 + n, at, row[at], looks[at])
    sheet.set_row(_TABLE_ROW, 48)
    sheet.freeze_panes(_TABLE_ROW + 1, 2)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_TABLE_ROW)
    sheet.set_footer("&L&A&R&P / &N")


def _look(book: Any, table: Table, at: int) -> Any:
    kind = table.columns[at].kind
    whole = all(not isinstance(row[at], float) for row in table.rows)
    form = _PARTS if kind is Kind.NUMBER and not whole else _FORMATS[kind]
    wrap = {"text_wrap": True} if kind is Kind.LONG else {}
    return book.add_format({"num_format": form, "valign": "top", **wrap})


def _width(column: Column, at: int) -> float:
    if at == 0 and column.kind is Kind.NUMBER:
        return 8.0
    return _WIDTHS.get(column.kind, 12.0)


def _write(sheet: Any, row: int, at: int, cell: Cell, look: Any) -> None:
    match cell:
        case None:
            sheet.write_blank(row, at, None, look)
        case str():
            sheet.write_string(row, at, cell, look)
        case date():
            sheet.write_datetime(row, at, cell, look)
        case _:
            sheet.write_number(row, at, cell, look)
