"""What a coverage report is made of: measures, the indicators they make up, and their breakdowns.

A measure carries no list of what it counts: at 480 rooms that is millions of ids. The list behind
it is read page by page for a `Cut` (db.indicators).
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from scheduler.attendance import AttendanceRules
from scheduler.model import RoomTarget


class Unit(StrEnum):
    """How a measure reads: a share of its denominator, or a plain count or sum."""

    SHARE = "share"
    COUNT = "count"  # rooms, links, teachers, pupils …
    HOURS = "hours"  # class hours 课时, one per lesson


class Dimension(StrEnum):
    """What figures can be told apart by. CITY is everything."""

    CITY = "city"
    SCHOOL = "school"  # the receiving school, its code
    ROOM = "room"  # the receiving room
    HUB = "hub"  # the hub school, its code
    SUBJECT = "subject"  # slug
    TEACHER = "teacher"  # the lead teacher
    MODE = "mode"  # interactive | broadcast | research | push
    MONTH = "month"  # YYYY-MM
    PHASE = "phase"  # build phase of the receiving room: 1 | 2


@dataclass(frozen=True, slots=True)
class Measure:
    """A numerator over a denominator; `denominator` is None for plain counts and sums."""

    slug: str  # unique within its indicator: "delivery", "led", "union" …
    unit: Unit
    numerator: float
    denominator: float | None = None

    @property
    def ratio(self) -> float | None:
        """The share, or None (printed as "—") where nothing was to be counted."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Indicator:
    """One of DOMAIN's sixteen, with its one to four measures."""

    number: int
    slug: str
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of the city, and when: `key` is an id of the dimension ("" for the city)."""

    since: date
    until: date  # inclusive
    dimension: Dimension = Dimension.CITY
    key: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """The indicators of one value of a dimension; those it has no meaning for are left out."""

    key: str
    indicators: tuple[Indicator, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """The indicators of one calendar week; `number` is the teaching week, None outside of terms."""

    monday: date
    number: int | None
    indicators: tuple[Indicator, ...]


@dataclass(frozen=True, slots=True)
class BurnUpPoint:
    """Rooms that count as accepted on a day; `forecast` days are not yet known."""

    day: date
    rooms: int
    forecast: bool


@dataclass(frozen=True, slots=True)
class Report:
    """All of a coverage report: the same arguments and the same `as_of` give the same values."""

    cut: Cut
    as_of: datetime
    rules: AttendanceRules
    indicators: tuple[Indicator, ...]
    breakdowns: tuple[tuple[Dimension, tuple[Row, ...]], ...]
    trend: tuple[Week, ...]
    targets: tuple[RoomTarget, ...]
    burn_up: tuple[BurnUpPoint, ...]
