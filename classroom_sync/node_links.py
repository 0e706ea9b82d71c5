"""The control process's side of its links to media nodes: WebSockets, events in, commands out.

Messages are JSON objects, one per frame. A node sends `{"event": name, "room": …, …}`; the control
process sends `{"id": n, "command": name, …}` and gets `{"ack": n}` or `{"ack": n, "error": …}`.
docs/protocol.md lists both.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
import structlog

log = structlog.get_logger()

_RECONNECT = 0.3  # seconds
_LOOK_AGAIN = 1.0
_COMMAND_TIMEOUT = 8.0
_AHEAD = 1024  # events read before they are handled


class NodeAway(Exception):
    """The media node of this lesson can't be reached; it is being replaced."""


@dataclass(frozen=True, slots=True)
class NodeAddress:
    id: UUID
    http_url: str
    public_url: str | None = None  # where clients reach it, if they do


EventSink = Callable[[UUID, dict[str, Any]], Awaitable[None]]
ListNodes = Callable[[], Awaitable[Iterable[NodeAddress]]]


class NodeLinks:
    """Links to every live node; `run()` keeps them, and owns them all.

    `on_event(node_id, message)` is awaited for each event in order; `{"event": "connected"}` and
    `{"event": "gone"}` tell of the link itself.
    """

    def __init__(self, key: str, list_nodes: ListNodes, on_event: EventSink) -> None:
        self._headers = {"Authorization": f"Bearer {key}"}
        self._list_nodes = list_nodes
        self._on_event = on_event
        self._addresses: dict[UUID, NodeAddress] = {}
        self._sockets: dict[UUID, aiohttp.ClientWebSocketResponse] = {}
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._look = asyncio.Event()

    @property
    def connected(self) -> frozenset[UUID]:
        return frozenset(self._sockets)

    def url(self, node_id: UUID) -> str | None:
        """Base URL of a node's HTTP face while it is known to be alive."""
        address = self._addresses.get(node_id)
        return address.http_url if address else None

    def public_url(self, node_id: UUID) -> str | None:
        """Where clients reach a living node's HTTP face, if they do."""
        address = self._addresses.get(node_id)
        return address.public_url if address else None

    def look_again(self) -> None:
        """Read the list of nodes now: one has just come or gone."""
        self._look.set()

    async def run(self) -> None:
        tasks: dict[UUID, asyncio.Task[None]] = {}
        async with (
            aiohttp.ClientSession(headers=self._headers) as http,
            asyncio.TaskGroup() as group,
        ):
            while True:
                try:
                    listed = {node.id: node for node in await self._list_nodes()}
                except Exception as error:  # noqa: BLE001 - whatever fails, the links stay up
                    log.warning("nodes can't be listed", cause=str(error))
                    listed = self._addresses
                # One that answers stays linked: its lease may lapse while the database is away.
                linked = {n: a for n, a in self._addresses.items() if n in self._sockets}
                listed = linked | listed
                for node_id in [n for n in tasks if n not in listed]:
                    tasks.pop(node_id).cancel()
                for node_id, node in listed.items():
                    if node_id not in tasks:
                        tasks[node_id] = group.create_task(self._keep(http, node))
                self._addresses = listed
                self._look.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), _LOOK_AGAIN)

    async def _keep(self, http: aiohttp.ClientSession, node: NodeAddress) -> None:
        while True:
            try:
                async with http.ws_connect(f"{node.http_url}/control", heartbeat=2.0) as socket:
                    self._sockets[node.id] = socket
                    await self._read(node, socket)
            except (aiohttp.ClientError, OSError) as error:
                log.debug("node link failed", node=str(node.id), cause=str(error))
            finally:
                if self._sockets.pop(node.id, None) is not None:
                    await self._on_event(node.id, {"event": "gone"})
            await asyncio.sleep(_RECONNECT)

    async def _read(self, node: NodeAddress, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Until the link ends. Events are handled in order beside the reading, so that whoever
        handles one can send a command and have its answer; a node can't be read further ahead."""
        events: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_AHEAD)
        events.put_nowait({"event": "connected"})

        async def handle() -> None:
            while True:
                await self._on_event(node.id, await events.get())
                events.task_done()

        handling = asyncio.create_task(handle())
        try:
            async for message in socket:
                if handling.done():
                    break
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                value = message.json()
                if "ack" in value:
                    self._answered(value)
                else:
                    await events.put(value)
            all_handled = asyncio.create_task(events.join())  # what it said before it went counts
            await asyncio.wait([handling, all_handled], return_when=asyncio.FIRST_COMPLETED)
            all_handled.cancel()
        finally:
            handling.cancel()
            await asyncio.wait([handling])
        if not handling.cancelled():
            handling.result()  # raises what went wrong

    def _answered(self, message: dict[str, Any]) -> None:
        waiting = self._waiting.pop(message["ack"], None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    async def command(self, node_id: UUID, command: str, **values: Any) -> dict[str, Any]:
        """Send a command and wait for its acknowledgement. Raises NodeAway."""
        socket = self._sockets.get(node_id)
        if socket is None:
            raise NodeAway(f"media node {node_id} is not connected")
        number = next(self._ids)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await socket.send_json({"id": number, "command": command, **values})
            return await asyncio.wait_for(answer, _COMMAND_TIMEOUT)
        except (ConnectionError, TimeoutError, aiohttp.ClientError) as error:
            raise NodeAway(f"media node {node_id} did not answer: {error}") from error
        finally:
            self._waiting.pop(number, None)
