"""What recording costs: the same lessons forwarded, and forwarded and recorded.

Each lesson is a hub and one room that watches; every hub is recorded. The nodes are processes of
their own, as in the product. What is on disk is measured beside what came over the wire.
"""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from media.bench.load import Load
from media.bench.measure import Measurement, Plan, result
from media.bench.scenarios import lessons
from media.bench.server import WIRE
from media.bench.systems import ours, server_command
from media.recording.names import SUFFIX

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Cost:
    """`forwarded` alone, and `recorded` as well. CPU is seconds for an hour of one lesson. Bytes on
    disk and over the wire are of all lessons in the time measured; RTP headers count as wire."""

    lessons: int
    nodes: int
    forwarded: Measurement
    recorded: Measurement
    disk_bytes: int
    wire_bytes: int
    files: int

    @property
    def forwarding_s(self) -> float:
        return self.forwarded.cores * _HOUR / self.lessons

    @property
    def recording_s(self) -> float:
        """What recording adds."""
        return (self.recorded.cores - self.forwarded.cores) * _HOUR / self.lessons

    @property
    def disk_of_wire(self) -> float:
        return self.disk_bytes / max(1, self.wire_bytes)


def recording_cost(
    count: int, plan: Plan, nodes: int, progress: Callable[[str], None] = lambda _: None
) -> Cost:
    """Measure `count` lessons on `nodes` media node processes. Raises SignallingFailed."""
    progress(f"{count} lessons on {nodes} nodes, forwarded")
    forwarded, _, _ = _measure(count, plan, server_command(nodes), None)
    with tempfile.TemporaryDirectory(prefix="bench-recordings-") as name:
        folder = Path(name)
        progress(f"{count} lessons on {nodes} nodes, forwarded and recorded")
        command = (*server_command(nodes), "--record", name)
        recorded, disk, wire = _measure(count, plan, command, folder)
        files = len(list(folder.glob(f"*{SUFFIX}")))
    return Cost(count, nodes, forwarded, recorded, disk, wire, files)


def _measure(
    count: int, plan: Plan, command: Sequence[str], folder: Path | None
) -> tuple[Measurement, int, int]:
    """The measurement, and by how many bytes disk and wire grew in it."""
    scenario = lessons(count)
    with (
        ours(command) as running,
        Load(
            running.target,
            scenario,
            workers=plan.workers,
            seed=plan.seed,
            profile=plan.srtp,
            offload=plan.offload,
            transport_cc=plan.transport_cc,
            cpus=plan.peer_cpus,
        ) as load,
    ):
        load.connect()
        time.sleep(plan.warm_up)
        load.begin()
        disk, wire = _bytes(folder)
        began, before = time.monotonic(), running.cost()
        time.sleep(plan.seconds)
        ended, after = time.monotonic(), running.cost()
        disk_after, wire_after = _bytes(folder)
        counts = load.end()
    name = "recorded" if folder is not None else "forwarded"
    found = result(name, scenario, counts, after.since(before), ended - began)
    return found, disk_after - disk, wire_after - wire


def _bytes(folder: Path | None) -> tuple[int, int]:
    """On disk, and over the wire, so far."""
    if folder is None:
        return 0, 0
    disk = sum(path.stat().st_size for path in folder.glob(f"*{SUFFIX}"))
    wire = sum(int(path.read_text()) for path in folder.glob(f"*{WIRE}"))
    return disk, wire


def as_json(cost: Cost) -> str:
    """One JSON object: the fields of `Cost`, and what follows from them."""
    return json.dumps(
        {
            **asdict(cost),
            "forwarding_cpu_s_per_stream_hour": cost.forwarding_s,
            "recording_cpu_s_per_stream_hour": cost.recording_s,
            "disk_of_wire": cost.disk_of_wire,
            "holds": cost.recorded.holds,
            "gave_out": cost.recorded.gave_out,
        },
        ensure_ascii=False,
    )


def as_table(cost: Cost) -> Table:
    """Both measurements, and what recording adds."""
    notes = [f"{m.system}: {', '.join(m.gave_out)}" for m in _both(cost) if not m.holds]
    table = Table(
        title=f"{cost.lessons} lessons on {cost.nodes} media nodes, {cost.forwarded.seconds:.0f} s",
        caption="\n".join(
            (
                f"recording adds {cost.recording_s:.0f} CPU seconds to an hour of a lesson "
                f"(forwarding: {cost.forwarding_s:.0f}); {cost.files} files; on disk "
                f"{cost.disk_of_wire:.1%} of the bytes that came",
                *notes,
            )
        ),
        box=None,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for heading in ("cores", "µs/packet", "loss", "p50, p99 ms", "MB", "holds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for m in _both(cost):
        table.add_row(
            m.system,
            f"{m.cores:.2f}",
            f"{m.cpu_us:.2f}",
            f"{m.loss:.3%}",
            f"{m.latency_p50_ms or 0:.2f}, {m.latency_p99_ms or 0:.2f}",
            f"{m.peak_rss_mb:.0f}",
            "yes" if m.holds else "no",
        )
    return table


def _both(cost: Cost) -> tuple[Measurement, Measurement]:
    return cost.forwarded, cost.recorded
