"""The process that parses one spreadsheet: bytes on standard input, JSON on standard output.

It gives itself little memory and processor time before it looks at a byte, and parses only what it
has measured: how much an archive really unpacks to, and how many cells a sheet really spans (a
value in the last row would make any parser lay out a million rows).
"""

import io
import json
import re
import resource
import sys
import zipfile
import zlib
from datetime import date, datetime, time
from typing import Any
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineWorkbook

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 20_000, 256, 200_000
MAX_TEXT = 1_000  # characters of one cell
_MAX_UNPACKED = 48 * 2**20
_MAX_ALL_TEXT = 4_000_000
_MAX_PARTS, _MAX_SHEETS, _MAX_MERGED = 1_000, 200, 5_000
_MEMORY = 768 * 2**20
_SECONDS = 10
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    ElementTree.ParseError,
    KeyError,
    ValueError,
    EOFError,
    NotImplementedError,  # a way to compress that zipfile does not know
)
_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


class _Refused(Exception):
    """The file is not read; the message is the cause's short name."""


def main() -> None:
    """Entry point of the process."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        answer: dict[str, Any] = {"sheets": _sheets(sys.stdin.buffer.read())}
    except _Refused as error:
        answer = {"refused": str(error)}
    sys.stdout.write(json.dumps(answer))


def _sheets(content: bytes) -> list[dict[str, Any]]:
    formulas: dict[str, list[tuple[int, int]]] = {}
    if content.startswith(ZIP):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                formulas = _measured(archive)
        except _DAMAGED:
            raise _Refused("broken") from None
        except RuntimeError:  # what zipfile says of an encrypted part
            raise _Refused("encrypted") from None
    elif "EncryptedPackage".encode("utf-16-le") in content:
        raise _Refused("encrypted")
    elif "_VBA_PROJECT".encode("utf-16-le") in content:
        raise _Refused("macros")
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        if len(workbook.sheet_names) > _MAX_SHEETS:
            raise _Refused("large")
        left = [MAX_CELLS, _MAX_ALL_TEXT]
        return [
            _sheet(workbook, name, formulas.get(name, []), left) for name in workbook.sheet_names
        ]
    except (CalamineError, OSError) as error:
        raise _Refused("encrypted" if "assword" in str(error) else "broken") from None


def _sheet(
    workbook: CalamineWorkbook, name: str, formulas: list[tuple[int, int]], left: list[int]
) -> dict[str, Any]:
    sheet = workbook.get_sheet_by_name(name)
    height, width = sheet.total_height, sheet.total_width
    if height > MAX_ROWS or width > MAX_COLUMNS or height * width > left[0]:
        raise _Refused("large")
    left[0] -= height * width
    rows = [[_text(v) for v in row] for row in sheet.to_python(skip_empty_area=False)]
    left[1] -= sum(len(text) for row in rows for text in row)
    merged = sheet.merged_cell_ranges or []
    if left[1] < 0 or len(merged) > _MAX_MERGED:
        raise _Refused("large")
    return {
        "name": name,
        "rows": rows,
        "merged": [[*top_left, *bottom_right] for top_left, bottom_right in merged],
        "formulas": formulas,
    }


def _text(value: object) -> str:
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case float() if value.is_integer():
            return str(int(value))
        case datetime() | date():
            return value.isoformat()
        case time():
            return value.strftime("%H:%M")
        case _:
            return str(value)[:MAX_TEXT]


def _measured(archive: zipfile.ZipFile) -> dict[str, list[tuple[int, int]]]:
    """Refuse an archive that unpacks to too much or holds macros; formulas by sheet of an XLSX."""
    parts = archive.infolist()
    if len(parts) > _MAX_PARTS or sum(p.file_size for p in parts) > _MAX_UNPACKED:
        raise _Refused("bomb")
    names = {part.filename for part in parts}
    if any(n.lower().endswith(("vbaproject.bin", ".xlm")) or "macrosheets/" in n for n in names):
        raise _Refused("macros")
    for part in parts:  # zipfile gives no more than was declared, and checks it by its sum
        with archive.open(part) as stream:
            while stream.read(2**20):
                pass
    if "xl/workbook.xml" not in names:
        return {}
    return {
        name: _formulas(archive, part)
        for name, part in _worksheets(archive).items()
        if part in names
    }


def _worksheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name → the archive's part that holds it."""
    targets = {
        each.get("Id", ""): each.get("Target", "")
        for each in _parse(archive, "xl/_rels/workbook.xml.rels").iter()
    }
    found = {}
    for each in _parse(archive, "xl/workbook.xml").iter():
        if _local(each.tag) == "sheet":
            by = next((v for k, v in each.attrib.items() if _local(k) == "id"), "")
            target = targets.get(by, "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            found[each.get("name", "")] = part
    return found


def _parse(archive: zipfile.ZipFile, part: str) -> ElementTree.Element:
    content = archive.read(part)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise _Refused("broken")
    return ElementTree.fromstring(content)  # noqa: S314 - no document type, and bounded above


def _formulas(archive: zipfile.ZipFile, part: str) -> list[tuple[int, int]]:
    """Cells with formulas, as (row, column) from 0; refuses a sheet that spans too much."""
    found = []
    cells = 0
    with archive.open(part) as stream:
        if b"<!DOCTYPE" in stream.read(4096):
            raise _Refused("broken")
    with archive.open(part) as stream:
        for _, element in ElementTree.iterparse(stream):  # noqa: S314 - as above
            if _local(element.tag) == "row":
                element.clear()
            if _local(element.tag) != "c" or len(element) == 0:
                continue  # a cell without a value is only styled
            cells += 1
            at = _position(element.get("r", ""))
            if cells > MAX_CELLS or (at and (at[0] >= MAX_ROWS or at[1] >= MAX_COLUMNS)):
                raise _Refused("large")
            if at and any(_local(child.tag) == "f" for child in element):
                found.append(at)
    return found


def _position(reference: str) -> tuple[int, int] | None:
    """ "B3" → (2, 1)."""
    matched = _CELL.fullmatch(reference)
    if matched is None:
        return None
    column = 0
    for letter in matched[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(matched[2]) - 1, column - 1


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


if __name__ == "__main__":
    main()
