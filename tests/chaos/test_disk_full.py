"""The disk of a server is full: of its recordings, of its evidence, and of its database."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.held import lessons_held
from tests.chaos.measured import Measured

_SIZE = 600 << 20  # bytes; a new database takes some 60 MB, and more as it works
_FLOOR = 50 << 20  # below which nothing is recorded
_FULL_FOR = 6.0  # seconds


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a small file system of its own, seen by this test and what it starts."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=755", "tmpfs", str(folder))
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk can't be made here: {done.stderr.strip()}")
    yield folder
    subprocess.run(("umount", "--lazy", str(folder)), check=True)


def _fill(file: Path) -> None:
    """Let `file` take all that is free."""
    with file.open("ab", buffering=0) as out:
        size = 1 << 20
        while size:
            try:
                out.write(bytes(size))
            except OSError:
                size //= 2


@pytest.mark.network
async def test_lessons_go_on_and_nothing_but_recording_stops(
    small_disk: Path, said: Callable[[Measured], None]
) -> None:
    environment = {"CLASSROOM_SYNC_RECORDING_FREE_BYTES": str(_FLOOR)}
    async with lessons_held(
        small_disk, 2, embedded=True, record=False, environment=environment
    ) as held:
        lead, other = held.hall.leads
        await lead.do(do="record", on=True)
        await lead.until("recording", True)
        ballast = small_disk / "ballast"

        async def full() -> None:
            await asyncio.to_thread(_fill, ballast)
            await lead.until("recording_trouble", "disk_full")
            assert lead.state["recording"] is False
            os.kill(held.postmaster, signal.SIGKILL)  # it can't start on a full disk
            await held.server.says("evidence waits in memory")
            await asyncio.sleep(_FULL_FOR)
            assert all(page.connected for page in held.hall.rooms)
            os.unlink(ballast)

        what = f"the disk of everything full for {_FULL_FOR:.0f} s, and PostgreSQL killed"
        await held.through(what, full)
        assert max(held.faults[0].dark) < 1.0
        assert other.state["recording_trouble"] is None
        assert held.server.logged("PostgreSQL is back")
        measured = await held.end()
    said(measured)
    measured.judge()
