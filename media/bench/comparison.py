"""What to measure, and measuring it: the same load on each system in turn.

`run` starts each system under test in turn, puts the same synthetic load on it and returns
numbers. It judges nothing; whoever reads the numbers does.
"""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from media.bench import measure
from media.bench.measure import Measurement, Plan
from media.bench.scenarios import Scenario, city, parse
from media.bench.sdp import SignallingFailed
from media.bench.systems import Running, janus, janus_binary, ours, server_command

OURS, JANUS, JANUS_LOOPS, BARE = "ours", "janus", "janus-loops", "bare"
SYSTEMS = (OURS, JANUS, JANUS_LOOPS, BARE)
SCENARIOS = ("1→8", "1→47", "city")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure. `command` starts the server under test (`systems.ours` says what it prints);
    `multiple` scales the city; `search` looks for the largest multiple of it that holds, up to
    `search_limit`. `server_cpus` pins the system under test."""

    scenarios: tuple[str, ...] = SCENARIOS
    systems: tuple[str, ...] = SYSTEMS
    multiple: int = 1
    search: bool = False
    search_limit: int = 16
    command: tuple[str, ...] = field(default_factory=server_command)
    server_cpus: tuple[int, ...] = ()
    plan: Plan = field(default_factory=Plan)


@dataclass(frozen=True, slots=True)
class Result:
    """All measurements in the order they were made; `largest_multiple` of the city that held, 0
    where not even one did, None where it was not searched for."""

    machine: str
    cpus: int
    plan: Plan
    measurements: tuple[Measurement, ...]
    largest_multiple: int | None = None


def run(options: Options, progress: Callable[[str], None] = lambda _: None) -> Result:
    """Measure. `progress` is told what is being done. A system that fails leaves its error in its
    measurement. Raises ValueError for scenarios and systems that do not exist."""
    unknown = set(options.systems) - set(SYSTEMS)
    if unknown:
        raise ValueError(f"no such system: {', '.join(sorted(unknown))}")
    done: list[Measurement] = []
    for name in options.scenarios:
        scenario = parse(name, options.multiple)
        for system in _present(options.systems):
            done.extend(_measure(system, scenario, options, progress))
    largest = None
    if options.search:
        largest, tried = _search(options, progress)
        done += tried
    return Result(
        f"{platform.machine()}, Linux {platform.release()}",
        os.cpu_count() or 1,
        options.plan,
        tuple(done),
        largest,
    )


def _present(wanted: tuple[str, ...]) -> Iterator[str]:
    for system in wanted:
        if system in (JANUS, JANUS_LOOPS) and janus_binary() is None:
            continue
        yield system


def _start(system: str, options: Options) -> AbstractContextManager[Running]:
    if system == OURS:
        return ours(options.command, options.server_cpus)
    loops = len(options.server_cpus) or os.cpu_count() or 1
    return janus(options.server_cpus, loops if system == JANUS_LOOPS else 0)


def _measure(
    system: str, scenario: Scenario, options: Options, progress: Callable[[str], None]
) -> Iterator[Measurement]:
    if system == BARE:
        for segmented in (False, True):
            progress(f"{scenario.name}: bare sends, {'segmented' if segmented else 'one by one'}")
            yield measure.sends(scenario, options.plan, segmented=segmented)
        return
    progress(f"{scenario.name}: {system}")
    try:
        with _start(system, options) as running:
            yield measure.forwarding(running, scenario, options.plan)
    except (SignallingFailed, OSError) as error:
        yield Measurement(scenario.name, system, error=str(error))


def _search(options: Options, progress: Callable[[str], None]) -> tuple[int, list[Measurement]]:
    """Double until it breaks, then halve the distance."""
    tried: list[Measurement] = []

    def holds(multiple: int) -> bool:
        scenario = city(multiple)
        tried.extend(_measure(OURS, scenario, options, progress))
        return tried[-1].holds

    good, bad = 0, options.search_limit + 1
    multiple = max(1, options.multiple)
    while bad - good > 1:
        if holds(multiple):
            good = multiple
        else:
            bad = multiple
        multiple = min(2 * good, options.search_limit) if bad > options.search_limit else 0
        if good and good < multiple < bad:
            continue
        multiple = (good + bad) // 2
    return good, tried
