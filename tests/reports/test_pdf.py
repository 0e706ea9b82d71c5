"""A sheet of paper: the same bytes wherever it is made, its fonts in it, text that reads back."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from classroom_sync.reports import pdf

AS_OF = datetime(2026, 11, 24, 18, 0, 0, 123456, tzinfo=UTC)
TEMPLATE = """#import "paper.typ": paper
#let data = json(bytes(sys.inputs.data))
#show: paper.with(lang: data.lang, title: data.title, footer: [截至])
#for name in data.names [= #name
#pagebreak(weak: true)]
"""
DATA = {"lang": "zh", "title": "同步课堂报告", "names": ["城厢镇第四小学", "受援校"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "paper.typ").write_bytes((pdf.TEMPLATES / "paper.typ").read_bytes())
    (tmp_path / "sheet.typ").write_text(TEMPLATE)
    return tmp_path


def compiled(folder: Path, as_of: datetime = AS_OF, **other: object) -> bytes:
    return pdf.compile_pdf("sheet.typ", DATA | other, as_of, folder)


def test_the_text_can_be_read_back_with_page_numbers(folder: Path) -> None:
    pages = PdfReader(BytesIO(compiled(folder))).pages
    texts = ["".join(page.extract_text().split()) for page in pages]
    assert "同步课堂报告" in texts[0]
    assert "城厢镇第四小学" in texts[0]
    assert "第1页共2页" in texts[0]
    assert "受援校" in texts[1]
    assert "第2页共2页" in texts[1]


def test_english_pages_are_numbered_in_english(folder: Path) -> None:
    made = compiled(folder, lang="en")
    assert "Page 1 of 2" in PdfReader(BytesIO(made)).pages[0].extract_text()


def test_every_font_is_embedded_and_comes_from_the_package(folder: Path) -> None:
    reader = PdfReader(BytesIO(compiled(folder)))
    found = {}
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()
            found[str(inner["/BaseFont"]).split("+")[-1].split("-")[0]] = (
                "/FontFile3" in inner["/FontDescriptor"].get_object()
            )
    assert found == {"NotoSerifSC": True, "NotoSansSC": True}


def test_the_date_of_the_file_is_the_cut_off(folder: Path) -> None:
    east = AS_OF.astimezone(timezone(timedelta(hours=8)))
    made = compiled(folder)
    assert PdfReader(BytesIO(made)).metadata.creation_date == AS_OF.replace(microsecond=0)
    assert compiled(folder, east) == made


def test_two_processes_make_the_same_bytes(folder: Path) -> None:
    script = (
        "import sys; from datetime import datetime; from pathlib import Path\n"
        "from classroom_sync.reports import pdf\n"
        f"data, as_of = {DATA!r}, datetime.fromisoformat('{AS_OF}')\n"
        "made = pdf.compile_pdf('sheet.typ', data, as_of, Path(sys.argv[1]))\n"
        "sys.stdout.buffer.write(made)\n"
    )
    run = [sys.executable, "-c", script, str(folder)]
    first, second = (subprocess.run(run, check=True, capture_output=True).stdout for _ in range(2))
    assert first == second == compiled(folder)


def test_data_that_the_template_does_not_fit_is_an_error(folder: Path) -> None:
    with pytest.raises(pdf.CannotTypeset, match="title"):
        pdf.compile_pdf("sheet.typ", {"lang": "zh"}, AS_OF, folder)
