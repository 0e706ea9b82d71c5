"""Open a spreadsheet that somebody sent: its cells as text, read within bounds.

The file is parsed by a process of its own with little memory, little time and no privileges that
it could use: a parser that is led astray by a hostile file takes nothing with it. XLSX, XLS, ODS
and CSV are told apart by their bytes, never by their names.
"""

import csv
import io
import json
import subprocess
import sys
from dataclasses import dataclass

from classroom_sync.formats.sentences import Sentence, UnreadableFile
from classroom_sync.formats.spreadsheet_process import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_TEXT,
    OLE,
    ZIP,
)

MAX_BYTES = 5 * 2**20
_SECONDS = 20.0  # the reading process has half of that of processor time


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet as text, from A1 on, every row of equal length.

    A merged range shows its text in each of its cells; `origin` gives the first cell of the range
    for those that are not it, both as (row, column) from 0.
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    origin: dict[tuple[int, int], tuple[int, int]]
    formulas: frozenset[tuple[int, int]]  # what they show is what their last program computed


def read_sheets(content: bytes, name: str) -> tuple[Sheet, ...]:
    """Every sheet of a spreadsheet or CSV file. Blocks for up to some seconds.

    Raises UnreadableFile.
    """
    if not content:
        raise UnreadableFile(Sentence("The file is empty."))
    if len(content) > MAX_BYTES:
        raise UnreadableFile(
            Sentence(
                "The file is larger than {limit} MB: send one term's timetable at a time.",
                {"limit": MAX_BYTES // 2**20},
            )
        )
    if not content.startswith((ZIP, OLE)):
        return (_csv_sheet(content, name),)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "classroom_sync.formats.spreadsheet_process"],
            input=content,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreadableFile(_TOO_MUCH) from None
    if done.returncode != 0:
        raise UnreadableFile(_TOO_MUCH)
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise UnreadableFile(_REFUSED[answer["refused"]])
    return tuple(
        _filled(
            each["name"],
            each["rows"],
            each["merged"],
            frozenset((row, column) for row, column in each["formulas"]),
        )
        for each in answer["sheets"]
    )


_TOO_MUCH = Sentence(
    "The file takes too much memory or time to read: save the timetable alone in a new workbook."
)
_TOO_LARGE = Sentence(
    "A sheet has more than {rows} rows, {columns} columns or {cells} cells: "
    "remove what is not the timetable.",
    {"rows": MAX_ROWS, "columns": MAX_COLUMNS, "cells": MAX_CELLS},
)
_REFUSED = {
    "bomb": Sentence(
        "The file unpacks to far more than a timetable needs: save it again from your spreadsheet "
        "program."
    ),
    "macros": Sentence("The file holds macros: save it as .xlsx without macros and send that."),
    "encrypted": Sentence(
        "The file is protected by a password: remove it and send the file again."
    ),
    "large": _TOO_LARGE,
    "broken": Sentence(
        "The file is damaged or not a spreadsheet: open it in your spreadsheet program and save it "
        "again as .xlsx."
    ),
}


def _csv_sheet(content: bytes, name: str) -> Sheet:
    """UTF-8, or GB 18030 as Chinese Excel writes it."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text or text.startswith(("%PDF", "{\\rtf", "<")):
            break
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error:
            break
        width = max(map(len, rows), default=0)
        if len(rows) > MAX_ROWS or width > MAX_COLUMNS or len(rows) * width > MAX_CELLS:
            raise UnreadableFile(_TOO_LARGE)
        return _filled(name, [[cell[:MAX_TEXT] for cell in row] for row in rows], [], frozenset())
    raise UnreadableFile(
        Sentence(
            "This is not a spreadsheet, whatever its name says: open your timetable in your "
            "spreadsheet program, save it as .xlsx and send that."
        )
    )


def _filled(
    name: str,
    rows: list[list[str]],
    merged: list[list[int]],
    formulas: frozenset[tuple[int, int]],
) -> Sheet:
    width = max(map(len, rows), default=0)
    cells = [row + [""] * (width - len(row)) for row in rows]
    origin = {}
    for top, left, bottom, right in merged:
        for r in range(top, min(bottom, len(cells) - 1) + 1):
            for c in range(left, min(right, width - 1) + 1):
                if (r, c) != (top, left):
                    cells[r][c] = cells[top][left]
                    origin[r, c] = (top, left)
    return Sheet(name, tuple(map(tuple, cells)), origin, formulas)
