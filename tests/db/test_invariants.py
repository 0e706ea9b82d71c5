"""What the database keeps, whatever the code does (DESIGN 4): each is attacked here."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from db import sessions
from db.embedded import EmbeddedPostgres
from db.migrate import migrate, shipped
from db.pool import Connection, Pool
from scheduler.model import Lesson, ParticipantRole, Receiver
from scheduler.session import TRANSITIONS
from tests.worlds import FAR, HUB, MONDAY, NEAR, NOON, build, lesson, plan, publish

_OTHER = (Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{NEAR}-T1"),)

#: Pairs of lessons that share exactly one thing.
SHARED = {
    "lead room": lesson(teacher=f"{HUB}-T2", receivers=_OTHER),
    "lead teacher": lesson(room=f"{HUB}-R2", receivers=_OTHER),
    "receiving room": lesson(
        teacher=f"{HUB}-T2",
        room=f"{HUB}-R2",
        receivers=(Receiver(f"{FAR}-R1", f"{NEAR}-301", f"{NEAR}-T1"),),
    ),
    "class": lesson(
        teacher=f"{HUB}-T2",
        room=f"{HUB}-R2",
        receivers=(Receiver(f"{NEAR}-R1", f"{FAR}-301", f"{NEAR}-T1"),),
    ),
    "assistant": lesson(
        teacher=f"{HUB}-T2",
        room=f"{HUB}-R2",
        receivers=(Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{FAR}-T1"),),
    ),
}


async def _insert(connection: Connection, of: Lesson, starts_at: object, ends_at: object) -> UUID:
    """A session and its people by bare SQL, as a careless program would."""
    session_id = uuid4()
    await connection.execute(
        "INSERT INTO sessions (id, kind, on_day, subject, starts_at, ends_at)"
        " VALUES ($1, 'live_lesson', '2026-09-07', 'music', $2, $3)",
        session_id,
        starts_at,
        ends_at,
    )
    await sessions.add_participant(
        connection,
        session_id,
        ParticipantRole.LEAD,
        room_id=of.lead_room_id,
        teacher_id=of.lead_teacher_id,
    )
    for receiver in of.receivers:
        await sessions.add_participant(
            connection,
            session_id,
            ParticipantRole.RECEIVING,
            room_id=receiver.room_id,
            class_id=receiver.class_id,
            teacher_id=receiver.assistant_id,
        )
    return session_id


@pytest.mark.parametrize("what", SHARED)
async def test_of_two_writers_at_once_exactly_one_gets_the(pool: Pool, what: str) -> None:
    async with pool.transaction() as connection:
        await build(connection)
    gate = asyncio.Barrier(2)

    async def write(of: Lesson, late: timedelta) -> bool:
        async with pool.connection() as connection:
            await gate.wait()
            try:
                async with connection.transaction():
                    starts = NOON + late
                    await _insert(connection, of, starts, starts + timedelta(minutes=40))
                    await asyncio.sleep(0)  # both are inside of their transactions now
            except (asyncpg.ExclusionViolationError, asyncpg.DeadlockDetectedError):
                return False
            return True

    took = await asyncio.gather(
        write(lesson(), timedelta()), write(SHARED[what], timedelta(minutes=39))
    )
    assert sorted(took) == [False, True]


async def test_back_to_back_sessions_are_no_clash(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        end = NOON + timedelta(minutes=40)
        await _insert(connection, lesson(), NOON, end)
        await _insert(connection, lesson(), end, end + timedelta(minutes=40))


@pytest.mark.parametrize("state", ["cancelled", "missed"])
async def test_a_session_that_is_not_held_frees_what_it_had(pool: Pool, state: str) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        first = await _insert(connection, lesson(), NOON, NOON + timedelta(minutes=40))
        moved = (
            await sessions.cancel(connection, first, NOON, "school")
            if state == "cancelled"
            else await sessions.miss(connection, first, NOON)
        )
        assert moved
        await _insert(connection, lesson(), NOON, NOON + timedelta(minutes=40))


async def test_a_session_that_ended_before_its_time_takes_up_nobody(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        early, late = NOON - timedelta(minutes=8), NOON + timedelta(minutes=40)
        first = await _insert(connection, lesson(), NOON, late)
        assert await sessions.open_session(connection, first, early)
        with pytest.raises(asyncpg.ExclusionViolationError):
            async with connection.transaction():
                await _insert(connection, lesson(), early, late)
        assert await sessions.go_live(connection, first, early)
        assert await sessions.end(connection, first, NOON - timedelta(minutes=2))
        await _insert(connection, lesson(), early, late)


async def test_moving_a_session_onto_another_is_refused(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await _insert(connection, lesson(), NOON, NOON + timedelta(minutes=40))
        later = NOON + timedelta(hours=1)
        second = await _insert(connection, lesson(), later, later + timedelta(minutes=40))
        with pytest.raises(asyncpg.ExclusionViolationError):
            async with connection.transaction():
                await connection.execute(
                    "UPDATE sessions SET starts_at = $2 WHERE id = $1", second, NOON
                )


async def test_the_application_cannot_write_reservations_by_itself(pool: Pool) -> None:
    async with pool.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM reservations")


@pytest.mark.parametrize(
    "table",
    [
        "evidence",
        "head_counts",
        "interactions",
        "attendance",
        "presence",
        "audit",
        "lesson_messages",
        "poll_answers",
    ],
)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET {} = {}"])
async def test_what_happened_cannot_be_changed(pool: Pool, table: str, statement: str) -> None:
    column = {
        "audit": "actor",
        "head_counts": "why",
        "interactions": "kind",
        "attendance": "cause",
        "lesson_messages": "body",
        "poll_answers": "heads",
    }.get(table, "reason")
    query = statement.format(table, column, column)
    async with pool.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(query)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE timetable_versions SET valid_from = '2030-01-01'",
        "UPDATE timetable_versions SET state = 'draft', published_at = NULL",
        "DELETE FROM timetable_versions",
        "UPDATE lessons SET period = 2",
        "DELETE FROM lessons",
        "UPDATE lesson_receivers SET assistant_id = NULL",
        "DELETE FROM lesson_receivers",
        "INSERT INTO lessons (version_id, weekday, period, subject, lead_teacher_id, lead_room_id)"
        " SELECT version_id, 2, 2, subject, lead_teacher_id, lead_room_id FROM lessons",
    ],
)
async def test_a_published_version_is_immutable(dsn: str, pool: Pool, statement: str) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await publish(connection, lesson())
    owner = await asyncpg.connect(dsn)  # not even its owner may, by mistake
    try:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await owner.execute(statement)
    finally:
        await owner.close()
    assert refused.value.constraint_name == "published_is_immutable"


async def test_states_move_only_as_the_scheduler_says(pool: Pool) -> None:
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT from_state, to_state FROM session_transitions")
    assert {(a, b) for a, b in rows} == {(a.value, b.value) for a, b in TRANSITIONS}


async def test_a_state_that_does_not_follow_is_refused(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        with pytest.raises(asyncpg.CheckViolationError, match="cannot go from scheduled to ended"):
            await connection.execute(
                "UPDATE sessions SET state = 'ended' WHERE id = $1", planned.session_id
            )


async def test_only_one_of_two_openers_opens(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())

    async def open_it() -> bool:
        async with pool.transaction() as connection:
            return await sessions.open_session(connection, planned.session_id, NOON)

    assert sorted(await asyncio.gather(open_it(), open_it())) == [False, True]


async def test_two_published_versions_never_hold_on_one_day(dsn: str, pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await publish(connection, lesson())
        await publish(connection, lesson(), since=MONDAY + timedelta(days=7))
    owner = await asyncpg.connect(dsn)
    try:
        with pytest.raises(asyncpg.ExclusionViolationError):
            await owner.execute("UPDATE timetable_versions SET valid_until = valid_until + 1")
    finally:
        await owner.close()


async def test_versions_that_held_at_once_are_put_in_order_when_the_schema_is(
    postgres: EmbeddedPostgres,
) -> None:
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("CREATE DATABASE versions_at_once")
    old = await asyncpg.connect(postgres.dsn.replace("/postgres?", "/versions_at_once?"))
    try:
        await migrate(old, tuple(m for m in shipped() if m.name < "0027"))
        await old.execute(
            "INSERT INTO terms (id, name, zone, week1_monday, starts_on, ends_on)"
            " VALUES ('t', 't', 'Asia/Shanghai', '2026-08-31', '2026-09-01', '2027-01-22')"
        )
        await old.execute(
            "INSERT INTO timetable_versions"
            " (term_id, number, state, valid_from, valid_until, published_at)"
            " VALUES ('t', 1, 'superseded', '2026-09-07', '2026-10-11', '2026-09-01'),"
            " ('t', 2, 'superseded', '2026-10-12', '2026-09-13', '2026-09-02'),"
            " ('t', 3, 'published', '2026-09-14', NULL, '2026-09-03'),"
            " ('t', 4, 'published', '2026-11-02', NULL, '2026-09-03'),"
            " ('t', 5, 'draft', NULL, NULL, NULL)"
        )
        await migrate(old)
        found = await old.fetch(
            "SELECT number, state, valid_until::text FROM timetable_versions ORDER BY number"
        )
    finally:
        await old.close()
        await connection.execute("DROP DATABASE versions_at_once WITH (FORCE)")
        await connection.close()
    assert [tuple(row) for row in found] == [
        (1, "superseded", "2026-09-13"),
        (2, "superseded", "2026-10-11"),
        (3, "superseded", "2026-11-01"),
        (4, "published", None),
        (5, "draft", None),
    ]
