"""Evidence, attendance, pairing, accounts, nodes: what the queries promise."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from db import accounts, nodes, presence, sessions
from db.nodes import MediaNodeRow
from db.pool import Pool
from db.sessions import Clash
from media.evidence import Evidence
from scheduler.model import Attendance, AttendanceStatus, PresenceInterval, SessionState
from tests.worlds import HUB, MONDAY, NOON, Planned, build, lesson, occurrence, plan, publish


def evidence(planned: Planned, second: int, *, seconds: int = 5) -> Evidence:
    start = NOON + timedelta(seconds=second)
    return Evidence(
        str(planned.session_id),
        str(planned.receiving),
        start,
        start + timedelta(seconds=seconds),
        True,
        True,
        100,
        10_000,
        200,
        20_000,
        1,
        2,
        1.5,
        None,
        None,
    )


def attendance(planned: Planned, status: AttendanceStatus = AttendanceStatus.FULL) -> Attendance:
    return Attendance(
        planned.receiving,
        planned.session_id,
        status,
        status is AttendanceStatus.FULL,
        2400,
        2400,
        0,
        40,
        38,
        True,
        None,
        "test",
        (PresenceInterval(NOON, NOON + timedelta(minutes=40), "ended"),),
    )


async def test_evidence_written_twice_counts_once(pool: Pool) -> None:
    node = uuid4()
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        rows = [(n, evidence(planned, 5 * n)) for n in range(1, 5)]
        await presence.add_evidence(connection, node, rows[:3])
        await presence.add_evidence(connection, node, rows)  # a batch that was not acknowledged
        found = await presence.evidence_between(
            connection, planned.receiving, NOON, NOON + timedelta(hours=1)
        )
        slices = await presence.slices_of_session(connection, planned.session_id)
    assert [row.seq for row in found] == [1, 2, 3, 4]
    assert {row.node_id for row in found} == {node}
    assert [s.from_at for s in slices] == [NOON + timedelta(seconds=5 * n) for n in range(1, 5)]


async def test_late_evidence_makes_a_session_stale_and_a_revision_settles_it(pool: Pool) -> None:
    since = NOON - timedelta(days=1)
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await sessions.open_session(connection, planned.session_id, NOON)
        await sessions.go_live(connection, planned.session_id, NOON)
        await sessions.end(connection, planned.session_id, NOON)

    async def stale() -> list[object]:
        async with pool.connection() as connection:
            newly = await presence.newly_stale_sessions(connection, since, since)
            found = await presence.stale_sessions(connection, since, NOON + timedelta(days=1))
        assert newly == found
        return list(found)

    assert await stale() == [planned.session_id]
    async with pool.transaction() as connection:
        assert await presence.add_attendance(connection, attendance(planned)) == 1
    assert await stale() == []
    async with pool.transaction() as connection:
        await presence.add_evidence(connection, uuid4(), [(1, evidence(planned, 0))])
    assert await stale() == [planned.session_id]
    async with pool.transaction() as connection:
        late = replace(attendance(planned, AttendanceStatus.PARTIAL), evidence_seen=1)
        assert await presence.add_attendance(connection, late) == 2
        found = await presence.attendance_of(connection, planned.receiving)
        [newest] = await presence.attendance_of_session(connection, planned.session_id)
    assert await stale() == []
    assert found is not None
    assert found.status is newest.status is AttendanceStatus.PARTIAL
    assert found.intervals == late.intervals


async def test_an_occurrence_is_stored_once_and_a_clash_is_named(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        session = await sessions.session(connection, planned.session_id)
        assert session is not None
        assert session.lesson_id is not None
        same = occurrence(replace(lesson(), id=session.lesson_id), NOON)
        assert await sessions.add_occurrence(connection, same) is None
        moved = replace(same, day=MONDAY + timedelta(days=3))  # not stored, but its time is taken
        refused = await sessions.add_occurrence(connection, moved)
    assert isinstance(refused, Clash)
    assert f"{HUB}-" in refused.what


async def test_a_superseded_plan_is_forgotten_but_not_what_was_opened(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        opened = await plan(connection, lesson())
        await sessions.open_session(connection, opened.session_id, NOON)
        later = NOON + timedelta(hours=2)
        only_planned = await plan(connection, lesson(period=2), later)
        await publish(connection, lesson(period=3), since=MONDAY - timedelta(days=1))
        await sessions.drop_superseded(connection, NOON)
        kept = await sessions.session(connection, opened.session_id)
        gone = await sessions.session(connection, only_planned.session_id)
    assert kept is not None
    assert kept.state is SessionState.OPEN
    assert gone is None


async def test_a_pairing_code_is_good_for_one_of_two_who_type_it_at_once(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await accounts.add_pairing_code(
            connection, "ABCD2345", f"{HUB}-R1", NOON + timedelta(minutes=1)
        )

    async def use() -> str | None:
        async with pool.transaction() as connection:
            return await accounts.use_pairing_code(connection, "ABCD2345", NOON)

    assert sorted(map(str, await asyncio.gather(use(), use()))) == [f"{HUB}-R1", "None"]


async def test_a_pairing_code_expires(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await accounts.add_pairing_code(connection, "ABCD2345", f"{HUB}-R1", NOON)
        assert await accounts.use_pairing_code(connection, "ABCD2345", NOON) is None


async def test_a_shared_secret_is_the_same_for_all_who_ask_at_once(pool: Pool) -> None:
    async def ask(fresh: bytes) -> bytes:
        async with pool.transaction() as connection:
            return await accounts.secret(connection, "key", fresh)

    found = await asyncio.gather(*(ask(bytes([n])) for n in range(8)))
    assert len(set(found)) == 1


async def test_a_lapsed_node_loses_its_sessions_to_the_least_loaded(pool: Pool) -> None:
    busy, free, dead = (MediaNodeRow(uuid4(), "h", f"http://n{n}", None, n) for n in range(3))
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        other = await plan(connection, lesson(period=2), NOON + timedelta(hours=2))
        for node in (busy, free):
            await nodes.register(connection, node, timedelta(minutes=1))
        await nodes.register(connection, dead, timedelta(0))
        for session, node in ((planned, busy), (other, dead)):
            await sessions.open_session(connection, session.session_id, NOON)
            await sessions.place(connection, session.session_id, node.id)
        assert {n.id for n in await nodes.live(connection)} == {busy.id, free.id}
        assert await nodes.least_loaded(connection) == free.id
        assert await nodes.unplaced_sessions(connection, ()) == [other.session_id]
        assert await nodes.unplaced_sessions(connection, [dead.id]) == []  # it answers
        await nodes.leave(connection, dead.id)
        assert await nodes.unplaced_sessions(connection, [dead.id]) == [other.session_id]
        assert await nodes.renew(connection, busy.id, timedelta(minutes=1), 5.0) is False
        assert await nodes.renew(connection, uuid4(), timedelta(minutes=1), 5.0) is None
