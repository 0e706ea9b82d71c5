"""The stored calendar: official days, what the administrator says of them, and bells."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from classroom_sync.planning import plan_sessions
from db import calendar, sessions, timetable
from db.pool import Pool
from scheduler.bells import schedule_on
from scheduler.calendar import official_days
from scheduler.model import CalendarDay, Term, Weeks
from tests.worlds import BELLS, HUB, MONDAY, TERM, bells, build, lesson, publish

_SUNDAY = date(2026, 9, 20)
_SATURDAY = datetime(2026, 9, 12, 4, tzinfo=UTC)


async def test_the_administrators_day_holds_over_the_official_one_and_can_be_taken_back(
    pool: Pool,
) -> None:
    official = official_days(date(2026, 9, 1), date(2026, 12, 31))
    async with pool.transaction() as connection:
        await build(connection)
        await calendar.set_official_days(connection, TERM.id, official)
        own = CalendarDay(_SUNDAY, date(2026, 10, 7), "as our district does")
        await calendar.set_day(connection, TERM.id, own)
        await calendar.set_official_days(connection, TERM.id, official)  # read anew
        term = await calendar.term(connection, TERM.id)
        assert term is not None
        assert [d for d in term.days if d.day == _SUNDAY] == [own]
        assert await calendar.days(connection, TERM.id) == (official, (own,))
        assert await calendar.reset_day(connection, TERM.id, _SUNDAY)
        assert not await calendar.reset_day(connection, TERM.id, _SUNDAY)
        assert await calendar.term(connection, TERM.id) == replace(TERM, days=official)


async def test_bells_of_one_date_are_replaced_whole_and_others_stay(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        winter = replace(bells(HUB, "09:00", "10:00"), valid_from=date(2026, 11, 1))
        await calendar.replace_bells(connection, replace(winter, periods=BELLS[0].periods))
        await calendar.replace_bells(connection, winter)
        stored = await calendar.bells(connection)
    assert schedule_on(stored, HUB, date(2026, 11, 1)) == winter
    assert schedule_on(stored, HUB, date(2026, 10, 31)) == BELLS[0]


async def test_bells_that_overlap_are_refused_and_name_the_periods(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        with pytest.raises(calendar.BadBells, match="2 and 3"):
            await calendar.replace_bells(connection, bells(HUB, "08:30", "09:25", "09:30"))
        assert await calendar.bells(connection) == BELLS


async def test_a_range_of_weeks_is_kept_with_its_lesson(pool: Pool) -> None:
    ranged = replace(lesson(weeks=Weeks.ODD), week_from=3, week_until=10)
    async with pool.transaction() as connection:
        await build(connection)
        await publish(connection, ranged)
        [version] = await timetable.versions_between(connection, MONDAY, MONDAY)
    [stored] = version.lessons
    assert replace(stored, id=ranged.id) == ranged


async def test_a_range_of_weeks_that_ends_before_it_begins_is_refused(pool: Pool) -> None:
    backwards = replace(lesson(), week_from=10, week_until=3)
    async with pool.connection() as connection:
        await build(connection)
        with pytest.raises(asyncpg.CheckViolationError):
            await timetable.add_draft(connection, TERM.id, [backwards])


async def _planned(pool: Pool) -> list[str]:
    """When the coming week's sessions start, after planning, in Shanghai."""
    async with pool.transaction() as connection:
        await plan_sessions(connection, _SATURDAY)
        found = await sessions.between(connection, _SATURDAY, _SATURDAY + timedelta(days=7))
    zone = ZoneInfo(TERM.zone)
    return [session.starts_at.astimezone(zone).strftime("%a %H:%M") for session in found]


async def test_what_was_planned_follows_the_calendar_and_the_bells(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await publish(connection, lesson(weekday=1), lesson(weekday=2))
    usual = ["Mon 08:30", "Tue 08:30"]
    assert await _planned(pool) == usual
    monday = date(2026, 9, 14)
    for day, then in (
        (CalendarDay(monday, None, "typhoon"), ["Tue 08:30"]),
        (CalendarDay(monday, date(2026, 9, 15), "runs Tuesday"), usual),
        (CalendarDay(monday, monday, "ordinary after all"), usual),
        (CalendarDay(monday, date(2026, 9, 16), "runs Wednesday"), ["Tue 08:30"]),
    ):
        async with pool.transaction() as connection:
            await calendar.set_day(connection, TERM.id, day)
        assert await _planned(pool) == then, day.note
    async with pool.transaction() as connection:
        await calendar.reset_day(connection, TERM.id, monday)
        winter = replace(bells(HUB, "09:00"), valid_from=date(2026, 9, 15))
        await calendar.replace_bells(connection, winter)
    assert await _planned(pool) == ["Mon 08:30", "Tue 09:00"]


async def test_a_session_that_has_been_opened_stays_whatever_the_calendar_says(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await publish(connection, lesson(weekday=1))
    await _planned(pool)
    async with pool.transaction() as connection:
        [session] = await sessions.between(connection, _SATURDAY, _SATURDAY + timedelta(days=7))
        await sessions.open_session(connection, session.id, _SATURDAY)
        await calendar.set_day(connection, TERM.id, CalendarDay(session.on_day, None, "late"))
    assert await _planned(pool) == ["Mon 08:30"]


@pytest.mark.parametrize(
    ("entered", "worked_on"),
    [
        ((-300, -20, 100), -20),  # one is on
        ((-300, 100, 300), 100),  # between two
        ((-500, -300), -300),  # all are over
        ((100, 300), 100),  # none has begun
        ((-90, 1), 1),  # the last day was yesterday
        ((-89, 20), -89),  # it is today
        ((), None),
    ],
)
async def test_the_next_term_is_worked_on_once_the_present_one_is_over(
    pool: Pool, entered: tuple[int, ...], worked_on: int | None
) -> None:
    today = datetime.now(ZoneInfo(TERM.zone)).date()
    async with pool.transaction() as connection:
        for begins in entered:  # so many days from today; each has ninety days
            first = today + timedelta(days=begins)
            monday = first - timedelta(days=first.weekday())
            last = first + timedelta(days=89)
            await calendar.add_term(
                connection, Term(str(begins), "", TERM.zone, monday, first, last)
            )
        found = await calendar.latest_term(connection)
    assert (found and found.id) == (None if worked_on is None else str(worked_on))
