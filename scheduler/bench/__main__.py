"""`python -m scheduler.bench`, and what `classroom-sync bench timetable` runs."""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scheduler.bench import fet, measure
from scheduler.instances import SIZES, generate
from scheduler.plan import Plan, to_json
from scheduler.rules import Rules
from scheduler.solver import Search


def main(arguments: Sequence[str] | None = None, prog: str = "python -m scheduler.bench") -> None:
    """Measure, print one JSON object on standard output and a table on standard error."""
    asked = _parser(prog).parse_args(arguments)
    result = run(asked)
    print(json.dumps(result, indent=1))  # a command's output
    print(table(result), file=sys.stderr)


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """The measurements of a command line's wishes."""
    rules = Rules()
    runs: list[measure.Run] = []
    repairs: list[measure.Repaired] = []
    beside: list[dict[str, Any]] = []
    for seed in asked.seeds:
        city = generate(seed, asked.rooms)
        if asked.write is not None:
            asked.write.mkdir(parents=True, exist_ok=True)
            file = asked.write / f"rooms-{asked.rooms}-seed-{seed}.json"
            file.write_bytes(to_json(Plan(city, rules=rules)))
        found = None
        for workers in asked.workers:
            search = Search(
                limit=asked.seconds, seed=seed, workers=workers, repeatable=asked.repeatable
            )
            measured, found = measure.solved(city, rules, seed, search, asked.gap_at)
            runs.append(measured)
            _say(f"{asked.rooms} rooms, seed {seed}, {workers} workers: {measured}")
        assert found is not None, "there is a number of workers"
        search = Search(limit=asked.repair_seconds, seed=seed)
        repairs += measure.repaired(city, rules, found.lessons, seed, asked.repairs, search)
        if fet.installed() and asked.fet:
            with tempfile.TemporaryDirectory() as directory:
                theirs = fet.by_fet(city, rules, found.lessons, Path(directory), 60)
            ours = fet.by_us(city, rules, found.lessons, max(asked.workers))
            beside.append({"seed": seed, "fet": theirs, "cp_sat": ours})
    return {
        "rooms": asked.rooms,
        "seconds": asked.seconds,
        "gap_at_seconds": asked.gap_at,
        "repeatable": asked.repeatable,
        "machine": {
            "cpus": os.cpu_count(),
            "load": os.getloadavg()[0],
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        **measure.summary(runs, repairs),
        "groups_given": beside,
    }


def table(result: dict[str, Any]) -> str:
    """The medians as a Markdown table."""
    lines = [
        "| rooms | workers | variables | first s | CPU | unmet | gap | proven | proof s | CPU |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for workers, m in result["solve"].items():
        cells = [
            result["rooms"],
            workers,
            m["variables"],
            m["first"],
            m["first_cpu"],
            m["missing"],
            m["gap_at"],
            f"{m['proofs']} of {m['seeds']}",
            m["proof"],
            m["proof_cpu"],
        ]
        lines.append("| " + " | ".join("—" if c is None else str(c) for c in cells) + " |")
    repair = result["repair"]
    lines.append(
        f"\nRepair: {repair['proven']} of {repair['count']} proven least, "
        f"median {repair['median']} s, worst {repair['worst']} s ({repair['worst_cpu']} s CPU)"
    )
    lines += [
        f"Groups given, seed {b['seed']}: FET {b['fet']} s, CP-SAT {b['cp_sat']} s"
        for b in result["groups_given"]
    ]
    return "\n".join(lines)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Solve and repair made cities; beside FET where fet-cl is installed.",
        epilog=f"Example: {prog} --rooms 48 --seeds 1 2 3 --seconds 60",
    )
    parser.add_argument("--rooms", type=int, choices=SIZES, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--seconds", type=float, default=60, help="limit of a search; of effort, if --repeatable"
    )
    parser.add_argument("--gap-at", type=float, default=60, help="seconds at which to note the gap")
    parser.add_argument("--workers", type=int, nargs="+", default=[4])
    parser.add_argument("--repeatable", action="store_true", help="the same answer each time")
    parser.add_argument("--repairs", type=int, default=4, help="repairs of each instance")
    parser.add_argument("--repair-seconds", type=float, default=20)
    parser.add_argument("--no-fet", dest="fet", action="store_false")
    parser.add_argument("--write", type=Path, help="write the instances to this directory")
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
