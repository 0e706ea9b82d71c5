"""The term's calendar: teaching weeks, and which weekday a date runs.

Week 1 begins on the term's `week1_monday` and holds 1 September (DOMAIN 3). A make-up workday 调休
runs the timetable of the date it acts as: that date's weekday and that date's odd or even week.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import chinese_calendar
from chinese_calendar.constants import Holiday

from scheduler.model import CalendarDay, Lesson, Term, Weeks

_REACH = timedelta(days=45)  # how far a make-up workday may be from its holiday


class YearNotPublished(Exception):
    """The State Council's holidays of a year are not known yet; enter them by hand."""


@dataclass(frozen=True, slots=True)
class TeachingDay:
    """A date on which lessons are held, and the weekday and week whose lessons they are."""

    day: date
    weekday: int  # ISO
    week: int  # 1, 2, …

    def runs(self, lesson: Lesson) -> bool:
        """Whether a weekly lesson is held on this day: its weekday, weeks and range of weeks."""
        return lesson.weekday == self.weekday and runs_in(lesson, self.week)


def runs_in(lesson: Lesson, week: int) -> bool:
    """Whether a weekly lesson is held in a teaching week: its weeks and range of weeks."""
    return (lesson.weeks is Weeks.ALL or (lesson.weeks is Weeks.ODD) == (week % 2 == 1)) and (
        lesson.week_from or week
    ) <= week <= (lesson.week_until or week)


def week_of(term: Term, day: date) -> int:
    """Teaching week of a date, 1 for the first; 0 and less before the term."""
    return (day - term.week1_monday).days // 7 + 1


@dataclass(frozen=True, slots=True)
class TeachingWeek:
    """A numbered week of a term, from its Monday."""

    number: int  # 1, 2, …
    monday: date

    @property
    def odd(self) -> bool:
        return self.number % 2 == 1

    @property
    def dates(self) -> tuple[date, ...]:
        """Monday to Sunday."""
        return tuple(self.monday + timedelta(days=n) for n in range(7))


def teaching_weeks(term: Term) -> tuple[TeachingWeek, ...]:
    """Every week of a term, the first to the one that holds its last day."""
    return tuple(
        TeachingWeek(number, term.week1_monday + timedelta(weeks=number - 1))
        for number in range(1, week_of(term, term.ends_on) + 1)
    )


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
    """Public holidays on weekdays, and make-up workdays, in [since, until].

    A make-up workday acts as a day that its holiday takes in lieu, the first as the first: that is
    how schools read the State Council's notice, which names no pairs. Whatever is proposed here,
    `with_overrides` lets the administrator say otherwise. Raises YearNotPublished: a year without
    data is never an empty answer.
    """
    for year in range(since.year, until.year + 1):
        if not _published(year):
            raise YearNotPublished(
                f"the public holidays of {year} are not published in the installed calendar data; "
                "enter them by hand, or update the chinesecalendar package"
            )
    around = [d for d in _dates(since - _REACH, until + _REACH) if _published(d.year)]
    known = {d: chinese_calendar.get_holiday_detail(d) for d in around}
    off = {d: name for d, (free, name) in known.items() if free and name and d.isoweekday() <= 5}
    worked = {d: name for d, (free, name) in known.items() if not free and d.isoweekday() > 5}
    days = [CalendarDay(d, None, _holiday(name)) for d, name in off.items()]
    unused = dict(off)
    for makeup, name in worked.items():
        acts_as = _taken_for(makeup, name, unused)
        unused.pop(acts_as, None)
        days.append(CalendarDay(makeup, acts_as, f"{_holiday(name)} 调休"))
    return tuple(sorted((d for d in days if since <= d.day <= until), key=lambda d: d.day))


def known_official_days(
    since: date, until: date
) -> tuple[tuple[CalendarDay, ...], tuple[int, ...]]:
    """The official days of those years in [since, until] that are published, and the years that are
    not: their days have to be entered by hand."""
    years = range(since.year, until.year + 1)
    known = [year for year in years if _published(year)]
    missing = tuple(year for year in years if year not in known)
    if not known:
        return (), missing
    first, last = max(since, date(known[0], 1, 1)), min(until, date(known[-1], 12, 31))
    return official_days(first, last), missing


def with_overrides(
    official: Iterable[CalendarDay], overrides: Iterable[CalendarDay]
) -> tuple[CalendarDay, ...]:
    """The official days with the administrator's in their place, in order.

    A day that shall be ordinary again is overridden by one that acts as itself.
    """
    merged = {d.day: d for d in (*official, *overrides)}
    return tuple(merged[day] for day in sorted(merged))


def _published(year: int) -> bool:
    try:
        chinese_calendar.get_holiday_detail(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def _dates(since: date, until: date) -> Iterator[date]:
    for n in range((until - since).days + 1):
        yield since + timedelta(days=n)


def _taken_for(makeup: date, name: str | None, unused: dict[date, str]) -> date:
    """What a make-up day acts as: a day in lieu of its holiday, else the nearest day off near it,
    else (there is none) itself."""
    near = [d for d in unused if abs(d - makeup) <= _REACH]
    in_lieu = [d for d in near if unused[d] == name and chinese_calendar.is_in_lieu(d)]
    nearest = sorted(near, key=lambda d: (abs(d - makeup), d))
    return next(iter([*in_lieu, *nearest]), makeup)


def _holiday(name: str | None) -> str:
    """A holiday in both languages, such as "国庆节 National Day"."""
    known: dict[str, Any] = {holiday.value: holiday for holiday in Holiday}
    return f"{known[name].chinese} {name}" if name in known else name or ""
