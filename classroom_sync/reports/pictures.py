"""The three charts of a coverage report, with their words; the same on the page and on paper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from classroom_sync.reports import definitions, svg
from classroom_sync.reports.document import DIMENSIONS, Label, measures_of
from classroom_sync.reports.numbers import fraction, share
from classroom_sync.reports.words import Text
from scheduler.indicators.values import Dimension, Measure, Report, Row


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG, and what it says in words."""

    svg: str
    alt: str


def _picture(drawn: str, words: svg.Words) -> Picture:
    return Picture(drawn, f"{words.title}. {words.description}")


#: The shares whose lines the weekly trend draws, by number and slug.
TREND = ((4, "delivery"), (8, "attendance"), (11, "interaction"), (9, "weeks"))
DELIVERY = (4, "delivery")
MOST_BARS = 20


def build_progress(
    report: Report, locale: str, *, width: float = 640, height: float = 300
) -> Picture | None:
    """Rooms accepted against the dates of the targets; None without rooms and targets."""
    if not report.burn_up and not report.targets:
        return None
    known = [p for p in report.burn_up if not p.forecast]
    ahead = [p for p in report.burn_up if p.forecast]
    goals = (
        Text("；", "; ")
        .said(locale)
        .join(f"{t.deadline.isoformat()}: {t.rooms}" for t in report.targets)
    )
    rooms = known[-1].rooms if known else 0
    said = Text(
        f"目标 {goals}。截至 {report.as_of:%Y-%m-%d} 已验收 {rooms} 间。",
        f"Targets {goals}. {rooms} rooms accepted by {report.as_of:%Y-%m-%d}.",
    ).said(locale)
    if ahead:
        said += Text(
            f"按目前进度预测 {ahead[-1].day} 达到 {ahead[-1].rooms} 间。",
            f" At the present rate a forecast of {ahead[-1].rooms} on {ahead[-1].day}.",
        ).said(locale)
    title = Text("直播课堂建设进度", "Rooms accepted against the targets").said(locale)
    forecast = Text("预测", "forecast").said(locale)
    words = svg.Words("burn-up", title, said)
    drawn = svg.burn_up(report.burn_up, report.targets, words, forecast, width, height)
    return _picture(drawn, words)


def weekly(
    report: Report, locale: str, *, width: float = 640, height: float = 260
) -> Picture | None:
    """The shares of each week; None where no week has any."""
    places = [
        Text(f"第{w.number}周", f"W{w.number}").said(locale) if w.number else f"{w.monday:%m-%d}"
        for w in report.trend
    ]
    weeks = [measures_of(w.indicators) for w in report.trend]
    series = []
    for key in TREND:
        values = tuple(week[key].ratio if key in week else None for week in weeks)
        if any(v is not None for v in values):
            series.append(svg.Series(definitions.measure(*key).name.said(locale), values))
    if not series:
        return None
    last = [
        f"{each.label} {share(next(v for v in reversed(each.values) if v is not None))}"
        for each in series
    ]
    between = Text("，", ", ").said(locale)
    said = Text(
        f"最近一周：{between.join(last)}。",
        f"The latest week: {between.join(last)}.",
    ).said(locale)
    title = Text("按周趋势", "Shares by week").said(locale)
    words = svg.Words("weekly", title, said)
    return _picture(svg.trend(places, series, words, width, height), words)


def delivered(
    dimension: Dimension,
    rows: Sequence[Row],
    label: Label,
    locale: str,
    href: Callable[[str], str] | None = None,
    *,
    width: float = 640,
) -> Picture | None:
    """Delivery of each value of a dimension, the lowest first where there are too many to draw;
    None where no row has lessons due. `href` gives the address behind a key."""
    found: list[tuple[str, Measure]] = []
    for row in rows:
        measure = measures_of(row.indicators).get(DELIVERY)
        if measure is not None:
            found.append((row.key, measure))
    if not found:
        return None
    name = DIMENSIONS[dimension].said(locale)
    title = Text(f"开课率：按{name}", f"Delivery by {name.lower()}").said(locale)
    if len(found) > MOST_BARS:
        found.sort(key=lambda each: (1.0 if each[1].ratio is None else each[1].ratio, each[0]))
        title += Text(
            f"（最低的 {MOST_BARS} 个，共 {len(found)} 个）",
            f" (the lowest {MOST_BARS} of {len(found)})",
        ).said(locale)
        found = found[:MOST_BARS]
    drawn = [
        svg.Bar(
            label(dimension, key),
            m.ratio,
            f"{fraction(m)} · {share(m.ratio)}",
            href(key) if href else None,
        )
        for key, m in found
    ]
    said = Text("；", "; ").said(locale).join(f"{bar.label} {bar.words}" for bar in drawn)
    beside = min(260.0, 20 + max(svg.wide(bar.label) for bar in drawn))
    words = svg.Words(f"by-{dimension.value}", title, said)
    return _picture(svg.bars(drawn, words, width, beside), words)
