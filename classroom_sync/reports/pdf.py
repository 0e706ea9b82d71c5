"""Typeset a PDF from a Typst template of `reports/paper` and plain data.

The bytes depend on the template, the data, `as_of`, and the pinned versions of Typst and of the
fonts, and on nothing else: no clock, no font of the machine, no temporary file. The fonts are Noto
Serif SC and Noto Sans SC (SIL Open Font License 1.1), from a package; a file holds the glyphs it
uses. The file is tagged, with headings, tables and text alternatives of pictures (PDF/UA-1).
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
import typst

TEMPLATES = Path(__file__).parent / "paper"


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[pylopdf_fonts_zh_cn.serif_path().parent],
    )


def compile_pdf(
    template: str, data: Mapping[str, Any], as_of: datetime, folder: Path = TEMPLATES
) -> bytes:
    """The PDF of a template ("coverage.typ") for data of JSON's types; blocks, so use a thread.

    The template reads the data as `json(bytes(sys.inputs.data))` and imports `paper.typ`, the
    common style. `as_of` becomes the date of the file, to the second, in UTC.

    Raises typst.TypstError where the template is wrong or does not fit the data.
    """
    return typst.compile(
        folder / template,
        root=folder,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards=["ua-1"],
        timestamp=as_of.astimezone(UTC).replace(microsecond=0),
    )
