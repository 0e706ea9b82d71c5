"""One media node process: the media plane, its thin HTTP face, its lease, and its evidence.

On SIGTERM it hands its lessons over (classroom_sync/draining.py), then stops; on a second one, and
when it is a server's own and has been without one for a minute (classroom_sync/adoption.py), it
stops at once. Stopping closes every connection with the reason "stopped", writes what evidence is
left, and gives the lease back. While the database is away it goes on forwarding.
"""

import asyncio
import contextlib
import re
import signal
import socket
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from aiohttp import WSMsgType, web

from classroom_sync import tokens
from classroom_sync.acceptance.media import is_no_lesson, room_test
from classroom_sync.adoption import Parent, to_be_found
from classroom_sync.draining import Drain
from classroom_sync.duties import again, first_of
from classroom_sync.errors import CannotStart
from classroom_sync.ice_servers import ice_servers, link_headers
from classroom_sync.listening import bind_tcp, url_of
from classroom_sync.media_access import authorizer
from classroom_sync.pulling import Pulls
from classroom_sync.secrets import CONTROL_KEY, MEDIA_KEY, shared_secret
from classroom_sync.segments import SegmentCourier
from classroom_sync.settings import Settings
from classroom_sync.spool import EvidenceSpool, Rows
from classroom_sync.store import StoreError, store_at
from classroom_sync.withdrawals import Withdrawals
from db import acceptance, nodes, presence, recordings
from db.errors import DatabaseError, Unreachable
from db.nodes import MediaNodeRow
from db.pool import Pool
from media.evidence import Evidence
from media.grant import Grant
from media.http import routes as media_routes
from media.node import MediaNode, spare_the_collector
from media.node_events import NodeEvent
from media.recording.news import News, SegmentBegun, SegmentClosed
from media.recording.recorder import Recorder
from scheduler.recording import Segment

log = structlog.get_logger()

_RENEW = 1.0  # seconds
_PATIENCE = 5.0  # seconds for a statement: what a node writes is short, and spooled meanwhile
_BACKLOG = 1024  # events a control link may lag behind before it is dropped


def _message(event: NodeEvent) -> dict[str, Any]:
    name = re.sub(r"(?<!^)([A-Z])", r"_\1", type(event).__name__).lower()
    return {"event": name, **asdict(event)}


class ControlLinks:
    """The node's side of the links to control processes: broadcasts events, performs commands."""

    def __init__(self, key: str, node: MediaNode, spool: EvidenceSpool) -> None:
        self._key = key
        self._node = node
        self._spool = spool
        self.pulls = Pulls(node)
        self._queues: set[asyncio.Queue[dict[str, Any] | None]] = set()

    def tell(self, event: NodeEvent) -> None:
        """Send an event to every control process; one that lags too far is cut and links anew."""
        for queue in tuple(self._queues):
            try:
                queue.put_nowait(_message(event))
            except asyncio.QueueFull:
                self._queues.discard(queue)
                with contextlib.suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
                queue.put_nowait(None)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        if not _has(self._key, request):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        link = web.WebSocketResponse(heartbeat=2.0)
        await link.prepare(request)
        present = [_message(event) for event in self._node.present()]
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_BACKLOG + len(present))
        for each in present:
            queue.put_nowait(each)
        self._queues.add(queue)
        sender = asyncio.create_task(self._send(link, queue))
        try:
            async for message in link:
                if message.type is WSMsgType.TEXT:
                    await link.send_json(await self._perform(message.json()))
        finally:
            self._queues.discard(queue)
            sender.cancel()
        return link

    async def _send(
        self, link: web.WebSocketResponse, queue: asyncio.Queue[dict[str, Any] | None]
    ) -> None:
        while (message := await queue.get()) is not None:
            await link.send_json(message)
        await link.close()

    async def _perform(self, message: dict[str, Any]) -> dict[str, Any]:
        match message:
            case {"command": "floor", "room": str(room), "participant": who}:
                self._node.set_floor(room, who)
            case {"command": "mute", "room": str(room), "participant": str(who), "muted": muted}:
                self._node.set_muted(room, who, muted=bool(muted))
            case {
                "command": "widths",
                "room": str(room),
                "participant": str(who),
                "widths": dict(widths),
            }:
                self._node.set_widths(room, who, {str(m): int(w) for m, w in widths.items()})
            case {"command": "record", "room": str(room), "recording": str(recording)}:
                others, led = bool(message.get("others")), bool(message.get("led", True))
                self._node.record(room, recording, others=others, led=led)
            case {"command": "record", "room": str(room), "recording": None}:
                await self._node.end_recording(room)
            case {"command": "pull", "room": str(room), "pulls": list(pulls)}:
                self.pulls.want(room, pulls)
            case {"command": "close", "room": str(room), "reason": str(reason)}:
                self.pulls.want(room, [])
                self._node.close_room(room, reason)
                await self._node.end_recording(room)
                await self._spool.flush()
            case _:
                return {"ack": message.get("id"), "error": "unknown command"}
        return {"ack": message["id"]}


async def run_node(settings: Settings, node_id: UUID, *, parent: str | None) -> None:
    """Run until told to stop; a server's own node is told a mark of its `parent`, and stops without
    one. Raises CannotStart."""
    leave, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        (stop if leave.is_set() else leave).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    family = Parent(leave) if parent is not None else None
    assert settings.database_url is not None, "the command line asks for it"
    try:
        pool = await Pool.open(settings.database_url, size=3, patience=_PATIENCE)
        async with pool.connection() as connection:
            media_key = await shared_secret(connection, MEDIA_KEY)
            control_key = (await shared_secret(connection, CONTROL_KEY)).hex()
    except DatabaseError as error:
        raise CannotStart(str(error)) from error

    async def write(node_id: UUID, rows: Rows) -> None:
        tests = [(seq, test, e) for seq, e in rows if (test := room_test(e.room)) is not None]
        lessons = [(seq, e) for seq, e in rows if not is_no_lesson(e.room)]
        async with pool.transaction() as connection:
            if lessons:
                await presence.add_evidence(connection, node_id, lessons)
            if tests:
                await acceptance.add_evidence(connection, node_id, tests)

    async def put_segment(segment: Segment) -> bool:
        async with pool.connection() as connection:
            return await recordings.put_segment(connection, segment)

    segments = settings.data_dir / "segments"
    try:
        store = store_at(settings.recording_store, settings.data_dir)
    except StoreError as error:
        raise CannotStart(str(error)) from error
    courier = SegmentCourier(segments, store, put_segment, (Unreachable,))
    control: list[ControlLinks] = []

    def tell(event: NodeEvent) -> None:
        for each in control:
            each.tell(event)

    def heard(news: News) -> None:
        if isinstance(news, SegmentBegun):
            courier.begun(news.name)
        elif isinstance(news, SegmentClosed):
            courier.closed()
        else:
            node.recording_stopped(news.room, news.recording, news.cause)

    def unfinished() -> list[Evidence]:
        return node.unfinished()

    spool = EvidenceSpool(node_id, settings.data_dir / "spool", write, (Unreachable,), unfinished)
    floor = settings.recording_free_bytes
    recorder = Recorder(segments, str(node_id), heard, floor=floor)
    node = MediaNode(
        host=_udp_host(settings.host),
        udp_port=settings.udp_port,
        public_address=settings.public_address,
        on_evidence=spool.put,
        on_event=tell,
        recorder=recorder,
    )
    with _udp_port_said(settings.udp_port):
        await node.start()
    link = ControlLinks(control_key, node, spool)
    control.append(link)
    drain = Drain(pool, node_id, node)
    face = web.Application()
    # A supervised node has a port of its own choice, which no client can know.
    public_url = None if parent is not None else settings.node_url

    def links_for(grant: Grant) -> list[str]:
        return link_headers(ice_servers(settings, grant.participant, datetime.now(UTC)))

    prefix = urlsplit(public_url or "").path.rstrip("/")
    withdrawn = Withdrawals(pool, node.withdraw)
    face.add_routes(media_routes(node, authorizer(media_key, withdrawn), links_for, prefix))
    face.router.add_get("/control", link.handle)
    face.router.add_post("/drain", partial(_drain, control_key, drain))
    face.router.add_get("/readyz", partial(_ready, drain))
    if family is not None:
        face.router.add_get("/parent", partial(family.handle, control_key))
    runner = web.AppRunner(face, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    bound = bind_tcp(settings.host, settings.port)
    await web.SockSite(runner, bound).start()
    row = MediaNodeRow(node_id, socket.gethostname(), url_of(bound), public_url, node.udp_port)
    log.info("media node up", node=str(node_id), udp_port=node.udp_port, http=row.http_url)
    tasks = [
        asyncio.create_task(spool.run()),
        asyncio.create_task(courier.run()),
        asyncio.create_task(_keep_lease(pool, node, row, drain)),
        asyncio.create_task(withdrawn.run()),
    ]
    spare_the_collector()

    async def emptied() -> None:
        await leave.wait()
        await drain.ask()
        await drain.done(settings.drain_seconds, alone_too=parent is None)

    found: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if parent is not None:
        found = to_be_found(settings.data_dir / "nodes", node_id, parent, row.http_url)
    try:
        with found:
            await first_of(emptied(), stop.wait(), *([family.missed()] if family else []))
    finally:
        await link.pulls.close()
        await node.stop()
        await recorder.close()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        with contextlib.suppress(DatabaseError):
            async with pool.connection() as connection:
                await nodes.leave(connection, node_id)
        await runner.cleanup()
        await pool.close()


def _udp_host(host: str) -> str:
    """Media listens on every address where pages listen on the loopback only: a browser on this
    machine sends from its network address, not from 127.0.0.1."""
    return "0.0.0.0" if host in ("127.0.0.1", "localhost", "::1") else host  # noqa: S104 - see above


@contextlib.contextmanager
def _udp_port_said(port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotStart(
            f"UDP port {port} can't be used ({error.strerror}); stop the program that has it, or "
            "choose another with --udp-port (0 picks a free one)"
        ) from error


async def _drain(key: str, drain: Drain, request: web.Request) -> web.Response:
    """`POST /drain`: take no lesson any more; the node goes on until it is told to stop."""
    if not _has(key, request):
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
    return web.json_response({"lessons": await drain.ask()}, status=202)


async def _ready(drain: Drain, _request: web.Request) -> web.Response:
    """`GET /readyz`: whether the node takes lessons; 503 from when it is drained, however."""
    draining = drain.asked.is_set()
    return web.json_response({"draining": draining}, status=503 if draining else 200)


def _has(key: str, request: web.Request) -> bool:
    return tokens.same(request.headers.get("Authorization", ""), f"Bearer {key}")


async def _keep_lease(pool: Pool, node: MediaNode, row: MediaNodeRow, drain: Drain) -> None:
    """Register, then renew; after the database was away, or forgot us, register again."""
    known = False
    forwarded = 0

    async def renew() -> None:
        nonlocal known, forwarded
        load = (node.forwarded - forwarded) / _RENEW
        forwarded = node.forwarded
        async with pool.connection() as connection:
            asked, told = drain.asked.is_set(), None
            if known:
                told = await nodes.renew(connection, row.id, nodes.LEASE, load, draining=asked)
            if told is None:
                await nodes.register(connection, row, nodes.LEASE)
                known = True
            elif told:
                drain.asked.set()  # by `classroom-sync drain`

    await again("renew the lease", renew, _RENEW)
