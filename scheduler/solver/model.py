"""The CP-SAT model of a problem: a variable per session and link, a constraint per limit.

`y[session]` and `x[link] <= y[session]`. A demand is the sum of its links: its lessons are not told
apart. Rooms and uplink are counted, never indexed; rooms get their names afterwards. So no two
solutions differ by names only.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from ortools.sat.python import cp_model

from scheduler.board import Item, grouped
from scheduler.model import RoomKind, Weeks
from scheduler.rules import RULES, cost, fortnightly
from scheduler.rules.loads import FewSessions
from scheduler.rules.rule import HARD, OFF, Limit, Rule
from scheduler.solver.problem import Ask, Problem

Literal = cp_model.IntVar
Group = tuple[str, str]  # key of a rule, id of what it protects


@dataclass
class Model:
    """A model under construction and what its variables mean.

    `groups` are the literals that switch on the hard limits of a rule, when an explanation asked
    for them.
    """

    problem: Problem
    cp: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    on: dict[Item, Literal] = field(default_factory=dict)
    missing: list[Literal] = field(default_factory=list)  # per ask: lessons it goes without
    costs: list[tuple[int, Literal]] = field(default_factory=list)  # in a fortnight
    soft: list[tuple[int, Limit]] = field(default_factory=list)  # with the rule's weight
    floor: int = 0  # no solution costs less: known before any search
    groups: dict[Group, tuple[Literal, Rule, Limit]] = field(default_factory=dict)

    @property
    def objective(self) -> cp_model.LinearExpr:
        return cp_model.LinearExpr.weighted_sum(
            [variable for _, variable in self.costs], [weight for weight, _ in self.costs]
        )

    def value(self, on: Collection[Item]) -> int:
        """What the objective is where these are held."""
        return sum(
            cost(limit, sum(load for i, load in limit.weighed() if i in on), weight)
            for weight, limit in self.soft
        )

    def size(self) -> dict[str, int]:
        proto = self.cp.proto
        return {"variables": len(proto.variables), "constraints": len(proto.constraints)}


def build(
    problem: Problem,
    *,
    may_miss: bool = False,
    asked: Mapping[int, int] | None = None,
    by_group: bool = False,
    costs: bool = True,
) -> Model:
    """The model of a problem.

    `may_miss` lets demands go without lessons; `asked` overrides how many lessons of each ask are
    wanted (by its index; 0 for those not named); `by_group` makes each rule's hard limits hold only
    while its literal does.
    """
    model = Model(problem)
    items: list[Item] = [*problem.board.sessions, *problem.board.links]
    for item in items:
        model.on[item] = model.cp.new_bool_var("")
        if item.lesson is not None:
            model.cp.add(model.on[item] == 1)
    for link in problem.board.links:
        for session in link.sessions:
            model.cp.add_implication(model.on[link], model.on[session])
    for session, links in problem.board.by_session.items():
        if session.lesson is None:
            model.cp.add_bool_or([~model.on[session], *(model.on[k] for k in links)])
    for n, ask in enumerate(problem.asks):
        wanted = ask.lessons if asked is None else asked.get(n, 0)
        missing = model.cp.new_int_var(0, wanted if may_miss else 0, "")
        model.missing.append(missing)
        served = cp_model.LinearExpr.sum([model.on[k] for k in ask.links])
        if asked is None:
            model.cp.add(served + missing == wanted)
        else:
            model.cp.add(served + missing >= wanted)
    for rule in RULES:
        weight = rule.weight_in(problem.rules)
        if rule.by_demand:
            continue
        if weight is HARD or (weight != OFF and costs):
            for asked_limit in rule.limits(problem.board, problem.rules):
                limit = _no_worse(problem, asked_limit) if weight is HARD else asked_limit
                if limit.whole_load > limit.at_most:
                    _add(model, rule, limit, weight, by_group=by_group)
    if asked is None and not may_miss and not by_group:
        _fewest_sessions(model)
    return model


def _add(model: Model, rule: Rule, limit: Limit, weight: int | None, *, by_group: bool) -> None:
    variables = [model.on[item] for item in limit.items]
    load = cp_model.LinearExpr.weighted_sum(variables, [load for _, load in limit.weighed()])
    if weight is HARD:
        if by_group:
            model.cp.add(load <= limit.at_most).only_enforce_if(_literal(model, rule, limit))
        elif limit.at_most == 1 and limit.loads is None:
            model.cp.add_at_most_one(variables)
        elif limit.given is not None:
            model.cp.add(load <= limit.at_most * model.on[limit.given])
        else:
            model.cp.add(load <= limit.at_most)
        return
    model.soft.append((weight, limit))
    if len(variables) == 1:
        model.costs.append((cost(limit, limit.whole_load, weight), variables[0]))
    else:
        excess = model.cp.new_int_var(0, limit.whole_load - limit.at_most, "")
        model.cp.add(load - excess <= limit.at_most)
        model.costs.append((weight * fortnightly(limit.weeks), excess))


def _no_worse(problem: Problem, limit: Limit) -> Limit:
    """The limit, or what passes it already where a repair starts."""
    stands = problem.stands
    if stands is None:
        return limit
    already = sum(load for item, load in limit.weighed() if item.lesson or stands(item))
    return replace(limit, at_most=already) if already > limit.at_most else limit


def _literal(model: Model, rule: Rule, limit: Limit) -> Literal:
    group = (rule.key, limit.about)
    if group not in model.groups:
        model.groups[group] = (model.cp.new_bool_var(""), rule, limit)
    return model.groups[group][0]


def _fewest_sessions(model: Model) -> None:
    """Implied, and much of the proof: a grade and subject needs so many sessions."""
    problem = model.problem
    grade = {c.id: c.grade for c in problem.board.city.classes}
    asks = grouped(problem.asks, lambda a: (a.demand.subject, grade[a.demand.class_id]))
    free = [s for s in problem.board.sessions if s.lesson is None]
    sessions = grouped(free, lambda s: (s.subject, s.grade))
    for key, alike in asks.items():
        for weeks in (Weeks.ODD, Weeks.EVEN):
            asking = [ask for ask in alike if ask.demand.weeks in (Weeks.ALL, weeks)]
            giving = [s for s in sessions.get(key, ()) if s.weeks in (Weeks.ALL, weeks)]
            needed = _sessions_for(problem, asking)
            if needed:
                model.cp.add(cp_model.LinearExpr.sum([model.on[s] for s in giving]) >= needed)
                model.floor += needed * (FewSessions().weight_in(problem.rules) or 0)


def _sessions_for(problem: Problem, asks: Sequence[Ask]) -> int:
    """The fewest sessions that can hold these lessons: no more classes of a school in one than it
    has rooms, none of a class twice, no more in all than may join."""
    city = problem.board.city
    of_class: Counter[str] = Counter()
    of_school: Counter[str] = Counter()
    for ask in asks:
        of_class[ask.demand.class_id] += ask.lessons
        of_school[city.class_group[ask.demand.class_id].school_code] += ask.lessons
    needed = max(of_class.values(), default=0)
    needed = max(needed, ceil(of_class.total() / problem.rules.receivers))
    for school, lessons in of_school.items():
        rooms = len(city.accepted_rooms.get((school, RoomKind.INTERACTIVE), ()))
        needed = max(needed, ceil(lessons / rooms) if rooms else 0)
    return needed
