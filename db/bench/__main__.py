"""`python -m db.bench`, and what `classroom-sync bench reports` runs."""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil

from db.bench import measure
from db.bench.generate import Size, fill
from db.embedded import EmbeddedPostgres
from db.pool import Pool, migrate_database


def main(
    arguments: Sequence[str] | None = None,
    prog: str = "python -m db.bench",
    outputs: Mapping[str, measure.Output] | None = None,
) -> None:
    """Measure, print one JSON object on standard output and a table on standard error. `outputs`:
    what else is made of a report, by name."""
    asked = _parser(prog).parse_args(arguments)
    size = Size(
        asked.seed,
        1,
        asked.years,
        max(2, round(20 * asked.scale)),
        asked.intervals,
    )
    runs = []
    for cities in asked.cities:
        made = replace(size, cities=cities)
        with (
            tempfile.TemporaryDirectory(dir=asked.directory) as directory,
            EmbeddedPostgres(Path(directory)) as server,
        ):
            database = psutil.Process(server.pid)
            run = _run(server.dsn, database, made, asked.repeats, asked.rows, outputs or {})
            runs.append(asyncio.run(run))
    result = {
        "machine": {
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "runs": runs,
    }
    print(json.dumps(result, indent=1))  # a command's output
    print(table(runs), file=sys.stderr)


async def _run(
    dsn: str,
    database: psutil.Process,
    size: Size,
    repeats: int,
    rows: int,
    outputs: Mapping[str, measure.Output],
) -> dict[str, Any]:
    await migrate_database(dsn)
    began = time.perf_counter()
    await fill(dsn, size, _say)
    filled = time.perf_counter() - began
    pool = await Pool.open(dsn)
    try:
        return {
            "size": asdict(size),
            "fill_seconds": filled,
            "rows": await measure.sizes(pool),
            "load_before": os.getloadavg()[0],
            "reports": {
                name: asdict(timed)
                for name, timed in (
                    await measure.reports(pool, size, repeats, database, outputs)
                ).items()
            },
            "rolling": await measure.rolling(pool, size),
            "ingest": await measure.ingest(pool, size, rows),
            "memory_mb": measure.memory_mb(database),
            "load_after": os.getloadavg()[0],
        }
    finally:
        await pool.close()


def table(runs: Sequence[dict[str, Any]]) -> str:
    """The figures as a Markdown table, a column for each number of cities."""
    heads = [f"{run['rows']['rooms']} rooms" for run in runs]
    lines = ["| | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(runs)]

    def row(name: str, values: Sequence[str]) -> None:
        lines.append(f"| {name} | " + " | ".join(values) + " |")

    for name in ("sessions", "links", "intervals"):
        row(name, [f"{run['rows'][name]:,}" for run in runs])
    row("database", [f"{run['rows']['bytes'] / 1e9:.1f} GB" for run in runs])
    for name in runs[0]["reports"]:
        each = [run["reports"][name] for run in runs]
        row(f"{name}: median (CPU)", [f"{_ms(t['median'])} ({_ms(t['cpu'])}) ms" for t in each])
    for name in runs[0]["rolling"]:
        row(name, [f"{run['rolling'][name] * 1e3:.0f} ms" for run in runs])
    row(
        "evidence: CPU a row, server and client",
        [
            f"{run['ingest']['server_cpu_us_per_row']:.0f} + "
            f"{run['ingest']['client_cpu_us_per_row']:.0f} µs"
            for run in runs
        ],
    )
    row(
        "evidence, one connection",
        [f"{run['ingest']['rows_per_second']:,.0f} rows/s" for run in runs],
    )
    for name, words in (
        ("process_peak", "memory: this process"),
        ("started_peak", "memory: one that it started"),
        ("postgres_own", "memory: PostgreSQL, its own"),
    ):
        row(words, [f"{run['memory_mb'][name]:.0f} MB" for run in runs])
    row("load while measured", [f"{run['load_before']:.1f}" for run in runs])
    return "\n".join(lines)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.0f}"


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Reports over a made past of cities of 48 rooms each, and evidence coming in.",
        epilog=f"Example: {prog} --cities 1 10 --years 1",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    number = parser.add_argument_group("how large")
    number.add_argument(
        "--cities", type=int, nargs="+", default=[1, 10], metavar="N", help="a run for each number"
    )
    number.add_argument("--years", type=int, default=3, choices=range(1, 6), help="of the past")
    number.add_argument(
        "--scale", type=float, default=1.0, metavar="SHARE", help="of each term's weeks to make"
    )
    number.add_argument(
        "--intervals", type=int, default=15, metavar="N", help="of presence in a link, about"
    )
    number.add_argument(
        "--rows", type=int, default=200_000, metavar="N", help="of evidence to write"
    )
    how = parser.add_argument_group("how it is done")
    how.add_argument(
        "--repeats", type=int, default=9, metavar="N", help="of each report; the median is told"
    )
    how.add_argument("--seed", type=int, default=1, metavar="N", help="of what is made up")
    how.add_argument(
        "--directory", type=Path, metavar="FOLDER", help="for the databases, removed at the end"
    )
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
