"""The same model for a second solver: HiGHS, branch and cut for mixed-integer programs.

CP-SAT finds a first timetable at once and explains contradictions; HiGHS, led by its linear
relaxation, is the one that closes the gap and proves. It takes every constraint that the CP-SAT
model of a timetable has: linear ones, at most one of some, and implications.
"""

import ctypes
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import highspy
import numpy as np
from ortools.sat.python import cp_model
from ortools.sat.python.cp_model_helper import ConstraintProto

from scheduler.board import Item
from scheduler.solver.search import Found, Improved, Outcome, Search

_ENDLESS = 2**60  # integers of this size and more stand for no bound
_CHECKS = 5  # that HiGHS makes of its limits in a second, about: its effort is counted in them

_Row = tuple[dict[int, int], float, float]  # coefficients by variable, at least, at most
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
    highs.passModel(_program(cp))
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
    seconds = time.monotonic() - began
    return _found(highs, on, seconds, watch)


def _found(
    highs: highspy.Highs, on: Mapping[Item, cp_model.IntVar], seconds: float, watch: "_Watch"
) -> Found:
    status, info = highs.getModelStatus(), highs.getInfo()
    solved = info.primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible)
    best = round(info.objective_function_value) if solved else None
    bound = max(watch.floor, _whole(info.mip_dual_bound))
    if status == highspy.HighsModelStatus.kInfeasible:
        outcome = Outcome.INFEASIBLE
    elif best is None:
        outcome = Outcome.UNKNOWN
    else:
        outcome = Outcome.OPTIMAL if best <= bound else Outcome.FEASIBLE
    values = highs.getSolution().col_value
    return Found(
        outcome=outcome,
        held={i: n for i, v in on.items() if (n := round(values[v.index]))} if solved else {},
        best=best,
        bound=bound,
        seconds=seconds,
        effort=watch.checks / _CHECKS,
        varies=outcome in (Outcome.FEASIBLE, Outcome.UNKNOWN) and not watch.exhausted,
    )


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
        self.floor = floor
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
        best = None if now.mip_primal_bound >= _ENDLESS else round(now.mip_primal_bound)
        told = (best, _whole(now.mip_dual_bound))
        if self._improved is not None and told != self._told:
            self._improved(*told)
        self._told = told


def _whole(bound: float) -> int:
    """The least whole cost that a bound allows; 0 before there is one."""
    return max(0, int(np.ceil(bound - 1e-6))) if abs(bound) < _ENDLESS else 0


def _program(cp: cp_model.CpModel) -> highspy.HighsLp:
    proto = cp.proto
    domains = [list(variable.domain) for variable in proto.variables]
    rows = [row for constraint in proto.constraints for row in _rows(constraint)]
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = len(domains), len(rows)
    costs = np.zeros(len(domains))
    for variable, cost in zip(proto.objective.vars, proto.objective.coeffs, strict=True):
        costs[variable] += cost
    program.col_cost_ = costs
    program.col_lower_ = np.array([float(d[0]) for d in domains])
    program.col_upper_ = np.array([float(d[-1]) for d in domains])
    program.integrality_ = [highspy.HighsVarType.kInteger] * len(domains)
    program.row_lower_ = np.array([least for _, least, _ in rows])
    program.row_upper_ = np.array([most for _, _, most in rows])
    matrix = program.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_ = np.cumsum([0, *(len(row) for row, _, _ in rows)])
    matrix.index_ = np.array([v for row, _, _ in rows for v in row])
    matrix.value_ = np.array([float(c) for row, _, _ in rows for c in row.values()])
    return program


def _rows(constraint: ConstraintProto) -> Iterator[_Row]:
    if constraint.has_linear() and not constraint.enforcement_literal:
        linear = constraint.linear
        domain = list(linear.domain)
        row: dict[int, int] = {}
        for variable, coefficient in zip(linear.vars, linear.coeffs, strict=True):
            row[variable] = row.get(variable, 0) + coefficient
        yield row, _bound(domain[0]), _bound(domain[-1])
    elif constraint.has_at_most_one():
        row, negated = _literals(constraint.at_most_one.literals)
        yield row, -highspy.kHighsInf, 1 - negated
    elif constraint.has_bool_and():
        [given] = constraint.enforcement_literal
        for literal in constraint.bool_and.literals:
            row, negated = _literals([-given - 1, literal])
            yield row, 1 - negated, highspy.kHighsInf
    else:
        raise ValueError(f"no such constraint in a mixed-integer program: {constraint}")


def _literals(literals: Sequence[int]) -> tuple[dict[int, int], int]:
    """The sum of literals: coefficients, and what negated ones add to it."""
    row: dict[int, int] = {}
    for literal in literals:
        variable = literal if literal >= 0 else -literal - 1
        row[variable] = row.get(variable, 0) + (1 if literal >= 0 else -1)
    return row, sum(literal < 0 for literal in literals)


def _bound(of: int) -> float:
    return float(of) if abs(of) < _ENDLESS else highspy.kHighsInf * (1 if of > 0 else -1)
