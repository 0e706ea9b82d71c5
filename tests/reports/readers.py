"""Figures read back from each output, so that outputs can be compared cell by cell."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from io import BytesIO, StringIO
from typing import Any

from python_calamine import load_workbook

from classroom_sync.reports import definitions
from classroom_sync.reports.document import DIMENSIONS
from classroom_sync.reports.sixteen import INDICATORS
from scheduler.indicators.values import Indicator, Report

#: (part, key, indicator, measure) → numerator, denominator, share.
Figures = dict[tuple[str, str, int, str], tuple[Any, Any, Any]]
#: Day → rooms accepted or None, target or None.
Build = dict[date, list[int | None]]

HEADING = 5  # the row of a sheet's headings
_TARGET = re.compile(r"(\d{4}-\d\d-\d\d) 建设目标|Target of (\d{4}-\d\d-\d\d)")


def of_report(of: Report) -> Figures:
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


def build_of_report(of: Report) -> Build:
    points = {p.day: p.rooms for p in of.burn_up}
    targets = {t.deadline: t.rooms for t in of.targets}
    return {d: [points.get(d), targets.get(d)] for d in sorted(points.keys() | targets.keys())}


def of_csv(made: bytes) -> tuple[Figures, Build]:
    found: Figures = {}
    build: Build = {}
    for row in csv.DictReader(StringIO(made.decode("utf-8-sig"))):
        over, under, ratio = (
            float(row[name]) if row[name] else None
            for name in ("numerator", "denominator", "share")
        )
        if row["part"] in ("burn_up", "forecast", "target"):
            of_target = row["part"] == "target"
            rooms = under if of_target else over
            assert rooms is not None
            build.setdefault(date.fromisoformat(row["key"]), [None, None])[of_target] = int(rooms)
        else:
            found[row["part"], row["key"], int(row["indicator"]), row["measure"]] = (
                over,
                under,
                ratio,
            )
    return found, dict(sorted(build.items()))


def of_json(made: bytes) -> tuple[Figures, Build]:
    content = json.loads(made)
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
    points = {p["day"]: p["rooms"] for p in content["burn_up"]}
    targets = {t["deadline"]: t["rooms"] for t in content["targets"]}
    days = sorted(points.keys() | targets.keys())
    return found, {date.fromisoformat(d): [points.get(d), targets.get(d)] for d in days}


def sheets(made: bytes) -> dict[str, list[list[Any]]]:
    opened = load_workbook(BytesIO(made))
    return {name: opened.get_sheet_by_name(name).to_python() for name in opened.sheet_names}


def of_xlsx(made: bytes, locale: str, cut: tuple[str, str] = ("city", "")) -> tuple[Figures, Build]:
    """By what stands on the sheets: their titles, headings and names of measures."""
    found: Figures = {}
    parts = {text.said(locale).lower(): d.value for d, text in DIMENSIONS.items()}
    summary, *rest = sheets(made).items()
    for number, _, measure, over, under, ratio, _ in summary[1][HEADING + 1 :]:
        found[*cut, int(number), _slug(int(number), measure, locale)] = (
            over,
            _none(under),
            _none(ratio),
        )
    *broken_down, (_, trend), (_, progress), _ = rest
    for title, sheet in broken_down:
        part = parts[title.removeprefix("按").removeprefix("By ")]
        for row in sheet[HEADING + 1 :]:
            for key, triple in _measures(sheet[HEADING][2:], row[2:], locale):
                found[part, row[0], *key] = triple
    for row in trend[HEADING + 1 :]:
        for key, triple in _measures(trend[HEADING][2:], row[2:], locale):
            found["week", row[1].isoformat(), *key] = triple
    days = {row[0]: [_none(row[1]), _none(row[2])] for row in progress[HEADING + 1 :]}
    return found, days


def _none(cell: Any) -> Any:
    return None if cell == "" else cell


def _slug(number: int, name: str, locale: str) -> str:
    if number == 1:
        target = _TARGET.fullmatch(name)
        return f"target_{target[1] or target[2]}" if target else "accepted"
    [slug] = [m.slug for m in definitions.indicator(number).measures if m.name.said(locale) == name]
    return slug


def _measures(
    headings: Sequence[str], cells: Sequence[Any], locale: str
) -> Iterator[tuple[tuple[int, str], tuple[Any, Any, Any]]]:
    """A share's columns are its numerator, its denominator and itself, in this order."""
    known = {m.name.said(locale): (i.number, m) for i in INDICATORS for m in i.measures}
    for n, heading in enumerate(headings):
        if " · " in heading or (locale == "zh-CN" and "·" in heading):
            assert any(h == heading.partition("·")[0].strip() for h in headings)
            continue
        number, defined = known.get(heading, (1, None))
        slug = defined.slug if defined else _slug(1, heading, locale)
        share = defined is None or defined.of is not None
        if _none(cells[n]) is None and (not share or _none(cells[n - 2]) is None):
            continue  # the measure has no meaning for this row
        if share:
            assert all(h.startswith(heading) for h in headings[n - 2 : n])
            yield (number, slug), (cells[n - 2], cells[n - 1], _none(cells[n]))
        else:
            yield (number, slug), (cells[n], None, None)
