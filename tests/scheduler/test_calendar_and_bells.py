"""Weeks, make-up workdays, bells and shifts; also across a change of clocks."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest

from classroom_sync.demo_city import read_city
from scheduler.bells import NoBells, instant, overlaps, schedule_on, shift
from scheduler.calendar import (
    TeachingDay,
    YearNotPublished,
    official_days,
    runs_in,
    teaching_day,
    teaching_days,
    week_of,
    with_overrides,
)
from scheduler.model import BellPeriod, CalendarDay, Weeks
from tests.worlds import BELLS, FAR, HUB, MONDAY, TERM, bells, lesson

CITY = read_city(date(2026, 11, 23))


def test_week_1_holds_the_first_of_september() -> None:
    assert week_of(TERM, date(2026, 9, 1)) == 1
    assert week_of(TERM, date(2026, 9, 6)) == 1
    assert week_of(TERM, MONDAY) == 2


def test_a_makeup_workday_runs_the_weekday_and_week_of_the_date_it_acts_as() -> None:
    sunday = date(2026, 9, 20)  # acts as Tuesday 2026-10-06, which is in week 6
    assert teaching_day(CITY.term, sunday) == TeachingDay(sunday, 2, 6)
    assert teaching_day(CITY.term, date(2026, 10, 6)) is None


@pytest.mark.parametrize(
    "day", [date(2026, 9, 25), date(2026, 9, 12), date(2026, 8, 31), date(2027, 1, 23)]
)
def test_holidays_weekends_and_days_outside_of_the_term_teach_nothing(day: date) -> None:
    assert teaching_day(CITY.term, day) is None


def test_teaching_days_are_in_order_and_within_the_term() -> None:
    days = [d.day for d in teaching_days(CITY.term, date(2026, 8, 1), date(2026, 9, 8))]
    assert days == [date(2026, 9, n) for n in (1, 2, 3, 4, 7, 8)]


@pytest.mark.parametrize(("week", "weeks"), [(3, Weeks.ODD), (4, Weeks.EVEN), (4, Weeks.ALL)])
def test_odd_and_even_weeks(week: int, weeks: Weeks) -> None:
    other = {Weeks.ODD: Weeks.EVEN, Weeks.EVEN: Weeks.ODD, Weeks.ALL: Weeks.ODD}[weeks]
    assert runs_in(lesson(weeks=weeks), week)
    assert not runs_in(lesson(weeks=other), week)


@pytest.mark.parametrize(("week", "runs"), [(2, False), (3, True), (5, True), (6, False)])
def test_a_range_of_weeks(week: int, runs: bool) -> None:
    assert runs_in(replace(lesson(), week_from=3, week_until=5), week) == runs


def test_official_holidays_and_makeup_workdays_come_from_the_package() -> None:
    found = {d.day: d for d in official_days(date(2026, 9, 1), date(2026, 10, 31))}
    assert found[date(2026, 10, 1)].acts_as is None
    assert found[date(2026, 10, 1)].note == "国庆节 National Day"
    makeups = {d.day: d.acts_as for d in found.values() if d.acts_as is not None}
    assert makeups == {
        date(2026, 9, 20): date(2026, 10, 6),
        date(2026, 10, 10): date(2026, 10, 7),
    }


def test_a_makeup_workday_is_told_though_its_holiday_lies_outside_of_the_range() -> None:
    found = official_days(date(2026, 9, 1), date(2026, 9, 30))
    assert [(d.day, d.acts_as) for d in found if d.acts_as] == [
        (date(2026, 9, 20), date(2026, 10, 6))
    ]


@pytest.mark.parametrize("year", range(2004, 2027))
def test_every_published_makeup_workday_acts_as_a_weekday_of_its_own(year: int) -> None:
    found = official_days(date(year, 1, 1), date(year, 12, 31))
    makeups = [d for d in found if d.acts_as is not None]
    assert len({d.acts_as for d in makeups}) == len(makeups)
    assert all(d.acts_as and d.acts_as.isoweekday() <= 5 for d in makeups)
    assert all(d.day.isoweekday() > 5 for d in makeups)


def test_the_administrator_may_say_otherwise_of_any_day() -> None:
    official = official_days(date(2026, 9, 1), date(2026, 10, 31))
    ordinary = CalendarDay(date(2026, 9, 25), date(2026, 9, 25), "sports day is held")
    another = CalendarDay(date(2026, 9, 20), date(2026, 10, 7), "as our district does")
    added = CalendarDay(date(2026, 10, 23), None, "school anniversary")
    term = replace(TERM, days=with_overrides(official, [ordinary, another, added]))
    assert teaching_day(term, date(2026, 9, 25)) == TeachingDay(date(2026, 9, 25), 5, 4)
    assert teaching_day(term, date(2026, 9, 20)) == TeachingDay(date(2026, 9, 20), 3, 6)
    assert teaching_day(term, date(2026, 10, 23)) is None
    assert teaching_day(term, date(2026, 10, 1)) is None  # as the official calendar has it


@pytest.mark.parametrize(
    ("week", "held"), [(2, False), (3, True), (4, False), (9, True), (11, False)]
)
def test_a_lesson_of_a_range_of_odd_weeks(week: int, held: bool) -> None:
    day = TeachingDay(MONDAY, 1, week)
    assert day.runs(replace(lesson(weeks=Weeks.ODD), week_from=3, week_until=10)) is held


def test_bells_that_overlap_or_ring_out_of_order_are_named() -> None:
    assert overlaps(bells(HUB, "08:30", "09:25", "10:35")) == ()
    assert overlaps(bells(HUB, "08:30", "09:00", "10:35")) == ((1, 2),)
    assert overlaps(bells(HUB, "10:35", "08:30")) == ((1, 2),)


def test_a_year_that_is_not_published_is_an_error_never_an_empty_answer() -> None:
    with pytest.raises(YearNotPublished, match="2027 are not published"):
        official_days(date(2026, 12, 1), date(2027, 1, 31))


def test_a_term_that_does_not_hold_today_is_moved_by_whole_weeks() -> None:
    term = read_city(date(2027, 3, 3)).term
    assert term.starts_on <= date(2027, 3, 3) <= term.ends_on
    assert term.week1_monday.isoweekday() == 1
    assert week_of(term, date(2027, 3, 3)) == 10


def test_bells_are_those_valid_on_the_day() -> None:
    winter = bells(HUB, "09:00")
    winter = type(winter)(HUB, date(2026, 11, 1), winter.periods)
    assert schedule_on([*BELLS, winter], HUB, date(2026, 10, 31)).periods[0].starts == time(8, 30)
    assert schedule_on([*BELLS, winter], HUB, date(2026, 11, 1)).periods[0].starts == time(9)
    with pytest.raises(NoBells):
        schedule_on(BELLS, HUB, date(2026, 8, 1))


@pytest.mark.parametrize(
    ("zone", "day", "at", "utc"),
    [
        ("Asia/Shanghai", MONDAY, time(8, 30), (0, 30)),
        ("Europe/Berlin", date(2026, 10, 24), time(8, 30), (6, 30)),  # summer time
        ("Europe/Berlin", date(2026, 10, 26), time(8, 30), (7, 30)),  # winter time
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), (0, 30)),  # twice: the earlier
        ("Europe/Berlin", date(2027, 3, 28), time(2, 30), (1, 30)),  # never: as if not yet set
    ],
)
def test_a_bell_is_the_same_wall_clock_on_both_sides_of_a_change_of_clocks(
    zone: str, day: date, at: time, utc: tuple[int, int]
) -> None:
    assert instant(day, at, zone) == datetime(day.year, day.month, day.day, *utc, tzinfo=UTC)


def test_a_shift_displaces_every_period_it_touches() -> None:
    hub = BellPeriod(1, time(8, 40), time(9, 20))
    found = shift(hub, schedule_on(BELLS, FAR, MONDAY))
    assert found.displaced == (1, 2)
    assert (found.busy_from, found.busy_until) == (time(8, 20), time(9, 55))


def test_a_shift_into_a_break_displaces_nothing() -> None:
    hub = BellPeriod(1, time(12, 0), time(12, 40))
    found = shift(hub, schedule_on(BELLS, FAR, MONDAY))
    assert found.displaced == ()
    assert (found.busy_from, found.busy_until) == (hub.starts, hub.ends)
