"""The clock misses no opening: real server processes on one PostgreSQL, killed, suspended,
restarted, and with the machine's clock set under them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from db import sessions
from db.pool import Pool
from scheduler.model import Lesson, Receiver, Session, SessionState
from scheduler.session import OPENS_BEFORE
from tests.worlds import HUB, NEAR, build, lesson, plan

_PATIENCE = 120.0  # seconds
_SOON = timedelta(seconds=12)  # until an opening: time enough to do something to the leader


class Server:
    """A control process without media nodes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def leads(self) -> None:
        """Wait until it leads the clock."""
        await self._says(b"leading the clock")

    async def serves(self) -> None:
        """Wait until it is up, whether it leads or not."""
        await self._says(b"Classroom Sync is at")

    async def _says(self, text: bytes) -> None:
        assert self.process.stdout is not None, "it was piped"
        async with asyncio.timeout(_PATIENCE):
            while text not in (line := await self.process.stdout.readline()):
                assert line, f"the server ended with {self.process.returncode}"

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@asynccontextmanager
async def serving(
    dsn: str, data_dir: Path, environment: dict[str, str] | None = None
) -> AsyncIterator[Server]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "classroom_sync", "serve", "--nodes", "0", "--port", "0"),
        *("--database-url", dsn, "--data-dir", str(data_dir), "--log-format", "json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | (environment or {}),
    )
    try:
        yield Server(process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.communicate()


@pytest.fixture
async def city(pool: Pool) -> Pool:
    async with pool.transaction() as connection:
        await build(connection)
    return pool


_FIRST = lesson()
_SECOND = lesson(
    teacher=f"{HUB}-T2",
    room=f"{HUB}-R2",
    receivers=(Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{NEAR}-T1"),),
)


async def planned(pool: Pool, opens_at: datetime, of: Lesson = _FIRST) -> UUID:
    """A session that opens at an instant."""
    async with pool.transaction() as connection:
        return (await plan(connection, of, opens_at + OPENS_BEFORE)).session_id


async def opened(pool: Pool, session_id: UUID) -> Session:
    """The session once it is open."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            async with pool.connection() as connection:
                session = await sessions.session(connection, session_id)
            if session is not None and session.state is SessionState.OPEN:
                return session
            await asyncio.sleep(0.2)


def in_time(session: Session, opens_at: datetime) -> bool:
    """Whether it was opened from its instant on, and before its first bell."""
    assert session.opened_at is not None, "it is open"
    return opens_at <= session.opened_at < session.starts_at


async def test_when_the_leader_is_killed_the_other_opens_what_is_due(
    city: Pool, dsn: str, tmp_path: Path
) -> None:
    async with serving(dsn, tmp_path / "a") as leader:
        await leader.leads()
        async with serving(dsn, tmp_path / "b") as other:
            await other.serves()
            opens_at = datetime.now(UTC) + _SOON
            session_id = await planned(city, opens_at)
            leader.send(signal.SIGKILL)
            await other.leads()
            assert in_time(await opened(city, session_id), opens_at)


async def test_when_the_leader_is_suspended_the_other_takes_over_and_nothing_is_done_twice(
    city: Pool, dsn: str, tmp_path: Path
) -> None:
    async with serving(dsn, tmp_path / "a") as leader:
        await leader.leads()
        async with serving(dsn, tmp_path / "b") as other:
            await other.serves()
            opens_at = datetime.now(UTC) + _SOON
            session_id = await planned(city, opens_at)
            leader.send(signal.SIGSTOP)
            await other.leads()
            first = await opened(city, session_id)
            assert in_time(first, opens_at)
            leader.send(signal.SIGCONT)
            other.send(signal.SIGKILL)
            await leader.leads()  # again: it has noticed that it did not any more
            later = datetime.now(UTC) + timedelta(seconds=2)
            assert in_time(await opened(city, await planned(city, later, _SECOND)), later)
            assert (await opened(city, session_id)).opened_at == first.opened_at


async def test_a_suspended_server_that_goes_on_opens_what_became_due_meanwhile(
    city: Pool, dsn: str, tmp_path: Path
) -> None:
    async with serving(dsn, tmp_path) as server:
        await server.leads()
        opens_at = datetime.now(UTC) + timedelta(seconds=2)
        session_id = await planned(city, opens_at)
        server.send(signal.SIGSTOP)
        await asyncio.sleep((opens_at - datetime.now(UTC)).total_seconds() + 1)
        server.send(signal.SIGCONT)
        assert in_time(await opened(city, session_id), opens_at)


async def test_a_server_that_starts_again_opens_what_became_due_meanwhile(
    city: Pool, dsn: str, tmp_path: Path
) -> None:
    async with serving(dsn, tmp_path) as server:
        await server.leads()
    opens_at = datetime.now(UTC) - timedelta(minutes=3)
    session_id = await planned(city, opens_at)
    async with serving(dsn, tmp_path):
        assert in_time(await opened(city, session_id), opens_at)


def clock_that_can_be_set(file: Path) -> dict[str, str]:
    """Debian's libfaketime: the wall clock is off by what the file says; monotonic time is not."""
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@pytest.mark.system
@pytest.mark.parametrize("hours", [2, -2], ids=["forward", "back"])
async def test_a_step_of_the_machines_clock_delays_no_opening(
    city: Pool, dsn: str, tmp_path: Path, hours: int
) -> None:
    file = tmp_path / "clock"
    file.write_text("+0")
    async with serving(dsn, tmp_path, clock_that_can_be_set(file)) as server:
        await server.leads()
        step = timedelta(hours=hours)
        opens_at = datetime.now(UTC) + step + timedelta(seconds=5)
        file.write_text(f"{step.total_seconds():+.0f}")
        await asyncio.sleep(1)  # it may look once by the new time before there is anything to see
        assert in_time(await opened(city, await planned(city, opens_at)), opens_at)
