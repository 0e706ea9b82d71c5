"""What the clock's leader does besides keeping the clock."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from db.errors import Unreachable

log = structlog.get_logger()


async def again(what: str, do: Callable[[], Awaitable[None]], pause: float) -> None:
    """Do one of the leader's duties again and again, `pause` seconds apart. Whatever goes wrong in
    one is logged and tried again: it stops neither the clock nor the other duties."""
    while True:
        try:
            await do()
        except Unreachable as error:
            log.warning("not done", duty=what, cause=str(error))
        except Exception:
            log.exception("not done", duty=what)
        await asyncio.sleep(pause)
