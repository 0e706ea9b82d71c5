"""Whatever is written about a session is told to every process, whoever writes it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest

from db import marks, notices, recordings, sessions
from db.pool import Connection, Pool
from tests.worlds import NOON, Planned, build, lesson, plan

_WITHIN = 10.0  # seconds


class Listener:
    """A process that listens: the words it has heard, and how often it began."""

    def __init__(self) -> None:
        self.words: asyncio.Queue[str] = asyncio.Queue()
        self.began = 0
        self.listens = asyncio.Event()

    async def anew(self) -> None:
        self.began += 1
        self.listens.set()

    async def heard(self) -> str:
        return await asyncio.wait_for(self.words.get(), _WITHIN)


@pytest.fixture
async def planned(pool: Pool) -> Planned:
    async with pool.transaction() as connection:
        await build(connection)
        return await plan(connection, lesson())


@pytest.fixture
async def listener(dsn: str, planned: Planned) -> AsyncIterator[Listener]:
    found = Listener()
    channels = {notices.SESSION_CHANGED: found.words.put_nowait}
    following = asyncio.create_task(notices.follow(dsn, channels, found.anew))
    await asyncio.wait_for(found.listens.wait(), _WITHIN)
    yield found
    following.cancel()
    await asyncio.wait([following])


Write = Callable[[Connection, Planned], Awaitable[object]]

WRITES: dict[str, Write] = {
    "opened": lambda c, p: sessions.open_session(c, p.session_id, NOON),
    "floor": lambda c, p: sessions.set_floor(c, p.session_id, p.receiving),
    "muted": lambda c, p: sessions.set_muted(c, p.receiving, muted=True),
    "hand": lambda c, p: marks.add_interaction(c, p.session_id, p.receiving, "hand_raised"),
    "heads": lambda c, p: marks.add_head_count(c, p.receiving, 30, 29, "device:x"),
    "recorded": lambda c, p: recordings.begin(
        c,
        session_id=p.session_id,
        made_by="system",
        started_at=NOON,
        delete_after=NOON + timedelta(days=1),
    ),
    "by hand": lambda c, p: c.execute(
        "UPDATE participants SET teacher_id = NULL WHERE id = $1", p.receiving
    ),
}


@pytest.mark.parametrize("what", WRITES)
async def test_what_is_written_about_a_session_is_told(
    pool: Pool, planned: Planned, listener: Listener, what: str
) -> None:
    async with pool.transaction() as connection:
        await WRITES[what](connection, planned)
        await WRITES["floor"](connection, planned)  # of one transaction comes one word
    async with pool.connection() as connection:
        await connection.execute("SELECT pg_notify('session_changed', 'the end')")
    assert [await listener.heard(), await listener.heard()] == [str(planned.session_id), "the end"]


async def test_what_is_rolled_back_is_not_told(
    pool: Pool, planned: Planned, listener: Listener
) -> None:
    async with pool.connection() as connection:
        undone = connection.transaction()
        await undone.start()
        await WRITES["opened"](connection, planned)
        await undone.rollback()
        await connection.execute("SELECT pg_notify('session_changed', 'the end')")
    assert await listener.heard() == "the end"


async def test_muting_again_says_nothing_and_reserves_nothing_anew(
    pool: Pool, planned: Planned, listener: Listener
) -> None:
    async with pool.connection() as connection:
        reserved = "SELECT ctid FROM reservations WHERE participant_id = $1 ORDER BY kind"
        before = await connection.fetch(reserved, planned.receiving)
        await sessions.set_muted(connection, planned.receiving, muted=True)
        await sessions.set_muted(connection, planned.receiving, muted=True)
        await connection.execute("SELECT pg_notify('session_changed', 'the end')")
        assert await connection.fetch(reserved, planned.receiving) == before
        found = await sessions.session(connection, planned.session_id)
    assert found is not None
    assert {p.id for p in found.participants if p.muted} == {planned.receiving}
    assert [await listener.heard(), await listener.heard()] == [str(planned.session_id), "the end"]


async def test_whoever_was_cut_off_is_told_so(
    dsn: str, planned: Planned, listener: Listener
) -> None:
    owner = await asyncpg.connect(dsn)
    listener.listens.clear()
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE query LIKE 'LISTEN%' OR (query = 'SELECT 1' AND pid <> pg_backend_pid()) "
    )
    await asyncio.wait_for(listener.listens.wait(), _WITHIN)
    assert listener.began == 2
    await owner.execute("UPDATE sessions SET on_day = on_day + 1 WHERE id = $1", planned.session_id)
    assert await listener.heard() == str(planned.session_id)
    await owner.close()
