"""Work that goes on in the background, as the clock's leader's duties do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import structlog

from db.errors import Unreachable

log = structlog.get_logger()

LEADER = 0x636C6F63  # "cloc": the advisory lock of the clock's leader


async def again(what: str, do: Callable[[], Awaitable[None]], pause: float) -> None:
    """Do a duty again and again, `pause` seconds apart. Whatever goes wrong in one is logged and
    tried again: it stops no other, nor the clock."""
    while True:
        try:
            await do()
        except Unreachable as error:
            log.warning("not done", duty=what, cause=str(error))
        except Exception:
            log.exception("not done", duty=what)
        await asyncio.sleep(pause)


async def first_of(*works: Coroutine[Any, Any, object]) -> None:
    """Until one of them is done; the others are cancelled, and what went wrong in it is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in done:
        task.result()


@contextlib.asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    """Work that goes on beside the rest; its failure is logged and ends it, leaving cancels it."""

    async def run() -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("background work failed")
            raise

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
