"""The term's calendar: teaching weeks, and which weekday a date runs.

Week 1 begins on the term's `week1_monday` and holds 1 September (DOMAIN 3). A make-up workday 调休
runs the timetable of the date it acts as: that date's weekday and that date's odd or even week.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import chinese_calendar

from scheduler.model import CalendarDay, Term, Weeks


class YearNotPublished(Exception):
    """The State Council's holidays of a year are not known yet; enter them by hand."""


@dataclass(frozen=True, slots=True)
class TeachingDay:
    """A date on which lessons are held, and the weekday and week whose lessons they are."""

    day: date
    weekday: int  # ISO
    week: int  # 1, 2, …

    def holds(self, weeks: Weeks) -> bool:
        """Whether a lesson of these weeks is held on this day."""
        return weeks is Weeks.ALL or (weeks is Weeks.ODD) == (self.week % 2 == 1)


def week_of(term: Term, day: date) -> int:
    """Teaching week of a date, 1 for the first; 0 and less before the term."""
    return (day - term.week1_monday).days // 7 + 1


def teaching_day(term: Term, day: date) -> TeachingDay | None:
    """What a date runs, or None on a weekend, a holiday or outside of the term."""
    if not term.starts_on <= day <= term.ends_on:
        return None
    departing = next((d for d in term.days if d.day == day), None)
    runs = day
    if departing is not None:
        if departing.acts_as is None:
            return None
        runs = departing.acts_as
    elif day.isoweekday() > 5:
        return None
    return TeachingDay(day, runs.isoweekday(), week_of(term, runs))


def teaching_days(term: Term, since: date, until: date) -> Iterator[TeachingDay]:
    """Every teaching day in [since, until], in order."""
    day = max(since, term.starts_on)
    last = min(until, term.ends_on)
    while day <= last:
        found = teaching_day(term, day)
        if found is not None:
            yield found
        day += timedelta(days=1)


def official_days(since: date, until: date) -> tuple[CalendarDay, ...]:
    """Public holidays on weekdays, and make-up workdays (to be told what they act as), in a range.

    A make-up workday is proposed to act as the nearest weekday taken by its holiday that no other
    make-up day acts as. Raises YearNotPublished: a year without data is never an empty answer.
    """
    days: list[CalendarDay] = []
    makeups: list[date] = []
    day = since
    try:
        while day <= until:
            off, name = chinese_calendar.get_holiday_detail(day)
            if off and name and day.isoweekday() <= 5:
                days.append(CalendarDay(day, None, name))
            elif not off and day.isoweekday() > 5:
                makeups.append(day)
            day += timedelta(days=1)
    except NotImplementedError as error:
        raise YearNotPublished(
            f"the public holidays of {day.year} are not published in the installed calendar data; "
            "enter them by hand, or update the chinesecalendar package"
        ) from error
    free = [d.day for d in days]
    for makeup in makeups:
        nearest = min(free, key=lambda d: (abs((d - makeup).days), d), default=None)
        if nearest is not None:
            free.remove(nearest)
            days.append(CalendarDay(makeup, nearest, "调休"))
    return tuple(sorted(days, key=lambda d: d.day))
