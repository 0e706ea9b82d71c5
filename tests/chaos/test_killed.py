"""Processes of a server are killed in the middle of lessons, one after the other, then all."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from media.bench.processes import tree
from tests.chaos.held import lessons_held
from tests.chaos.measured import Measured

Said = Callable[[Measured], None]


async def test_whatever_is_killed_comes_back_and_nothing_is_lost(
    tmp_path: Path, said: Said
) -> None:
    async with lessons_held(tmp_path, 3, nodes=2, embedded=True) as held:

        async def kill_node() -> None:
            node = await held.busy_node()
            node.kill()
            await asyncio.to_thread(node.wait, 5)

        async def kill_database() -> None:
            os.kill(held.postmaster, signal.SIGKILL)

        async def kill_control() -> None:
            await held.server.kill()
            await held.start_again()

        async def kill_all() -> None:
            roots = [held.server.pid, held.postmaster, *held.nodes]
            for pid in [pid for root in roots for pid in tree(root)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await held.server.process.wait()
            await held.start_again()

        await held.through("SIGKILL of the busier of two media nodes", kill_node)
        assert any(page.moves for page in held.hall.pages)
        await held.through("SIGKILL of the server's own PostgreSQL", kill_database)
        assert held.server.logged("PostgreSQL is back")
        moves = [page.moves for page in held.hall.pages]
        await held.through("SIGKILL of the control process, started again", kill_control)
        assert len(held.server.logged("media node taken over")) == 2
        assert [page.moves for page in held.hall.pages] == moves
        await held.through("SIGKILL of everything, started again", kill_all)
        measured = await held.end()
    said(measured)
    measured.judge()
