"""Processes of a server, each of which a test may kill: PostgreSQL, control processes, nodes."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil

_START = 180.0  # seconds
_STOP = 300.0


@dataclass
class Process:
    """`classroom-sync` with a command, what it says kept line by line, as JSON where it is."""

    process: asyncio.subprocess.Process
    url: str = ""
    lines: list[str] = field(default_factory=list)
    _said: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def logged(self, event: str) -> list[dict[str, Any]]:
        """What it logged under this name."""
        found = []
        for line in self.lines:
            with suppress(ValueError):
                value = json.loads(line)
                if isinstance(value, dict) and value.get("event") == event:
                    found.append(value)
        return found

    async def says(self, text: str, within: float = _START, after: int = 0) -> str:
        """Wait for a line with this text in it, of those after the first `after`."""
        async with asyncio.timeout(within):
            while True:
                for line in self.lines[after:]:
                    if text in line:
                        return line
                assert self.process.returncode is None, f"it ended: {self.lines[-5:]}"
                self._said.clear()
                with suppress(TimeoutError):  # its end is not heard while nodes have its output
                    await asyncio.wait_for(self._said.wait(), 1.0)

    async def read(self) -> None:
        assert self.process.stdout is not None, "it was piped"
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode(errors="replace").rstrip())
            self._said.set()
        self._said.set()

    def node_at(self, udp_port: int) -> psutil.Process:
        """The media node, of its own or a spare's, that has a UDP port."""
        for child in psutil.Process(self.pid).children():
            with suppress(psutil.NoSuchProcess):
                if any(c.laddr.port == udp_port for c in child.net_connections("udp")):
                    return child
        raise AssertionError(f"no child has UDP port {udp_port}")

    async def kill(self) -> None:
        """SIGKILL, as the power switch would."""
        self.process.kill()
        while self.process.returncode is None:  # wait() waits for its output too, which nodes have
            await asyncio.sleep(0.01)

    async def stop(self) -> int:
        """SIGTERM, as systemd would; the exit code."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), _STOP)


@asynccontextmanager
async def classroom_sync(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """A command from its start until it has ended, however it ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "classroom_sync", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,
        env={**os.environ, "CLASSROOM_SYNC_LOG_FORMAT": "json", **(environment or {})},
    )
    running = Process(process)
    reading = asyncio.create_task(running.read())
    try:
        yield running
    finally:
        if process.returncode is None:
            with suppress(TimeoutError):
                await running.stop()
        if process.returncode is None:
            await running.kill()
        await asyncio.wait([reading], timeout=5)
        reading.cancel()


@asynccontextmanager
async def serving(
    data_dir: Path,
    *arguments: str,
    port: int = 0,
    udp_port: int = 0,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Process]:
    """`classroom-sync serve`, once lessons can be held."""
    command = ("serve", "--data-dir", str(data_dir), "--port", str(port))
    command += ("--udp-port", str(udp_port))
    async with classroom_sync(*command, *arguments, environment=environment) as server:
        said = await server.says("Classroom Sync is at")
        server.url = said.rpartition(" ")[2]
        if "0" not in _after(arguments, "--nodes"):
            await ready(server.url)
        yield server


def _after(arguments: tuple[str, ...], name: str) -> tuple[str, ...]:
    return arguments[arguments.index(name) + 1 :][:1] if name in arguments else ()


async def ready(url: str, within: float = _START) -> float:
    """Until /readyz says that lessons can be held; when that was, Unix seconds."""
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as http, asyncio.timeout(within):
        while True:
            try:
                async with http.get(url + "/readyz") as response:
                    if response.status == 200:
                        return time.time()
            except (aiohttp.ClientError, TimeoutError):
                pass  # not listening yet, or not any more
            await asyncio.sleep(0.05)
