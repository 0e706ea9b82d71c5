"""From the weekly timetable to dated lessons."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from scheduler.model import Lesson, TimetableVersion, Weeks
from scheduler.occurrences import expand
from tests.worlds import BELLS, FAR, MONDAY, NEAR, TERM, lesson

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
