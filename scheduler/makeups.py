"""Make-ups 补课: which links need one, by when, and which one holds (DOMAIN 9)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from scheduler.calendar import teaching_days
from scheduler.model import AttendanceStatus, Term

#: Cancellations that excuse for good: they leave the denominator of delivery (DOMAIN, indicator 4).
EXCUSING = frozenset({"calendar", "bureau"})

_REACH = timedelta(days=120)  # how far ahead school days are looked for: over a summer


@dataclass(frozen=True, slots=True)
class MakeUp:
    """What a class was given in place of a link: a lesson held validly, or a recording watched."""

    on_day: date
    by: UUID  # the make-up's link, or the push
    expected: int | None  # heads, where they were counted
    present: int | None


def needed(status: AttendanceStatus, cause: str | None) -> bool:
    """Whether a link is to be made up for: too few minutes, or not held but by calendar or bureau.

    A link that was there long enough and lacks its head count or the floor needs none.
    """
    if status is AttendanceStatus.EXCUSED:
        return cause not in EXCUSING
    return status is AttendanceStatus.ABSENT or (
        status is AttendanceStatus.PARTIAL and cause == "too_short"
    )


def deadline(terms: Iterable[Term], day: date, school_days: int) -> date:
    """The last day to make up for a lesson of `day`: so many school days later.

    Where the calendar ends before, its last school day; where it has none after `day`, `day`.
    """
    after = sorted(
        {
            each.day
            for term in terms
            for each in teaching_days(term, day + timedelta(days=1), day + _REACH)
        }
    )
    return after[:school_days][-1] if after else day


def holding(makeups: Iterable[MakeUp]) -> MakeUp | None:
    """The one that counts of several: the earliest."""
    return min(makeups, key=lambda made: (made.on_day, made.by), default=None)
