"""The audit log's chain: what nobody can change unseen, and what it costs those who append."""

import asyncio
from collections.abc import AsyncIterator
from itertools import takewhile

import asyncpg
import pytest

from db import audit, marks
from db.audit import Head
from db.migrate import migrate, shipped
from db.pool import Connection, Pool

_ODD = 'a "quoted" 名字 \\ \n\t\x01\x7f / \U0001f600  end'


async def _fill(connection: Connection, number: int) -> None:
    for n in range(number):
        await marks.add_audit(
            connection, "account:a", "looked", f"recording:{n}", words=_ODD, n=n, half=0.5
        )


@pytest.fixture
async def superuser(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Somebody to whom triggers and privileges mean nothing."""
    connection = await asyncpg.connect(dsn, server_settings={"session_replication_role": "replica"})
    yield connection
    await connection.close()


async def test_what_was_appended_is_found_whole(pool: Pool) -> None:
    async with pool.connection() as connection:
        assert await audit.verify(connection) == audit.Verdict(0, None, None)
        await _fill(connection, 3)
        await marks.add_audit(connection, _ODD, _ODD, _ODD)
        found = await audit.verify(connection)
        assert (found.entries, found.fault) == (4, None)
        assert found.head == await audit.head(connection)


@pytest.mark.parametrize(
    ("statement", "good", "fault"),
    [
        (
            "UPDATE audit SET actor = 'account:b' WHERE id = 3",
            2,
            "entry 3 (position 3) was changed",
        ),
        ("UPDATE audit SET at = at + interval '1 us' WHERE id = 1", 0, "entry 1 (position 1) was"),
        ("UPDATE audit SET detail = '{}' WHERE id = 5", 4, "entry 5 (position 5) was changed"),
        ("DELETE FROM audit WHERE id = 4", 3, "entry 4 (position 4) was removed"),
        ("DELETE FROM audit_seals WHERE position = 2", 1, "the seal at position 2 is missing"),
        (
            "INSERT INTO audit (actor, action, object) VALUES ('a', 'b', 'c')",
            5,
            "entry 6 was never sealed",
        ),
    ],
)
async def test_a_superusers_hand_is_found(
    pool: Pool,
    superuser: "asyncpg.Connection[asyncpg.Record]",
    statement: str,
    good: int,
    fault: str,
) -> None:
    async with pool.connection() as connection:
        await _fill(connection, 5)
        await superuser.execute(statement)
        found = await audit.verify(connection)
        assert found.entries == good
        assert found.fault is not None
        assert found.fault.startswith(fault)


async def test_an_end_that_was_cut_off_is_found_by_who_noted_a_head(
    pool: Pool, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with pool.connection() as connection:
        await _fill(connection, 2)
        early = await audit.head(connection)
        await _fill(connection, 2)
        late = await audit.head(connection)
        assert early is not None
        assert late is not None
        await superuser.execute("DELETE FROM audit_seals WHERE position > 2")
        await superuser.execute("DELETE FROM audit WHERE id > 2")
        assert (await audit.verify(connection, early)).fault is None
        assert (await audit.verify(connection, Head.read(f" {late}\n"))).fault == (
            f"the head {late} that was noted is not in the log"
        )


@pytest.mark.parametrize("text", ["", "1", "0:" + "00" * 32, "1:00", "1:zz", "x:" + "00" * 32])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int and bytes word it in their own ways
        Head.read(text)


async def test_the_application_can_write_no_seal(pool: Pool) -> None:
    async with pool.connection() as connection:
        await _fill(connection, 1)
        for statement in (
            "INSERT INTO audit_seals VALUES (2, 1, sha256(''))",
            "UPDATE audit_seals SET hash = sha256('')",
            "DELETE FROM audit_seals",
            "TRUNCATE audit_seals",
            "SELECT seal_audit()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_many_writers_at_once_make_one_chain(pool: Pool) -> None:
    async def write() -> None:
        for _ in range(5):
            async with pool.transaction() as connection:
                await _fill(connection, 2)

    await asyncio.gather(*(write() for _ in range(8)))
    async with pool.connection() as connection:
        found = await audit.verify(connection)
    assert (found.entries, found.fault) == (80, None)


async def test_who_has_yet_to_commit_keeps_nobody_waiting(pool: Pool) -> None:
    async with pool.transaction() as slow:
        await _fill(slow, 1)
        async with asyncio.timeout(20), pool.transaction() as quick:
            await _fill(quick, 1)
        async with pool.connection() as third:
            assert (await audit.verify(third)).entries == 1
    async with pool.connection() as connection:
        assert (await audit.verify(connection)).entries == 2


async def test_what_is_rolled_back_leaves_no_gap(pool: Pool) -> None:
    async with pool.connection() as connection:
        await _fill(connection, 1)
        undone = connection.transaction()
        await undone.start()
        await _fill(connection, 1)
        await undone.rollback()
        await _fill(connection, 1)
        found = await audit.verify(connection)
    assert (found.entries, found.fault) == (2, None)


async def test_a_log_from_before_the_chain_is_sealed_as_it_stands(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    before = tuple(takewhile(lambda m: not m.name.endswith("_audit_chain"), shipped()))
    await migrate(connection, before)
    assert await connection.fetchval("SELECT to_regclass('audit_seals')") is None
    await connection.execute(
        "INSERT INTO audit (actor, action, object)"
        " SELECT 'a', 'b', CAST(n AS text) FROM generate_series(1, 7) n"
    )
    await migrate(connection)
    found = await audit.verify(connection)
    await connection.close()
    assert (found.entries, found.fault) == (7, None)
