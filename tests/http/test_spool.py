"""Evidence survives a database that is away, and a node that dies meanwhile."""

import asyncio
import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
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


async def test_what_the_disk_cannot_take_either_waits_in_memory(
    pool: Pool, planned: Planned, tmp_path: Path
) -> None:
    line, node = Line(pool), uuid4()
    line.cut = True
    spool = EvidenceSpool(node, tmp_path, line.write, (Unreachable,))
    first, *rest = slices(planned, 4)
    spool.put(first)
    assert not await spool.flush()
    before = (tmp_path / f"{node}.jsonl").read_bytes()
    for piece in rest:
        spool.put(piece)
    with _smallest_disk(len(before) + 20):
        assert not await spool.flush()
        assert (tmp_path / f"{node}.jsonl").read_bytes() == before  # no half a row
    line.cut = False
    await spool.replay()
    assert await spool.flush()
    assert await stored(pool, planned) == [(node, n) for n in range(1, 5)]


@contextmanager
def _smallest_disk(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: EFBIG, as ENOSPC, is an OSError of the write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_row_that_is_refused_takes_no_other_along(
    pool: Pool, planned: Planned, tmp_path: Path
) -> None:
    node = uuid4()
    spool = EvidenceSpool(node, tmp_path, Line(pool).write, (Unreachable,))
    good = slices(planned, 3)
    spool.put(good[0])
    spool.put(replace(good[1], participant=str(uuid4())))  # of nobody in the lesson
    spool.put(good[2])
    assert await spool.flush()
    assert await stored(pool, planned) == [(node, 1), (node, 3)]
    [kept] = (tmp_path / f"{node}.refused").read_text().splitlines()
    assert json.loads(kept)["seq"] == 2


async def test_of_a_killed_node_the_next_writes_what_was_not_whole_yet(
    pool: Pool, planned: Planned, tmp_path: Path
) -> None:
    dead, [piece] = uuid4(), slices(planned, 1)
    spool = EvidenceSpool(dead, tmp_path, Line(pool).write, (Unreachable,), lambda: [piece])
    running = asyncio.create_task(spool.run())
    note = tmp_path / f"{dead}.unfinished"
    async with asyncio.timeout(5):
        while not note.exists() or not note.stat().st_size:
            await asyncio.sleep(0.02)  # written four times a second
    living = EvidenceSpool(uuid4(), tmp_path, Line(pool).write, (Unreachable,))
    await living.replay()
    assert await stored(pool, planned) == []  # its node lives
    text = note.read_text()
    running.cancel()
    await asyncio.wait([running])
    assert not note.exists()  # a node that ends has told everything
    note.write_text(text)  # as one that was killed leaves it
    await living.replay()
    assert await stored(pool, planned) == [(dead, -1)]
    assert not note.exists()


class SlowLine(Line):
    """One that gives no answer until it is told to."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self.answers = asyncio.Event()

    async def write(self, node_id: UUID, rows: Rows) -> None:
        await self.answers.wait()
        await super().write(node_id, rows)


async def test_what_a_database_has_not_taken_yet_is_noted_meanwhile(
    pool: Pool, planned: Planned, tmp_path: Path
) -> None:
    node, line = uuid4(), SlowLine(pool)
    first, second = slices(planned, 2)
    spool = EvidenceSpool(node, tmp_path, line.write, (Unreachable,), lambda: [second])
    spool.put(first)
    running = asyncio.create_task(spool.run())
    note = tmp_path / f"{node}.unfinished"
    async with asyncio.timeout(5):
        while not note.exists() or not note.stat().st_size:
            await asyncio.sleep(0.02)
        text = note.read_text()
        line.answers.set()
        while await stored(pool, planned) != [(node, 1)]:
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])
    note.write_text(text)  # as if it had been killed before
    await EvidenceSpool(uuid4(), tmp_path, Line(pool).write, (Unreachable,)).replay()
    assert await stored(pool, planned) == [(node, 1), (node, -1)]
