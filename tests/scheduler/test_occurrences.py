"""From the weekly timetable to dated lessons."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from scheduler.model import CalendarDay, Lesson, TimetableVersion, Weeks
from scheduler.occurrences import expand
from tests.worlds import BELLS, FAR, MONDAY, NEAR, TERM, bells, lesson

_SCHOOLS = {f"{FAR}-R1": FAR, f"{NEAR}-R1": NEAR}


def version(*lessons: Lesson, since: date = MONDAY, until: date | None = None) -> TimetableVersion:
    return TimetableVersion(uuid4(), "t", 1, "published", since, until, lessons)


def days(*versions: TimetableVersion, until: date = MONDAY + timedelta(days=20)) -> list[date]:
    return [o.day for o in expand(TERM, versions, BELLS, _SCHOOLS, TERM.starts_on, until)]


def test_a_lesson_is_held_each_week_at_the_hubs_clock_time() -> None:
    [first, *others] = expand(
        TERM, [version(lesson())], BELLS, _SCHOOLS, MONDAY, MONDAY + timedelta(days=14)
    )
    assert first.starts_at == datetime(2026, 9, 7, 0, 30, tzinfo=UTC)
    assert first.ends_at == datetime(2026, 9, 7, 1, 10, tzinfo=UTC)
    assert [o.day for o in others] == [MONDAY + timedelta(days=7), MONDAY + timedelta(days=14)]
    shift = datetime(2026, 9, 7, 0, 20, tzinfo=UTC), datetime(2026, 9, 7, 1, 10, tzinfo=UTC)
    assert first.shifts == ((f"{FAR}-R1", *shift),)


def test_odd_weeks_are_every_other_week() -> None:
    assert days(version(lesson(weeks=Weeks.ODD))) == [MONDAY + timedelta(days=7)]


def test_each_day_runs_the_version_valid_on_it() -> None:
    change = MONDAY + timedelta(days=7)
    old = version(lesson(weekday=1), until=change - timedelta(days=1))
    new = version(lesson(weekday=2), since=change)
    assert days(old, new) == [MONDAY, MONDAY + timedelta(days=8), MONDAY + timedelta(days=15)]


def test_a_version_makes_nothing_that_was_over_before_it_was_published() -> None:
    noon = replace(version(lesson()), published_at=datetime(2026, 9, 7, 4, tzinfo=UTC))
    assert days(noon)[0] == MONDAY + timedelta(days=7)


def test_a_range_of_weeks_is_held_in_those_weeks_only() -> None:
    ranged = replace(lesson(), week_from=3, week_until=4)
    assert days(version(ranged)) == [MONDAY + timedelta(days=7), MONDAY + timedelta(days=14)]


def test_a_makeup_workday_counts_as_the_week_of_the_date_it_acts_as() -> None:
    saturday = MONDAY + timedelta(days=12)  # in week 3; acts as the Monday of week 4
    term = replace(TERM, days=(CalendarDay(saturday, MONDAY + timedelta(days=14)),))
    ranged = replace(lesson(), week_from=4, week_until=4)
    found = expand(term, [version(ranged)], BELLS, _SCHOOLS, MONDAY, MONDAY + timedelta(days=15))
    assert [o.day for o in found] == [saturday, MONDAY + timedelta(days=14)]


@pytest.fixture(params=["Asia/Shanghai", "Europe/Berlin", "America/New_York"])
def machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone that the machine itself is set to, which must not matter."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("machine_zone")
@pytest.mark.parametrize(
    ("zone", "utc"),
    [
        ("Asia/Shanghai", {(0, 30)}),  # no change of clocks
        ("Europe/Berlin", {(6, 30), (7, 30)}),  # summer time until 25 October 2026
    ],
)
def test_a_lesson_keeps_its_wall_clock_all_term_whatever_zone_the_machine_is_in(
    zone: str, utc: set[tuple[int, int]]
) -> None:
    term = replace(TERM, zone=zone)
    found = list(expand(term, [version(lesson())], BELLS, _SCHOOLS, MONDAY, TERM.ends_on))
    local = ZoneInfo(zone)
    assert len(found) == 20
    assert {o.starts_at.astimezone(local).strftime("%a %H:%M") for o in found} == {"Mon 08:30"}
    assert {(o.starts_at.hour, o.starts_at.minute) for o in found} == utc
    assert {o.ends_at - o.starts_at for o in found} == {timedelta(minutes=40)}
    assert all(o.day == o.starts_at.astimezone(local).date() for o in found)
    assert {
        tuple(at.astimezone(local).strftime("%H:%M") for at in o.shifts[0][1:]) for o in found
    } == {("08:20", "09:10")}


def test_a_version_of_another_term_holds_in_its_own_term_only() -> None:
    other = replace(version(lesson()), term_id="spring")
    assert days(other) == []


def test_bells_change_from_summer_to_winter_on_their_day() -> None:
    change = MONDAY + timedelta(days=7)
    winter = tuple(
        replace(b, valid_from=change, periods=bells(b.school_code, "09:00", "10:00").periods)
        for b in BELLS
    )
    found = expand(TERM, [version(lesson())], (*BELLS, *winter), _SCHOOLS, MONDAY, change)
    assert [o.starts_at.strftime("%H:%M") for o in found] == ["00:30", "01:00"]  # UTC
