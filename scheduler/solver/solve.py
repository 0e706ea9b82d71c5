"""A timetable from demands, in stages: all lessons first, then as good as can be.

Each part of the city: demands are hard; only where that has no solution may lessons be missing, and
then as few as possible. With that number settled the soft rules are served. Budgets of a repeatable
search are counted in effort, so that what one part leaves over is the same in each run.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ortools.sat.python import cp_model

from scheduler import rules as all_rules
from scheduler.board import Item
from scheduler.city import City
from scheduler.model import Demand, Lesson
from scheduler.rules import Rules
from scheduler.solver.model import Model, build
from scheduler.solver.naming import name
from scheduler.solver.problem import Problem, problems
from scheduler.solver.search import Found, Outcome, Search, run
from scheduler.solver.why import Core, why

_SMALL = 100  # class lessons a week
_FIRST_SHARE = 0.5  # of the limit, at most, until there is a first timetable


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search has come. Costs count a fortnight; `missing` lessons a week."""

    seconds: float
    part: str
    parts_done: int
    parts: int
    best: int | None  # None: no timetable yet
    bound: int
    missing: int

    @property
    def gap(self) -> float | None:
        return gap(self.best, self.bound)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Lessons a week that a demand goes without, and why. `cause` None: nothing was proven."""

    demand: Demand
    lessons: int
    cause: Core | None


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one part of the city."""

    name: str
    outcome: Outcome
    lessons: int  # asked for, a week
    missing: int
    missing_bound: int  # no timetable has fewer missing
    best: int
    bound: int
    variables: int
    constraints: int
    first_seconds: float  # of searching, until there was a timetable
    seconds: float
    effort: float
    cut_short: bool


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
    repeatable: bool  # the same seed gives the same again

    @property
    def best(self) -> int:
        return sum(p.best for p in self.parts)

    @property
    def bound(self) -> int:
        return sum(p.bound for p in self.parts)

    @property
    def proven(self) -> bool:
        return all(p.outcome is Outcome.OPTIMAL for p in self.parts)


def gap(best: int | None, bound: int) -> float | None:
    """How far a cost may be from the best possible, as a share of it; None without either."""
    if best is None:
        return None
    return 0.0 if best <= bound else (best - bound) / best


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
    began = time.monotonic()
    stop = stop or threading.Event()
    solvers = [_Part(p) for p in problems(city, rules, locked)]
    report = _Report(solvers, progress, began)
    budget = _Budget(search)
    for n, part in enumerate(solvers):
        part.find_first(budget.share(len(solvers) - n, _FIRST_SHARE), stop, report)
        budget.spent(part, 0)
    first = time.monotonic() - began if all(p.has_timetable for p in solvers) else None
    for n, part in enumerate(solvers):
        report.now(part.problem.name, n)
        if not stop.is_set():
            before = len(part.runs)
            part.improve(budget.share(len(solvers) - n), stop, report)
            budget.spent(part, before)
    lessons: list[Lesson] = []
    unmet: list[Shortfall] = []
    impossible: list[Core] = []
    for part in solvers:
        named = name(city, rules, part.on, part.problem.locked)
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
        first_seconds=first,
        repeatable=search.repeatable
        and not stop.is_set()
        and not any(r.cut_short for p in solvers for r in p.runs),
    )


class _Budget:
    """What is left of a limit, in the unit that the search counts."""

    def __init__(self, search: Search) -> None:
        self._search, self._left = search, search.limit

    def share(self, parts_left: int, of: float = 1.0) -> Search:
        return replace(self._search, limit=max(0.1, self._left * of / parts_left))

    def spent(self, part: "_Part", runs: int) -> None:
        """Take off what a part has spent since it had so many runs behind it."""
        for found in part.runs[runs:]:
            self._left -= found.effort if self._search.repeatable else found.seconds


class _Report:
    """Sums up what the parts have come to, for whoever watches."""

    def __init__(
        self,
        parts: Sequence["_Part"],
        progress: Callable[[Progress], None] | None,
        began: float,
    ) -> None:
        self._parts, self._progress, self._began = parts, progress, began
        self._name, self._done = "", 0
        self._lock = threading.Lock()

    def now(self, part: str, done: int) -> None:
        self._name, self._done = part, done
        self.tell()

    def improved(self, part: "_Part", best: int | None, bound: float) -> None:
        """From the solver's threads."""
        with self._lock:
            if best is not None and (part.best is None or best < part.best):
                part.best = best
            part.bound = max(part.bound, round(bound))
            self._tell()

    def tell(self) -> None:
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            bests = [p.best for p in self._parts if p.best is not None]
            self._progress(
                Progress(
                    seconds=time.monotonic() - self._began,
                    part=self._name,
                    parts_done=self._done,
                    parts=len(self._parts),
                    best=sum(bests) if len(bests) == len(self._parts) else None,
                    bound=sum(p.bound for p in self._parts),
                    missing=sum(p.missing for p in self._parts if p.best is not None),
                )
            )


class _Part:
    """One part while it is being solved."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.on: frozenset[Item] = frozenset()
        self.best: int | None = None
        self.missing_bound = 0
        self.runs: list[Found] = []
        self.first_seconds = 0.0
        self.outcome = Outcome.UNKNOWN
        self._model: Model = build(problem)
        self.bound = self._model.floor

    @property
    def has_timetable(self) -> bool:
        return self.best is not None

    @property
    def missing(self) -> int:
        return sum(self.missing_of(n) for n in range(len(self.problem.asks)))

    def missing_of(self, ask: int) -> int:
        served = sum(link in self.on for link in self.problem.asks[ask].links)
        return self.problem.asks[ask].lessons - served

    def find_first(self, search: Search, stop: threading.Event, report: _Report) -> None:
        """A timetable with every lesson; where there is none, one with as few missing as found."""
        self._model.cp.minimize(self._model.objective)
        found = self._run(search, stop, any_will_do=True)
        if found.outcome not in (Outcome.OPTIMAL, Outcome.FEASIBLE) and not stop.is_set():
            self._model = build(self.problem, may_miss=True)
            self.bound = 0
            self._model.cp.minimize(cp_model.LinearExpr.sum(self._model.missing))
            self._hint()  # an empty timetable, so that there is one
            found = self._run(search, stop)
            self.missing_bound = found.bound if found.best is not None else 0
        self.outcome = found.outcome
        if found.outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE):
            self.outcome = Outcome.FEASIBLE  # the quality is still to come
            self._keep(found.on)
        report.tell()

    def improve(self, search: Search, stop: threading.Event, report: _Report) -> None:
        """Serve the soft rules, with no more lessons missing than now."""
        if not self.has_timetable:
            return
        cp, missing = self._model.cp, self.missing
        if missing:
            cp.add(cp_model.LinearExpr.sum(self._model.missing) <= missing)
        cp.minimize(self._model.objective)
        if not missing:
            cp.add(self._model.objective >= self._model.floor)  # so that reaching it is a proof

        def improved(best: int | None, bound: float) -> None:
            report.improved(self, best, bound)

        for turn in self._turns(search):
            self._hint()
            found = self._run(turn, stop, improved)
            self.bound = max(self.bound, found.bound)
            if found.best is not None and found.best <= self._model.value(self.on):
                self._keep(found.on)
            if found.outcome is Outcome.OPTIMAL:
                self.outcome = Outcome.OPTIMAL
                return
            if stop.is_set():
                return

    def _turns(self, search: Search) -> list[Search]:
        """A small part is first given to one worker alone: led by the linear relaxation, it often
        comes to the proof with a tenth of the effort of all. Large parts need the others, which
        improve what is found."""
        if self.problem.lessons > _SMALL or search.workers == 1:
            return [search]
        half = replace(search, limit=search.limit / 2)
        return [replace(half, workers=1), half]

    def _hint(self) -> None:
        self._model.cp.clear_hints()  # type: ignore[no-untyped-call]  # has no annotations
        for item, variable in self._model.on.items():
            self._model.cp.add_hint(variable, item in self.on or item.lesson is not None)
        for n, variable in enumerate(self._model.missing):
            self._model.cp.add_hint(variable, self.missing_of(n))

    def _run(
        self,
        search: Search,
        stop: threading.Event,
        improved: Callable[[int | None, float], None] | None = None,
        *,
        any_will_do: bool = False,
    ) -> Found:
        model = self._model
        found = run(model.cp, model.on, search, improved, stop, any_will_do=any_will_do)
        self.runs.append(found)
        if not self.has_timetable:
            self.first_seconds += found.seconds
        return found

    def _keep(self, on: frozenset[Item]) -> None:
        self.on = on
        self.best = self._model.value(on)

    def shortfalls(self, city: City, search: Search, stop: threading.Event) -> list[Shortfall]:
        """Each demand with lessons missing, and why: with all that is held, one more cannot be.

        That can be shown only where no fewer can be missing.
        """
        if not self.has_timetable:
            return [Shortfall(a.demand, a.lessons, None) for a in self.problem.asks]
        missing = [self.missing_of(n) for n in range(len(self.problem.asks))]
        proven = sum(missing) == self.missing_bound and not stop.is_set()
        held = {n: ask.lessons - missing[n] for n, ask in enumerate(self.problem.asks)}
        return [
            Shortfall(
                self.problem.asks[n].demand,
                short,
                why(city, self.problem, {**held, n: held[n] + 1}, must=n, search=_short(search))
                if proven
                else None,
            )
            for n, short in enumerate(missing)
            if short
        ]

    def impossible(self, city: City, search: Search) -> list[Core]:
        if self.outcome is not Outcome.INFEASIBLE:
            return []
        core = why(city, self.problem, {}, search=_short(search))
        return [core] if core is not None else []

    def result(self) -> Part:
        size = self._model.size()
        return Part(
            name=self.problem.name,
            outcome=self.outcome,
            lessons=self.problem.lessons,
            missing=self.missing,
            missing_bound=self.missing_bound,
            best=self.best or 0,
            bound=self.bound,
            variables=size["variables"],
            constraints=size["constraints"],
            first_seconds=self.first_seconds,
            seconds=sum(r.seconds for r in self.runs),
            effort=sum(r.effort for r in self.runs),
            cut_short=any(r.cut_short for r in self.runs),
        )


def _short(search: Search) -> Search:
    return replace(search, limit=min(search.limit, 10.0))
