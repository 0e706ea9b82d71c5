"""A document as a file. All of it blocks: use a thread."""

import io
import re
from collections.abc import Iterator
from datetime import UTC
from enum import StrEnum
from typing import Any

import docx
from docx.document import Document as Docx
from docx.oxml.ns import qn

from classroom_sync.minutes.document import Block, Bullets, Document, Grid, Paragraph, Subheading
from classroom_sync.reports.pdf import compile_pdf


class Form(StrEnum):
    MARKDOWN = "md"
    PDF = "pdf"
    DOCX = "docx"


MEDIA_TYPES = {
    Form.MARKDOWN: "text/markdown",
    Form.PDF: "application/pdf",
    Form.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}

_CHINESE_FONT = "宋体"  # on every computer with Chinese Word or WPS
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")
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
    return _SPECIAL.sub(r"\\\1", text).replace("\n", " ")


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


def _markdown_block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(text):
            yield _plain(text) + "\n"
        case Subheading(text):
            yield f"### {_line(text)}\n"
        case Bullets(items):
            yield from (f"- {_line(item)}" for item in items)
            yield ""
        case Grid(heads, rows):
            yield f"| {' | '.join(map(_cell, heads))} |"
            yield f"|{' --- |' * len(heads)}"
            yield from (f"| {' | '.join(map(_cell, row))} |" for row in rows)
            yield ""


# ── PDF ──────────────────────────────────────────────────────────────────────────────────


def _data(document: Document) -> dict[str, Any]:
    """What reports/paper/minutes.typ lays out."""
    return {
        "lang": "zh" if document.locale.startswith("zh") else "en",
        "title": document.title,
        "subtitle": document.subtitle,
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
        case Grid(heads, rows):
            return {"kind": "grid", "heads": list(heads), "rows": [list(row) for row in rows]}


# ── DOCX ─────────────────────────────────────────────────────────────────────────────────


def _docx(document: Document) -> bytes:
    made = docx.Document()
    for style in ("Normal", "Title", "Heading 1", "Heading 2"):
        font = made.styles[style].element.get_or_add_rPr().get_or_add_rFonts()
        font.set(qn("w:eastAsia"), _CHINESE_FONT)
    properties = made.core_properties
    properties.title, properties.author = document.title, ""
    properties.created = properties.modified = document.dated.astimezone(UTC)
    properties.language = document.locale
    made.add_heading(document.title, 0)
    made.add_paragraph(document.subtitle)
    for name, value in document.facts:
        made.add_paragraph(f"{name}: {value}")
    for section in document.sections:
        made.add_heading(section.heading, 1)
        for block in section.blocks:
            _docx_block(made, block)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def _docx_block(made: Docx, block: Block) -> None:
    match block:
        case Paragraph(text):
            made.add_paragraph(_allowed(text))
        case Subheading(text):
            made.add_heading(_allowed(text), 2)
        case Bullets(items):
            for item in items:
                made.add_paragraph(_allowed(item), "List Bullet")
        case Grid(heads, rows):
            table = made.add_table(rows=0, cols=len(heads), style="Table Grid")
            for line in (heads, *rows):
                for cell, text in zip(table.add_row().cells, line, strict=True):
                    cell.text = _allowed(text)


def _allowed(text: str) -> str:
    """Without the control characters that XML 1.0 has no way to write."""
    return "".join(c for c in text if c >= " " or c in "\t\n")
