"""`classroom-sync drain`: media nodes take no lesson any more, and are waited for."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from db import nodes, sessions
from db.nodes import MediaNodeRow
from db.pool import Pool
from tests.cli.test_token_commands import run
from tests.worlds import NOON, build, lesson, plan

_LEASE = timedelta(minutes=5)


async def test_a_host_is_drained_and_what_is_left_is_told(dsn: str, pool: Pool) -> None:
    here = MediaNodeRow(uuid4(), "media-1", "http://127.0.0.1:1", None, 8189)
    there = MediaNodeRow(uuid4(), "media-2", "http://127.0.0.1:2", None, 8189)
    async with pool.transaction() as connection:
        await build(connection)
        for node in (here, there):
            await nodes.register(connection, node, _LEASE)
        planned = await plan(connection, lesson())
        assert await sessions.open_session(connection, planned.session_id, NOON)
        await sessions.place(connection, planned.session_id, here.id)
    of = ("drain", "--host", "media-1", "--database-url", dsn)
    code, out, error = await run(*of, "--wait", "0")
    assert (code, "lessons left on them: 1" in out) == (1, True), error
    async with pool.transaction() as connection:
        assert {n.id: n.draining for n in await nodes.live(connection)} == {
            here.id: True,
            there.id: False,
        }
        assert await nodes.renew(connection, here.id, _LEASE, 0.0)  # as it goes on
        assert await nodes.to_hand_over(connection) == [(planned.session_id, here.id)]
        assert await nodes.least_loaded(connection) == there.id
        assert await nodes.others_take(connection, here.id)
        assert not await nodes.others_take(connection, there.id)
    waiting = asyncio.create_task(run(*of, "--wait", "60"))
    async with pool.transaction() as connection:  # as the clock's leader
        await sessions.place(connection, planned.session_id, there.id)
    code, out, error = await waiting
    assert (code, "lessons left on them: 0" in out) == (0, True), error


async def test_single_nodes_can_be_named_and_there_may_be_none(dsn: str, pool: Pool) -> None:
    first, second = (MediaNodeRow(uuid4(), "m", f"http://n{n}", None, n) for n in range(2))
    async with pool.transaction() as connection:
        for node in (first, second):
            await nodes.register(connection, node, _LEASE)
    code, out, _ = await run("drain", "--node", str(second.id), "--database-url", dsn)
    assert (code, str(second.id) in out, str(first.id) in out) == (0, True, False)
    async with pool.connection() as connection:
        assert [n.draining for n in await nodes.live(connection) if n.id == first.id] == [False]
    code, out, _ = await run("drain", "--host", "elsewhere", "--database-url", dsn)
    assert (code, "no media node is running there" in out) == (0, True)
