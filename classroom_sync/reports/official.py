"""The coverage report on paper, in the style of an official document 公文."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from classroom_sync.reports import definitions, pictures
from classroom_sync.reports.document import (
    DIMENSIONS,
    Document,
    Key,
    Kind,
    Label,
    Table,
    measures_of,
)
from classroom_sync.reports.numbers import NOTHING, fraction, plain, share, value
from classroom_sync.reports.pdf import compile_pdf
from classroom_sync.reports.words import Text
from scheduler.indicators.values import Dimension, Indicator, Measure, Report, Unit

#: The measures that a table on paper has room for; the files have all of them.
COLUMNS: tuple[Key, ...] = (
    (4, "delivery"),
    (5, "received"),
    (7, "pupils"),
    (8, "attendance"),
    (11, "interaction"),
    (12, "interrupted"),
)
_WIDTHS = {Kind.TEXT: 1.0, Kind.LONG: 2.4, Kind.NUMBER: 0, Kind.SHARE: 0, Kind.DATE: 0}
_OF_MODES: tuple[Key, ...] = ((15, "activities"), (16, "packages"))


def write(report: Report, document: Document, label: Label, zone: str) -> bytes:
    """The PDF's bytes; blocks for about a second, so use a thread."""
    return compile_pdf("coverage.typ", content(report, document, label, zone), report.as_of)


def content(report: Report, document: Document, label: Label, zone: str) -> dict[str, Any]:
    """What the template lays out: texts only, every number as it is printed."""
    locale = document.locale
    between = Text("；", "; ").said(locale)
    summary, *rest = document.tables
    by_slug = {table.slug: table for table in rest}
    sections = [
        {"heading": summary.title, "tables": [_summary(summary, report, locale)]},
        {
            "heading": by_slug["burn_up"].title,
            "pictures": _pictures(pictures.build_progress(report, locale)),
            "tables": [_plain(by_slug["burn_up"])],
        },
        {
            "heading": by_slug["week"].title,
            "pictures": _pictures(pictures.weekly(report, locale)),
            "tables": [
                _figures(
                    [by_slug["week"].columns[0].heading, by_slug["week"].columns[1].heading],
                    [
                        (
                            [NOTHING if w.number is None else str(w.number), str(w.monday)],
                            w.indicators,
                        )
                        for w in report.trend
                    ],
                    COLUMNS,
                    locale,
                )
            ],
        },
    ]
    for dimension, rows in report.breakdowns:
        drawn = pictures.delivered(dimension, rows, label, locale)
        keys = COLUMNS + (_OF_MODES if dimension is Dimension.MODE else ())
        sections.append(
            {
                "heading": by_slug[dimension.value].title,
                "pictures": _pictures(drawn),
                "tables": [
                    _figures(
                        [DIMENSIONS[dimension].said(locale)],
                        [([label(dimension, row.key)], row.indicators) for row in rows],
                        keys,
                        locale,
                    )
                ],
            }
        )
    return {
        "lang": "zh" if locale.startswith("zh") else "en",
        "title": document.title,
        "subtitle": between.join((document.scope, document.period)),
        "footer": between.join((document.cut_off, document.rules)),
        "opening": list(_opening(report, document)),
        "sections": sections,
        "nothing": Text("本期没有数据。", "There is nothing in this period.").said(locale),
        "closing": _closing(report.as_of, zone, locale),
        "annex": {
            "heading": Text("附件：", "Annex: ").said(locale) + by_slug["definitions"].title,
            "paragraphs": list(document.thresholds),
            "tables": [_definitions(by_slug["definitions"])],
        },
    }


def _opening(report: Report, document: Document) -> Iterator[str]:
    """The report in three sentences."""
    locale, found = document.locale, measures_of(report.indicators)
    yield Text(
        f"{document.cut_off}，按{document.rules}计算，情况如下。",
        f"{document.cut_off}, by {document.rules.lower()}.",
    ).said(locale)
    for (number, slug), m in found.items():
        if number == 1:
            name = definitions.measure(number, slug).name.said(locale)
            yield Text(
                f"{name}：已验收 {fraction(m)} 间，{share(m.ratio)}。",
                f"{name}: {fraction(m)} rooms accepted, {share(m.ratio)}.",
            ).said(locale)
    if delivery := found.get(pictures.DELIVERY):
        yield Text(
            f"应开听讲链路 {plain(delivery.denominator or 0)} 条，有效开出 "
            f"{plain(delivery.numerator)} 条，开课率 {share(delivery.ratio)}。",
            f"Of {plain(delivery.denominator or 0)} links due, {plain(delivery.numerator)} were "
            f"delivered: {share(delivery.ratio)}.",
        ).said(locale)


def _closing(as_of: datetime, zone: str, locale: str) -> dict[str, str]:
    day = as_of.astimezone(ZoneInfo(zone)).date()
    return {
        "note": Text(
            "本报告的每个数字都可在系统中逐级打开：名单、链路、在线区间，直至媒体收发记录。",
            "Every figure of this report opens in the system: its list, the link, its intervals, "
            "and the evidence under them.",
        ).said(locale),
        "date": Text(f"{day.year}年{day.month}月{day.day}日", day.isoformat()).said(locale),
    }


def _table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    kinds: Sequence[Kind],
    widths: Sequence[float] | None = None,
    *,
    dense: bool = False,
    blocks: int = 1,
) -> dict[str, Any]:
    """`widths`: of each column, as shares of what is left; 0 is as wide as its text. `dense`: lines
    close together; `blocks`: side by side, 1 or 2."""
    return {
        "heads": list(heads),
        "rows": [list(row) for row in rows],
        "right": [kind in (Kind.NUMBER, Kind.SHARE) for kind in kinds],
        "widths": list(widths or [_WIDTHS[kind] for kind in kinds]),
        "dense": dense,
        "blocks": blocks,
    }


def _pictures(drawn: pictures.Picture | None) -> list[dict[str, Any]]:
    return [] if drawn is None else [asdict(drawn)]


def _plain(table: Table) -> dict[str, Any]:
    return _table(
        [column.heading for column in table.columns],
        [[_cell(cell) for cell in row] for row in table.rows],
        [column.kind for column in table.columns],
        (1.5, 1.2, 1, 1.1),
        dense=True,
        blocks=2,
    )


def _definitions(table: Table) -> dict[str, Any]:
    """Without the units, and what is said of an indicator only beside its first measure."""
    rows: list[list[str]] = []
    for n, row in enumerate(table.rows):
        again = n > 0 and table.rows[n - 1][0] == row[0]
        rows.append([*(["", "", ""] if again else map(_cell, row[:3])), *map(_cell, row[3:5])])
    shown = table.columns[:5]
    return _table([c.heading for c in shown], rows, [c.kind for c in shown], (0, 1, 2.4, 1.3, 2))


def _cell(cell: object) -> str:
    match cell:
        case None:
            return ""
        case int() | float():
            return plain(cell)
        case _:
            return str(cell)


def _summary(table: Table, report: Report, locale: str) -> dict[str, Any]:
    measures = [m for i in report.indicators for m in i.measures]
    rows = [
        [
            str(row[0]),
            str(row[1]),
            str(row[2]),
            plain(m.numerator),
            NOTHING if m.denominator is None else plain(m.denominator),
            _value(m),
            str(row[6]),
        ]
        for row, m in zip(table.rows, measures, strict=True)
    ]
    heads = [column.heading for column in table.columns]
    heads[5] = Text("比率", "Share").said(locale)
    kinds = [column.kind for column in table.columns]
    return _table(heads, rows, kinds, (0, 1.6, 2.2, 0, 0, 0, 1.1), dense=True)


def _value(m: Measure) -> str:
    return value(m) if m.unit is Unit.SHARE else ""


def _figures(
    heads: Sequence[str],
    rows: Sequence[tuple[Sequence[str], tuple[Indicator, ...]]],
    keys: Sequence[Key],
    locale: str,
) -> dict[str, Any]:
    """A table with the measures of `keys` that any row has; a share below its two sides."""
    found = [measures_of(indicators) for _, indicators in rows]
    shown = [key for key in keys if any(key in row for row in found)]
    cells = [
        [*names, *(_figure(row.get(key)) for key in shown)]
        for (names, _), row in zip(rows, found, strict=True)
    ]
    names = [definitions.measure(*key).name.said(locale) for key in shown]
    kinds = [Kind.TEXT for _ in heads] + [Kind.NUMBER for _ in shown]
    widths = [2.0 if len(heads) == 1 else 0 for _ in heads] + [1.2 for _ in shown]
    return _table([*heads, *names], cells, kinds, widths)


def _figure(m: Measure | None) -> str:
    if m is None:
        return ""
    sides = fraction(m).replace(" ", "")
    return f"{sides}\n{share(m.ratio)}" if m.unit is Unit.SHARE else value(m)
