"""One media node process: the media plane, its thin HTTP face, its lease, and its evidence.

Ownership: this process ⊃ `MediaNode` ⊃ rooms ⊃ peers. It stops on SIGTERM, and when told to live
with its parent, on the closing of standard input. Stopping closes every connection with the
reason "stopped", writes what evidence is left, and gives the lease back.
"""

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid4

import structlog
from aiohttp import WSMsgType, web

from classroom_sync import tokens
from classroom_sync.errors import CannotStart
from classroom_sync.listening import bind_tcp
from classroom_sync.settings import Settings
from classroom_sync.spool import EvidenceSpool
from db import nodes, pool, presence
from media.http import Forbidden, Unauthorized
from media.http import routes as media_routes
from media.node import Grant, MediaNode

log = structlog.get_logger()

LEASE = 3.0  # seconds; renewed each third of it
_SNAPSHOTS = 256  # events a control link may lag behind before it is dropped


class ControlLinks:
    """The node's side of the links to control processes: broadcasts events, performs commands."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._queues: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self.node: MediaNode | None = None
        self.flush: Callable[[], Any] | None = None

    def tell(self, event: object) -> None:
        """Send an event dataclass to every control process; one that lags too far is dropped."""
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", type(event).__name__).lower()
        message = {"event": name, **asdict(event)}  # type: ignore[call-overload]  # a dataclass
        for queue in tuple(self._queues):
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                self._queues.discard(queue)
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        if not tokens.same_key(request.headers.get("Authorization", ""), f"Bearer {self._key}"):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        socket = web.WebSocketResponse(heartbeat=2.0)
        await socket.prepare(request)
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_SNAPSHOTS)
        self._queues.add(queue)
        sender = asyncio.create_task(self._send(socket, queue))
        try:
            assert self.node is not None, "the node is up before its face listens"
            for event in self.node.present():
                self.tell_one(queue, event)
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await socket.send_json(await self._perform(message.json()))
        finally:
            self._queues.discard(queue)
            sender.cancel()
        return socket

    def tell_one(self, queue: "asyncio.Queue[dict[str, Any] | None]", event: object) -> None:
        name = re.sub(r"(?<!^)([A-Z])", r"_\1", type(event).__name__).lower()
        with contextlib.suppress(asyncio.QueueFull):
            queue.put_nowait({"event": name, **asdict(event)})  # type: ignore[call-overload]
