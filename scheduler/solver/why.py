"""Why something does not fit: a smallest set of demands and rules that cannot hold together.

Smallest in the sense that nothing can be left out of it: CP-SAT names assumptions that suffice for
a contradiction, and each is then tried without. First among the demands with every rule in force,
then, for those demands alone, among the rules.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ortools.sat.python import cp_model

from scheduler import rules, words
from scheduler.city import City
from scheduler.model import Demand, Lesson
from scheduler.solver import model as models
from scheduler.solver.problem import Problem
from scheduler.solver.search import Search

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A rule's hold on somebody: `teacher_day` on one teacher."""

    rule: str
    about: str  # id of the teacher, class, room or school
    sentence: words.Sentence


@dataclass(frozen=True, slots=True)
class Core:
    """Demands and requirements that cannot hold together; without any one of them they could.

    `asked` lessons a week are wanted of these demands, and at most `fits` can be held.
    """

    demands: tuple[tuple[Demand, int], ...]  # with the lessons a week wanted of each
    requirements: tuple[Requirement, ...]
    locked: tuple[Lesson, ...]  # that stand beside them
    proven: bool  # that nothing can be left out

    @property
    def asked(self) -> int:
        return sum(lessons for _, lessons in self.demands)

    @property
    def fits(self) -> int:
        return max(0, self.asked - 1)

    def sentence(self, city: City) -> words.Sentence:
        """The whole of it in words."""
        values: dict[str, words.Value] = {
            "asked": self.asked,
            "fits": self.fits,
            "demands": tuple(words.demand(city, d, n) for d, n in self.demands),
            "requirements": tuple(r.sentence for r in self.requirements),
            "count": len(self.locked),
        }
        if not self.demands:
            return words.Sentence(_LockedClash.sentence, values)
        if not self.requirements:
            return words.Sentence(_NobodyTeaches.sentence, values)
        return words.Sentence((_LockedToo if self.locked else _TooMuch).sentence, values)


class _TooMuch:
    sentence = (
        "At most {fits} of these {asked} lessons a week fit: {demands}. What stands in the way: "
        "{requirements}."
    )


class _LockedToo:
    sentence = (
        "Beside {count} locked lessons, at most {fits} of these {asked} lessons a week fit: "
        "{demands}. What stands in the way: {requirements}."
    )


class _NobodyTeaches:
    sentence = "No lead teacher of the hub could give these lessons in any period: {demands}."


class _LockedClash:
    sentence = "The locked lessons break rules among themselves: {requirements}."


def why(
    city: City,
    problem: Problem,
    wanted: Mapping[int, int],
    *,
    must: int | None = None,
    search: Search | None = None,
) -> Core | None:
    """A smallest core of the lessons `wanted` of a problem's asks (by index), or None: they fit,
    or nothing was proven in time. `must` is an ask to keep in it."""
    search = search or Search(limit=10)
    until = time.monotonic() + search.limit
    demands = _smallest_demands(problem, wanted, must, until)
    if demands is None:
        return None
    chosen, certain = demands
    whole = problem.narrowed([problem.asks[n].demand for n in chosen])
    asked = {
        n: wanted[k]
        for n, ask in enumerate(whole.asks)
        for k in chosen
        if problem.asks[k].demand == ask.demand
    }
    model = models.build(whole, asked=asked, by_group=True, costs=False)
    literals = {group: literal for group, (literal, _, _) in model.groups.items()}
    core = _Assumed(model.cp, literals).smallest(until)
    if core is None:
        return None
    groups, sure = core
    return Core(
        demands=tuple((problem.asks[n].demand, wanted[n]) for n in chosen),
        requirements=tuple(_requirement(city, model, group) for group in groups),
        locked=problem.locked,
        proven=certain and sure,
    )


def _smallest_demands(
    problem: Problem, wanted: Mapping[int, int], must: int | None, until: float
) -> tuple[list[int], bool] | None:
    model = models.build(problem, asked={}, costs=False)
    literals = {}
    for n, lessons in wanted.items():
        served = cp_model.LinearExpr.sum([model.on[k] for k in problem.asks[n].links])
        if n == must:
            model.cp.add(served >= lessons)
        elif lessons:
            literals[n] = model.cp.new_bool_var("")
            model.cp.add(served >= lessons).only_enforce_if(literals[n])
    found = _Assumed(model.cp, literals).smallest(until)
    if found is None:
        return None
    core, certain = found
    return [*([] if must is None else [must]), *core], certain


class _Assumed(Generic[K]):
    """A model and the literals that may be assumed in it."""

    def __init__(self, cp: cp_model.CpModel, literals: Mapping[K, models.Literal]) -> None:
        self._cp, self._literals = cp, literals

    def smallest(self, until: float) -> tuple[list[K], bool] | None:
        """Assumptions that contradict the model, none of which can be left out, and whether that
        is certain; None when there is no contradiction, or none was proven in time."""
        core = self._contradiction(self._literals, until)
        if core is None:
            return None
        certain = True
        needed: list[K] = []
        rest = core
        while rest:
            tried = rest.pop()
            smaller = self._contradiction([*needed, *rest], until)
            if smaller is None:
                needed.append(tried)
                certain = certain and self._fits
            else:
                rest = [k for k in rest if k in set(smaller)]
        return list(reversed(needed)), certain

    def _contradiction(self, assumed: Iterable[K], until: float) -> list[K] | None:
        assumed = list(assumed)
        self._fits = False
        left = until - time.monotonic()
        if left <= 0:
            return None
        self._cp.clear_assumptions()
        self._cp.add_assumptions([self._literals[k] for k in assumed])
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1  # only one worker names the assumptions that suffice
        solver.parameters.max_time_in_seconds = left
        status = solver.solve(self._cp)
        if status != cp_model.INFEASIBLE:
            self._fits = status in (cp_model.FEASIBLE, cp_model.OPTIMAL)
            return None
        named = set(solver.sufficient_assumptions_for_infeasibility())
        return [k for k in assumed if self._literals[k].index in named]


def _requirement(city: City, model: models.Model, group: models.Group) -> Requirement:
    _, rule, limit = model.groups[group]
    values = rules.told(city, limit, ())
    return Requirement(rule.key, limit.about, words.Sentence(rule.requirement, values))
