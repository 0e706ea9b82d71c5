"""The CP-SAT model of a problem: a variable per item that could be held, a constraint per limit.

What is alike is counted and never indexed: the lessons of a demand, the rooms of a school, the
sessions of one subject and grade at one time. `y[teacher]` says who leads one of a subject's
sessions, `n[grade]` how many there are, and `x[class] <= n[grade]` that a class joins one of them.
So no two solutions differ by names only, and a class has one variable for each time, not for each
teacher; who leads whom and in which room is settled afterwards (`sharing`, `naming`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from ortools.sat.python import cp_model

from scheduler.board import Item, grouped
from scheduler.model import RoomKind, Weeks
from scheduler.rules import RULES, fortnightly
from scheduler.rules.clashes import ClassClash
from scheduler.rules.loads import FewSessions
from scheduler.rules.places import Receivers, RoomsAtOnce
from scheduler.rules.rule import HARD, OFF, Limit, Rule
from scheduler.solver.problem import Ask, Problem, when

Literal = cp_model.IntVar
Group = tuple[str, str]  # key of a rule, id of what it protects
Held = Mapping[Item, int]  # how many of each item are held; none of those not named

_SHARING = (ClassClash, Receivers, RoomsAtOnce)  # what bounds how many may share a session


@dataclass
class Model:
    """A model under construction and what its variables mean.

    `groups` are the literals that switch on the hard limits of a rule, when an explanation asked
    for them.
    """

    problem: Problem
    cp: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    on: dict[Item, Literal] = field(default_factory=dict)
    most: dict[Item, int] = field(default_factory=dict)  # that can be held of an item
    missing: list[Literal] = field(default_factory=list)  # per ask: lessons it goes without
    costs: list[tuple[int, Literal]] = field(default_factory=list)  # in a fortnight
    soft: list[tuple[int, Limit]] = field(default_factory=list)  # with the rule's weight
    floor: int = 0  # no solution costs less: known before any search
    groups: dict[Group, tuple[Literal, Rule, Limit]] = field(default_factory=dict)
    excess: dict[int, Literal] = field(default_factory=dict)  # id of a limit → units too many

    @property
    def objective(self) -> cp_model.LinearExpr:
        return cp_model.LinearExpr.weighted_sum(
            [variable for _, variable in self.costs], [weight for weight, _ in self.costs]
        )

    def value(self, held: Held) -> int:
        """What the objective is where these are held."""
        return sum(
            weight * fortnightly(limit.weeks) * self._passed(limit, held)
            for weight, limit in self.soft
        )

    def _passed(self, limit: Limit, held: Held) -> int:
        load = sum(load * held.get(item, 0) for item, load in limit.weighed())
        load -= sum(self._passed(other, held) for other in limit.beyond)
        return limit.passed_by(load, sum(held.get(session, 0) for session in limit.given))

    def hint(self, held: Held) -> None:
        """Let the search begin where these are held."""
        self.cp.clear_hints()  # type: ignore[no-untyped-call]  # has no annotations
        for item, variable in self.on.items():
            self.cp.add_hint(variable, 1 if item.lesson is not None else held.get(item, 0))
        for ask, variable in zip(self.problem.asks, self.missing, strict=True):
            self.cp.add_hint(variable, ask.lessons - sum(held.get(k, 0) for k in ask.links))
        for _, limit in self.soft:
            if id(limit) in self.excess:
                self.cp.add_hint(self.excess[id(limit)], self._passed(limit, held))

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
    while its literal does; without `costs` it knows hard rules only.
    """
    model = Model(problem)
    _items(model)
    counted = RoomsAtOnce().weight_in(problem.rules) is HARD and problem.stands is None
    _meetings(model, tight=counted and not by_group)
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
        if rule.weight_in(problem.rules) is HARD and not rule.by_demand:
            for limit in rule.limits(problem.board, problem.rules):
                _add(model, rule, _no_worse(problem, limit), HARD, by_group=by_group)
    if costs:
        add_costs(model)
    if asked is None and not may_miss and not by_group:
        _fewest_sessions(model)
    return model


def add_costs(model: Model) -> None:
    """What it costs to pass the limits of soft rules, for a model that was built without."""
    problem = model.problem
    for rule in RULES:
        weight = rule.weight_in(problem.rules)
        if weight not in (HARD, OFF) and not rule.by_demand:
            for limit in rule.limits(problem.board, problem.rules):
                _add(model, rule, limit, weight, by_group=False)


def _items(model: Model) -> None:
    board = model.problem.board
    joining = Counter(session for link in board.links for session in link.sessions)
    leading = Counter[tuple[str, str, int, int, Weeks]]()
    for duty in board.duties:
        model.most[duty] = max(1, _standing(model.problem, duty))  # in two places already
        leading[when(duty)] += model.most[duty]
    for session in board.sessions:
        free = session.lesson is None
        model.most[session] = min(joining[session], leading[when(session)]) if free else 1
    items: list[Item] = [*board.sessions, *board.duties, *board.links]
    for item in items:
        most = model.most.setdefault(item, 1)
        model.on[item] = (
            model.cp.new_bool_var("") if most <= 1 else model.cp.new_int_var(0, most, "")
        )
        if item.lesson is not None or not most:
            model.cp.add(model.on[item] == most)


def _meetings(model: Model, *, tight: bool) -> None:
    """A session has its leader, and whoever joins has a session; `tight` says so in the way that
    bounds best where a school has one room."""
    cp, on, board = model.cp, model.on, model.problem.board
    held = grouped((s for s in board.sessions if s.lesson is None), when)
    led = grouped(board.duties, when)
    for at in {**held, **led}:
        sessions = cp_model.LinearExpr.sum([on[s] for s in held.get(at, ())])
        cp.add(sessions == cp_model.LinearExpr.sum([on[d] for d in led.get(at, ())]))
    rooms = board.city.accepted_rooms
    for (sessions_of, school), links in grouped(
        board.links, lambda k: (k.sessions, k.school_code)
    ).items():
        given = cp_model.LinearExpr.sum([on[s] for s in sessions_of])
        alone = len(rooms.get((school, RoomKind.INTERACTIVE), ())) == 1
        if tight and alone and len(links) > 1 and sessions_of[0].lesson is None:
            cp.add(cp_model.LinearExpr.sum([on[k] for k in links]) <= given)
            continue
        for link in links:
            if len(sessions_of) == 1 and model.most[sessions_of[0]] <= 1:
                cp.add_implication(on[link], on[sessions_of[0]])
            else:
                cp.add(on[link] <= given)


def _add(model: Model, rule: Rule, limit: Limit, weight: int | None, *, by_group: bool) -> None:
    most = sum(load * model.most[item] for item, load in limit.weighed())
    if most <= limit.at_most and not limit.given:
        return
    variables = [model.on[item] for item in limit.items]
    load = cp_model.LinearExpr.weighted_sum(variables, [load for _, load in limit.weighed()])
    allowed: cp_model.LinearExpr | int = limit.at_most
    if limit.given:
        allowed = limit.at_most * cp_model.LinearExpr.sum([model.on[s] for s in limit.given])
    if weight is HARD:
        if by_group:
            model.cp.add(load <= allowed).only_enforce_if(_literal(model, rule, limit))
        elif limit.at_most == 1 and limit.loads is None and most == len(variables):
            model.cp.add_at_most_one(variables)
        else:
            model.cp.add(load <= allowed)
        return
    model.soft.append((weight, limit))
    if len(variables) == 1 and (not limit.at_most or model.most[limit.items[0]] == 1):
        units = limit.passed_by(limit.whole_load)
        model.costs.append((weight * fortnightly(limit.weeks) * units, variables[0]))
        return
    excess = model.cp.new_int_var(0, most, "")
    counted = [model.excess[id(other)] for other in limit.beyond if id(other) in model.excess]
    model.cp.add(load - excess - cp_model.LinearExpr.sum(counted) <= allowed)
    model.excess[id(limit)] = excess
    model.costs.append((weight * fortnightly(limit.weeks), excess))


def _no_worse(problem: Problem, limit: Limit) -> Limit:
    """The limit, or what passes it already where a repair starts."""
    if problem.stands is None:
        return limit
    load = sum(load * _standing(problem, item) for item, load in limit.weighed())
    if limit.given:
        load = ceil(load / max(1, sum(_standing(problem, session) for session in limit.given)))
    return replace(limit, at_most=load) if load > limit.at_most else limit


def _standing(problem: Problem, item: Item) -> int:
    if item.lesson is not None:
        return 1
    return problem.stands(item) if problem.stands else 0


def _literal(model: Model, rule: Rule, limit: Limit) -> Literal:
    group = (rule.key, limit.about)
    if group not in model.groups:
        model.groups[group] = (model.cp.new_bool_var(""), rule, limit)
    return model.groups[group][0]


def _fewest_sessions(model: Model) -> None:
    """Implied, and much of the proof: a grade and subject needs so many sessions."""
    problem = model.problem
    if any(rule().weight_in(problem.rules) is not HARD for rule in _SHARING):
        return
    city = problem.board.city

    def kind(ask: Ask) -> tuple[str, str, int]:
        group = city.class_group[ask.demand.class_id]
        return city.school[group.school_code].hub_code or "", ask.demand.subject, group.grade

    asks = grouped(problem.asks, kind)
    free = [s for s in problem.board.sessions if s.lesson is None]
    sessions = grouped(free, lambda s: (s.hub_code, s.subject, s.grade))
    for key, alike in asks.items():
        for weeks in Weeks:
            kinds = {weeks} if weeks is Weeks.ALL else {weeks, Weeks.ALL}
            asking = [ask for ask in alike if ask.demand.weeks in kinds]
            giving = [s for s in sessions.get(key, ()) if s.weeks in kinds]
            needed = _sessions_for(problem, asking)
            if needed:
                model.cp.add(cp_model.LinearExpr.sum([model.on[s] for s in giving]) >= needed)
                if weeks is not Weeks.ALL:
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
