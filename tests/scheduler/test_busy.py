"""Weekly busy times on real dates: bells of the day, make-up workdays, holidays, other zones."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from scheduler.busy import kept_between
from scheduler.model import BusyTime, CalendarDay, Term
from tests.worlds import BELLS, FAR, HUB, TERM, bells

SCHOOLS = {"ann": FAR, "3(1)": FAR, "lead": HUB}
KEPT = (
    BusyTime("ann", None, 2, 1, ""),
    BusyTime(None, "3(1)", 2, 2, ""),
    BusyTime("lead", None, 2, 9, "a period that does not ring"),
    BusyTime("gone", None, 2, 1, "somebody of no school"),
)


def kept(day: date, starts: str, minutes: int = 40, term: Term = TERM) -> frozenset[str]:
    """Who is kept from a local time on."""
    since = datetime.fromisoformat(f"{day}T{starts}:00+08:00")
    until = since + timedelta(minutes=minutes)
    return kept_between(term, KEPT, BELLS, SCHOOLS, since, until)


TUESDAY = date(2026, 9, 15)


def test_each_is_kept_while_that_period_rings_and_not_a_minute_longer() -> None:
    assert kept(TUESDAY, "08:30") == {"ann"}
    assert kept(TUESDAY, "07:40") == frozenset()
    assert kept(TUESDAY, "09:00", 15) == frozenset()
    assert kept(TUESDAY, "08:59", 17) == {"ann", "3(1)"}


@pytest.mark.parametrize(
    ("day", "acts_as", "found"),
    [
        (TUESDAY, None, frozenset()),  # a holiday
        (TUESDAY, date(2026, 9, 16), frozenset()),  # runs a Wednesday
        (date(2026, 9, 19), TUESDAY, frozenset({"ann"})),  # a Saturday that runs a Tuesday
        (date(2026, 9, 22), date(2026, 9, 22), frozenset({"ann"})),
    ],
)
def test_a_date_keeps_whom_the_weekday_it_runs_keeps(
    day: date, acts_as: date | None, found: frozenset[str]
) -> None:
    term = replace(TERM, days=(CalendarDay(day, acts_as),))
    assert kept(day, "08:30", term=term) == found


def test_outside_of_the_term_nobody_is_kept() -> None:
    assert kept(date(2027, 1, 26), "08:30") == frozenset()


def test_the_bells_of_the_day_decide() -> None:
    winter = replace(bells(FAR, "09:00"), valid_from=date(2026, 11, 1))
    since = datetime(2026, 11, 3, 0, 30, tzinfo=UTC)  # 08:30 in Shanghai
    schedules = (*BELLS, winter)
    assert (
        kept_between(TERM, KEPT, schedules, SCHOOLS, since, since + timedelta(minutes=10)) == set()
    )
    late = since + timedelta(minutes=40)
    assert kept_between(TERM, KEPT, schedules, SCHOOLS, late, late + timedelta(minutes=5)) == {
        "ann"
    }


def test_a_bell_is_local_time_across_a_change_of_clocks() -> None:
    berlin = replace(TERM, zone="Europe/Berlin")
    for day, hour in ((20, 6), (27, 7)):  # October: 08:20 is 06:20 UTC, a week later 07:20
        since = datetime(2026, 10, day, hour, 20, tzinfo=UTC)
        found = kept_between(berlin, KEPT, BELLS, SCHOOLS, since, since + timedelta(minutes=1))
        assert found == {"ann"}
