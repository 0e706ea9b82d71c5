"""Spreadsheet, CSV, JSON and paper say the same, cell by cell, and the same bytes each time."""

import csv
import json
import subprocess
import sys
from io import BytesIO, StringIO
from typing import Any

import pytest
from pypdf import PdfReader

from classroom_sync.reports import csv as csv_file
from classroom_sync.reports import definitions, document, official, pictures, xlsx
from classroom_sync.reports import json as json_file
from scheduler.indicators.values import Report
from tests.reports import paper, readers
from tests.reports.samples import AS_OF, ZONE, empty, label, report

LOCALES = ("zh-CN", "en")


@pytest.mark.parametrize("locale", LOCALES)
def test_the_spreadsheet_has_every_figure(locale: str) -> None:
    whole = report()
    doc = document.document(whole, label, ZONE, locale)
    made = xlsx.write(doc, whole.as_of)
    assert list(readers.sheets(made)) == [table.title for table in doc.tables]
    found, build = readers.of_xlsx(made, locale)
    assert found == to_fifteen_digits(readers.of_report(whole))
    assert build == readers.build_of_report(whole)


def to_fifteen_digits(figures: readers.Figures) -> dict[Any, Any]:
    """As Excel keeps shares."""
    return {
        key: (over, under, ratio and pytest.approx(ratio, rel=1e-14))
        for key, (over, under, ratio) in figures.items()
    }


@pytest.mark.parametrize("locale", LOCALES)
def test_csv_has_every_figure(locale: str) -> None:
    whole = report()
    made = csv_file.write(whole, label, locale)
    assert made.startswith(b"\xef\xbb\xbf")
    assert readers.of_csv(made) == (readers.of_report(whole), readers.build_of_report(whole))
    for row in csv.DictReader(StringIO(made.decode("utf-8-sig"))):
        assert (row["as_of"], row["rules"]) == (AS_OF.isoformat(), whole.rules.version)
        if row["measure"] != "rooms":
            defined = definitions.measure(int(row["indicator"]), row["measure"])
            assert row["measure_name"] == defined.name.said(locale)


def test_json_has_every_figure_and_the_rules_behind_them() -> None:
    whole = report()
    made = json_file.write(whole, label)
    assert readers.of_json(made) == (readers.of_report(whole), readers.build_of_report(whole))
    content = json.loads(made)
    assert content["as_of"] == AS_OF.isoformat()
    assert content["rules"] == {
        "version": "2026-1",
        "valid_share": 0.8,
        "partial_share": 0.5,
        "merge_gap": 10.0,
        "interruption": 60.0,
        "makeup_school_days": 10,
    }
    assert content["choices"]["regular_share"] == 0.8


@pytest.mark.parametrize("locale", LOCALES)
def test_the_paper_has_every_figure_of_its_tables(locale: str) -> None:
    whole = report()
    doc = document.document(whole, label, ZONE, locale)
    made = official.write(whole, doc, label, ZONE)
    paper.compare(made, whole, label, locale)
    assert doc.cut_off in PdfReader(BytesIO(made)).pages[-1].extract_text()


MAKING = """
import sys
from classroom_sync.reports import csv, document, json, official, xlsx
from tests.reports.samples import ZONE, label, report
whole = report()
doc = document.document(whole, label, ZONE, "zh-CN")
sys.stdout.buffer.write({
    "xlsx": lambda: xlsx.write(doc, whole.as_of),
    "pdf": lambda: official.write(whole, doc, label, ZONE),
    "csv": lambda: csv.write(whole, label, "zh-CN"),
    "json": lambda: json.write(whole, label),
}[sys.argv[1]]())
"""


@pytest.mark.parametrize("form", ["xlsx", "pdf", "csv", "json"])
def test_two_processes_make_the_same_bytes(form: str) -> None:
    run = [sys.executable, "-c", MAKING, form]
    first, second = (subprocess.run(run, check=True, capture_output=True).stdout for _ in range(2))
    assert first == second
    assert len(first) > 1000


def book(of: Report, locale: str) -> dict[str, list[list[Any]]]:
    return readers.sheets(xlsx.write(document.document(of, label, ZONE, locale), of.as_of))


@pytest.mark.parametrize("locale", LOCALES)
def test_a_city_without_a_lesson_has_a_report_that_says_so(locale: str) -> None:
    nothing = empty()
    doc = document.document(nothing, label, ZONE, locale)
    reader = PdfReader(BytesIO(official.write(nothing, doc, label, ZONE)))
    said = {"zh-CN": "本期没有数据", "en": "There is nothing in this period"}[locale]
    assert said in "".join(page.extract_text() for page in reader.pages)
    assert pictures.build_progress(nothing, locale) is None
    assert pictures.weekly(nothing, locale) is None
    assert list(book(nothing, locale)) == [table.title for table in doc.tables]
    assert len(csv_file.write(nothing, label, locale).splitlines()) == 1 + len(
        readers.of_report(nothing)
    )


def test_each_sheet_says_whose_figures_it_holds_when_known_and_by_which_rules() -> None:
    for sheet in book(report(), "zh-CN").values():
        assert [row[0] for row in sheet[1:5]] == [
            "全市",
            "统计期间 2026-09-01 至 2026-11-24",
            "数据截至 2026-11-24 18:30:05（Asia/Shanghai）",
            "规则版本 2026-1",
        ]


def test_a_name_that_looks_like_a_formula_is_a_text_everywhere() -> None:
    whole = report()
    sheet = book(whole, "zh-CN")["按受援校"]
    assert "=1+1 民办学校" in [row[1] for row in sheet]
    rows = csv.DictReader(StringIO(csv_file.write(whole, label, "zh-CN").decode("utf-8-sig")))
    assert "'=1+1 民办学校" in {row["name"] for row in rows}
