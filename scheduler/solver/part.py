"""One part of the city while it is being solved: all lessons first, then as good as can be.

Demands are hard; only where that has no solution may lessons be missing, and then as few as
possible. With that number settled the soft rules are served.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from ortools.sat.python import cp_model

from scheduler.board import Item
from scheduler.city import City
from scheduler.model import Demand
from scheduler.solver.milp import prove
from scheduler.solver.model import Held, add_costs, build
from scheduler.solver.problem import Problem
from scheduler.solver.search import Found, Improved, Outcome, Search, run
from scheduler.solver.sharing import Shared, share, used
from scheduler.solver.why import Core, why

_PATIENCE = 5.0  # for a first timetable, whatever the limit: without one nothing else is of use

_Solver = Callable[
    [
        cp_model.CpModel,
        dict[Item, cp_model.IntVar],
        Search,
        Improved | None,
        threading.Event | None,
    ],
    Found,
]
Told = Callable[["PartSearch", int | None, float], None]  # of which part, best so far, bound


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
    varies: bool  # another run may end elsewhere


class PartSearch:
    """One part while it is being solved."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.held: Held = {}
        self.shared: list[Shared] = []
        self.best: int | None = None  # what the search says
        self._kept: int | None = None  # what the timetable kept costs
        self.bound = 0
        self.missing_bound = 0
        self.runs: list[Found] = []
        self.first_seconds = 0.0
        self.outcome = Outcome.UNKNOWN

    @property
    def has_timetable(self) -> bool:
        return self.outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE)

    @property
    def done(self) -> bool:
        return self.outcome in (Outcome.OPTIMAL, Outcome.INFEASIBLE)

    @property
    def missing(self) -> int:
        return sum(self.missing_of(n) for n in range(len(self.problem.asks)))

    def missing_of(self, ask: int) -> int:
        served = sum(link in self.held for link in self.problem.asks[ask].links)
        return self.problem.asks[ask].lessons - served

    def find_first(self, search: Search, stop: threading.Event, _: Told) -> None:
        """A timetable with every lesson; where there is none, one with as few missing as found.
        Soft rules are not looked at: `settle` adds them."""
        began = time.monotonic()
        self._model = build(self.problem, costs=False)
        patient = replace(search, limit=max(search.limit, _PATIENCE))
        found = self._run(patient, stop, by=partial(run, any_will_do=True))
        if found.outcome not in (Outcome.OPTIMAL, Outcome.FEASIBLE) and not stop.is_set():
            found = self._as_few_missing(search, stop)
        self.outcome = found.outcome
        if found.outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE):
            self.outcome = Outcome.FEASIBLE  # the quality is still to come
            self.held = found.held
        self.first_seconds = time.monotonic() - began

    def _as_few_missing(self, search: Search, stop: threading.Event) -> Found:
        self._model = build(self.problem, may_miss=True, costs=False)
        self._model.cp.minimize(cp_model.LinearExpr.sum(self._model.missing))
        self._model.hint({})  # an empty timetable, so that there is one
        half = replace(search, limit=search.limit / 2)
        found = self._run(half, stop, by=prove)
        self.missing_bound = found.bound
        if found.outcome in (Outcome.UNKNOWN, Outcome.FEASIBLE) and not stop.is_set():
            self._model.cp.add(cp_model.LinearExpr.sum(self._model.missing) >= found.bound)
            self._model.hint(found.held)
            other = self._run(half, stop)
            self.missing_bound = max(found.bound, other.bound)
            found = found if other.best is None else other
        return found

    def settle(self) -> None:
        """From here on no more lessons may be missing than now, and the soft rules are served."""
        if not self.has_timetable:
            return
        cp, missing = self._model.cp, self.missing
        add_costs(self._model)
        self._keep(self.held)
        if missing:
            cp.add(cp_model.LinearExpr.sum(self._model.missing) <= missing)
        else:
            self.bound = self._model.floor
        cp.minimize(self._model.objective)

    def prove(self, search: Search, stop: threading.Event, improved: Told) -> None:
        """Serve the soft rules by branch and cut."""
        self._serve(search, stop, improved, by=partial(prove, floor=self.bound))

    def improve(self, search: Search, stop: threading.Event, improved: Told) -> None:
        """Serve the soft rules by CP-SAT, whose neighbourhood search goes on where a proof is
        far."""
        if self.has_timetable:
            self._model.cp.add(self._model.objective >= self.bound)
        self._serve(search, stop, improved, by=run)

    def _serve(self, search: Search, stop: threading.Event, improved: Told, by: _Solver) -> None:
        if not self.has_timetable:
            return

        self._model.hint(self.held)
        found = self._run(search, stop, partial(improved, self), by=by)
        self.bound = max(self.bound, found.bound)
        if found.best is not None:
            self._keep(found.held)
        if found.outcome is Outcome.OPTIMAL or self.best == self.bound:
            self.outcome = Outcome.OPTIMAL

    def _run(
        self,
        search: Search,
        stop: threading.Event,
        improved: Callable[[int | None, float], None] | None = None,
        *,
        by: _Solver = run,
    ) -> Found:
        found = by(self._model.cp, self._model.on, search, improved, stop)
        self.runs.append(found)
        return found

    def _keep(self, held: Held) -> None:
        """Keep what is held, if it is no worse than what was kept."""
        shared = share(held, self.problem.rules.interactive_receivers)
        value = self._model.value(used(held, shared))
        if self._kept is None or value <= self._kept:
            self.held, self.shared, self.best, self._kept = held, shared, value, value

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
            varies=any(r.varies for r in self.runs),
        )


def _short(search: Search) -> Search:
    return replace(search, limit=min(search.limit, 10.0))
