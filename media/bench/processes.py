"""Processes of a bench: what they cost (CPU time and memory of one and all its descendants), and
that none outlives it."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_TICKS = os.sysconf("SC_CLK_TCK")
_STOP = 10.0  # seconds between SIGTERM and SIGKILL


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds used so far (user and system as the kernel splits them) and peak resident set in
    bytes. `exact` is their sum from the scheduler's clock, in nanoseconds rather than ticks."""

    user: float
    system: float
    exact: float
    peak_rss: int

    def since(self, before: "Cost") -> "Cost":
        """The difference; the peak is not one."""
        return Cost(
            self.user - before.user,
            self.system - before.system,
            self.exact - before.exact,
            self.peak_rss,
        )


def tree(pid: int) -> Iterator[int]:
    """`pid` and all its living descendants; those that end meanwhile are left out."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from tree(int(child))


def cost(*roots: int) -> Cost:
    """Cost of the trees under `roots`, those children included that ended and were waited for.
    Raises FileNotFoundError or ProcessLookupError when a process has just ended."""
    user = system = exact = 0.0
    peak = 0
    for process in (process for root in roots for process in tree(root)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks = [int(value) for value in fields[11:15]]
        user += (ticks[0] + ticks[2]) / _TICKS
        system += (ticks[1] + ticks[3]) / _TICKS
        exact += _process_clock(process) + (ticks[2] + ticks[3]) / _TICKS
        peak += _peak(process)
    return Cost(user, system, exact, peak)


def _process_clock(pid: int) -> float:
    """The CPU clock of another process, all threads (`clock_getcpuclockid(3)`: the kernel's
    MAKE_PROCESS_CPUCLOCK with CPUCLOCK_SCHED)."""
    return time.clock_gettime((~pid << 3) | 2)


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def die_with_parent(parent: int, ending: signal.Signals = signal.SIGKILL) -> None:
    """Called in a child of the process `parent`: however that ends, the kernel then sends this one
    `ending`; and it ends at once where its parent was gone before the kernel could be asked."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ending)
    if os.getppid() != parent:
        os._exit(1)


@contextmanager
def started(
    command: Sequence[str],
    cpus: tuple[int, ...],
    *,
    stdout: int,
    stderr: int | None = None,
    ending: signal.Signals = signal.SIGKILL,
) -> Iterator[subprocess.Popen[str]]:
    """`command` running on `cpus` (empty: any), in a session of its own, until the end of the
    `with` block (SIGTERM) or of this process (`ending`)."""
    parent = os.getpid()

    def settle() -> None:
        die_with_parent(parent, ending)
        if cpus:
            os.sched_setaffinity(0, cpus)

    with subprocess.Popen(  # noqa: S603 - the caller's own command
        command,
        stdout=stdout,
        stderr=stderr,
        text=True,
        preexec_fn=settle,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
