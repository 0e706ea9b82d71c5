"""What to measure, and measuring it: the same load on each system in turn.

`run` starts each system under test in turn, puts the same synthetic load on it and returns
numbers. It judges nothing; whoever reads the numbers does.
"""

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from media.bench import bare, measure
from media.bench.measure import Measurement, Plan
from media.bench.scenarios import Scenario, city, parse
from media.bench.sdp import SignallingFailed
from media.bench.search import Search, search
from media.bench.systems import Running, janus, janus_binary, ours, server_command
from media.bench.whole import whole

OURS, WHOLE, JANUS, JANUS_LOOPS, BARE = "ours", "whole", "janus", "janus-loops", "bare"
SYSTEMS = (OURS, WHOLE, JANUS, JANUS_LOOPS, BARE)
DEFAULT_SYSTEMS = (OURS, JANUS, JANUS_LOOPS, BARE)
SCENARIOS = ("1→8", "1→47", "city")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure. `command` starts the server under test (`systems.ours` says what it prints;
    None: our own media nodes, so many as `nodes`; 0 is one for each CPU where it is to carry more
    than one city, and otherwise one). `multiple` scales the city; `search` looks for the largest
    multiple of it that holds, up to `search_limit`. `server_cpus` pins the system under test."""

    scenarios: tuple[str, ...] = SCENARIOS
    systems: tuple[str, ...] = DEFAULT_SYSTEMS
    multiple: int = 1
    search: bool = False
    search_limit: int = 16
    command: tuple[str, ...] | None = None
    nodes: int = 0
    server_cpus: tuple[int, ...] = ()
    plan: Plan = field(default_factory=Plan)


@dataclass(frozen=True, slots=True)
class Result:
    """All measurements in the order they were made; `largest_multiple` of the city that held, 0
    where not even one did, None where it was not searched for; and what `gave_out` beyond it."""

    machine: str
    cpus: int
    plan: Plan
    measurements: tuple[Measurement, ...]
    largest_multiple: int | None = None
    gave_out: str = ""


def run(options: Options, progress: Callable[[str], None] = lambda _: None) -> Result:
    """Measure. `progress` is told what is being done. A system that fails leaves its error in its
    measurement. Raises ValueError for scenarios and systems that do not exist."""
    unknown = set(options.systems) - set(SYSTEMS)
    if unknown:
        raise ValueError(f"no such system: {', '.join(sorted(unknown))}")
    done: list[Measurement] = []
    for name in options.scenarios:
        scenario = parse(name, options.multiple)
        for system in _able(options.systems, scenario):
            done.extend(_measure(system, scenario, options, progress))
    found = _search(options, progress) if options.search else None
    return Result(
        f"{platform.machine()}, Linux {platform.release()}",
        os.cpu_count() or 1,
        options.plan,
        (*done, *(found.tried if found else ())),
        found.largest if found else None,
        found.gave_out if found else "",
    )


def _search(options: Options, progress: Callable[[str], None]) -> Search:
    """On as many nodes as the machine has CPUs."""
    nodes = options.nodes or _cpus(options)

    def measured(multiple: int) -> Measurement:
        return next(_measure(OURS, city(multiple), replace(options, nodes=nodes), progress))

    return search(measured, options.multiple, options.search_limit)


def _cpus(options: Options) -> int:
    return len(options.server_cpus) or os.cpu_count() or 1


def _able(wanted: tuple[str, ...], scenario: Scenario) -> Iterator[str]:
    """Without what is not installed, and without the whole product where one lesson is not all."""
    for system in wanted:
        if system in (JANUS, JANUS_LOOPS) and janus_binary() is None:
            continue
        if system == WHOLE and len(scenario.publishers) > 1:
            continue
        yield system


def start(
    options: Options, scenario: Scenario, system: str | None = None
) -> AbstractContextManager[Running]:
    """A system under test, by default the first of the options', as `scenario` wants it."""
    system = system or options.systems[0]
    if system == OURS:
        more_than_a_city = len(scenario.publishers) > len(city().publishers)
        nodes = options.nodes or (_cpus(options) if more_than_a_city else 1)
        return ours(options.command or server_command(nodes), options.server_cpus)
    if system == WHOLE:
        return whole(options.server_cpus)
    return janus(options.server_cpus, _cpus(options) if system == JANUS_LOOPS else 0)


def _measure(
    system: str, scenario: Scenario, options: Options, progress: Callable[[str], None]
) -> Iterator[Measurement]:
    if system == BARE:
        for how in bare.How:
            progress(f"{scenario.name}: bare {how.value}")
            yield measure.sends(scenario, options.plan, how)
        return
    progress(f"{scenario.name}: {system}")
    try:
        with start(options, scenario, system) as running:
            yield measure.forwarding(running, scenario, options.plan)
    except (SignallingFailed, OSError) as error:
        yield Measurement(scenario.name, system, error=str(error))
