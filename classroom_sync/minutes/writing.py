"""A document as a file. All of it blocks: use a thread.

The bytes depend on the document alone: no clock, no random id, no order of a dictionary.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC
from enum import StrEnum
from typing import Any

import docx
from docx.document import Document as Docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn

from classroom_sync.minutes.document import Block, Bullets, Document, Grid, Paragraph, Subheading
from classroom_sync.reports.pdf import compile_pdf, printable


class Form(StrEnum):
    MARKDOWN = "md"
    PDF = "pdf"
    DOCX = "docx"


MEDIA_TYPES = {
    Form.MARKDOWN: "text/markdown",
    Form.PDF: "application/pdf",
    Form.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

_SERIF, _CJK = "Times New Roman", "宋体"  # on every computer with Chinese Word or WPS
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP can tell
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")
_STARTS_LIST = re.compile(r"^(\s*\d*)([-+.)])(?=\s)", re.MULTILINE)


def write(document: Document, form: Form) -> bytes:
    """The file's bytes. Raises reports.pdf.CannotTypeset."""
    match form:
        case Form.MARKDOWN:
            return "\n".join(_markdown(document)).encode()
        case Form.PDF:
            return compile_pdf("minutes.typ", _data(document), document.dated)
        case Form.DOCX:
            return _docx(document)


# ── Markdown ─────────────────────────────────────────────────────────────────────────────


def _plain(text: str) -> str:
    """A text in which nothing is taken for Markdown."""
    return _STARTS_LIST.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", text))


def _line(text: str) -> str:
    return _plain(text).replace("\n", " ")


def _cell(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text).replace("\n", "<br>")


def _markdown(document: Document) -> Iterator[str]:
    yield f"# {_line(document.title)}\n"
    yield f"{_line(document.subtitle)}\n"
    for name, value in document.facts:
        yield f"- {_line(name)}: {_line(value)}"
    yield ""
    for section in document.sections:
        yield f"## {_line(section.heading)}\n"
        for block in section.blocks:
            yield from _markdown_block(block)
    yield f"---\n\n{_line(document.footer)}\n"


def _markdown_block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(text):
            yield _plain(text).replace("\n", "  \n") + "\n"
        case Subheading(text):
            yield f"### {_line(text)}\n"
        case Bullets(items):
            yield from (f"- {_line(item)}" for item in items)
            yield ""
        case Grid(heads, rows, right):
            rules = ("---:" if at in right else "---" for at in range(len(heads)))
            yield f"| {' | '.join(map(_cell, heads))} |"
            yield f"| {' | '.join(rules)} |"
            yield from (f"| {' | '.join(map(_cell, row))} |" for row in rows)
            yield ""


# ── PDF ──────────────────────────────────────────────────────────────────────────────────


def _data(document: Document) -> dict[str, Any]:
    """What reports/paper/minutes.typ lays out."""
    return {
        "lang": "zh" if document.locale.startswith("zh") else "en",
        "title": document.title,
        "subtitle": document.subtitle,
        "footer": document.footer,
        "facts": [list(fact) for fact in document.facts],
        "sections": [
            {"heading": s.heading, "blocks": [_typst_block(b) for b in s.blocks]}
            for s in document.sections
        ],
    }


def _typst_block(block: Block) -> dict[str, Any]:
    match block:
        case Paragraph(text):
            return {"kind": "paragraph", "text": text}
        case Subheading(text):
            return {"kind": "subheading", "text": text}
        case Bullets(items):
            return {"kind": "bullets", "items": list(items)}
        case Grid(heads, rows, right, wide):
            return {
                "kind": "grid",
                "heads": list(heads),
                "rows": [list(row) for row in rows],
                "right": [at in right for at in range(len(heads))],
                "wide": wide,
            }


# ── DOCX ─────────────────────────────────────────────────────────────────────────────────


def _docx(document: Document) -> bytes:
    """Office Open XML; whoever opens it can go on writing."""
    made = docx.Document()
    _set_fonts(made)
    properties = made.core_properties
    properties.title, properties.author = printable(document.title), ""
    dated = document.dated.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    properties.created = properties.modified = dated
    properties.language = document.locale
    properties.comments, properties.revision = "", 1
    made.add_heading(printable(document.title), 0)
    made.add_paragraph(printable(document.subtitle))
    for name, value in document.facts:
        line = made.add_paragraph()
        line.add_run(f"{name}: ").bold = True
        line.add_run(printable(value))
    for section in document.sections:
        made.add_heading(printable(section.heading), 1)
        for block in section.blocks:
            _docx_block(made, block)
    made.sections[0].footer.paragraphs[0].text = printable(document.footer)
    file = io.BytesIO()
    made.save(file)
    return _undated(file.getvalue())


def _set_fonts(made: Docx) -> None:
    for name in ("Normal", "Title", "Heading 1", "Heading 2"):
        style = made.styles[name]
        style.font.name = _SERIF
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(theme), None)
        fonts.set(qn("w:eastAsia"), _CJK)


def _docx_block(made: Docx, block: Block) -> None:
    match block:
        case Paragraph(text):
            made.add_paragraph(printable(text))
        case Subheading(text):
            made.add_heading(printable(text), 2)
        case Bullets(items):
            for item in items:
                made.add_paragraph(printable(item), "List Bullet")
        case Grid():
            _docx_table(made, block)


def _docx_table(made: Docx, of: Grid) -> None:
    table = made.add_table(rows=0, cols=len(of.heads), style="Table Grid")
    for line in (of.heads, *of.rows):
        for at, (cell, text) in enumerate(zip(table.add_row().cells, line, strict=True)):
            cell.text = printable(text)
            if at in of.right:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    for cell in table.rows[0].cells:
        for run in cell.paragraphs[0].runs:
            run.bold = True


def _undated(package: bytes) -> bytes:
    """The same files in a ZIP whose entries bear no date of today."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(package)) as before,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for entry in before.infolist():
            kept = zipfile.ZipInfo(entry.filename, _EPOCH)
            kept.compress_type = zipfile.ZIP_DEFLATED
            after.writestr(kept, before.read(entry))
    return made.getvalue()
