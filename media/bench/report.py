"""A result for programs (one JSON object) and for people (a table)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.table import Table

from media.bench.comparison import Result
from media.bench.measure import Measurement
from media.bench.scenarios import city

_TOLERABLY_LATE = 5.0  # ms


def ratio(measurement: Measurement, others: Iterable[Measurement]) -> float | None:
    """CPU per packet as a share of the cheapest Janus' in the same scenario; None without one."""
    costs = [m.cpu_us for m in others if m.system.startswith("janus") and m.forwarded]
    if not costs or not measurement.forwarded:
        return None
    return measurement.cpu_us / min(costs)


def _by_scenario(result: Result) -> Iterator[tuple[str, list[Measurement]]]:
    for scenario, group in groupby(result.measurements, key=lambda m: m.scenario):
        yield scenario, list(group)


def as_json(result: Result) -> str:
    """One JSON object: `machine`, `cpus`, `plan`, `largest_multiple`, what `gave_out` beyond it,
    and `measurements` with all fields of `Measurement`, `holds`, `gave_out`, and `cpu_of_janus`
    (see `ratio`)."""
    measurements: list[dict[str, Any]] = [
        {
            **asdict(m),
            "holds": m.holds,
            "gave_out": m.gave_out,
            "cpu_of_janus": ratio(m, group),
        }
        for _, group in _by_scenario(result)
        for m in group
    ]
    return json.dumps({**asdict(result), "measurements": measurements}, ensure_ascii=False)


def as_table(result: Result) -> Table:
    """A row for each measurement."""
    title = f"{result.machine}, {result.cpus} CPUs, {result.plan.seconds:g} s each"
    table = Table(title=title, caption=_caption(result), box=None, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for heading in ("µs", "/Janus", "cores", "got", "loss", "p50, p99 ms", "MB", "same"):
        table.add_column(heading, justify="right", no_wrap=True)
    for scenario, group in _by_scenario(result):
        table.add_row(f"[bold]{scenario}[/bold]")
        for m in group:
            table.add_row(m.system, *_cells(m, group))
    return table


def _caption(result: Result) -> str:
    notes = ["µs: CPU of all processes of the system for each packet that reached a viewer"]
    if result.largest_multiple is not None:
        rooms = result.largest_multiple * len(city().publishers)
        notes.append(f"largest city that holds: ×{result.largest_multiple}, {rooms} rooms live")
        notes.append(f"gave out: {result.gave_out or 'nothing up to the limit'}")
    notes += [f"{m.scenario}, {m.system}: {m.error}" for m in result.measurements if m.error]
    notes += [
        f"{m.scenario}, {m.system}: the load generator was late (p99 "
        f"{m.generator.late_p99_ms:.0f} ms): the machine was busy"
        for m in result.measurements
        if m.generator.late_p99_ms > _TOLERABLY_LATE
    ]
    return "\n".join(notes)


def _cells(m: Measurement, group: list[Measurement]) -> tuple[str, ...]:
    if m.error:
        return ("failed",)
    share = ratio(m, group)
    heard = m.latency_p50_ms is not None and m.latency_p99_ms is not None
    return (
        f"{m.cpu_us:.2f}",
        "" if share is None else f"{share:.2f}",
        f"{m.cores:.2f}",
        f"{min(1.0, m.delivered):.0%}",
        f"{m.loss:.3%}",
        f"{m.latency_p50_ms:.2f}, {m.latency_p99_ms:.2f}" if heard else "",
        f"{m.peak_rss_mb:.0f}",
        ("no" if m.different or m.unreadable else "yes") if m.sampled else "",
    )
