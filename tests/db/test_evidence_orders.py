"""However evidence gets into PostgreSQL, the attendance derived from it is the same.

The real way in: spools of several nodes, some of them cut off, some killed, batches written again
because their acknowledgement was lost; attendance derived in between.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classroom_sync.closing import derive_attendance
from classroom_sync.spool import EvidenceSpool, Rows
from db import presence, sessions
from db.errors import Unreachable
from db.pool import Pool
from media.evidence import Evidence
from scheduler.attendance import AttendanceRules
from scheduler.model import Attendance
from tests.worlds import FAR, HUB, NOON, build

RULES = AttendanceRules()


@pytest.fixture
async def city(pool: Pool) -> Pool:
    async with pool.transaction() as connection:
        await build(connection)
    return pool


async def lesson(pool: Pool, starts: datetime) -> tuple[UUID, UUID]:
    """A finished lesson and its link."""
    async with pool.transaction() as connection:
        session = await connection.fetchval(
            "INSERT INTO sessions (kind, on_day, subject, starts_at, ends_at, interactive, state,"
            " live_at, closed_at)"
            " VALUES ('live_lesson', $1, 'music', $2, $3, false, 'ended', $2, $3)"
            " RETURNING id",
            starts.date(),
            starts,
            starts + timedelta(minutes=40),
        )
        await sessions.add_participant(
            connection, session, sessions.ParticipantRole.LEAD, room_id=f"{HUB}-R1"
        )
        link = await sessions.add_participant(
            connection,
            session,
            sessions.ParticipantRole.RECEIVING,
            room_id=f"{FAR}-R1",
            class_id=f"{FAR}-301",
        )
    return session, link


def slices(
    session: UUID, link: UUID, starts: datetime, spans: Sequence[tuple[int, int, int]]
) -> list[Evidence]:
    return [
        Evidence(
            str(session),
            str(link),
            starts + timedelta(seconds=start),
            starts + timedelta(seconds=start + length),
            sent_decodable=False,
            received_decodable=True,
            packets_in=0,
            bytes_in=0,
            packets_out=100,
            bytes_out=100_000,
            lost_in=0,
            lost_out=loss,
            jitter_ms=1.0,
            rtt_ms=2.0 * loss,
            reason=None,
        )
        for start, length, loss in spans
    ]


class Door:
    """The way into the database, which loses what it is told to lose."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.cut = False
        self.deaf = False  # writes, and loses the answer

    async def write(self, node_id: UUID, rows: Rows) -> None:
        if self.cut:
            raise Unreachable("cut")
        async with self._pool.transaction() as connection:
            await presence.add_evidence(connection, node_id, rows)
        if self.deaf:
            raise Unreachable("the answer was lost")


async def derived(pool: Pool, session: UUID) -> Attendance:
    async with pool.transaction() as connection:
        [found] = await derive_attendance(connection, session, RULES)
        [kept] = await presence.attendance_of_session(connection, session)
    assert replace(found, intervals=(), delay_p95_ms=None, loss_p95=None) == replace(
        kept, delay_p95_ms=None, loss_p95=None
    )
    return found


def comparable(found: Attendance) -> Attendance:
    """Without what tells lessons apart, and on what day they were."""
    moved = tuple(
        replace(i, from_at=i.from_at.replace(day=1, month=1), to_at=i.to_at.replace(day=1, month=1))
        for i in found.intervals
    )
    nobody = UUID(int=0)
    return replace(
        found,
        participant_id=nobody,
        session_id=nobody,
        intervals=moved,
        makeup_due_on=None,
        evidence_seen=0,
    )


@settings(
    max_examples=25,
    deadline=None,  # of a database beside other work
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    spans=st.lists(
        st.tuples(st.integers(-60, 2400), st.integers(2, 900), st.integers(0, 30)), max_size=8
    ),
    data=st.data(),
)
async def test_any_way_in_gives_the_same_attendance(
    city: Pool,
    tmp_path_factory: pytest.TempPathFactory,
    spans: list[tuple[int, int, int]],
    data: st.DataObject,
) -> None:
    async with city.connection() as connection:
        before = await connection.fetchval("SELECT count(*) FROM sessions")
    starts = NOON + timedelta(days=before)
    plain = await lesson(city, starts)
    async with city.transaction() as connection:
        await presence.add_evidence(
            connection, uuid4(), list(enumerate(slices(*plain, starts, spans), start=1))
        )
    expected = await derived(city, plain[0])

    starts += timedelta(days=1)
    session, link = await lesson(city, starts)
    pieces: list[tuple[int, int, int]] = []
    for start, length, loss in spans:
        cut = data.draw(st.integers(0, length - 1))
        parts = [(start, cut, loss), (start + cut, length - cut, loss)]
        pieces += [part for part in parts if part[1] > 0]
    pieces = data.draw(st.permutations(pieces))
    nodes = [
        (Door(city), tmp_path_factory.mktemp("spool"), uuid4())
        for _ in range(data.draw(st.integers(1, 3)))
    ]
    spools = [EvidenceSpool(node, path, door.write, (Unreachable,)) for door, path, node in nodes]
    with contextlib.ExitStack() as dying:
        for spool in spools:
            dying.callback(spool.close)
        for piece in slices(session, link, starts, pieces):
            at = data.draw(st.integers(0, len(nodes) - 1))
            door, spool = nodes[at][0], spools[at]
            door.cut, door.deaf = data.draw(st.booleans()), data.draw(st.booleans())
            spool.put(piece)
            await spool.flush()
            if data.draw(st.booleans()):
                await derived(city, session)
    await replay([path for _, path, _ in nodes], Door(city))
    assert comparable(await derived(city, session)) == comparable(expected)
    async with city.connection() as connection:
        stale = await presence.stale_sessions(connection, starts, starts + timedelta(hours=1))
    assert stale == []


async def replay(directories: Sequence[Path], door: Door) -> None:
    """The next node on each data directory writes what the ones before it left."""
    for directory in directories:
        following = EvidenceSpool(uuid4(), directory, door.write, (Unreachable,))
        await following.replay()
        assert list(directory.glob("*.jsonl")) == []
