"""How a figure is written for people; the same on the page, on paper and in pictures."""

from scheduler.indicators.values import Measure, Unit

NOTHING = "—"  # a zero denominator


def plain(amount: float) -> str:
    """12345 → "12,345"; 1.5 → "1.5"; at most two decimals."""
    return f"{amount:,.0f}" if amount == int(amount) else f"{amount:,.2f}".rstrip("0")


def share(ratio: float | None) -> str:
    """0.9024 → "90.2%"; None → "—"."""
    return NOTHING if ratio is None else f"{ratio:.1%}"


def fraction(measure: Measure) -> str:
    """ "120 / 133", or the count alone."""
    if measure.denominator is None:
        return plain(measure.numerator)
    return f"{plain(measure.numerator)} / {plain(measure.denominator)}"


def value(measure: Measure) -> str:
    """What a measure says in one figure: its share, or its count."""
    return share(measure.ratio) if measure.unit is Unit.SHARE else plain(measure.numerator)


def exact(amount: float) -> int | float:
    """A number as files hold it: whole numbers as integers."""
    return int(amount) if amount == int(amount) else amount
