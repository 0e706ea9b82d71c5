"""The demo has a lesson that is on now, whatever now is."""

from datetime import UTC, datetime, timedelta

import pytest

from classroom_sync.demo_city import read_city
from classroom_sync.demo_city.lesson import lesson_now, lesson_still_on, load_once
from db import sessions
from db.pool import Connection, Pool
from scheduler.model import ParticipantRole, Session, SessionState

LENGTH = timedelta(minutes=40)


async def _make(connection: Connection, now: datetime) -> Session:
    await load_once(connection, read_city(now.date()), now)
    session = await sessions.session(connection, await lesson_now(connection, now, LENGTH))
    assert session is not None, "just made"
    return session


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 24, 0, 20, tzinfo=UTC),  # a Tuesday, before the first bell
        datetime(2026, 11, 24, 0, 50, tzinfo=UTC),  # in the middle of other lessons
        datetime(2026, 11, 24, 14, 0, tzinfo=UTC),  # late in the evening
        datetime(2026, 11, 28, 3, 0, tzinfo=UTC),  # a Saturday
        datetime(2026, 11, 29, 3, 0, tzinfo=UTC),  # a Sunday
        datetime(2026, 10, 1, 3, 0, tzinfo=UTC),  # a holiday
        datetime(2027, 3, 2, 3, 0, tzinfo=UTC),  # after the term of the data
        datetime(2025, 8, 5, 3, 0, tzinfo=UTC),  # before it
    ],
)
async def test_a_lesson_is_on_now(pool: Pool, now: datetime) -> None:
    async with pool.transaction() as connection:
        session = await _make(connection, now)
    assert (session.starts_at, session.ends_at) == (now, now + LENGTH)
    assert session.lesson_id is not None  # it came from the timetable
    roles = [p.role for p in session.participants]
    assert sorted(roles) == [ParticipantRole.LEAD, *[ParticipantRole.RECEIVING] * 2]


async def test_before_midnight_the_lesson_ends_with_the_day(pool: Pool) -> None:
    now = datetime(2026, 11, 24, 15, 50, tzinfo=UTC)  # 23:50 in Shanghai
    async with pool.transaction() as connection:
        session = await _make(connection, now)
    assert session.ends_at == datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC)


async def test_a_second_start_keeps_the_lesson_or_makes_another(pool: Pool) -> None:
    now = datetime(2026, 11, 24, 0, 20, tzinfo=UTC)
    async with pool.transaction() as connection:
        session = await _make(connection, now)
        before = {"live_session": {"id": str(session.id)}}
        await sessions.open_session(connection, session.id, now)
        soon, late = now + timedelta(minutes=5), now + timedelta(minutes=30)
        assert await lesson_still_on(connection, before, soon, LENGTH) == session.id
        assert await lesson_still_on(connection, before, late, LENGTH) is None
        assert await lesson_still_on(connection, {"live_session": None}, soon, LENGTH) is None
        await load_once(connection, read_city(now.date()), late)  # loads nothing twice
        second = await sessions.session(connection, await lesson_now(connection, late, LENGTH))
    assert second is not None
    assert second.id != session.id
    assert second.state is SessionState.SCHEDULED
