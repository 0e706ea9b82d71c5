"""When a teacher is ill or a room is down: what cannot be had, week by week."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from scheduler.calendar import runs_in, teaching_days
from scheduler.model import Lesson, Term, Weeks


@dataclass(frozen=True, slots=True)
class Outage:
    """A teacher or a room that cannot be had on some weekdays."""

    who: str
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    weeks: Weeks = Weeks.ALL
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WeekOutage:
    """An outage within one teaching week, and the dates its weekdays fall on."""

    week: int
    outage: Outage
    dates: tuple[date, ...]


def outages(
    term: Term, who: str, since: date, until: date, reason: str = ""
) -> tuple[WeekOutage, ...]:
    """An absence from one date to another, inclusive, as it falls on teaching weeks.

    Each is for the lessons held in that week (`held_in`); a make-up workday counts as the weekday
    whose timetable it runs.
    """
    found: defaultdict[int, list[tuple[date, int]]] = defaultdict(list)
    for day in teaching_days(term, since, until):
        found[day.week].append((day.day, day.weekday))
    return tuple(
        WeekOutage(
            week,
            Outage(who, tuple(sorted({weekday for _, weekday in days})), reason=reason),
            tuple(day for day, _ in days),
        )
        for week, days in sorted(found.items())
    )


def held_in(lessons: Iterable[Lesson], week: int) -> tuple[Lesson, ...]:
    """The lessons of one teaching week, as a plan for that week alone."""
    return tuple(
        replace(lesson, weeks=Weeks.ALL, week_from=None, week_until=None)
        for lesson in lessons
        if runs_in(lesson, week)
    )
