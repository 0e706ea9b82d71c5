"""`python -m media.bench`: the same as `classroom-sync bench media`, without the rest."""

import argparse
import asyncio
import os
import shlex
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from media.bench import first_frame, recording, soak
from media.bench.comparison import DEFAULT_SYSTEMS, SCENARIOS, SYSTEMS, Options, run, start
from media.bench.first_frame import NoBrowser
from media.bench.measure import Plan
from media.bench.report import as_json, as_table
from media.bench.scenarios import one_to_many, parse
from media.bench.sdp import SignallingFailed


def _cpus(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",")) if text else ()


def _count(text: str) -> int:
    if not text.isdigit() or text == "0":
        raise argparse.ArgumentTypeError(f"{text!r} is not one or more")
    return int(text)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Measure this media plane and Janus on the same load.",
        epilog="Examples: classroom-sync bench media 1→8 city --seconds 5 --json; "
        "bench media --search; bench media --first-frame 20; bench media --soak 10; "
        "bench media --recording",
    )
    add = parser.add_argument
    add("scenarios", nargs="*", help="1→N or city; all three where nothing else is asked for")
    add("--systems", nargs="+", default=DEFAULT_SYSTEMS, choices=SYSTEMS)
    add("--multiple", type=int, default=1, help="so many cities")
    add("--search", action="store_true", help="find the largest multiple of the city that holds")
    add("--search-limit", type=int, default=16)
    add("--seconds", type=float, default=10.0)
    add("--warm-up", type=float, default=3.0)
    add("--seed", type=int, default=1)
    add("--workers", type=int, default=2, help="processes of the load generator")
    add("--srtp", choices=("gcm", "cm"), default="gcm", help="SRTP profile the peers offer")
    add(
        "--no-offload",
        action="store_true",
        help="peers send and take each packet by itself, without UDP_SEGMENT and UDP_GRO",
    )
    add("--transport-cc", action="store_true", help="viewers offer transport-wide feedback")
    add("--server-cpus", type=_cpus, default=(), help="pin the system under test, as in 0,1")
    add("--peer-cpus", type=_cpus, default=(), help="pin the load generator")
    add("--nodes", type=int, default=0, help="media node processes; 0: as many as the load wants")
    add("--command", type=shlex.split, help="starts another server than our media nodes alone")
    add(
        "--first-frame", type=_count, metavar="TIMES", help="instead: how soon a page has a picture"
    )
    add("--pause", type=float, default=2.0, help="seconds between viewers of --first-frame")
    add("--soak", type=float, metavar="MINUTES", help="instead: what joins and leaves leave behind")
    add(
        "--recording",
        type=_count,
        nargs="?",
        const=48,
        metavar="LESSONS",
        help="instead: what recording so many lessons (48) adds to forwarding them",
    )
    add("--json", action="store_true", help="one JSON object on standard output")
    return parser


def main(arguments: Sequence[str] | None = None, prog: str = "python -m media.bench") -> None:
    """Parse (by default the process's own arguments), measure, print."""
    parser = _parser(prog)
    args = parser.parse_args(arguments)
    for name in args.scenarios:
        try:
            parse(name)
        except ValueError as error:
            parser.error(str(error))
    plan = Plan(
        args.seconds,
        args.warm_up,
        args.seed,
        args.workers,
        args.srtp,
        not args.no_offload,
        args.transport_cc,
        args.peer_cpus,
    )
    options = Options(
        scenarios=tuple(args.scenarios or (() if args.search else SCENARIOS)),
        systems=tuple(args.systems),
        multiple=args.multiple,
        search=args.search,
        search_limit=args.search_limit,
        command=tuple(args.command) if args.command else None,
        nodes=args.nodes,
        server_cpus=args.server_cpus,
        plan=plan,
    )
    try:
        text, table = _measured(options, args)
    except (NoBrowser, SignallingFailed) as error:
        sys.exit(str(error))
    if args.json:
        sys.stdout.write(text + "\n")
    else:
        Console().print(table)


def _measured(options: Options, args: argparse.Namespace) -> tuple[str, Table]:
    """What was asked for, as one JSON object and as a table."""
    quiet = Console(stderr=True)

    def progress(what: str) -> None:
        quiet.print(f"… {what}")

    if args.first_frame is not None:
        with start(options, one_to_many(1)) as running:
            frames = first_frame.first_frames(running, args.first_frame, progress, args.pause)
        return first_frame.as_json(frames), first_frame.as_table(frames)
    if args.soak is not None:
        with start(options, one_to_many(1)) as running:
            held = asyncio.run(soak.soak(running, soak.rounds_for(args.soak), progress))
        return soak.as_json(held), soak.as_table(held)
    if args.recording is not None:
        nodes = args.nodes or max(1, min(2, os.cpu_count() or 1))
        cost = recording.recording_cost(args.recording, options.plan, nodes, progress)
        return recording.as_json(cost), recording.as_table(cost)
    result = run(options, progress)
    return as_json(result), as_table(result)


if __name__ == "__main__":
    main()
