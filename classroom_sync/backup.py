"""Backup and restore of a whole server: its database, its recordings, its uploads.

A backup directory holds

    base/<UTC time>/        the database, verified, and <UTC time>.json with what is known about it
    wal/<UTC time>/         each commit since that time, where it is followed
    files/recordings, files/uploads
    gone.json               files that the server has deleted, and when that was seen

Files are copied before the database and again after it, and what the server has deleted is kept
for as long as the oldest base: so each point in time has its files. They never change once written,
and what no row names any more stays in the store until it was looked at again (recording_keeper).
"""

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from classroom_sync import __version__
from classroom_sync.errors import CannotStart
from classroom_sync.settings import Settings
from db import audit, marks
from db import backup as database
from db.backup import BackupFailed
from db.pool import Pool

_NAME = "%Y%m%dT%H%M%SZ"
FILES_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Base:
    """A base backup: good for every time from `finished_at` on that the log reaches."""

    name: str
    version: str  # of the server that made it
    started_at: str
    finished_at: str
    audit_head: str | None
    log: str | None  # the folder in wal/ that goes on from it; None: nothing does


def _slot(directory: Path) -> str:
    """The name that the server knows a follower into this directory by."""
    return "backup_" + hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:12]


def bases(directory: Path) -> list[Base]:
    """The base backups of a directory, the oldest first."""
    found = [json.loads(path.read_text()) for path in sorted(directory.glob("base/*.json"))]
    return [Base(**each) for each in found if (directory / "base" / each["name"]).is_dir()]


def _folders(settings: Settings) -> dict[str, Path]:
    """Folders of this machine that hold files; a bucket is kept by its own provider."""
    found = {"uploads": settings.upload_dir or settings.data_dir / "uploads"}
    if settings.recording_store is None:
        found["recordings"] = settings.data_dir / "recordings"
    elif not settings.recording_store.startswith("s3://"):
        found["recordings"] = Path(settings.recording_store)
    return found


async def back_up(
    settings: Settings, dsn: str, directory: Path, keep: timedelta, now: Callable[[], datetime]
) -> Base:
    """One more base backup and all files; what is older than `keep` goes. Raises BackupFailed,
    Unreachable."""
    (directory / "base").mkdir(parents=True, exist_ok=True)
    os.chmod(directory, 0o700)
    if (directory / "base" / now().strftime(_NAME)).exists():
        await asyncio.sleep(1.0)  # names are of seconds
    started = now()
    name = started.strftime(_NAME)
    pool = await Pool.open(dsn, size=1)
    try:
        async with pool.connection() as connection:
            head = await audit.head(connection)
        await asyncio.to_thread(copy_files, settings, directory, started)
        slot = await asyncio.to_thread(_slot, directory)
        log = await database.followed(dsn, directory / "wal", slot)
        await database.take_base(dsn, directory / "base" / name)
        await asyncio.to_thread(copy_files, settings, directory, now())
        made = Base(
            name,
            __version__,
            started.isoformat(),
            now().isoformat(),
            str(head) if head is not None else None,
            log,
        )
        (directory / "base" / f"{name}.json").write_text(json.dumps(asdict(made), indent=1))
        async with pool.connection() as connection:
            await marks.add_audit(connection, "system", "backup_made", f"backup:{name}")
    finally:
        await pool.close()
    await asyncio.to_thread(forget, directory, now() - keep)
    return made


async def follow(
    settings: Settings,
    dsn: str,
    directory: Path,
    keep: timedelta,
    every: timedelta,
    stop: asyncio.Event,
    say: Callable[[str], None],
) -> None:
    """Keep every commit as it comes, new files every few minutes, and a base `every` so often;
    until `stop`. Raises BackupFailed, Unreachable."""
    slot = await asyncio.to_thread(_slot, directory)
    follower = database.Follower(dsn, directory / "wal", slot)
    await follower.start(_now().strftime(_NAME))
    ended = asyncio.create_task(follower.ended())
    stopped = asyncio.create_task(stop.wait())

    async def base() -> Base | None:
        """One more; None where the end came first."""
        making = asyncio.create_task(back_up(settings, dsn, directory, keep, _now))
        await asyncio.wait((making, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not making.done():
            making.cancel()
            await asyncio.wait([making])
        return None if making.cancelled() else making.result()

    try:
        made = await base()
        if made is None:
            return
        say(f"base backup {made.name}; following")
        due = _now() + every
        while not ended.done():
            rest = min(FILES_EVERY, max(due - _now(), timedelta(0))).total_seconds()
            await asyncio.wait((ended, stopped), timeout=rest, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.to_thread(copy_files, settings, directory, _now())
            if stopped.done():
                return
            if _now() >= due:
                made = await base()
                if made is None:
                    return
                say(f"base backup {made.name}")
                due = _now() + every
        raise BackupFailed("pg_receivewal ended: its words are above")
    finally:
        ended.cancel()
        stopped.cancel()
        await follower.stop()


def _now() -> datetime:
    return datetime.now(UTC)


def copy_files(settings: Settings, directory: Path, now: datetime) -> None:
    """Copy new files, and note which are gone."""
    noted = directory / "gone.json"
    gone: dict[str, str] = json.loads(noted.read_text()) if noted.is_file() else {}
    for kind, source in _folders(settings).items():
        target = directory / "files" / kind
        there = dict(_files(source))
        for name, path in there.items():
            _copy(path, target / name)
            gone.pop(f"{kind}/{name}", None)
        for name, _ in _files(target):
            if name not in there:
                gone.setdefault(f"{kind}/{name}", now.isoformat())
    noted.write_text(json.dumps(gone, indent=0))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Whole files under a folder by their relative names; parts of files begin with a dot."""
    if folder.is_dir():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield str(path.relative_to(folder)), path


def _copy(source: Path, target: Path) -> None:
    """It appears whole or not at all; one that is there with its size is the same."""
    try:
        if target.is_file() and target.stat().st_size == source.stat().st_size:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{uuid4().hex}")
        try:
            shutil.copy2(source, part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except FileNotFoundError:
        return  # deleted meanwhile


def forget(directory: Path, before: datetime) -> None:
    """Remove what only times before an instant need; the newest base always stays."""
    known = bases(directory)
    old = [base for base in known[:-1] if datetime.fromisoformat(base.finished_at) < before]
    # The newest of the old is where recovery to the first kept time begins.
    for base in old[:-1]:
        shutil.rmtree(directory / "base" / base.name)
        (directory / "base" / f"{base.name}.json").unlink()
    left = bases(directory)
    logs = sorted((directory / "wal").iterdir()) if (directory / "wal").is_dir() else []
    for log in logs:
        of = [directory / "base" / base.name for base in left if base.log == log.name]
        if of or log == logs[-1]:
            database.forget_log(log, of)
        else:
            shutil.rmtree(log)
    noted = directory / "gone.json"
    gone: dict[str, str] = json.loads(noted.read_text()) if noted.is_file() else {}
    over = {n for n, at in gone.items() if datetime.fromisoformat(at) < before}
    for name in over:
        (directory / "files" / name).unlink(missing_ok=True)
    noted.write_text(json.dumps({n: at for n, at in gone.items() if n not in over}, indent=0))


async def restore(settings: Settings, directory: Path, at: datetime | None) -> Base:
    """Make a data directory with database and files of a time (None: the latest). Raises
    CannotStart, BackupFailed; then nothing was changed."""
    if settings.database_url is not None:
        raise CannotStart(
            "restore makes the server's own database. For another PostgreSQL, stop it, copy "
            f"{directory / 'base'}/… to its data directory, set restore_command to "
            f"'cp {directory / 'wal'}/…/%f %p' and recovery_target_time, touch recovery.signal, "
            "and start"
        )
    pgdata = await asyncio.to_thread((settings.data_dir / "postgres").resolve)
    if pgdata.exists() and any(pgdata.iterdir()):
        raise CannotStart(
            f"{pgdata} holds a database: stop its server and move it away, or name another "
            "--data-dir"
        )
    usable = [
        base
        for base in bases(directory)
        if at is None or datetime.fromisoformat(base.finished_at) <= at
    ]
    if not usable:
        first = next((base.finished_at for base in bases(directory)), None)
        raise CannotStart(
            f"the backups in {directory} begin at {first}"
            if first
            else f"no backup is in {directory}"
        )
    chosen = usable[-1]
    pgdata.parent.mkdir(parents=True, exist_ok=True)
    if pgdata.exists():
        pgdata.rmdir()
    log = directory / "wal" / chosen.log if chosen.log is not None else None
    await database.restore(directory / "base" / chosen.name, log, pgdata, at)
    for kind, folder in _folders(settings).items():
        for name, path in _files(directory / "files" / kind):
            await asyncio.to_thread(_copy, path, folder / name)
    return chosen
