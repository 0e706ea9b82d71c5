"""Small charts as data for an SVG template: numbers in, coordinates out."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 640
BAR = 26
GAP = 14
_LABEL = 110
_VALUE = 90


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: int
    of: int
    y: int
    filled: float  # pixels
    whole: float


@dataclass(frozen=True, slots=True)
class Bars:
    """A horizontal bar chart; `label_x` and `value_x` place the texts."""

    bars: tuple[Bar, ...]
    width: int
    height: int
    bar_x: int
    value_x: int


def bars(rows: Sequence[tuple[str, int, int]]) -> Bars:
    """Rows of (label, value, of), drawn to the scale of the largest."""
    most = max([1, *(max(value, of) for _, value, of in rows)])
    scale = (WIDTH - _LABEL - _VALUE) / most
    return Bars(
        tuple(
            Bar(label, value, of, GAP + n * (BAR + GAP), value * scale, of * scale)
            for n, (label, value, of) in enumerate(rows)
        ),
        WIDTH,
        GAP + len(rows) * (BAR + GAP),
        _LABEL,
        WIDTH - _VALUE + 12,
    )
