"""What a media node pulls from others, kept going: begun, begun again when it fails, ended.

One command names all that a room shall have; what is already had goes on untouched.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp
import structlog

from media.errors import MediaError
from media.node import MediaNode
from media.specs import Source
from media.wire import HandshakeFailed

log = structlog.get_logger()

_AGAIN = 0.5  # seconds between two tries
_TIMEOUT = aiohttp.ClientTimeout(total=5, sock_connect=2)


class NotAnswered(Exception):
    """The other node did not take the offer; the message says what it said."""


@dataclass(frozen=True, slots=True)
class _What:
    room: str
    participant: str
    stream: str
    lead: bool
    url: str


class Pulls:
    """Owns a task for each pull."""

    def __init__(self, node: MediaNode) -> None:
        self._node = node
        self._tasks: dict[_What, asyncio.Task[None]] = {}

    def want(self, room: str, pulls: list[dict[str, Any]]) -> None:
        """Pull this in a room, and nothing else."""
        wanted = {
            _What(room, p["participant"], Source(p["stream"]), bool(p["lead"]), p["url"]): str(
                p["token"]
            )
            for p in pulls
        }
        for what in [w for w in self._tasks if w.room == room and w not in wanted]:
            self._tasks.pop(what).cancel()
        for what, token in wanted.items():
            if what not in self._tasks:
                self._tasks[what] = asyncio.create_task(self._keep(what, token))

    async def close(self) -> None:
        """End every pull."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, what: _What, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}

        async def ask(offer: str) -> str:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as http,
                http.post(what.url, data=offer, headers=headers) as response,
            ):
                text = await response.text()
                if response.status != 201:
                    raise NotAnswered(f"{response.status} {text[:200]}")
                return text

        while True:
            try:
                await self._node.pull(
                    what.room, what.participant, Source(what.stream), lead=what.lead, ask=ask
                )
                cause = "it ended"
            except (
                NotAnswered,
                MediaError,
                HandshakeFailed,
                aiohttp.ClientError,
                OSError,
                TimeoutError,
            ) as error:
                cause = str(error) or type(error).__name__
            log.info("pulling again", room=what.room, participant=what.participant, cause=cause)
            await asyncio.sleep(_AGAIN)
