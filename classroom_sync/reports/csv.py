"""The report as tidy rows: one measure of one value in each, with what it was cut by beside it.

UTF-8 with a byte order mark, which Excel needs to read Chinese; lines end in CR LF (RFC 4180).
"""

import csv
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from io import StringIO

from classroom_sync.reports import definitions
from classroom_sync.reports.document import Label
from classroom_sync.reports.numbers import exact
from scheduler.indicators.values import Indicator, Report

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `part` is the dimension that `key` is of, or week, target, burn_up or forecast."""

    part: str
    key: str
    name: str
    since: str
    until: str
    as_of: str
    rules: str
    indicator: int
    indicator_name: str
    measure: str
    measure_name: str
    numerator: int | float | str
    denominator: int | float | str
    share: float | str


def write(report: Report, label: Label, locale: str) -> bytes:
    """The file's bytes."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([field.name for field in fields(Line)])
    for line in lines(report, label, locale):
        writer.writerow([_safe(cell) for cell in astuple(line)])
    return text.getvalue().encode("utf-8-sig")


def _safe(cell: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def lines(report: Report, label: Label, locale: str) -> Iterator[Line]:
    """The cut itself, its breakdowns, its weeks, the targets, and the rooms accepted by day."""
    cut = report.cut
    yield from _lines(
        report,
        cut.dimension.value,
        cut.key,
        label(cut.dimension, cut.key),
        report.indicators,
        locale,
    )
    for dimension, rows in report.breakdowns:
        for row in rows:
            yield from _lines(
                report, dimension.value, row.key, label(dimension, row.key), row.indicators, locale
            )
    for week in report.trend:
        number = "" if week.number is None else str(week.number)
        yield from _lines(report, "week", week.monday.isoformat(), number, week.indicators, locale)
    name = definitions.indicator(1).name.said(locale)
    for target in report.targets:
        yield _line(report, "target", target.deadline.isoformat(), name, "", target.rooms)
    for point in report.burn_up:
        part = "forecast" if point.forecast else "burn_up"
        yield _line(report, part, point.day.isoformat(), name, point.rooms, "")


def _line(
    report: Report, part: str, day: str, name: str, rooms: int | str, target: int | str
) -> Line:
    cut = report.cut
    return Line(
        part,
        day,
        "",
        cut.since.isoformat(),
        cut.until.isoformat(),
        report.as_of.isoformat(),
        report.rules.version,
        1,
        name,
        "rooms",
        name,
        rooms,
        target,
        "",
    )


def _lines(
    report: Report,
    part: str,
    key: str,
    name: str,
    indicators: tuple[Indicator, ...],
    locale: str,
) -> Iterator[Line]:
    cut = report.cut
    for found in indicators:
        title = definitions.indicator(found.number).name.said(locale)
        for m in found.measures:
            yield Line(
                part=part,
                key=key,
                name=name,
                since=cut.since.isoformat(),
                until=cut.until.isoformat(),
                as_of=report.as_of.isoformat(),
                rules=report.rules.version,
                indicator=found.number,
                indicator_name=title,
                measure=m.slug,
                measure_name=definitions.measure(found.number, m.slug).name.said(locale),
                numerator=exact(m.numerator),
                denominator="" if m.denominator is None else exact(m.denominator),
                share="" if m.ratio is None else m.ratio,
            )
