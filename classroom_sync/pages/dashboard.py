"""What the bureau's dashboard shows of a report: figures with the addresses of what is behind them.

Pure: values in, values out; the templates lay them out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote, urlencode

from classroom_sync.reports import definitions, numbers, pictures, svg
from classroom_sync.reports.document import DIMENSIONS, Key, Label, measures_of
from classroom_sync.reports.exports import Form
from classroom_sync.reports.labels import labels, values
from classroom_sync.reports.official import COLUMNS
from classroom_sync.reports.reading import Found
from classroom_sync.reports.words import Text
from scheduler.indicators.values import Dimension, Indicator, Measure, Side, Unit
from scheduler.model import Term

#: The measures of the table that tells figures apart.
TABLE: tuple[Key, ...] = ((1, "accepted"), *COLUMNS, (15, "activities"), (16, "packages"))


LINES = 50  # of the table at once: the page stays as quick with 480 rooms as with 48


class Addresses:
    """Pages about the same period as a report, as known at the same instant."""

    def __init__(self, found: Found) -> None:
        cut = found.report.cut
        period = {"since": cut.since.isoformat(), "until": cut.until.isoformat()}
        self._by = found.by.value
        self._own = cut.dimension.value + (f":{cut.key}" if cut.key else "")
        self._period = urlencode(period)
        self._same = urlencode(period | {"as_of": found.report.as_of.isoformat()})

    def behind(self, number: int, slug: str, side: Side, of: str | None = None) -> str:
        """The list behind one side of a measure: of the report's own cut, or of another part."""
        part = quote(of or self._own, safe=":")
        return (
            f"/bureau/behind?indicator={number}&measure={slug}&side={side.value}&{self._same}"
            f"&of={part}"
        )

    def export(self, form: Form) -> str:
        asked = urlencode({"of": self._own, "by": self._by, "format": form.value})
        return f"/api/v1/reports/coverage?{self._same}&{asked}"

    def dashboard(self, of: str | None = None, start: int = 0) -> str:
        """The dashboard of this or another part of the city, as known now; its table from a row
        on."""
        asked = {"of": of or self._own, "by": self._by} | ({"start": start} if start else {})
        return f"/bureau?{self._period}&{urlencode(asked)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure in words: its one figure, and the two sides with what is behind them."""

    name: str
    formula: str
    value: str
    share: bool
    rooms: bool  # built against a target: its two sides say more than their share
    numerator: str
    denominator: str | None
    numerator_href: str | None
    denominator_href: str | None
    unit: str


@dataclass(frozen=True, slots=True)
class Card:
    """One of the sixteen: its first measure large, the others beside it."""

    number: int
    name: str
    definition: str
    figures: tuple[Figure, ...]
    spark: str  # SVG, or nothing


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the breakdown; None where a measure has no meaning for it."""

    key: str
    name: str
    href: str | None
    figures: tuple[Figure | None, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry of the list of parts of the city, in groups by dimension."""

    value: str
    name: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything on the page."""

    scope: str
    hero: tuple[Figure, ...]
    cards: tuple[Card, ...]
    headings: tuple[str, ...]
    lines: tuple[Line, ...]
    rows: tuple[int, int, int]  # the first and the last line of the table, and how many there are
    before: str | None  # the address of the lines before these
    after: str | None
    by: str
    burn_up: pictures.Picture | None
    weekly: pictures.Picture | None
    bars: pictures.Picture | None
    addresses: Addresses
    nothing_due: bool
    part_of_part: bool  # the table tells a part apart: behind its numbers there is no list


@dataclass(frozen=True, slots=True)
class Shape:
    """Width and heights of the pictures, in pixels of their view boxes; whether bars are links."""

    width: float
    burn_up: float
    weekly: float
    linked: bool


LAPTOP = Shape(640, 300, 260, linked=True)
WALL = Shape(1000, 360, 420, linked=False)


def dashboard(
    found: Found, scope: str, locale: str, shape: Shape = LAPTOP, start: int = 0
) -> Dashboard:
    """The page's values; `start` is the first line of the table, of which it shows LINES."""
    report, label, to = found.report, labels(found.names, locale), Addresses(found)
    [(by, rows)] = report.breakdowns
    whole = report.cut.dimension is Dimension.CITY
    part = rows[start : start + LINES]
    measures = [measures_of(row.indicators) for row in part]
    keys = [key for key in TABLE if any(key in each for each in measures)]

    def row_href(key: str) -> str:
        return to.dashboard(f"{by.value}:{key}")

    own = measures_of(report.indicators)
    trend = [measures_of(week.indicators) for week in report.trend]
    due = own.get(pictures.DELIVERY)
    return Dashboard(
        scope=scope,
        hero=tuple(_hero(found, own, to, locale)),
        cards=tuple(_card(i, trend, to, locale) for i in report.indicators),
        headings=tuple(definitions.measure(*key).name.said(locale) for key in keys),
        lines=tuple(
            Line(
                row.key,
                label(by, row.key),
                row_href(row.key),
                tuple(
                    figure(key, each[key], to, locale, f"{by.value}:{row.key}" if whole else "")
                    if key in each
                    else None
                    for key in keys
                ),
            )
            for row, each in zip(part, measures, strict=True)
        ),
        rows=(start + 1, start + len(part), len(rows)),
        before=to.dashboard(start=max(0, start - LINES)) if start else None,
        after=to.dashboard(start=start + LINES) if start + LINES < len(rows) else None,
        by=DIMENSIONS[by].said(locale),
        burn_up=pictures.build_progress(report, locale, width=shape.width, height=shape.burn_up),
        weekly=pictures.weekly(report, locale, width=shape.width, height=shape.weekly),
        bars=pictures.delivered(
            by, rows, label, locale, row_href if whole and shape.linked else None, width=shape.width
        ),
        addresses=to,
        nothing_due=due is None or not due.denominator,
        part_of_part=not whole,
    )


def figure(key: Key, m: Measure, to: Addresses, locale: str, of: str | None = None) -> Figure:
    """A measure of the report's own cut (`of` None), of another part, or ("") of a part of a part,
    behind which there is no list."""
    number, slug = key
    defined = definitions.measure(number, slug)

    def href(side: Side) -> str | None:
        return None if of == "" else to.behind(number, slug, side, of)

    return Figure(
        name=defined.name.said(locale),
        formula=defined.formula(locale),
        value=numbers.value(m),
        share=m.unit is Unit.SHARE,
        rooms=number == 1,
        numerator=numbers.plain(m.numerator),
        denominator=None if m.denominator is None else numbers.plain(m.denominator),
        numerator_href=href(Side.NUMERATOR),
        denominator_href=None if m.denominator is None else href(Side.DENOMINATOR),
        unit=defined.in_units_of.said(locale),
    )


def _hero(found: Found, own: dict[Key, Measure], to: Addresses, locale: str) -> Iterator[Figure]:
    """Rooms against the targets that were set (not assumed between them), delivery, schools."""
    said = [t for t in found.report.targets if t.source == "seed"] or found.report.targets
    keys = [(1, f"target_{t.deadline.isoformat()}") for t in said]
    for key in (*keys, (1, "accepted"), pictures.DELIVERY, (2, "school_coverage"), (7, "pupils")):
        if key in own:
            yield figure(key, own[key], to, locale)


def _card(
    indicator: Indicator, trend: Sequence[dict[Key, Measure]], to: Addresses, locale: str
) -> Card:
    defined = definitions.indicator(indicator.number)
    first = (indicator.number, indicator.measures[-1 if indicator.number == 1 else 0].slug)
    weeks = [week.get(first) for week in trend]
    line = [None if m is None else m.ratio if m.unit is Unit.SHARE else m.numerator for m in weeks]
    return Card(
        number=indicator.number,
        name=defined.name.said(locale),
        definition=defined.definition.said(locale),
        figures=tuple(
            figure((indicator.number, m.slug), m, to, locale) for m in indicator.measures
        ),
        spark=svg.spark(line),
    )


def choices(found: Found, locale: str) -> list[tuple[str, list[Choice]]]:
    """Parts of the city to choose from: dimension's name, its values."""
    label = labels(found.names, locale)
    return [
        (
            DIMENSIONS[dimension].said(locale),
            [Choice(f"{dimension.value}:{key}", label(dimension, key)) for key in known],
        )
        for dimension in Dimension
        if (known := values(found.names, dimension))
    ]


def breakdowns(locale: str) -> list[Choice]:
    """What figures can be told apart by."""
    return [Choice(d.value, t.said(locale)) for d, t in DIMENSIONS.items() if d != Dimension.CITY]


@dataclass(frozen=True, slots=True)
class Period:
    name: str
    since: date
    until: date


def periods(term: Term, today: date, locale: str) -> list[Period]:
    """Usual periods, up to today."""
    last = max(term.starts_on, min(today, term.ends_on))
    monday = last - timedelta(days=last.weekday())
    return [
        Period(Text("本学期", "This term").said(locale), term.starts_on, last),
        Period(Text("本月", "This month").said(locale), last.replace(day=1), last),
        Period(Text("近四周", "Four weeks").said(locale), monday - timedelta(weeks=3), last),
        Period(Text("本周", "This week").said(locale), monday, last),
    ]


def scope(found: Found, label: Label, locale: str) -> str:
    """Whose figures they are: the name of the part of the city."""
    cut = found.report.cut
    return label(cut.dimension, cut.key) + (
        "" if cut.dimension is Dimension.CITY else f" · {DIMENSIONS[cut.dimension].said(locale)}"
    )
