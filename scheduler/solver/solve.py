"""A timetable from demands: its parts are solved side by side, stage by stage, and named."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scheduler import rules as all_rules
from scheduler.city import City
from scheduler.model import Lesson
from scheduler.rules import Rules
from scheduler.solver.naming import name
from scheduler.solver.part import Part, PartSearch, Shortfall
from scheduler.solver.problem import problems
from scheduler.solver.search import Outcome, Search
from scheduler.solver.turns import Progress, Report, Turns
from scheduler.solver.why import Core

_FIRST_SHARE = 0.5  # of the limit, at most, until there is a first timetable
_PROOF_SHARE = 0.7  # of what is left then, at most, for branch and cut


@dataclass(frozen=True, slots=True)
class Solution:
    """A timetable, how good it is, and what is proven of that."""

    lessons: tuple[Lesson, ...]
    unmet: tuple[Shortfall, ...]
    impossible: tuple[Core, ...]  # parts whose locked lessons break hard rules: left as they were
    parts: tuple[Part, ...]
    score: dict[str, int]
    seconds: float
    first_seconds: float | None  # until every part had a timetable, all told
    first_cpu: float | None  # of the processor, by then
    repeatable: bool  # the same seed gives the same again

    @property
    def best(self) -> int:
        return sum(p.best for p in self.parts)

    @property
    def bound(self) -> int:
        return sum(p.bound for p in self.parts)

    @property
    def proven(self) -> bool:
        """That no timetable has fewer lessons missing, nor as few at less cost."""
        return all(
            p.outcome is Outcome.OPTIMAL and p.missing == p.missing_bound for p in self.parts
        )


def solve(
    city: City,
    rules: Rules,
    search: Search,
    *,
    locked: Sequence[Lesson] = (),
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> Solution:
    """The best timetable found for a city's demands.

    `locked` lessons stay as they are. `progress` is called from solver threads. Setting `stop` ends
    the search, with the best kept.
    """
    began, spent = time.monotonic(), time.process_time()
    stop = stop or threading.Event()
    solvers = [PartSearch(p) for p in problems(city, rules, locked)]
    report = Report(solvers, progress, began)
    turns = Turns(search, solvers, stop, report)
    turns.take(PartSearch.find_first, _FIRST_SHARE)
    found = all(p.has_timetable for p in solvers)
    first = time.monotonic() - began, time.process_time() - spent
    for part in solvers:
        part.settle()
        report.now(part.problem.name)
    turns.take(PartSearch.prove, _PROOF_SHARE)
    turns.take(PartSearch.improve)
    lessons: list[Lesson] = []
    unmet: list[Shortfall] = []
    impossible: list[Core] = []
    for part in solvers:
        named = name(city, rules, part.shared, part.problem.locked)
        assert named is not None, "the model counts the rooms that locked lessons leave"
        lessons += named
        unmet += part.shortfalls(city, search, stop)
        impossible += part.impossible(city, search)
    return Solution(
        lessons=tuple(lessons),
        unmet=tuple(unmet),
        impossible=tuple(impossible),
        parts=tuple(part.result() for part in solvers),
        score=all_rules.score(city, lessons, rules),
        seconds=time.monotonic() - began,
        first_seconds=first[0] if found else None,
        first_cpu=first[1] if found else None,
        repeatable=not stop.is_set() and not any(p.result().varies for p in solvers),
    )
