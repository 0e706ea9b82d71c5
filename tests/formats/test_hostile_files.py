"""Files that want to hurt, or that merely are not timetables: each is refused with a sentence."""

import io
import zipfile
from collections.abc import Callable

import pytest

from classroom_sync.formats.sentences import UnreadableFile
from classroom_sync.formats.spreadsheet import MAX_BYTES, read_sheets
from tests.formats.books import table

_GOOD = table([["节次", "星期一", "星期二"], ["第1节", "音乐", ""]])
_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def _with(part: str, content: bytes) -> bytes:
    """The good file with one part replaced or added."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(_GOOD)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            if name != part:
                target.writestr(name, source.read(name))
        target.writestr(part, content)
    return out.getvalue()


def _sheet(cells: str, before: str = "", after: str = "") -> bytes:
    body = f"{before}<worksheet {_NS}><sheetData>{cells}</sheetData>{after}</worksheet>"
    return _with("xl/worksheets/sheet1.xml", body.encode())


def _lying() -> bytes:
    """A part that says it is small and unpacks to 300 MB."""
    bomb = bytearray(_with("xl/media/a.bin", b"\0" * (300 * 2**20)))
    real, said = (300 * 2**20).to_bytes(4, "little"), (100).to_bytes(4, "little")
    return bytes(bomb.replace(real, said))


def _ods_repeated() -> bytes:
    out = io.BytesIO()
    body = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
        '<office:spreadsheet><table:table table:name="x">'
        '<table:table-row table:number-rows-repeated="1048576">'
        '<table:table-cell office:value-type="string" table:number-columns-repeated="16384">'
        "<text:p>a</text:p></table:table-cell></table:table-row></table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        kind = "application/vnd.oasis.opendocument.spreadsheet"
        target.writestr("mimetype", kind, zipfile.ZIP_STORED)
        manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        target.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{manifest}"/>')
        target.writestr("content.xml", body)
    return out.getvalue()


def _entities() -> str:
    lines = ['<!DOCTYPE x [<!ENTITY a0 "ha">']
    lines += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)]
    return "\n".join(lines) + "]>"


def _shared_strings() -> bytes:
    long = f"<sst {_NS}><si><t>{'x' * 32_000}</t></si></sst>".encode()
    cells = "".join(
        f'<row r="{r}">'
        + "".join(f'<c r="{c}{r}" t="s"><v>0</v></c>' for c in ("A", "B", "C", "D", "E"))
        + "</row>"
        for r in range(1, 15_000)
    )
    with_strings = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(_sheet(cells))) as source,
        zipfile.ZipFile(with_strings, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, long if name == "xl/sharedStrings.xml" else source.read(name))
    return with_strings.getvalue()


_MILLION = "".join(f"<row><c><v>{n}</v></c></row>" for n in range(1_000_000))
_TOO_LARGE = "A sheet has more than"
_UNPACKS = "The file unpacks to far more"
_DAMAGED = "The file is damaged or not a spreadsheet"
_TOO_MUCH = "The file takes too much memory or time"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2048


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda: b"", "The file is empty."),
        (lambda: b"x" * (MAX_BYTES + 1), "The file is larger than 5 MB"),
        (lambda: b"%PDF-1.7 ...", "This is not a spreadsheet"),
        (lambda: b"\x89PNG\r\n\x1a\n\0\0", "This is not a spreadsheet"),
        (lambda: b"<html><table></table></html>", "This is not a spreadsheet"),
        (lambda: b"a,b\n" * 30_000, _TOO_LARGE),
        (lambda: _GOOD[:-200], _DAMAGED),
        (lambda: _GOOD[:3000] + b"\xff" * 50 + _GOOD[3050:], _DAMAGED),
        (lambda: b"PK\x03\x04 and nothing more", _DAMAGED),
        (lambda: _OLE, _DAMAGED),
        (lambda: _OLE + "EncryptedPackage".encode("utf-16-le"), "The file is protected"),
        (lambda: _OLE + "_VBA_PROJECT".encode("utf-16-le"), "The file holds macros"),
        (lambda: _with("xl/vbaProject.bin", b"Sub Auto_Open()"), "The file holds macros"),
        (lambda: _with("xl/macrosheets/sheet1.xml", b"<x/>"), "The file holds macros"),
        (lambda: _with("xl/media/a.bin", b"\0" * (300 * 2**20)), _UNPACKS),
        (_lying, _DAMAGED),
        (lambda: _sheet('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), _TOO_LARGE),
        (lambda: _sheet(_MILLION), _TOO_LARGE),
        (lambda: _sheet("", before=_entities()), _DAMAGED),
        (lambda: _sheet("<row><c>"), _DAMAGED),
        (_ods_repeated, _DAMAGED),
        (_shared_strings, _TOO_MUCH),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_refused_with_a_sentence_in_both_languages(
    made: Callable[[], bytes], sentence: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_sheets(made(), "timetable.xlsx")
    assert str(caught.value).startswith(sentence)
    assert caught.value.sentence.text("zh-CN") != caught.value.sentence.text("en")


def test_a_name_says_nothing_and_the_bytes_everything() -> None:
    [sheet] = read_sheets(_GOOD, "photo.png")
    assert sheet.rows[1][:2] == ("第1节", "音乐")


def test_styled_cells_without_values_do_not_make_a_sheet_large() -> None:
    styled = "".join(f'<row r="{r}"><c r="A{r}" s="1"/></row>' for r in range(1, 60_000))
    first = '<row r="1"><c r="A1" t="inlineStr"><is><t>节次</t></is></c></row>'
    [sheet] = read_sheets(_sheet(first + styled.replace('<row r="1">', '<row r="60000">', 1)), "x")
    assert sheet.rows[0] == ("节次",)
