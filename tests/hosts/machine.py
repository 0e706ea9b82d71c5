"""A machine with a systemd of its own, on which the server is installed and started as
docs/operations.md says: its unit, with all that it may not do, and Debian's Python."""

import asyncio
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.chaos.servers import ready
from tests.e2e.running import free_port

_SCRIPT = Path(__file__).with_name("machine.sh")
_SOURCE = Path(__file__).parents[2]
_INSTALLED = 600.0  # seconds: pip fetches all packages
_UNSHARED = ("--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child")
_ENTERED = ("-m", "-p", "-u", "-i", "-C", "-r", "-w")


@dataclass(frozen=True, slots=True)
class Machine:
    """Running; `init` is its systemd, by this machine's process id."""

    url: str
    init: int
    log: Path

    async def run(self, *command: str) -> str:
        """What a command says that is run on it as root. Raises AssertionError if it fails."""
        process = await asyncio.create_subprocess_exec(
            *("nsenter", "-t", str(self.init), *_ENTERED, *command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, f"{' '.join(command)}: {said.decode()}"
        return said.decode()

    async def unit(self, name: str) -> dict[str, str]:
        """What systemd says of a unit."""
        said = await self.run("systemctl", "show", name)
        return dict(line.partition("=")[::2] for line in said.splitlines())

    async def processes(self) -> dict[int, str]:
        """Process id, as it knows it → command line, of all that the server's account runs."""
        said = await self.run("ps", "-u", "classroom-sync", "-o", "pid=,args=", "--no-headers")
        return {int(pid): args for pid, args in re.findall(r"(\d+) (.+)", said)}


def missing() -> str | None:
    """What this machine lacks for such a machine, in words; None if nothing."""
    if os.geteuid() != 0:
        return "a systemd of its own needs root: run the tests as root"
    if not Path("/lib/systemd/systemd").exists():
        return "the Debian package systemd is missing: sh tests/setup-system.sh"
    if shutil.which("/usr/bin/python3") is None:
        return "the Debian packages python3 and python3-venv are missing"
    return None


@asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[Machine]:
    """Installed and ready. It ends with all that runs on it."""
    root, log = folder / "root", folder / "machine.log"
    root.mkdir()
    port, udp_port = free_port(), free_port(socket.SOCK_DGRAM)
    settings = f'public_address = "127.0.0.1"\nport = {port}\nudp_port = {udp_port}\n'
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *("unshare", *_UNSHARED, "sh", str(_SCRIPT), str(root), str(_SOURCE)),
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    url = f"http://127.0.0.1:{port}"
    up = asyncio.create_task(ready(url, _INSTALLED))
    over = asyncio.create_task(process.wait())
    try:
        assert process.stdin is not None, "it is a pipe"
        process.stdin.write(settings.encode())
        process.stdin.close()
        await asyncio.wait([up, over], return_when=asyncio.FIRST_COMPLETED)
        assert up.done(), log.read_text()[-3000:]
        up.result()
        [init] = psutil.Process(process.pid).children()
        yield Machine(url, init.pid, log)
    finally:
        for task in (up, over):
            task.cancel()
        if process.returncode is None:
            process.kill()  # and what it unshared (--kill-child): a namespace ends with its init
        await process.wait()
