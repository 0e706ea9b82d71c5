"""The demo has a lesson that is on now, whatever now is."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from classroom_sync.demo_city.lesson import lesson_for
from classroom_sync.demo_city.people import more_people
from classroom_sync.planning import clashing
from classroom_sync.timetabling import check, city_now, need_term
from db import accounts, calendar, drafts, sessions, timetable
from db.pool import Connection, Pool
from scheduler import rules
from scheduler.model import ParticipantRole, Session

LENGTH = timedelta(minutes=40)
MORNING = datetime(2026, 11, 24, 0, 20, tzinfo=UTC)  # a Tuesday, before the first bell


async def _start(connection: Connection, now: datetime, before: UUID | None = None) -> Session:
    known = {"live_session": {"id": str(before)}}
    session_id = await lesson_for(connection, known, now, LENGTH)
    session = await sessions.session(connection, session_id)
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
        session = await _start(connection, now)
        clashes = await clashing(connection, now)
    assert (session.starts_at, session.ends_at) == (now, now + LENGTH)
    assert session.lesson_id is not None  # it came from the timetable
    assert clashes == []
    roles = [p.role for p in session.participants]
    assert sorted(roles) == [ParticipantRole.LEAD, *[ParticipantRole.RECEIVING] * 2]


async def test_before_midnight_the_lesson_ends_with_the_day(pool: Pool) -> None:
    now = datetime(2026, 11, 24, 15, 50, tzinfo=UTC)  # 23:50 in Shanghai
    async with pool.transaction() as connection:
        session = await _start(connection, now)
    assert session.ends_at == datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC)


async def test_the_published_timetable_is_the_solved_one_and_breaks_no_hard_rule(
    pool: Pool,
) -> None:
    async with pool.transaction() as connection:
        session = await _start(connection, MORNING)
        new, sent = await drafts.versions(connection, "demo-term")
        assert [(v.number, v.state, v.lessons) for v in (new, sent)] == [
            (2, "published", 73),  # the lesson that is on now is one of them
            (1, "draft", 85),
        ]
        term = await need_term(connection)
        of = await city_now(connection, term, MORNING)
        solved = await timetable.lessons(connection, new.id)
        assert (await check(of, solved)).hard == ()
        assert session.lesson_id in {k.id for k in solved}
        assert list(rules.unmet(of, solved)) == []
        wrong = (await check(of, await timetable.lessons(connection, sent.id))).hard
    assert len(wrong) == 38
    assert {c.rule for c in wrong} >= {"room_of_wrong_kind", "teacher_day", "class_clash"}


async def test_a_later_start_keeps_the_lesson_or_holds_an_extra_class_and_adds_nothing_else(
    pool: Pool,
) -> None:
    soon, late = MORNING + timedelta(minutes=5), MORNING + timedelta(hours=1)
    async with pool.transaction() as connection:
        first = await _start(connection, MORNING)
        await sessions.open_session(connection, first.id, MORNING)
        before = await _plan(connection)
        assert (await _start(connection, soon, first.id)).id == first.id
        second = await _start(connection, late, first.id)
        assert (second.starts_at, second.state, second.lesson_id) == (late, "scheduled", None)
        third = await _start(connection, late + timedelta(hours=1))
        assert third.id not in (first.id, second.id)
        assert await _plan(connection) == before
        assert await clashing(connection, late) == []


async def _plan(connection: Connection) -> object:
    """All that a timetable is made of."""
    versions = await drafts.versions(connection, "demo-term")
    return (
        versions,
        [await timetable.lessons(connection, v.id) for v in versions],
        await calendar.bells(connection),
        await calendar.latest_term(connection),
    )


async def test_people_of_every_school_can_sign_in_and_a_later_start_makes_nobody_twice(
    pool: Pool,
) -> None:
    async with pool.transaction() as connection:
        await _start(connection, MORNING)
        logins = await more_people(connection, "first", but=(), anew=False)
        assert await more_people(connection, "second", but=(), anew=False) == logins
        found = [await accounts.account_by_login(connection, login) for login in logins]
        known = [a for a in found if a is not None]
        assert len(known) == len(logins) == len(set(logins)) == 2 * 8 + 8 * 2 + 10
        assert {a.password_hash for a in known} == {"first"}
        schools = {a.school_code for a in known}
        assert len(schools) == 10
        assert {a.school_code for a in known if a.role == "admin"} == schools
        assert {a.school_code for a in known if a.role == "teacher"} == schools
        own, *others = logins
        assert await more_people(connection, "third", but=[own], anew=True) == others
        now = [await accounts.account_by_login(connection, login) for login in logins[:2]]
        assert [a.password_hash for a in now if a is not None] == ["first", "third"]
