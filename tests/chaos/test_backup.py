"""A PostgreSQL that others keep is backed up while a recorded lesson is on, and instants of that
lesson are restored: every row of every table, and every file that a row names."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from db import audit
from db.embedded import EmbeddedPostgres
from db.pool import Pool
from tests.chaos.held import Held, lessons_held
from tests.chaos.servers import Process, classroom_sync

_PATIENCE = 120.0
_TABLES = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY 1
"""
_KEYS = """
SELECT quote_ident(table_name), column_name FROM information_schema.columns
JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
  AND column_name IN ('storage_key', 'poster_key')
"""


@dataclass(frozen=True)
class Instant:
    """What stood in a database at a time at which nobody was writing to it."""

    what: str
    at: datetime
    rows: dict[str, list[str]]
    files: dict[str, bytes]  # by the key that a row has


async def _seen(connection: asyncpg.Connection, store: Path, what: str) -> Instant:
    at = await connection.fetchval("SELECT clock_timestamp()")
    rows = {}
    for [name] in await connection.fetch(_TABLES):
        found = await connection.fetch(f"SELECT CAST(t AS text) FROM {name} t ORDER BY 1")
        rows[name] = [row[0] for row in found]
    files = {}
    for table, column in await connection.fetch(_KEYS):
        found = await connection.fetch(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
        files |= {key: (store / key).read_bytes() for [key] in found}
    return Instant(what, at, rows, files)


async def _instant(held: Held, what: str) -> Instant:
    """Keep all writers waiting for a moment, and look."""
    connection = await asyncpg.connect(held.dsn)
    try:
        tables = ", ".join(row[0] for row in await connection.fetch(_TABLES))
        await connection.execute("SET lock_timeout = '200ms'")  # before anybody calls it a deadlock
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    async with connection.transaction():
                        await connection.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
                        return await _seen(connection, held.data_dir / "recordings", what)
                except asyncpg.LockNotAvailableError:
                    await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def _until(held: Held, query: str) -> None:
    connection = await asyncpg.connect(held.dsn)
    try:
        async with asyncio.timeout(_PATIENCE):
            while not await connection.fetchval(query):
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def _keeper(dsn: str) -> str:
    """The address of the same database as a user who may copy it, and is not its owner."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE ROLE keeper LOGIN REPLICATION")
    await connection.execute("GRANT classroom_sync_app TO keeper")
    await connection.close()
    return dsn.replace("postgres:@", "keeper:@", 1).replace("postgres@", "keeper@", 1)


async def test_instants_of_a_recorded_lesson_are_restored_row_by_row(tmp_path: Path) -> None:
    target = tmp_path / "backup"
    async with lessons_held(tmp_path, 1) as held:
        [lead] = held.hall.leads
        place = ("--data-dir", str(held.data_dir), "--database-url", await _keeper(held.dsn))
        async with classroom_sync("backup", str(target), "--follow", *place) as following:
            await following.says("base backup ")
            instants = [await _instant(held, "while the lesson is recorded")]
            await lead.do(do="record", on=False)
            await _until(held, "SELECT count(*) > 0 FROM recording_segments WHERE state = 'stored'")
            instants.append(await _instant(held, "its segments are stored, and not joined"))
            await _until(held, "SELECT count(*) > 0 FROM recordings WHERE state = 'ready'")
            instants.append(await _instant(held, "it is joined"))
            await lead.do(do="record", on=True)
            await lead.until("recording", True)
            instants.append(await _instant(held, "the next one has begun"))
            await lead.do(do="hand")  # something after the last of them
            await _goes_on(held)
            assert await _stopped(following)
        await held.hall.watch_all()  # nobody noticed
    assert instants[1].files
    assert len({len(each.files) for each in instants}) > 1
    for number, each in enumerate(instants):
        await _restored(target, tmp_path / f"restored-{number}", each)


async def _goes_on(held: Held) -> None:
    """Until something that came later is written down."""
    await _until(
        held, "SELECT max(written_at) > statement_timestamp() - interval '1 second' FROM evidence"
    )


async def _stopped(process: Process) -> bool:
    return await process.stop() == 0


async def _restored(target: Path, data_dir: Path, wanted: Instant) -> None:
    to = ("--at", wanted.at.isoformat(), "--data-dir", str(data_dir))
    async with classroom_sync("restore", str(target), *to) as restoring:
        assert await asyncio.wait_for(restoring.process.wait(), _PATIENCE) == 0, restoring.lines
    with EmbeddedPostgres(data_dir) as postgres:
        connection = await asyncpg.connect(postgres.dsn)
        found = await _seen(connection, data_dir / "recordings", wanted.what)
        await connection.close()
        differ = [name for name in wanted.rows if found.rows.get(name) != wanted.rows[name]]
        assert (sorted(found.rows), differ) == (sorted(wanted.rows), []), wanted.what
        assert found.files == wanted.files, wanted.what
        pool = await Pool.open(postgres.dsn, size=1)
        async with pool.connection() as as_application:
            assert (await audit.verify(as_application)).fault is None
        await pool.close()
