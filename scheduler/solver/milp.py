"""The same model for a second solver: HiGHS, branch and cut for mixed-integer programs.

CP-SAT finds a first timetable at once and explains contradictions; HiGHS, led by its linear
relaxation, is the one that closes the gap and proves. It takes every constraint that the CP-SAT
model of a timetable has: linear ones, at most one of some, and implications.
"""

import ctypes
import os
import threading
import time
from collections.abc import Mapping
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
from ortools.sat.python import cp_model

from scheduler.board import Item
from scheduler.solver.program import ENDLESS, Program
from scheduler.solver.search import Found, Improved, Outcome, Search

_CHECKS = 5  # that HiGHS makes of its limits in a second, about: its effort is counted in them

_Kind = highspy.cb.HighsCallbackType


def _introduced() -> None:
    """HiGHS prints its name on standard output, once, before it can be asked not to (1.16); what
    reads our output waits for JSON."""
    own = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        highspy.Highs()  # type: ignore[no-untyped-call]  # has no annotations
        ctypes.CDLL(None).fflush(None)
    finally:
        os.dup2(own, 1)
        os.close(own)
        os.close(nowhere)


_introduced()


def prove(
    cp: cp_model.CpModel,
    on: Mapping[Item, cp_model.IntVar],
    search: Search,
    improved: Improved | None = None,
    stop: threading.Event | None = None,
    *,
    floor: int = 0,
) -> Found:
    """Minimize a model with HiGHS, on one thread, from the model's hints on.

    No solution costs less than `floor`: one that costs no more is proven. (As a constraint of the
    model it would weigh on every relaxation.) `improved` is called from the calling thread. Raises
    ValueError for a constraint of a kind that HiGHS has none for.
    """
    highs = highspy.Highs()  # type: ignore[no-untyped-call]  # has no annotations
    highs.silent()
    options = {
        "threads": 1,
        "random_seed": search.seed % 2**31,
        "time_limit": search.clock,
        "mip_rel_gap": 0.0,
    }
    for option, value in options.items():
        highs.setOptionValue(option, value)
    program = Program(cp)
    highs.passModel(program.given())
    hint = cp.proto.solution_hint
    if len(hint.vars):
        highs.setSolution(
            len(hint.vars), np.array(hint.vars, np.int32), np.array(hint.values, np.float64)
        )
    watch = _Watch(search, floor, improved, stop)
    highs.setCallback(watch, None)
    for kind in (_Kind.kCallbackMipInterrupt, _Kind.kCallbackMipImprovingSolution):
        highs.startCallback(kind)
    began = time.monotonic()
    highs.run()
    values = _values(highs)
    best = program.cost(values) if len(values) else None
    if len(values) and best != round(highs.getInfo().objective_function_value):
        # Solved by presolve alone, HiGHS 1.16 answers with the values it was given to begin with.
        highs.clearSolver()
        highs.run()
        values = _values(highs)
        best = program.cost(values) if len(values) else None
    bound = max(floor, _whole(highs.getInfo().mip_dual_bound))
    if highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
        outcome = Outcome.INFEASIBLE
    elif best is None:
        outcome = Outcome.UNKNOWN
    else:
        outcome = Outcome.OPTIMAL if best <= bound else Outcome.FEASIBLE
    return Found(
        outcome=outcome,
        held={} if best is None else {i: n for i, v in on.items() if (n := round(values[v.index]))},
        best=best,
        bound=bound,
        seconds=time.monotonic() - began,
        effort=watch.checks / _CHECKS,
        varies=outcome in (Outcome.FEASIBLE, Outcome.UNKNOWN) and not watch.exhausted,
    )


def _values(highs: highspy.Highs) -> npt.NDArray[np.float64]:
    """The solution, if there is one."""
    feasible = int(highspy.SolutionStatus.kSolutionStatusFeasible)
    if highs.getInfo().primal_solution_status != feasible:
        return np.empty(0)
    return np.array(highs.getSolution().col_value)


class _Watch:
    """What HiGHS calls: counts its effort, passes on progress, and ends it."""

    def __init__(
        self,
        search: Search,
        floor: int,
        improved: Improved | None,
        stop: threading.Event | None,
    ) -> None:
        self._search, self._improved, self._stop = search, improved, stop
        self._floor = floor
        self._told: tuple[int | None, int] | None = None
        self.checks = 0
        self.exhausted = False

    def __call__(
        self,
        kind: highspy.cb.HighsCallbackType,
        message: str,
        now: highspy.cb.HighsCallbackOutput,
        answer: highspy.cb.HighsCallbackInput,
        data: Any,
    ) -> None:
        if kind == _Kind.kCallbackMipInterrupt:
            self.checks += 1
            self.exhausted = self._search.repeatable and self.checks >= self._search.limit * _CHECKS
            answer.user_interrupt = self.exhausted or (
                self._stop is not None and self._stop.is_set()
            )
        best = None if now.mip_primal_bound >= ENDLESS else round(now.mip_primal_bound)
        told = (best, _whole(now.mip_dual_bound))
        if self._improved is not None and told != self._told:
            self._improved(*told)
        self._told = told


def _whole(bound: float) -> int:
    """The least whole cost that a bound allows; 0 before there is one."""
    return max(0, int(np.ceil(bound - 1e-6))) if abs(bound) < ENDLESS else 0
