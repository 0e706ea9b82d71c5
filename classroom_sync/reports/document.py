"""A coverage report in one language as titled tables, which the spreadsheet and the paper lay out.

Cells hold numbers, not texts: how they look is each output's own affair.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from classroom_sync.reports import definitions
from classroom_sync.reports.numbers import exact
from classroom_sync.reports.sixteen import INDICATORS
from classroom_sync.reports.words import Text
from scheduler.indicators.values import Dimension, Indicator, Measure, Report, Row, Unit

#: The name of a value of a dimension: (SCHOOL, "2132000004") → "春晖外来工子弟学校".
Label = Callable[[Dimension, str], str]
Cell = str | int | float | date | None


class Kind(StrEnum):
    """What a column holds, and so how its cells look."""

    TEXT = "text"
    LONG = "long"  # text that needs several lines
    NUMBER = "number"
    SHARE = "share"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Column:
    heading: str  # unique within its table
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """A rectangle: every row has a cell for every column."""

    slug: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What stands on every sheet: whose figures, for when, known when, by which rules."""

    locale: str
    title: str
    scope: str
    period: str
    cut_off: str
    rules: str
    thresholds: tuple[str, ...]
    tables: tuple[Table, ...]

    @property
    def facts(self) -> tuple[str, ...]:
        return (self.scope, self.period, self.cut_off, self.rules)


TITLE = Text("同步课堂应用情况报告", "Synchronous Classroom Coverage Report")
_CITY = Text("全市", "Whole city")
DIMENSIONS = {
    Dimension.CITY: _CITY,
    Dimension.SCHOOL: Text("受援校", "Receiving school"),
    Dimension.ROOM: Text("直播课堂", "Room"),
    Dimension.HUB: Text("主校", "Hub school"),
    Dimension.SUBJECT: Text("学科", "Subject"),
    Dimension.TEACHER: Text("主讲教师", "Lead teacher"),
    Dimension.MODE: Text("应用模式", "Mode"),
    Dimension.MONTH: Text("月份", "Month"),
    Dimension.PHASE: Text("建设期", "Build phase"),
}
_W = {
    "number": Text("序号", "No."),
    "indicator": Text("指标", "Indicator"),
    "measure": Text("计量项", "Measure"),
    "numerator": Text("分子", "Numerator"),
    "denominator": Text("分母", "Denominator"),
    "share": Text("比率", "Share"),
    "unit": Text("单位", "Unit"),
    "definition": Text("定义", "Definition"),
    "formula": Text("计算公式", "Formula"),
    "key": Text("编号", "Id"),
    "week": Text("教学周", "Teaching week"),
    "monday": Text("周一日期", "Monday"),
    "day": Text("日期", "Day"),
    "rooms": Text("验收课堂（间）", "Rooms accepted"),
    "target": Text("目标（间）", "Target"),
    "nature": Text("性质", "Nature"),
    "known": Text("实际", "actual"),
    "forecast": Text("预测", "forecast"),
    "indicators": Text("指标总表", "Indicators"),
    "trend": Text("按周趋势", "By week"),
    "burn_up": Text("建设进度", "Build progress"),
    "definitions": Text("指标定义", "Definitions"),
}


def scope(report: Report, label: Label, locale: str) -> str:
    """Whose figures they are: "受援校：春晖外来工子弟学校"."""
    cut = report.cut
    if cut.dimension is Dimension.CITY:
        return _CITY.said(locale)
    colon = Text("：", ": ").said(locale)
    return DIMENSIONS[cut.dimension].said(locale) + colon + label(cut.dimension, cut.key)


def cut_off(report: Report, zone: str, locale: str) -> str:
    at = report.as_of.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
    return Text(f"数据截至 {at}（{zone}）", f"As known at {at} ({zone})").said(locale)


def document(report: Report, label: Label, zone: str, locale: str) -> Document:
    """The whole report; instants are shown in `zone`, an IANA name."""
    since, until = report.cut.since, report.cut.until
    version = report.rules.version
    return Document(
        locale=locale,
        title=TITLE.said(locale),
        scope=scope(report, label, locale),
        period=Text(f"统计期间 {since} 至 {until}", f"Period {since} to {until}").said(locale),
        cut_off=cut_off(report, zone, locale),
        rules=Text(f"规则版本 {version}", f"Rules {version}").said(locale),
        thresholds=tuple(
            t.said(locale) for t in definitions.thresholds(report.rules, report.choices)
        ),
        tables=(
            _summary(report, locale),
            *(_breakdown(d, rows, label, locale) for d, rows in report.breakdowns),
            trend(report, locale),
            burn_up(report, locale),
            defined(report, locale),
        ),
    )


def _words(locale: str, *names: str) -> list[str]:
    return [_W[name].said(locale) for name in names]


def _columns(locale: str, names: Sequence[str], kinds: Sequence[Kind]) -> tuple[Column, ...]:
    return tuple(Column(h, k) for h, k in zip(_words(locale, *names), kinds, strict=True))


def _summary(report: Report, locale: str) -> Table:
    names = ("number", "indicator", "measure", "numerator", "denominator", "share", "unit")
    kinds = (Kind.NUMBER, Kind.TEXT, Kind.TEXT, Kind.NUMBER, Kind.NUMBER, Kind.SHARE, Kind.TEXT)
    return Table(
        "indicators",
        _W["indicators"].said(locale),
        _columns(locale, names, kinds),
        tuple(
            (
                found.number,
                definitions.indicator(found.number).name.said(locale),
                definitions.measure(found.number, m.slug).name.said(locale),
                exact(m.numerator),
                None if m.denominator is None else exact(m.denominator),
                m.ratio,
                definitions.measure(found.number, m.slug).in_units_of.said(locale),
            )
            for found in report.indicators
            for m in found.measures
        ),
    )


Key = tuple[int, str]  # indicator number, measure slug


def measures_of(indicators: Iterable[Indicator]) -> dict[Key, Measure]:
    """Every measure by its number and slug, in order."""
    return {(i.number, m.slug): m for i in indicators for m in i.measures}


def _measure_columns(
    rows: Sequence[tuple[Indicator, ...]], locale: str, only: Collection[Key] | None = None
) -> tuple[list[Column], Callable[[tuple[Indicator, ...]], list[Cell]]]:
    """Columns for the measures that any row has, and what makes a row's cells for them."""
    units = {
        key: m.unit
        for row in rows
        for key, m in measures_of(row).items()
        if only is None or key in only
    }
    keys = sorted(units, key=lambda key: (key[0], _place(key)))
    columns: list[Column] = []
    for key in keys:
        name = definitions.measure(*key).name.said(locale)
        if units[key] is Unit.SHARE:
            over, under = _words(locale, "numerator", "denominator")
            between = Text("·", " · ").said(locale)
            columns += [
                Column(f"{name}{between}{over}", Kind.NUMBER),
                Column(f"{name}{between}{under}", Kind.NUMBER),
                Column(name, Kind.SHARE),
            ]
        else:
            columns.append(Column(name, Kind.NUMBER))

    def cells(row: tuple[Indicator, ...]) -> list[Cell]:
        found, made = measures_of(row), list[Cell]()
        for key in keys:
            m = found.get(key)
            wide = units[key] is Unit.SHARE
            if m is None:
                made += [None] * (3 if wide else 1)
            elif wide:
                assert m.denominator is not None, "a share has a denominator"
                made += [exact(m.numerator), exact(m.denominator), m.ratio]
            else:
                made.append(exact(m.numerator))
        return made

    return columns, cells


def _place(key: Key) -> tuple[int, str]:
    """Where a measure stands within its indicator."""
    order = [m.slug for m in definitions.indicator(key[0]).measures]
    return (order.index(key[1]), "") if key[1] in order else (0, key[1])


def _breakdown(dimension: Dimension, rows: Sequence[Row], label: Label, locale: str) -> Table:
    columns, cells = _measure_columns([row.indicators for row in rows], locale)
    name = DIMENSIONS[dimension].said(locale)
    return Table(
        dimension.value,
        Text(f"按{name}", f"By {name.lower()}").said(locale),
        (
            Column(_W["key"].said(locale), Kind.TEXT),
            Column(name, Kind.TEXT),
            *columns,
        ),
        tuple((row.key, label(dimension, row.key), *cells(row.indicators)) for row in rows),
    )


def trend(report: Report, locale: str, only: Collection[Key] | None = None) -> Table:
    """The measures of each week: all, or those of `only`."""
    columns, cells = _measure_columns([w.indicators for w in report.trend], locale, only)
    week, monday = _words(locale, "week", "monday")
    return Table(
        "week",
        _W["trend"].said(locale),
        (Column(week, Kind.NUMBER), Column(monday, Kind.DATE), *columns),
        tuple((w.number, w.monday, *cells(w.indicators)) for w in report.trend),
    )


def burn_up(report: Report, locale: str) -> Table:
    """The days of the line and of the targets, in order."""
    known, forecast = _words(locale, "known", "forecast")
    targets = {t.deadline: t.rooms for t in report.targets}
    points = {p.day: p for p in report.burn_up}
    rows: list[tuple[Cell, ...]] = []
    for day in sorted(targets.keys() | points.keys()):
        p = points.get(day)
        nature = None if p is None else forecast if p.forecast else known
        rows.append((day, None if p is None else p.rooms, targets.get(day), nature))
    kinds = (Kind.DATE, Kind.NUMBER, Kind.NUMBER, Kind.TEXT)
    return Table(
        "burn_up",
        _W["burn_up"].said(locale),
        _columns(locale, ("day", "rooms", "target", "nature"), kinds),
        tuple(rows),
    )


def defined(report: Report, locale: str) -> Table:
    """The sixteen in words: definitions, formulas, units."""
    rows: list[tuple[Cell, ...]] = []
    shown = measures_of(report.indicators)
    for each in INDICATORS:
        slugs = [m.slug for m in each.measures] or [s for n, s in shown if n == each.number]
        for slug in slugs:
            m = definitions.measure(each.number, slug)
            rows.append(
                (
                    each.number,
                    each.name.said(locale),
                    each.definition.said(locale),
                    m.name.said(locale),
                    m.formula(locale),
                    m.in_units_of.said(locale),
                )
            )
    names = ("number", "indicator", "definition", "measure", "formula", "unit")
    kinds = (Kind.NUMBER, Kind.TEXT, Kind.LONG, Kind.TEXT, Kind.LONG, Kind.TEXT)
    return Table(
        "definitions",
        _W["definitions"].said(locale),
        _columns(locale, names, kinds),
        tuple(rows),
    )
