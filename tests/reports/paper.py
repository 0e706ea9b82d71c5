"""What a report on paper must say, row by row, in order."""

from collections.abc import Iterator, Sequence
from io import BytesIO

from pypdf import PdfReader

from classroom_sync.reports import definitions, document, official
from classroom_sync.reports.document import Label
from classroom_sync.reports.numbers import NOTHING, fraction, plain, share
from scheduler.indicators.values import Indicator, Report, Unit
from tests.reports.readers import build_of_report


def compare(made: bytes, of: Report, label: Label, locale: str) -> None:
    """Every number of every table is on paper, in its row, and the rows are in order."""
    text = _squeezed("".join(p.extract_text() for p in PdfReader(BytesIO(made)).pages))
    at = 0
    for row in _rows(of, label, locale):
        found = text.find(_squeezed("".join(row)), at)
        assert found >= 0, f"not on paper, or out of order: {row}"
        at = found + 1


def _rows(of: Report, label: Label, locale: str) -> Iterator[list[str]]:
    for i in of.indicators:
        for m in i.measures:
            yield [
                definitions.measure(i.number, m.slug).name.said(locale),
                plain(m.numerator),
                NOTHING if m.denominator is None else plain(m.denominator),
                share(m.ratio) if m.unit is Unit.SHARE else "",
            ]
    for day, (rooms, target) in build_of_report(of).items():
        yield [
            day.isoformat(),
            "" if rooms is None else str(rooms),
            "" if target is None else str(target),
        ]
    for w in of.trend:
        number = NOTHING if w.number is None else str(w.number)
        yield [number, w.monday.isoformat(), *_columns(w.indicators)]
    for dimension, rows in of.breakdowns:
        for row in rows:
            yield [label(dimension, row.key), *_columns(row.indicators)]


def _columns(indicators: Sequence[Indicator]) -> Iterator[str]:
    found = document.measures_of(indicators)
    for key in official.COLUMNS:
        if key in found:
            m = found[key]
            yield fraction(m) + (share(m.ratio) if m.unit is Unit.SHARE else "")


def _squeezed(text: str) -> str:
    return "".join(text.split())
