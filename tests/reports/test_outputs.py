"""Spreadsheet, CSV, JSON and paper say the same, cell by cell, and the same bytes each time."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from io import BytesIO, StringIO
from typing import Any

import pytest
from pypdf import PdfReader
from python_calamine import load_workbook

from classroom_sync.reports import csv as csv_file
from classroom_sync.reports import definitions, document, official, pictures, xlsx
from classroom_sync.reports import json as json_file
from classroom_sync.reports.numbers import fraction, plain, share
from scheduler.indicators.values import Indicator, Report, Unit
from tests.reports.samples import AS_OF, ZONE, empty, label, report

LOCALES = ("zh-CN", "en")
#: (part, key, indicator, measure) → numerator, denominator, share.
Figures = dict[tuple[str, str, int, str], tuple[Any, Any, Any]]


def figures(of: Report) -> Figures:
    found: Figures = {}

    def add(part: str, key: str, indicators: Sequence[Indicator]) -> None:
        for i in indicators:
            for m in i.measures:
                found[part, key, i.number, m.slug] = (m.numerator, m.denominator, m.ratio)

    add(of.cut.dimension.value, of.cut.key, of.indicators)
    for dimension, rows in of.breakdowns:
        for row in rows:
            add(dimension.value, row.key, row.indicators)
    for week in of.trend:
        add("week", week.monday.isoformat(), week.indicators)
    return found


def build(of: Report) -> list[tuple[Any, Any, Any]]:
    """Day, rooms or None, target or None."""
    points = {p.day: p.rooms for p in of.burn_up}
    targets = {t.deadline: t.rooms for t in of.targets}
    return [(d, points.get(d), targets.get(d)) for d in sorted(points.keys() | targets.keys())]


def book(of: Report, locale: str) -> dict[str, list[list[Any]]]:
    made = xlsx.write(document.document(of, label, ZONE, locale), of.as_of)
    opened = load_workbook(BytesIO(made))
    return {name: opened.get_sheet_by_name(name).to_python() for name in opened.sheet_names}


HEADING = 5  # the row of a table's headings


@pytest.mark.parametrize("locale", LOCALES)
def test_the_spreadsheet_has_every_figure(locale: str) -> None:
    whole = report()
    doc, sheets = document.document(whole, label, ZONE, locale), book(whole, locale)
    assert list(sheets) == [table.title for table in doc.tables]
    found: Figures = {}
    keys = [(i.number, m.slug) for i in whole.indicators for m in i.measures]
    for key, row in zip(keys, sheets[doc.tables[0].title][HEADING + 1 :], strict=True):
        number, name, measure, over, under, ratio, _ = row
        defined = definitions.measure(*key)
        assert (number, measure) == (key[0], defined.name.said(locale))
        assert name == definitions.indicator(key[0]).name.said(locale)
        found["city", "", *key] = (over, none(under), none(ratio))
    headings = {definitions.measure(*key).name.said(locale): key for key in keys}
    for table in doc.tables[1:-2]:
        sheet = sheets[table.title]
        for row in sheet[HEADING + 1 :]:
            name = row[1].isoformat() if isinstance(row[1], date) else row[0]
            for key, triple in triples(sheet[HEADING][2:], row[2:], headings, whole):
                found[table.slug, name, *key] = triple
    assert found.keys() == figures(whole).keys()
    for key, (over, under, ratio) in figures(whole).items():  # Excel keeps fifteen digits
        assert found[key] == (over, under, ratio and pytest.approx(ratio, rel=1e-14)), key
    progress = sheets[doc.tables[-2].title][HEADING + 1 :]
    assert [(d, none(rooms), none(target)) for d, rooms, target, _ in progress] == build(whole)


def none(cell: Any) -> Any:
    return None if cell == "" else cell


def triples(
    headings: Sequence[str], cells: Sequence[Any], keys: dict[str, tuple[int, str]], of: Report
) -> Iterator[tuple[tuple[int, str], tuple[Any, Any, Any]]]:
    units = {(i.number, m.slug): m.unit for i in of.indicators for m in i.measures}
    for n, heading in enumerate(headings):
        key = keys.get(heading)
        if key is None:
            assert "·" in heading
        elif units[key] is Unit.SHARE:
            assert all(h.startswith(heading) for h in headings[n - 2 : n])
            yield key, (cells[n - 2], cells[n - 1], none(cells[n]))
        else:
            yield key, (cells[n], None, None)


@pytest.mark.parametrize("locale", LOCALES)
def test_csv_has_every_figure(locale: str) -> None:
    whole = report()
    made = csv_file.write(whole, label, locale)
    assert made.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(StringIO(made.decode("utf-8-sig"))))
    found: Figures = {}
    progress: dict[date, list[Any]] = {}
    for row in rows:
        over, under, ratio = (
            float(row[name]) if row[name] else None
            for name in ("numerator", "denominator", "share")
        )
        if row["part"] in ("burn_up", "forecast", "target"):
            entry = progress.setdefault(date.fromisoformat(row["key"]), [None, None])
            entry[row["part"] == "target"] = under if row["part"] == "target" else over
            continue
        key = (row["part"], row["key"], int(row["indicator"]), row["measure"])
        assert row["measure_name"] == definitions.measure(*key[2:]).name.said(locale)
        found[key] = (over, under, ratio)
        assert (row["as_of"], row["rules"]) == (AS_OF.isoformat(), whole.rules.version)
    assert found == figures(whole)
    assert [(day, *progress[day]) for day in sorted(progress)] == build(whole)


def test_json_has_every_figure() -> None:
    whole = report()
    content = json.loads(json_file.write(whole, label))
    found: Figures = {}

    def add(part: str, key: str, indicators: list[dict[str, Any]]) -> None:
        for i in indicators:
            for m in i["measures"]:
                triple = (m["numerator"], m["denominator"], m["ratio"])
                found[part, key, i["number"], m["slug"]] = triple

    add(content["dimension"], content["key"], content["indicators"])
    for dimension, rows in content["breakdowns"].items():
        for row in rows:
            add(dimension, row["key"], row["indicators"])
    for week in content["trend"]:
        add("week", week["monday"], week["indicators"])
    assert found == figures(whole)
    points = {p["day"]: p["rooms"] for p in content["burn_up"]}
    targets = {t["deadline"]: t["rooms"] for t in content["targets"]}
    assert [
        (date.fromisoformat(day), points.get(day), targets.get(day))
        for day in sorted(points.keys() | targets.keys())
    ] == build(whole)
    assert content["as_of"] == AS_OF.isoformat()
    assert content["rules"] == {
        "version": "2026-1",
        "valid_share": 0.8,
        "partial_share": 0.5,
        "merge_gap": 10.0,
        "interruption": 60.0,
    }


@pytest.mark.parametrize("locale", LOCALES)
def test_the_paper_has_every_figure_of_its_tables(locale: str) -> None:
    whole = report()
    doc = document.document(whole, label, ZONE, locale)
    reader = PdfReader(BytesIO(official.write(whole, doc, label, ZONE)))
    text = squeezed("".join(page.extract_text() for page in reader.pages))
    rows = [
        [
            definitions.measure(i.number, m.slug).name.said(locale),
            plain(m.numerator),
            "—" if m.denominator is None else plain(m.denominator),
            share(m.ratio) if m.unit is Unit.SHARE else "",
        ]
        for i in whole.indicators
        for m in i.measures
    ]
    rows += [
        [day.isoformat(), str(rooms or ""), str(target or "")]
        for day, rooms, target in build(whole)
    ]
    rows += [
        ["—" if w.number is None else str(w.number), w.monday.isoformat(), *columns(w.indicators)]
        for w in whole.trend
    ]
    rows += [
        [label(dimension, row.key), *columns(row.indicators)]
        for dimension, entries in whole.breakdowns
        for row in entries
    ]
    at = 0
    for row in rows:
        found = text.find(squeezed("".join(row)), at)
        assert found >= 0, f"not on paper, or out of order: {row}"
        at = found + 1
    assert doc.cut_off in reader.pages[-1].extract_text()


def columns(indicators: Sequence[Indicator]) -> list[str]:
    found = document.measures_of(indicators)
    return [
        fraction(found[key])
        + (share(found[key].ratio) if found[key].denominator is not None else "")
        for key in official.COLUMNS
    ]


def squeezed(text: str) -> str:
    return "".join(text.split())


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
    assert len(csv_file.write(nothing, label, locale).splitlines()) == 1 + len(figures(nothing))


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
