"""A CP-SAT model as a mixed-integer program, and whether a solution keeps it."""

from collections.abc import Iterator, Sequence

import highspy
import numpy as np
import numpy.typing as npt
from ortools.sat.python import cp_model
from ortools.sat.python.cp_model_helper import ConstraintProto

ENDLESS = 2**60  # integers of this size and more stand for no bound

_Row = tuple[dict[int, int], float, float]  # coefficients by variable, at least, at most


class Program:
    """Costs, bounds and rows of a model whose variables are all whole numbers.

    Raises ValueError for a constraint of a kind that such programs have none for.
    """

    def __init__(self, cp: cp_model.CpModel) -> None:
        proto = cp.proto
        domains = [list(variable.domain) for variable in proto.variables]
        rows = [row for constraint in proto.constraints for row in _rows(constraint)]
        self._costs = np.zeros(len(domains))
        for variable, cost in zip(proto.objective.vars, proto.objective.coeffs, strict=True):
            self._costs[variable] += cost
        self._lower = np.array([float(d[0]) for d in domains])
        self._upper = np.array([float(d[-1]) for d in domains])
        self._least = np.array([least for _, least, _ in rows])
        self._most = np.array([most for _, _, most in rows])
        self._starts = np.cumsum([0, *(len(row) for row, _, _ in rows)])
        self._variables = np.array([v for row, _, _ in rows for v in row], np.int32)
        self._factors = np.array([float(c) for row, _, _ in rows for c in row.values()])

    def given(self) -> highspy.HighsLp:
        """As HiGHS takes it."""
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(self._costs), len(self._least)
        program.col_cost_ = self._costs
        program.col_lower_, program.col_upper_ = self._lower, self._upper
        program.row_lower_, program.row_upper_ = self._least, self._most
        program.integrality_ = [highspy.HighsVarType.kInteger] * len(self._costs)
        matrix = program.a_matrix_
        matrix.format_ = highspy.MatrixFormat.kRowwise
        matrix.start_, matrix.index_, matrix.value_ = self._starts, self._variables, self._factors
        return program

    def cost(self, values: npt.NDArray[np.float64]) -> int | None:
        """What these values cost, each made whole; None where they break a constraint."""
        whole = np.round(values)
        if len(whole) != len(self._costs):
            return None
        row_of = np.repeat(np.arange(len(self._least)), np.diff(self._starts))
        loads = np.bincount(
            row_of, self._factors * whole[self._variables], minlength=len(self._least)
        )
        kept = (
            (loads >= self._least).all()
            and (loads <= self._most).all()
            and (whole >= self._lower).all()
            and (whole <= self._upper).all()
        )
        return round(float(self._costs @ whole)) if kept else None


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
    return float(of) if abs(of) < ENDLESS else highspy.kHighsInf * (1 if of > 0 else -1)
