"""A control process is killed: its media nodes go on, until the next takes them over or ends them,
or for a minute."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from classroom_sync.adoption import ORPHANED
from tests.chaos.held import Held, lessons_held
from tests.chaos.measured import Measured

Said = Callable[[Measured], None]
_AWAY = 10.0  # seconds: longer than a lease, and than gaps that attendance forgives


async def test_lessons_go_on_while_there_is_no_control_process(tmp_path: Path, said: Said) -> None:
    async with lessons_held(tmp_path, 2, nodes=1) as held:
        [node] = held.nodes

        async def away() -> None:
            await held.server.kill()
            await asyncio.sleep(_AWAY)
            assert held.nodes == [node]
            await held.start_again()

        async def kill_node() -> None:
            psutil.Process(node).kill()

        await held.through(f"no control process for {_AWAY:.0f} s", away)
        assert [page.moves for page in held.hall.pages] == [0] * 4
        await held.through("SIGKILL of a media node that was taken over", kill_node)
        assert [page.moves for page in held.hall.pages] == [1] * 4
        assert node not in held.nodes
        assert len(held.nodes) == 1
        measured = await held.end()
        assert await held.server.stop() == 0
        assert held.nodes == []
    said(measured)
    measured.judge()


async def test_nodes_of_other_settings_are_ended_and_their_ports_used_again(
    tmp_path: Path, said: Said
) -> None:
    async with lessons_held(tmp_path, 1) as held:

        async def change() -> None:
            await held.server.kill()
            await held.start_again(rooms_per_node="23")

        await held.through("SIGKILL of the control process, started with other settings", change)
        assert len(held.server.logged("media node not wanted: ending it")) == 1
        assert held.server.logged("media node died: replacing it") == []
        assert len(held.nodes) == 1
        measured = await held.end()
    said(measured)
    measured.judge()


async def test_nodes_that_nobody_takes_over_end(tmp_path: Path) -> None:
    async with lessons_held(tmp_path, 1, record=False) as held:
        [room] = held.hall.rooms
        killed_at = time.time()
        await held.server.kill()
        await _none_left(held)
        ended_at = time.time()
        assert ended_at - killed_at > ORPHANED
        assert room.dark(killed_at, ended_at - 1.0) < ORPHANED / 10


async def _none_left(held: Held) -> None:
    async with asyncio.timeout(ORPHANED + 60):
        while held.nodes:
            await asyncio.sleep(0.1)  # there is no event for the end of another's child
