"""Starting and stopping: the embedded server, its directory, the schema."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest

from db.embedded import EmbeddedPostgres
from db.errors import DataDirectoryInUse, SchemaMismatch, Unreachable
from db.migrate import migrate, shipped
from db.pool import Leadership, Pool, migrate_database

_OWNER = """
import sys, time
from pathlib import Path
from db.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.dsn, flush=True)
time.sleep(60)
"""


async def _do(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_second_server_on_a_directory_is_refused(tmp_path: Path) -> None:
    second = EmbeddedPostgres(tmp_path)
    in_use = pytest.raises(DataDirectoryInUse, match="is in use by another server")
    with EmbeddedPostgres(tmp_path), in_use:
        second.start()


async def test_data_survives_a_stop(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        await _do(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        pid = server.pid
    assert pid is not None
    assert not psutil.pid_exists(pid)
    with EmbeddedPostgres(tmp_path) as server:
        assert await _do(server.dsn, "SELECT answer FROM kept") == 42


async def test_a_server_whose_owner_was_killed_is_taken_over_and_then_stops(
    tmp_path: Path,
) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _OWNER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    dsn = (await owner.stdout.readline()).decode().strip()
    await _do(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    owner.send_signal(signal.SIGKILL)
    await owner.wait()
    with EmbeddedPostgres(tmp_path) as server:
        assert await _do(server.dsn, "SELECT answer FROM kept") == 42
        pid = server.pid
    assert pid is not None
    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
async def test_a_server_is_taken_over_also_where_its_processes_cannot_be_looked_into(
    tmp_path: Path,
) -> None:
    """As root without CAP_SYS_PTRACE: that is what containers have."""
    without = ("--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace")
    pids = []
    for _ in range(2):
        owner = await asyncio.create_subprocess_exec(
            *("setpriv", *without, sys.executable, "-c", _OWNER, str(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert owner.stdout is not None
        await owner.stdout.readline()
        pids.append((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
        owner.kill()
        await owner.wait()
    assert pids[0] == pids[1]
    with EmbeddedPostgres(tmp_path) as server:
        assert str(server.pid) == pids[0]


async def test_a_server_that_died_is_started_again_at_the_same_address(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        dsn, pid = server.dsn, server.pid
        await _do(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert pid is not None
        server.revive()
        assert server.pid == pid  # it lives
        psutil.Process(pid).kill()
        async with asyncio.timeout(10):
            while server.running:
                await asyncio.sleep(0.02)  # another process reaps it
        await asyncio.to_thread(server.revive)
        assert server.running
        assert await _do(dsn, "SELECT answer FROM kept") == 42
        pid = server.pid
    assert pid is not None
    assert not psutil.pid_exists(pid)
    server.revive()  # stopped on purpose: it stays so
    assert not server.running


@pytest.mark.parametrize("number", ["of another process", "of nobody"])
async def test_a_server_that_died_with_its_owner_is_started_anew(
    tmp_path: Path, number: str
) -> None:
    """As after a container or a machine was killed: there the same numbers are soon given again."""
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _OWNER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    await _do(
        (await owner.stdout.readline()).decode().strip(), "CREATE TABLE kept AS SELECT 42 AS answer"
    )
    said = tmp_path / "postgres" / "postmaster.pid"
    pid, _, rest = said.read_text().partition("\n")
    psutil.Process(int(pid)).kill()
    owner.kill()
    await owner.wait()
    if number == "of another process":
        said.write_text(f"{os.getpid()}\n{rest}")
    with EmbeddedPostgres(tmp_path) as server:
        assert str(server.pid) != pid
        assert await _do(server.dsn, "SELECT answer FROM kept") == 42


async def test_what_a_dead_server_left_running_is_waited_for(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as server:
        assert server.pid is not None
        psutil.Process(server.pid).kill()
        left = await asyncio.create_subprocess_exec("sleep", "60", cwd=tmp_path / "postgres")
        starting = asyncio.create_task(asyncio.to_thread(server.revive))
        await asyncio.wait([starting], timeout=0.5)
        assert not starting.done()
        left.kill()
        await starting
        await left.wait()
        assert await _do(server.dsn, "SELECT 42") == 42


def test_a_directory_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Unreachable, match="choose another with --data-dir"):
        EmbeddedPostgres(tmp_path / "file" / "data").start()


async def test_migrating_again_does_nothing(dsn: str) -> None:
    assert await migrate_database(dsn) == []


async def test_two_processes_that_migrate_at_once_apply_each_file_once(
    postgres: EmbeddedPostgres,
) -> None:
    await _do(postgres.dsn, "DROP DATABASE IF EXISTS two")
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute("CREATE DATABASE two")
    await connection.close()
    dsn = postgres.dsn.replace("/postgres?", "/two?")
    done = await asyncio.gather(migrate_database(dsn), migrate_database(dsn))
    assert sorted(map(len, done)) == [0, len(shipped())]


async def test_a_changed_migration_is_refused(dsn: str) -> None:
    changed = (replace(shipped()[0], sql="SELECT 1"), *shipped()[1:])
    connection = await asyncpg.connect(dsn)
    try:
        with pytest.raises(SchemaMismatch, match="were changed after they were applied"):
            await migrate(connection, changed)
        with pytest.raises(SchemaMismatch, match="made by a newer version"):
            await migrate(connection, ())
    finally:
        await connection.close()


async def test_a_migration_that_fails_leaves_nothing(dsn: str) -> None:
    broken = replace(shipped()[0], name="9999_broken", sql="CREATE TABLE half (); SELECT 1 / 0")
    connection = await asyncpg.connect(dsn)
    try:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await migrate(connection, (*shipped(), broken))
        assert await connection.fetchval("SELECT to_regclass('half')") is None
    finally:
        await connection.close()


async def test_nobody_at_home_is_unreachable_without_the_password() -> None:
    with pytest.raises(Unreachable) as said:
        await Pool.open("postgresql://me:secret@127.0.0.1:1/none")
    assert "127.0.0.1:1" in str(said.value)
    assert "secret" not in str(said.value)


async def test_there_is_one_leader_and_the_next_when_it_is_gone(dsn: str) -> None:
    first = await Leadership(dsn, 7).won()
    second = asyncio.create_task(Leadership(dsn, 7).won(retry=0.05))
    done, _ = await asyncio.wait([second], timeout=0.3)
    assert not done
    first.terminate()
    held = await asyncio.wait_for(second, 5)
    await held.close()
