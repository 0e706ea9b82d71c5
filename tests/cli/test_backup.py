"""Backup while a server works; everything destroyed; restore, and the two compared."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from classroom_sync import backup
from classroom_sync.settings import load
from db import audit, marks
from db.embedded import EmbeddedPostgres
from db.pool import Pool, migrate_database
from tests.worlds import NOON, build, lesson, plan


async def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    process = await _start(*arguments)
    async with asyncio.timeout(240):
        out, error = await process.communicate()
    return process.returncode or 0, out.decode(), error.decode()


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "classroom_sync",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


class House:
    """A data directory with its PostgreSQL, a planned lesson, and files in its folders."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.postgres = EmbeddedPostgres(data_dir)
        self.session = UUID(int=0)
        self.participant = UUID(int=0)

    async def open(self) -> None:
        await asyncio.to_thread(self.postgres.start)
        await migrate_database(self.postgres.dsn)

    async def close(self) -> None:
        await asyncio.to_thread(self.postgres.stop)

    async def furnish(self) -> None:
        pool = await Pool.open(self.postgres.dsn, size=2)
        async with pool.transaction() as connection:
            await build(connection)
            planned = await plan(connection, lesson())
        self.session, self.participant = planned.session_id, planned.receiving
        await pool.close()

    async def happen(self, count: int) -> None:
        """A head count, and an entry in the audit log."""
        pool = await Pool.open(self.postgres.dsn, size=1)
        async with pool.transaction() as connection:
            await marks.add_head_count(connection, self.participant, 40, count, "room")
            await marks.add_audit(connection, "system", "counted", f"participant:{count}")
        await pool.close()

    def keep(self, folder: str, name: str, content: bytes) -> None:
        path = self.data_dir / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    async def rows(self) -> dict[str, list[Any]]:
        """Every row of every table, but for what the backup itself adds to the log."""
        connection = await asyncpg.connect(self.postgres.dsn)
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        )
        found = {}
        for [name] in tables:
            rows = await connection.fetch(f'SELECT CAST(t AS text) FROM "{name}" t ORDER BY 1')
            found[name] = [row[0] for row in rows]
        await connection.close()
        return found

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.data_dir)): path.read_bytes()
            for folder in ("recordings", "uploads")
            for path in sorted((self.data_dir / folder).rglob("*"))
            if path.is_file()
        }

    async def clock(self) -> datetime:
        connection = await asyncpg.connect(self.postgres.dsn)
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        await connection.close()
        return now

    async def chain(self) -> audit.Verdict:
        pool = await Pool.open(self.postgres.dsn, size=1)
        async with pool.connection() as connection:
            found = await audit.verify(connection)
        await pool.close()
        return found


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path / "data")
    await made.open()
    await made.furnish()
    try:
        yield made
    finally:
        await made.close()


async def test_after_everything_is_destroyed_a_time_between_two_commits_is_restored(
    house: House, tmp_path: Path
) -> None:
    target = tmp_path / "backup"
    house.keep("recordings", "r1/main.webm", b"first" * 1000)
    house.keep("uploads", "ab/slides.pdf", b"slides")
    await house.happen(31)
    following = await _start("backup", str(target), "--follow", "--data-dir", str(house.data_dir))
    assert following.stdout is not None
    async with asyncio.timeout(120):
        line = (await following.stdout.readline()).decode()
    assert line.startswith("base backup "), line
    await house.happen(32)  # after the base: only the log has it
    house.keep("recordings", "r2/main.webm", b"second")
    wanted_rows, wanted_files = await house.rows(), house.files()
    at = await house.clock()
    await house.happen(33)  # after the time that is wanted
    following.terminate()
    async with asyncio.timeout(60):
        _, error = await following.communicate()
    assert following.returncode == 0, error.decode()
    latest_rows = await house.rows()
    await house.close()
    shutil.rmtree(house.data_dir)

    restored = ("--data-dir", str(house.data_dir))
    code, out, error_text = await run("restore", str(target), "--at", at.isoformat(), *restored)
    assert code == 0, error_text
    assert out.startswith("restored from ")
    again = House(house.data_dir)
    await again.open()
    try:
        assert await again.rows() == wanted_rows
        assert again.files() == wanted_files
        assert (await again.chain()).fault is None
        again.session, again.participant = house.session, house.participant
        await again.happen(34)  # and it goes on from there
        assert (await again.chain()).entries == (await _counted(wanted_rows)) + 1
    finally:
        await again.close()
    shutil.rmtree(house.data_dir)

    assert (await run("restore", str(target), *restored))[0] == 0
    await again.open()
    try:
        assert await again.rows() == latest_rows
    finally:
        await again.close()


async def test_a_restored_server_is_followed_into_the_same_directory(
    house: House, tmp_path: Path
) -> None:
    target = tmp_path / "backup"
    place = ("--data-dir", str(house.data_dir))
    for count in (31, 32):
        following = await _start("backup", str(target), "--follow", *place)
        assert following.stdout is not None
        async with asyncio.timeout(120):
            line = (await following.stdout.readline()).decode()
        assert line.startswith("base backup "), line
        await house.happen(count)
        wanted = await house.rows()
        following.terminate()
        async with asyncio.timeout(60):
            await following.communicate()
        await house.close()
        shutil.rmtree(house.data_dir)
        code, _, error = await run("restore", str(target), *place)
        assert code == 0, error
        await house.open()
        assert await house.rows() == wanted
    assert [base.log for base in backup.bases(target)] == sorted(os.listdir(target / "wal"))
    assert len(backup.bases(target)) == 2


async def test_a_follower_that_was_away_goes_on_without_a_gap(house: House, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    place = ("--data-dir", str(house.data_dir))
    for count in (31, 32):
        await house.happen(count)
        following = await _start("backup", str(target), "--follow", *place)
        assert following.stdout is not None
        async with asyncio.timeout(120):
            assert (await following.stdout.readline()).startswith(b"base backup ")
        following.terminate()
        async with asyncio.timeout(60):
            await following.communicate()
    assert len(os.listdir(target / "wal")) == 1
    first, last = backup.bases(target)
    assert (first.log, last.log) == (os.listdir(target / "wal")[0],) * 2


async def test_a_follower_that_is_stopped_during_its_base_leaves_no_half(
    house: House, tmp_path: Path
) -> None:
    target = tmp_path / "backup"
    following = await _start("backup", str(target), "--follow", "--data-dir", str(house.data_dir))
    async with asyncio.timeout(120):
        while not list(target.glob("base/.*.part/*")):
            assert following.returncode is None
            await asyncio.sleep(0.005)  # pg_basebackup tells nobody that it has begun
    following.terminate()
    async with asyncio.timeout(60):
        out, _ = await following.communicate()
    assert (following.returncode, out) == (0, b"")
    assert list((target / "base").iterdir()) == []


async def _counted(rows: dict[str, list[Any]]) -> int:
    return len(rows["audit"])


async def test_a_backup_by_itself_restores_its_own_time(house: House, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    await house.happen(31)
    wanted = await house.rows()
    code, out, error = await run("backup", str(target), "--json", "--data-dir", str(house.data_dir))
    assert code == 0, error
    made = json.loads(out)
    assert made["audit_head"].startswith("1:")
    assert oct(target.stat().st_mode & 0o777) == "0o700"
    await house.happen(32)
    code, _, error = await run("restore", str(target), "--data-dir", str(tmp_path / "other"))
    assert code == 0, error
    again = House(tmp_path / "other")
    await again.open()
    try:
        assert await again.rows() == wanted
    finally:
        await again.close()
    code, _, error = await run("restore", str(target), "--data-dir", str(tmp_path / "other"))
    assert (code, "holds a database" in error) == (1, True)
    early = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    place = ("--data-dir", str(tmp_path / "third"))
    code, _, error = await run("restore", str(target), "--at", early, *place)
    assert (code, "begin at" in error) == (1, True)
    late = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    code, _, error = await run("restore", str(target), "--at", late, *place)
    assert (code, "does not go as far as" in error) == (1, True), error
    assert not (tmp_path / "third" / "postgres").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("backup", "to", "--data-dir", "none"), 1, "there is no database in"),
        (("restore", "/nowhere"), 2, "there is no directory /nowhere"),
        (("restore", ".", "--at", "noon"), 2, "--at is a time with a zone"),
        (("restore", ".", "--at", "2026-11-02T09:30:00"), 2, "--at needs a zone"),
        (("restore", ".", "--database-url", "postgresql://x"), 1, "stop it, copy"),
        (("restore", ".", "--data-dir", "none"), 1, "no backup is in"),
    ],
)
async def test_wrong_use_is_told(
    tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    given = [str(tmp_path / part) if part in (".", "to", "none") else part for part in arguments]
    found, _, error = await run(*given)
    assert (found, sentence in error) == (code, True), error


def test_files_are_copied_once_and_what_is_gone_is_kept_for_a_while(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path / "data")
    target, source = tmp_path / "backup", tmp_path / "data" / "recordings" / "r" / "main.webm"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"picture")
    (source.parent / ".part").write_bytes(b"half")
    target.mkdir()
    backup.copy_files(settings, target, NOON)
    copied = target / "files" / "recordings" / "r" / "main.webm"
    assert [p.name for p in (target / "files").rglob("*") if p.is_file()] == ["main.webm"]
    inode = copied.stat().st_ino
    backup.copy_files(settings, target, NOON)
    assert copied.stat().st_ino == inode
    source.unlink()
    backup.copy_files(settings, target, NOON + timedelta(days=1))
    backup.copy_files(settings, target, NOON + timedelta(days=3))
    backup.forget(target, NOON + timedelta(days=1))
    assert copied.is_file()
    backup.forget(target, NOON + timedelta(days=1, seconds=1))
    assert not copied.exists()


def _base(target: Path, day: int, segment: int) -> None:
    name = f"2026090{day}T000000Z"
    folder = target / "base" / name
    folder.mkdir(parents=True)
    (folder / "backup_label").write_text(
        f"START WAL LOCATION: 0/28 (file 0000000100000000{segment:08X})\n"
    )
    at = datetime(2026, 9, day, tzinfo=UTC).isoformat()
    made = {"name": name, "version": "1", "started_at": at, "finished_at": at, "audit_head": None}
    made["log"] = "a"
    (target / "base" / f"{name}.json").write_text(json.dumps(made))


def test_old_bases_go_with_their_log_but_the_kept_times_stay_within_reach(tmp_path: Path) -> None:
    log = tmp_path / "wal" / "a"
    log.mkdir(parents=True)
    for day, segment in ((1, 2), (2, 4), (3, 6)):
        _base(tmp_path, day, segment)
    for segment in range(2, 8):
        (log / f"0000000100000000{segment:08X}").touch()
    (log / "00000002.history").touch()
    backup.forget(tmp_path, datetime(2026, 9, 2, 12, tzinfo=UTC))
    # 2 September, midnight, is where recovery to noon of that day begins.
    assert [base.name[:8] for base in backup.bases(tmp_path)] == ["20260902", "20260903"]
    assert sorted(os.listdir(log)) == [
        *(f"0000000100000000{segment:08X}" for segment in range(4, 8)),
        "00000002.history",
    ]
    backup.forget(tmp_path, datetime(2027, 1, 1, tzinfo=UTC))
    assert [base.name[:8] for base in backup.bases(tmp_path)] == ["20260902", "20260903"]
