"""How to search, and running CP-SAT: with progress, so that it can be stopped, or be repeated.

A search that has to give the same answer for the same seed counts its effort in CP-SAT's
deterministic time and takes its workers in turns (`interleave_search`); the clock then only guards
against a slow machine. Whatever might end elsewhere in another run says so.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model_helper import SatParameters

from scheduler.board import Item


class Outcome(StrEnum):
    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"  # nothing found, nothing proven, within the limit


_OUTCOMES = {
    cp_model.OPTIMAL: Outcome.OPTIMAL,
    cp_model.FEASIBLE: Outcome.FEASIBLE,
    cp_model.INFEASIBLE: Outcome.INFEASIBLE,
    cp_model.UNKNOWN: Outcome.UNKNOWN,
}


_GUARD = 4  # a repeatable search may take so many times its limit on the clock
_GRACE = 30.0  # and so many seconds more: others may want the machine too


@dataclass(frozen=True, slots=True)
class Search:
    """How to search, and how long.

    `limit` is in seconds of the clock; of a repeatable search in effort: CP-SAT's deterministic
    seconds, and what corresponds to them elsewhere, which pass about as fast on a present-day
    machine. `within` bounds a repeatable search on the clock too, in seconds; by default late.
    """

    limit: float = 60.0
    seed: int = 1
    workers: int = 4  # even on two cores: one worker runs no improvement search worth the name
    repeatable: bool = True
    within: float | None = None  # seconds

    @property
    def clock(self) -> float:
        """Seconds on the clock, at most."""
        if not self.repeatable:
            return self.limit
        return self.limit * _GUARD + _GRACE if self.within is None else self.within


@dataclass(frozen=True, slots=True)
class Found:
    """What one run of CP-SAT came to."""

    outcome: Outcome
    held: dict[Item, int]  # how many of each item; none of those not named
    best: int | None
    bound: int
    seconds: float
    effort: float  # deterministic seconds spent
    varies: bool  # another run may end elsewhere: workers raced, or the clock or a stop ended it


Improved = Callable[[int | None, float], None]  # best so far, bound


def run(
    cp: cp_model.CpModel,
    on: dict[Item, cp_model.IntVar],
    search: Search,
    improved: Improved | None = None,
    stop: threading.Event | None = None,
    *,
    any_will_do: bool = False,
) -> Found:
    """Solve a model; with `any_will_do`, only until there is a solution, or proof of none.

    `improved` is called from the solver's threads.
    """
    solver = cp_model.CpSolver()
    _set(solver.parameters, search)
    if any_will_do:
        _hurry(solver.parameters)
    watcher = _Watcher(improved)
    solver.best_bound_callback = watcher.bound_moved
    with _stopping(solver, stop):
        began = time.monotonic()
        status = solver.solve(cp, watcher)
        seconds = time.monotonic() - began
    outcome = _OUTCOMES[status]
    effort = solver.response_proto.deterministic_time
    held = outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE)
    ended = outcome in (Outcome.OPTIMAL, Outcome.INFEASIBLE) or (any_will_do and held)
    cut_short = not ended and not (search.repeatable and effort >= search.limit)
    raced = held and not any_will_do and not search.repeatable and search.workers > 1
    return Found(
        outcome=outcome,
        held={i: n for i, v in on.items() if (n := solver.value(v))} if held else {},
        best=round(solver.objective_value) if held and cp.has_objective() else None,
        bound=round(solver.best_objective_bound) if cp.has_objective() else 0,
        seconds=seconds,
        effort=effort,
        varies=cut_short or raced,
    )


def _set(parameters: SatParameters, search: Search) -> None:
    parameters.max_time_in_seconds = search.clock
    parameters.random_seed = search.seed
    parameters.num_workers = search.workers
    parameters.linearization_level = 2  # the proofs come from the linear relaxation
    parameters.cp_model_probing_level = 0  # both cost seconds here and gain nothing
    parameters.symmetry_level = 0
    if search.repeatable:
        parameters.interleave_search = search.workers > 1
        parameters.max_deterministic_time = search.limit


def _hurry(parameters: SatParameters) -> None:
    """A first solution needs no long presolve and no linear relaxation: feasibility jump has it in
    a fraction of a second. Of workers side by side any might be the first; so that it can be
    repeated, one takes the strategies in turns."""
    parameters.num_workers = 1
    parameters.interleave_search = True
    parameters.stop_after_first_solution = True
    parameters.linearization_level = 0
    parameters.max_presolve_iterations = 1


class _Watcher(cp_model.CpSolverSolutionCallback):
    def __init__(self, improved: Improved | None) -> None:
        super().__init__()
        self._improved = improved
        self._best: int | None = None
        self._bound = 0.0

    def on_solution_callback(self) -> None:
        self._best = round(self.objective_value)
        self._bound = self.best_objective_bound
        self._tell()

    def bound_moved(self, bound: float) -> None:
        self._bound = bound
        self._tell()

    def _tell(self) -> None:
        if self._improved is not None:
            self._improved(self._best, self._bound)


class _stopping:  # noqa: N801  # reads as a statement
    """While open, setting the event stops the solver, which keeps its best."""

    def __init__(self, solver: cp_model.CpSolver, stop: threading.Event | None) -> None:
        self._solver, self._stop = solver, stop
        self._over = threading.Event()

    def __enter__(self) -> None:
        if self._stop is not None:
            self._thread = threading.Thread(target=self._watch, name="solver-stop", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        assert self._stop is not None, "only then is it watched"
        while not self._over.is_set():
            if self._stop.wait(0.1):
                self._solver.stop_search()
                self._over.wait(0.1)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._stop is not None:
            self._thread.join()
