"""The process that typesets one PDF: JSON on standard input, the file on standard output.

Typst keeps what it laid out for the next time, up to hundreds of megabytes for a long report; a
process of its own gives them back.
"""

import json
import sys
from datetime import datetime
from pathlib import Path

import pylopdf_fonts_zh_cn
import typst


def main() -> None:
    """Entry point of the process: the template's path, the file's date in UTC, and the data."""
    asked = json.load(sys.stdin.buffer)
    source = Path(asked["template"])
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[pylopdf_fonts_zh_cn.serif_path().parent],
    )
    try:
        made = typst.compile(
            source,
            root=source.parent,
            font_paths=fonts,
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs={"data": json.dumps(asked["data"], ensure_ascii=False)},
            pdf_standards=["ua-1"],
            timestamp=datetime.fromisoformat(asked["as_of"]),
        )
    except typst.TypstError as error:
        sys.exit("\n".join([error.message, *error.hints, *error.trace]))
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
