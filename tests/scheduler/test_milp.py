"""Two solvers, one model: HiGHS and CP-SAT come to the same optimum."""

import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from ortools.sat.python import cp_model

from scheduler.city import City
from scheduler.instances import generate
from scheduler.rules import Rules
from scheduler.solver.milp import prove
from scheduler.solver.model import Model, build
from scheduler.solver.problem import Problem, problems
from scheduler.solver.search import Found, Outcome, Search, run
from tests.scheduler.small_cities import cities

ALONE = Search(limit=20, seed=3, workers=1)
BROADCAST = Rules(receivers=4, interactive_receivers=2)


@settings(max_examples=8, deadline=None)
@given(within=cities())
def test_both_solvers_come_to_the_same_optimum(within: City) -> None:
    for rules, may_miss in ((Rules(), False), (BROADCAST, True)):
        for problem in problems(within, rules):
            model = _model(problem, may_miss=may_miss)
            one, other = run(model.cp, model.on, ALONE), prove(model.cp, model.on, ALONE)
            assert (one.outcome, one.best) == (other.outcome, other.best)


def _model(problem: Problem, *, may_miss: bool) -> Model:
    model = build(problem, may_miss=may_miss)
    lost = cp_model.LinearExpr.sum(model.missing)
    model.cp.minimize(model.objective + 1000 * lost)
    return model


def test_a_search_is_counted_in_steps_and_gives_the_same_again() -> None:
    """Too little effort for a proof: it ends at the same step, with the same timetable."""
    problem = problems(generate(2, 48), Rules())[0]
    model = build(problem)
    model.cp.minimize(model.objective)
    first = run(model.cp, model.on, Search(limit=10), any_will_do=True)
    model.hint(first.held)
    once, again = (prove(model.cp, model.on, Search(limit=1)) for _ in range(2))
    assert (once.outcome, once.varies) == (Outcome.FEASIBLE, False)
    assert (once.held, once.bound, once.effort) == (again.held, again.bound, again.effort)
    assert once.best is not None
    assert once.bound <= once.best <= model.value(first.held)


def test_a_stop_ends_the_proof_with_the_best_kept() -> None:
    problem = problems(generate(2, 48), Rules())[0]
    model = build(problem)
    model.cp.minimize(model.objective)
    first = run(model.cp, model.on, Search(limit=10), any_will_do=True)
    model.hint(first.held)
    stop = threading.Event()
    stop.set()
    found = prove(model.cp, model.on, Search(limit=600, repeatable=False), stop=stop)
    assert (found.outcome, found.varies) == (Outcome.FEASIBLE, True)
    assert found.best is not None
    assert found.best <= model.value(first.held)


def test_what_costs_no_more_than_known_to_be_needed_is_proven() -> None:
    """Even a poor timetable, if none is known to be better: nothing is searched any more."""
    problem = problems(generate(2, 48), Rules())[0]
    model = build(problem)
    model.cp.minimize(model.objective)
    first = run(model.cp, model.on, Search(limit=10), any_will_do=True)
    model.hint(first.held)
    cost = model.value(first.held)
    found = prove(model.cp, model.on, Search(limit=600), floor=cost)
    assert (found.outcome, found.bound) == (Outcome.OPTIMAL, cost)
    assert found.best is not None
    assert found.best <= cost


def test_progress_is_told() -> None:
    told: list[tuple[int | None, float]] = []
    problem = problems(generate(1, 16), Rules())[0]
    model = build(problem)
    model.cp.minimize(model.objective)
    found: Found = prove(
        model.cp, model.on, ALONE, improved=lambda best, bound: told.append((best, bound))
    )
    assert found.outcome is Outcome.OPTIMAL
    bests = [best for best, _ in told if best is not None]
    assert bests == sorted(bests, reverse=True)
    assert bests[-1] == found.best


def test_a_constraint_of_another_kind_is_refused() -> None:
    cp = cp_model.CpModel()
    one, other = cp.new_int_var(0, 3, ""), cp.new_int_var(0, 3, "")
    cp.add_all_different(one, other)
    with pytest.raises(ValueError, match="no such constraint"):
        prove(cp, {}, ALONE)


def test_nothing_is_printed_where_our_output_is_read() -> None:
    program = "import scheduler.solver.milp, highspy; highspy.Highs().silent(); print('{}')"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout == b"{}\n"
