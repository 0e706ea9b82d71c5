"""A short document of facts, paragraphs and tables as PDF, DOCX and Markdown.

The bytes of each depend on the document alone: no clock, no random id, no order of a dictionary.
"""

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from docx import Document
from docx.document import Document as DocumentObject
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Pt

from classroom_sync.reports.pdf import compile_pdf

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP can tell
_SERIF, _CJK = "Times New Roman", "宋体"


@dataclass(frozen=True, slots=True)
class Table:
    """`right`: which columns hold figures; `wide`: which one gets the room that is left. Each row
    has as many cells as there are heads."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    wide: int


@dataclass(frozen=True, slots=True)
class Section:
    heading: str
    paragraphs: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """`lang` is "zh" or "en"; `as_of` the instant of the newest of what is in it."""

    lang: str
    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    footer: str
    as_of: datetime


def to_pdf(of: Paper) -> bytes:
    """Typeset on A4. Blocks; raises CannotTypeset."""
    data = {
        "lang": of.lang,
        "title": of.title,
        "subtitle": of.subtitle,
        "facts": [list(fact) for fact in of.facts],
        "sections": [
            {
                "heading": section.heading,
                "paragraphs": list(section.paragraphs),
                "table": section.table
                and {
                    "heads": list(section.table.heads),
                    "rows": [list(row) for row in section.table.rows],
                    "right": list(section.table.right),
                    "wide": section.table.wide,
                },
            }
            for section in of.sections
        ],
        "footer": of.footer,
    }
    return compile_pdf("observation.typ", data, of.as_of)


def to_markdown(of: Paper) -> bytes:
    """CommonMark with tables (GitHub's)."""
    lines = [f"# {_plain(of.title)}", "", _plain(of.subtitle), ""]
    lines += [f"- **{_plain(name)}**: {_plain(value)}" for name, value in of.facts]
    for section in of.sections:
        lines += ["", f"## {_plain(section.heading)}"]
        for paragraph in section.paragraphs:
            lines += ["", "  \n".join(_plain(line) for line in paragraph.splitlines())]
        if section.table is not None:
            lines += ["", *_rows(section.table)]
    return ("\n".join([*lines, "", "---", "", _plain(of.footer)]) + "\n").encode()


def _rows(table: Table) -> Sequence[str]:
    rules = ["---:" if right else "---" for right in table.right]
    rows = [table.heads, *table.rows]
    cells = ["| " + " | ".join(_plain(c).replace("\n", "<br>") for c in row) + " |" for row in rows]
    return [cells[0], "| " + " | ".join(rules) + " |", *cells[1:]]


def _plain(text: str) -> str:
    """Text in which nothing is markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text.strip())


def to_docx(of: Paper) -> bytes:
    """Office Open XML; whoever opens it can go on writing."""
    document = Document()
    _set_fonts(document)
    about = document.core_properties
    dated = of.as_of.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    about.title, about.author, about.language = of.title, "", of.lang
    about.created = about.modified = dated
    about.comments, about.revision = "", 1
    document.add_heading(of.title, level=0)
    document.add_paragraph(of.subtitle)
    for name, value in of.facts:
        line = document.add_paragraph()
        line.add_run(f"{name}: ").bold = True
        line.add_run(value)
        line.paragraph_format.space_after = Pt(2)
    for section in of.sections:
        document.add_heading(section.heading, level=1)
        for paragraph in section.paragraphs:
            document.add_paragraph(paragraph)
        if section.table is not None:
            _add_table(document, section.table)
    document.sections[0].footer.paragraphs[0].text = of.footer
    made = io.BytesIO()
    document.save(made)
    return _undated(made.getvalue())


def _set_fonts(document: DocumentObject) -> None:
    for name in ("Normal", "Title", "Heading 1"):
        style = document.styles[name]
        style.font.name = _SERIF
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
            fonts.attrib.pop(qn(theme), None)
        fonts.set(qn("w:eastAsia"), _CJK)


def _add_table(document: DocumentObject, of: Table) -> None:
    table = document.add_table(rows=1 + len(of.rows), cols=len(of.heads))
    table.style = "Table Grid"
    for row, cells in zip(table.rows, [of.heads, *of.rows], strict=True):
        for cell, text, right in zip(row.cells, cells, of.right, strict=True):
            cell.text = text
            if right:
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
