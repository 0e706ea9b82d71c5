"""Keep media node processes alive: start them, replace one that dies, stop them all.

Owns the child processes: `run()` lives as long as they should, and leaving it stops every one at
once; `drain()` before that lets them hand their lessons over. Those of a killed parent go on until
the next takes them over, or none has for a minute (classroom_sync/adoption.py). One spare process
(classroom_sync/spare.py) stands ready to take the place of the next that dies.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID, uuid4

import structlog

from classroom_sync.adoption import AdoptedNode, NodeProcess, end

log = structlog.get_logger()

_FIRST_PAUSE = 0.2  # seconds before a dead node is replaced; doubled while it keeps dying at once
_LONGEST_PAUSE = 10.0
_SETTLED = 30.0  # seconds of life after which a death is news, not a loop
_STOP_GRACE = 5.0
_SPARE_AFTER = 3.0


class NodeSupervisor:
    """Runs one child per entry of `commands`, each an argument list for `classroom-sync`; in the
    place of its first child, one that was `adopted`, by the number of its command.

    Each child is told its node id; `on_death(node_id)` is awaited at once when one dies, so that
    its sessions need not wait for its lease to lapse. A child that is drained may take
    `drain_seconds` for it.
    """

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        environment: Mapping[str, str],
        on_death: Callable[[UUID], Awaitable[None]],
        drain_seconds: float = 0.0,
        adopted: Mapping[int, AdoptedNode] | None = None,
    ) -> None:
        self._commands = commands
        self._on_death = on_death
        self._environment = {**os.environ, **environment}
        self._drain_seconds = drain_seconds
        self._adopted = dict(adopted or {})
        self._draining = False
        self._spare: asyncio.subprocess.Process | None = None
        self._used = asyncio.Event()  # there is no spare, or not any more
        self.processes: dict[int, NodeProcess] = {}
        self.node_ids: dict[int, UUID] = {}

    async def run(self) -> None:
        """Until cancelled: every node is running or about to be."""
        async with asyncio.TaskGroup() as group:
            for index, command in enumerate(self._commands):
                group.create_task(self._keep_alive(index, command))
            group.create_task(self._keep_spare())

    async def _keep_alive(self, index: int, command: Sequence[str]) -> None:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while not self._draining:
            started = loop.time()
            process: NodeProcess
            if adopted := self._adopted.pop(index, None):
                node_id, process = adopted.node_id, adopted
            else:
                node_id = uuid4()
                process = await self._start([*command, "--node-id", str(node_id)])
            self.node_ids[index], self.processes[index] = node_id, process
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:
                    await end(process, _STOP_GRACE)
            if self._draining:
                return
            log.error("media node died: replacing it", index=index, pid=process.pid, code=code)
            await self._on_death(node_id)
            pause = _FIRST_PAUSE if loop.time() - started > _SETTLED else pause
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _start(self, arguments: Sequence[str]) -> asyncio.subprocess.Process:
        """A child that runs `classroom-sync` with these arguments: the spare, if there is one."""
        spare, self._spare = self._spare, None
        self._used.set()
        if spare is not None and spare.returncode is None and spare.stdin is not None:
            spare.stdin.write(json.dumps(list(arguments)).encode() + b"\n")
            return spare
        return await self._spawn("classroom_sync", *arguments)

    async def _spawn(self, module: str, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            env=self._environment,
            start_new_session=True,  # Ctrl-C reaches the parent, which stops the nodes in order
        )

    async def _keep_spare(self) -> None:
        """Have a spare again some time after the last was used, when the machine has less to do."""
        try:
            while True:
                await asyncio.sleep(_SPARE_AFTER)
                self._used.clear()
                self._spare = await self._spawn("classroom_sync.spare")
                await self._used.wait()
        finally:
            if self._spare is not None and self._spare.returncode is None:
                await end(self._spare, _STOP_GRACE)

    async def drain(self) -> None:
        """Tell every node to hand its lessons over and to end, and wait until all have; none is
        replaced from now on."""
        self._draining = True
        grace = self._drain_seconds + _STOP_GRACE
        living = [p for p in self.processes.values() if p.returncode is None]
        await asyncio.gather(*(end(process, grace) for process in living))
