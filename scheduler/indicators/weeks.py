"""Normal use 常态化: which teaching weeks count, and which schools used their rooms in them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from scheduler.calendar import teaching_days
from scheduler.indicators.facts import CountedWeek
from scheduler.indicators.values import IndicatorRules
from scheduler.model import Term


@dataclass(frozen=True, slots=True)
class SchoolWeek:
    """How many valid links a receiving school had in a calendar week."""

    school_code: str
    monday: date
    links: int


def counted_weeks(
    terms: Iterable[tuple[Term, frozenset[int]]], since: date, until: date
) -> tuple[CountedWeek, ...]:
    """The weeks of terms (each with the numbers of its exam weeks) that a period counts.

    A week is of the period in which its last teaching day lies, with all of its days: so the weeks
    of months add up to those of the year, and a week that is not over is not held against anyone.
    """
    last_days: dict[date, date] = {}
    for term, exams in terms:
        around = teaching_days(term, since - timedelta(days=7), until + timedelta(days=7))
        for each in around:
            monday = each.day - timedelta(days=each.day.weekday())
            if (monday - term.week1_monday).days // 7 + 1 not in exams:
                last_days[monday] = each.day
    return tuple(
        CountedWeek(monday, last)
        for monday, last in sorted(last_days.items())
        if since <= last <= until
    )


def normal(
    found: Iterable[SchoolWeek], weeks: Iterable[CountedWeek], rules: IndicatorRules
) -> tuple[tuple[SchoolWeek, ...], frozenset[str]]:
    """The school-weeks in normal use, and the schools that are regular over these weeks."""
    mondays = {week.monday for week in weeks}
    used = tuple(
        each for each in found if each.monday in mondays and each.links >= rules.regular_links
    )
    of_school = Counter(each.school_code for each in used)
    needed = rules.regular_share * len(mondays)
    return used, frozenset(code for code, number in of_school.items() if number >= needed)
