"""What a coverage report is made of: measures, the indicators they make up, and their breakdowns.

A measure carries no list of what it counts: at 480 rooms that is millions of ids. The list behind
it is read page by page for a `Cut` (db.indicators).
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

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
class IndicatorRules:
    """What DOMAIN leaves open of the formulas, with its assumed defaults (A); on every report."""

    hub_rooms_count: bool = True  # 1, 3: whether rooms of hub schools count toward the targets
    regular_links: int = 1  # 9: valid links that make a school's week one of normal use
    regular_share: float = 0.8  # 9: of the teaching weeks, from which a school is regular
    delay_limit_ms: float = 400.0  # 13: one way, 95th percentile of a link
    loss_limit: float = 0.05  # 13: share of packets, 95th percentile of a link
    watched_share: float = 0.8  # 16: of a recording, from which what is sent from now on is watched


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
    choices: IndicatorRules = IndicatorRules()


class Side(StrEnum):
    """Which side of a fraction a list is of. A count or a sum has a numerator only."""

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"


class Listed(StrEnum):
    """What one line of the list behind a figure is."""

    LINK = "link"
    SESSION = "session"
    ROOM = "room"
    SCHOOL = "school"
    SCHOOL_WEEK = "school_week"
    SUBJECT_GRADE = "subject_grade"
    TEACHER = "teacher"
    CLASS = "class"
    ATTENDANCE = "attendance"  # of a teacher in a research meeting
    PACKAGE = "package"
    TARGET = "target"  # a class that a package was sent to
    TOTAL = "total"  # a number that was set, such as the rooms of a target


@dataclass(frozen=True, slots=True)
class Behind:
    """One line of the list behind one side of a figure; the amounts of the whole list add up to it.

    Ids that have no meaning for what is listed are None. `participant_id` is a link (for a room, a
    school …: the newest of its links that count) and leads to its intervals and evidence.
    """

    listed: Listed
    id: str  # unique in the list, and what `after` takes to go on
    amount: float
    participant_id: UUID | None = None
    session_id: UUID | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    school_code: str | None = None
    room_id: str | None = None
    class_id: str | None = None
    teacher_id: str | None = None
    subject: str | None = None
    grade: int | None = None
    day: date | None = None  # the Monday of a school-week, the day something was sent or accepted
    status: str | None = None
    cause: str | None = None
    seconds: int | None = None
    planned_seconds: int | None = None
    expected: int | None = None
    present: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `after` is where the next part begins, None at the end."""

    lines: tuple[Behind, ...]
    after: str | None
