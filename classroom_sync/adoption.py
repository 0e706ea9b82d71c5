"""Media nodes whose control process was killed: lessons go on, and the next one takes them over.

A node of a server's own keeps a file in `data_dir`/nodes, locked for as long as it lives. When its
standard input closes its parent is gone, and it waits for another for a while. A control process
that starts on the same data directory opens `/parent` of each node that is left there, and is its
parent until that link ends. It keeps those that it would have started just so itself, and ends the
others.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import aiohttp
import psutil
import structlog
from aiohttp import web
from pydantic import SecretStr

from classroom_sync import tokens
from classroom_sync.settings import Settings

log = structlog.get_logger()

ORPHANED = 60.0  # seconds that a node waits for another parent: a slow machine starts one in 30
_STILL = 2.0  # seconds in which a node notices that its parent is gone
_ASK_AGAIN = 0.1
_END_GRACE = 5.0


class NodeProcess(Protocol):
    """A media node as its supervisor sees it: a child process, or one that was taken over."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...

    async def wait(self) -> int: ...


def kinship(key: str, settings: Settings, *beside: object) -> str:
    """A mark of what a node is started with, by which a later parent knows whether it would start
    it just so. It says nothing of the secrets among the settings."""
    what = [(name, _plain(value)) for name, value in settings], beside
    return hmac.new(key.encode(), repr(what).encode(), hashlib.sha256).hexdigest()[:32]


def _plain(value: object) -> object:
    """What is written in the same way by every process, and otherwise where it differs."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return sorted(value) if isinstance(value, frozenset) else value


async def end(process: NodeProcess, grace: float) -> None:
    """Ask a node to end and wait until it has; after `grace` seconds it is made to."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), grace)
    except TimeoutError:
        log.warning("media node did not stop in time", pid=process.pid)
        process.kill()
        await process.wait()


def _started(pid: int) -> str:
    """When a process of this machine began, in ticks since boot, which no clock changes: with its
    id it is one process alone. Raises OSError."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


# ── the node's side ──────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def to_be_found(directory: Path, node_id: UUID, kin: str, http_url: str) -> Iterator[None]:
    """The file of a node, while this lasts."""
    directory.mkdir(parents=True, exist_ok=True)
    path, part = directory / f"{node_id}.json", directory / f".{node_id}"
    pid = os.getpid()
    said = {"pid": pid, "started": _started(pid), "kin": kin, "http_url": http_url}
    with part.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # before it has its name, and for as long as it is open
        file.write(json.dumps(said))
        file.flush()
        part.rename(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


class Parent:
    """A node's own parent: who holds the other end of its standard input, then of `/parent`."""

    def __init__(self, leaving: asyncio.Event) -> None:
        self._leaving = leaving
        self._gone = asyncio.Event()
        self._found = asyncio.Event()
        self._input = sys.stdin.fileno()
        asyncio.get_running_loop().add_reader(self._input, self._closed)

    def _closed(self) -> None:
        asyncio.get_running_loop().remove_reader(self._input)
        self._lose()

    def _lose(self) -> None:
        self._found.clear()
        self._gone.set()

    async def missed(self) -> None:
        """Until it has been gone for long; or is gone from a node that no other can find yet, or
        that is leaving anyway."""
        young = self._gone.is_set()
        while True:
            await self._gone.wait()
            if young or self._leaving.is_set():
                return
            log.warning("without a control process: waiting for the next", seconds=ORPHANED)
            try:
                await asyncio.wait_for(self._found.wait(), ORPHANED)
            except TimeoutError:
                self._leaving.set()
                return
            log.info("taken over by another control process")

    async def handle(self, key: str, request: web.Request) -> web.WebSocketResponse:
        """`GET /parent`: a WebSocket; whoever opens it is the parent until it closes. 409 while
        there is one."""
        if not tokens.same(request.headers.get("Authorization", ""), f"Bearer {key}"):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        if self._leaving.is_set() or not self._gone.is_set():
            raise web.HTTPConflict
        self._gone.clear()
        self._found.set()
        link = web.WebSocketResponse()
        try:
            await link.prepare(request)
            async for _ in link:
                pass
        finally:
            self._lose()
        return link


# ── the parent's side ────────────────────────────────────────────────────────────────────


class AdoptedNode:
    """A node that another control process has started, and this one is the parent of now."""

    def __init__(
        self,
        node_id: UUID,
        kin: str,
        process: psutil.Process,
        http: aiohttp.ClientSession,
        link: aiohttp.ClientWebSocketResponse,
    ) -> None:
        self.node_id = node_id
        self.kin = kin
        self.returncode: int | None = None
        self._process = process
        self._ended = asyncio.create_task(self._watch(http, link))

    @property
    def pid(self) -> int:
        return self._process.pid

    async def _watch(
        self, http: aiohttp.ClientSession, link: aiohttp.ClientWebSocketResponse
    ) -> int:
        async with http:
            async for _ in link:
                pass
        # It is about to end, or has. One that does neither must not keep its port.
        deadline = asyncio.get_running_loop().time() + _END_GRACE
        while self._lives():
            if asyncio.get_running_loop().time() > deadline:
                self.kill()
            await asyncio.sleep(_ASK_AGAIN)
        self.returncode = -1  # only its own parent is told
        return self.returncode

    def _lives(self) -> bool:
        try:
            return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def terminate(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.terminate()

    def kill(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.kill()

    async def wait(self) -> int:
        """Until it has ended; nobody can be told how."""
        return await asyncio.shield(self._ended)


async def adopt(directory: Path, kins: Sequence[str], key: str) -> dict[int, AdoptedNode]:
    """Be the parent of the nodes that were left in a directory: those that are kin, by the number
    of theirs in `kins`. Others are ended."""
    found = await asyncio.to_thread(left_in, directory)
    kept: dict[int, AdoptedNode] = {}
    strangers = []
    for node in await asyncio.gather(*(_taken(UUID(name), said, key) for name, said in found)):
        if node is None:
            continue
        free = [n for n, kin in enumerate(kins) if kin == node.kin and n not in kept]
        if free:
            kept[free[0]] = node
            log.info("media node taken over", node=str(node.node_id), pid=node.pid)
        else:
            strangers.append(node)
            log.info("media node not wanted: ending it", node=str(node.node_id), pid=node.pid)
    await asyncio.gather(*(end(node, _END_GRACE) for node in strangers))
    return kept


async def _taken(node_id: UUID, said: dict[str, Any], key: str) -> AdoptedNode | None:
    """The node of a file, if it has no parent."""
    http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"})
    try:
        process = psutil.Process(said["pid"])
        if _started(process.pid) != said["started"]:
            raise ProcessLookupError("its process is not one of this machine")
        link = await _linked(http, said["http_url"] + "/parent")
    except (aiohttp.ClientError, OSError, TimeoutError, psutil.Error) as error:
        await http.close()
        log.warning("media node not taken over", node=str(node_id), cause=str(error))
        return None
    return AdoptedNode(node_id, said["kin"], process, http, link)


def left_in(directory: Path) -> list[tuple[str, dict[str, Any]]]:
    """The living nodes of a directory, and what they say of themselves; files of dead ones go."""
    living = []
    for path in sorted(directory.glob("*.json")):
        with contextlib.suppress(FileNotFoundError), path.open() as file:  # it may just be ending
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            except BlockingIOError:
                living.append((path.stem, json.load(file)))
    return living


async def _linked(http: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    """Raises aiohttp.ClientError, TimeoutError."""
    async with asyncio.timeout(_STILL):
        while True:
            try:
                return await http.ws_connect(url)
            except aiohttp.WSServerHandshakeError as error:
                if error.status != web.HTTPConflict.status_code:
                    raise
            await asyncio.sleep(_ASK_AGAIN)  # its parent still seems to be there
