"""Typeset a PDF from a Typst template of `reports/paper` and plain data.

The bytes depend on the template, the data, `as_of`, and the pinned versions of Typst and of the
fonts, and on nothing else: no clock, no font of the machine, no temporary file. The fonts are Noto
Serif SC and Noto Sans SC (SIL Open Font License 1.1), from a package; a file holds the glyphs it
uses. The file is tagged, with headings, tables and text alternatives of pictures (PDF/UA-1).
"""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "paper"

_SECONDS = 120
_AT_ONCE = threading.BoundedSemaphore(2)  # each takes a core, and up to 300 MB for 480 rooms


class CannotTypeset(Exception):
    """The template is wrong or does not fit the data, or it took too long."""


def compile_pdf(
    template: str, data: Mapping[str, Any], as_of: datetime, folder: Path = TEMPLATES
) -> bytes:
    """The PDF of a template ("coverage.typ") for data of JSON's types; blocks, so use a thread.

    The template reads the data as `json(bytes(sys.inputs.data))` and imports `paper.typ`, the
    common style. `as_of` becomes the date of the file, to the second, in UTC.

    Raises CannotTypeset.
    """
    dated = as_of.astimezone(UTC).replace(microsecond=0).isoformat()
    asked = {"template": str(folder / template), "as_of": dated, "data": _printable(data)}
    with _AT_ONCE:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "classroom_sync.reports.typesetting_process"],
                input=json.dumps(asked, ensure_ascii=False).encode(),
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CannotTypeset(f"{template} took more than {_SECONDS} s") from None
    if done.returncode != 0:
        raise CannotTypeset(done.stderr.decode(errors="replace").strip())
    return done.stdout


def printable(text: str) -> str:
    """A text without the control characters that no paper shows, and neither typesetting nor XML
    1.0 takes."""
    return "".join(c for c in text if c >= " " or c in "\t\n")


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {key: _printable(each) for key, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, list | tuple) else value
