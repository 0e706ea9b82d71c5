"""Evidence survives a database that is away, and a node that dies meanwhile."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from classroom_sync.spool import EvidenceSpool, Rows
from db import presence
from db.errors import Unreachable
from db.pool import Pool
from media.evidence import Evidence
from tests.worlds import NOON, Planned, build, lesson, plan


class Line:
    """The way into a real database, which can be cut."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.cut = False

    async def write(self, node_id: UUID, rows: Rows) -> None:
        if self.cut:
            raise Unreachable("the line is cut")
        async with self._pool.transaction() as connection:
            await presence.add_evidence(connection, node_id, rows)


@pytest.fixture
async def planned(pool: Pool) -> Planned:
    async with pool.transaction() as connection:
        await build(connection)
        return await plan(connection, lesson())


def slices(planned: Planned, count: int) -> list[Evidence]:
    first = Evidence(
        str(planned.session_id),
        str(planned.receiving),
        NOON,
        NOON + timedelta(seconds=5),
        True,
        True,
        1,
        2,
        3,
        4,
        5,
        6,
        7.5,
        8.5,
        None,
    )
    step = timedelta(seconds=5)
    return [
        replace(first, from_at=NOON + n * step, to_at=NOON + (n + 1) * step) for n in range(count)
    ]


async def stored(pool: Pool, planned: Planned) -> list[tuple[UUID, int]]:
    async with pool.connection() as connection:
        found = await presence.evidence_between(
            connection, planned.receiving, NOON, NOON + timedelta(hours=1)
        )
    return [(row.node_id, row.seq) for row in found]


async def test_what_was_spooled_is_written_once_the_database_is_back(
    pool: Pool, planned: Planned, tmp_path: Path
) -> None:
    line, node = Line(pool), uuid4()
    spool = EvidenceSpool(node, tmp_path, line.write, (Unreachable,))
    pieces = slices(planned, 6)
    for piece in pieces[:2]:
        spool.put(piece)
    assert await spool.flush()
    line.cut = True
    for piece in pieces[2:4]:
        spool.put(piece)
    assert not await spool.flush()
    assert len((tmp_path / f"{node}.jsonl").read_text().splitlines()) == 2
    line.cut = False
    for piece in pieces[4:]:
        spool.put(piece)
    running = asyncio.create_task(spool.run())
    async with asyncio.timeout(5):
        while list(tmp_path.glob("*.jsonl")):
            await asyncio.sleep(0.02)  # the file is removed when all of it is written
    running.cancel()
    await asyncio.wait([running])
    assert await stored(pool, planned) == [(node, n) for n in range(1, 7)]


async def test_a_dead_nodes_spool_is_written_by_the_next_node(
    pool: Pool, planned: Planned, tmp_path: Path
) -> None:
    line, dead = Line(pool), uuid4()
    line.cut = True
    spool = EvidenceSpool(dead, tmp_path, line.write, (Unreachable,))
    for piece in slices(planned, 3):
        spool.put(piece)
    await spool.flush()
    spool.close()  # as the kernel does when the process dies
    with (tmp_path / f"{dead}.jsonl").open("a") as file:
        file.write('{"seq": 4, "room": "torn')  # the power went while this was written
    line.cut = False
    following = EvidenceSpool(uuid4(), tmp_path, line.write, (Unreachable,))
    running = asyncio.create_task(following.run())
    async with asyncio.timeout(5):
        while list(tmp_path.glob("*.jsonl")):
            await asyncio.sleep(0.02)  # as above
    running.cancel()
    await asyncio.wait([running])
    assert await stored(pool, planned) == [(dead, 1), (dead, 2), (dead, 3)]


async def test_what_is_left_at_the_end_is_written(
    pool: Pool, planned: Planned, tmp_path: Path
) -> None:
    node = uuid4()
    spool = EvidenceSpool(node, tmp_path, Line(pool).write, (Unreachable,))
    running = asyncio.create_task(spool.run())
    await asyncio.sleep(0)
    spool.put(slices(planned, 1)[0])
    running.cancel()
    await asyncio.wait([running])
    assert await stored(pool, planned) == [(node, 1)]
