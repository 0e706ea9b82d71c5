"""Network namespaces of a test's own: hosts that share this machine's processors and nothing of its
network. What runs inside one can reach what a line (lines.py) joins to it, and nothing else.

A namespace's name holds the id of the process that made it. Leaving the context removes it and ends
what still runs inside; what a killed run left behind is removed when the next one starts.
"""

import asyncio
import ctypes
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_PREFIX = "classroom-test"
_NAME = re.compile(rf"{_PREFIX}-(\d+)-\S+")
_CLONE_NEWNET = 0x40000000  # <linux/sched.h>
_COMMAND = 20.0  # seconds that a command may take
_libc = ctypes.CDLL(None, use_errno=True)


class NoNamespaces(Exception):
    """They can't be made here; the message says what is missing and how to get it."""


def missing(
    *,
    root: bool = os.geteuid() == 0,
    which: Callable[[str], str | None] = shutil.which,
    tun: Path = Path("/dev/net/tun"),
) -> str | None:
    """What this machine lacks for namespaces and lines, in words; None if nothing."""
    if not root:
        return "network namespaces need root: run the tests as root, as CI does"
    tools = {"ip": "iproute2", "tc": "iproute2", "nft": "nftables"}
    packages = sorted({package for tool, package in tools.items() if which(tool) is None})
    if packages:
        return f"the Debian packages {', '.join(packages)} are missing: sh tests/setup-system.sh"
    if not tun.exists():
        return f"{tun} is missing: the kernel needs its tun module (modprobe tun)"
    return None


def command(*arguments: str, said: str | None = None) -> str:
    """Run a command to its end; what it printed. Raises CalledProcessError with what it said."""
    done = subprocess.run(
        arguments, input=said, capture_output=True, text=True, timeout=_COMMAND, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Namespace:
    """One namespace, with its loopback up. `label` is for people who read `ip netns`."""

    def __init__(self, label: str) -> None:
        self.name = f"{_PREFIX}-{os.getpid()}-{label}"
        command("ip", "netns", "add", self.name)
        command("ip", "-n", self.name, "link", "set", "lo", "up")
        self._inside = ThreadPoolExecutor(1, thread_name_prefix=label, initializer=self._enter)

    def _enter(self) -> None:
        enter(Path("/run/netns") / self.name)

    def command(self, *arguments: str) -> tuple[str, ...]:
        """The argument list that runs a program inside."""
        return ("ip", "netns", "exec", self.name, *arguments)

    async def call(self, function: Callable[[], T]) -> T:
        """Call in a thread whose sockets and child processes are inside; one call at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._inside, function)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is inside meanwhile: its new sockets, and processes it starts."""
        outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            self._enter()
            yield
        finally:
            _join(outside)
            os.close(outside)

    def close(self) -> None:
        """End everything inside and remove it. The second time does nothing."""
        self._inside.shutdown(wait=True)
        with suppress(RuntimeError):  # it is gone
            _remove(self.name)


def enter(file: Path) -> None:
    """Put the calling thread into the namespace that a file under /run/netns names."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        _join(descriptor)
    finally:
        os.close(descriptor)


def _join(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _remove(name: str) -> None:
    for pid in map(int, command("ip", "netns", "pids", name).split()):
        if pid != os.getpid():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    command("ip", "netns", "delete", name)


def remove_stale() -> Sequence[str]:
    """Remove what runs that are no more have left; the names."""
    found = []
    for line in command("ip", "netns", "list").splitlines():
        match = _NAME.match(line)
        if match and not Path("/proc", match[1]).exists():
            _remove(match[0])
            found.append(match[0])
    return found


@contextmanager
def namespaces(*labels: str) -> Iterator[tuple[Namespace, ...]]:
    """Fresh namespaces, until the context is left however it is left. Raises NoNamespaces."""
    lacking = missing()
    if lacking is not None:
        raise NoNamespaces(lacking)
    remove_stale()
    with ExitStack() as stack:
        made = []
        for label in labels:
            each = Namespace(label)
            stack.callback(each.close)
            made.append(each)
        yield tuple(made)
