"""Solver runs: one at a time for a server, in a process of its own, watched by any page.

A run goes on whoever looks; its result becomes a draft. What is known of it is kept here until the
next one begins, so a page that is opened later sees the same.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import structlog
from pydantic import TypeAdapter

from db import drafts, marks, timetable
from db.errors import DatabaseError
from db.pool import Pool
from scheduler.model import Lesson
from scheduler.plan import Plan, to_json

log = structlog.get_logger()

_LINE = 64 * 2**20  # bytes of one answer, at most
_HEARTBEAT = 15.0  # seconds
_GRACE = 120.0  # seconds beyond its limit until a run is given up: building the model, explaining

State = Literal["running", "stopping", "done", "failed"]


class Busy(Exception):
    """A run is under way; another can begin when it has ended."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is asked for: `plan.lessons` stay as they are."""

    plan: Plan
    term_id: str
    seconds: float
    seed: int
    workers: int
    actor: str
    locked: frozenset[UUID] = frozenset()  # of the plan's lessons, to be locked in the draft too


@dataclass
class Run:
    """One run, as far as it has come."""

    wish: Wish
    started_at: datetime
    state: State = "running"
    progress: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    draft: UUID | None = None
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)


class SolverRuns:
    """The server's runs; owns the process and the task of the one under way."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._task: asyncio.Task[None] | None = None
        self._changed: set[asyncio.Event] = set()
        self._closed = False
        self.run: Run | None = None

    def start(self, wish: Wish) -> Run:
        """Begin a run. Raises Busy."""
        if self._task is not None and not self._task.done():
            raise Busy
        self.run = Run(wish, self._now())
        self._task = asyncio.create_task(self._see_through(self.run))
        self._tell()
        return self.run

    async def stop(self) -> None:
        """Let the run end with the best it has found; nothing if none is under way."""
        run = self.run
        if run is None or run.state != "running":
            return
        run.state = "stopping"
        self._tell()
        if run.process is not None and run.process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                run.process.stdin.write(b"stop\n")
                await run.process.stdin.drain()

    async def close(self) -> None:
        """End the run without a result, and let every watcher go."""
        self._closed = True
        self._tell()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def watch(self) -> AsyncIterator[Run | None]:
        """The run whenever something about it has changed, and every so often, until the server
        closes: whoever passes it on learns so that its reader is gone."""
        event = asyncio.Event()
        self._changed.add(event)
        try:
            while not self._closed:
                event.clear()
                yield self.run
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), _HEARTBEAT)
        finally:
            self._changed.discard(event)

    def _tell(self) -> None:
        for event in self._changed:
            event.set()

    async def _see_through(self, run: Run) -> None:
        try:
            async with asyncio.timeout(run.wish.seconds + _GRACE):
                found = await self._search(run)
            if found is not None:
                run.draft = await self._keep(run, found)
                run.result = found
            run.state = "done" if found is not None else "failed"
        except (TimeoutError, DatabaseError) as error:
            log.warning("solver run failed", cause=str(error) or type(error).__name__)
            run.state = "failed"
        finally:
            self._tell()

    async def _search(self, run: Run) -> dict[str, Any] | None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "classroom_sync.solver_process",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
        )
        try:
            assert process.stdin is not None, "piped above"
            assert process.stdout is not None, "piped above"
            process.stdin.write(_task(run.wish))
            run.process = process
            if run.state == "stopping":
                process.stdin.write(b"stop\n")
            await process.stdin.drain()
            async for line in process.stdout:
                said = json.loads(line)
                if "result" in said:
                    found: dict[str, Any] = said["result"]
                    return found
                run.progress = said["progress"]
                self._tell()
            return None
        except ConnectionError:
            return None  # it ended before it had read its task
        finally:
            run.process = None
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _keep(self, run: Run, found: dict[str, Any]) -> UUID:
        lessons = TypeAdapter(tuple[Lesson, ...]).validate_python(found.pop("lessons"))
        async with self._pool.transaction() as connection:
            draft = await timetable.add_draft(
                connection, run.wish.term_id, lessons, run.wish.locked
            )
            weights = {k: w for k, w in run.wish.plan.rules.weights.items() if w is not None}
            await drafts.set_weights(connection, draft, weights)
            await marks.add_audit(
                connection, run.wish.actor, "draft_solved", f"timetable:{draft}", best=found["best"]
            )
        return draft


def _task(wish: Wish) -> bytes:
    """The first line of the process's input."""
    options = {"seconds": wish.seconds, "seed": wish.seed, "workers": wish.workers}
    document = {"plan": to_json(wish.plan).decode(), **options}
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"
