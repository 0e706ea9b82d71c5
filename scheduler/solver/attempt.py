"""One search for the least change: a problem says which lessons may move, and where to."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ortools.sat.python import cp_model

from scheduler.board import Board, Item, PlannedDuty, PlannedLink
from scheduler.city import City
from scheduler.model import Lesson, Weeks
from scheduler.solver.model import Held, build
from scheduler.solver.problem import Problem, when
from scheduler.solver.search import Outcome, Search, run

POLISH = 0.5  # of a search's limit, for what is not proven anyway
_SUBSTITUTION = 1000  # of a class lesson, against what soft rules cost: few of them come first

Place = tuple[str, str, Weeks, int, int]  # class, subject, weeks, weekday, period
_Key = tuple[str, str, Weeks, int, int, int | None]  # what an item is, in whichever problem


def places(lessons: Iterable[Lesson]) -> dict[Place, str]:
    """Where each class has its lessons → the teacher."""
    return {
        (r.class_id, lesson.subject, lesson.weeks, lesson.weekday, lesson.period): (
            lesson.lead_teacher_id
        )
        for lesson in lessons
        for r in lesson.receivers
    }


def place(link: PlannedLink) -> Place:
    at = link.session
    return (link.class_id, link.subject, link.weeks, at.weekday, at.period)


class Standing:
    """Says of an item that could be planned how many of it there were before, and may stay."""

    def __init__(self, count: Mapping[_Key, int]) -> None:
        self._count = count

    @classmethod
    def lessons(cls, city: City, lessons: Iterable[Lesson]) -> "Standing":
        count = Counter[_Key]()
        for lesson in lessons:
            at = (lesson.subject, lesson.weeks, lesson.weekday, lesson.period)
            for grade in {city.class_group[r.class_id].grade for r in lesson.receivers}:
                count[lesson.lead_teacher_id, *at, None] += 1  # of two grades: in two at once
                count[lesson.hub_code, *at, grade] += 1
            for receiver in lesson.receivers:
                count[receiver.class_id, *at, None] = 1
        return cls(count)

    @classmethod
    def of(cls, held: Held) -> "Standing":
        return cls({_key(item): n for item, n in held.items()})

    def __call__(self, item: Item) -> int:
        return self._count.get(_key(item), 0)


class Attempt:
    """As few lessons lost, then as few moved as can be, of what a problem lets move.

    `was` are all lessons before the change, and where the search begins unless `hint` has come
    further.
    """

    def __init__(
        self,
        problem: Problem,
        was: Iterable[Lesson],
        search: Search,
        hint: "Attempt | None" = None,
    ) -> None:
        was = tuple(was)
        self.problem, self._search = problem, search
        self._model = build(problem, may_miss=True)
        self._all = problem.lessons
        self.held: Held = {}
        self.proven = False
        where = places(was)
        possible = [link for ask in problem.asks for link in ask.links]
        self._stay = [link for link in possible if place(link) in where]
        self._lost = cp_model.LinearExpr.sum(self._model.missing)
        stay = cp_model.LinearExpr.sum([self._model.on[k] for k in self._stay])
        self._moved = self._all - self._lost - stay
        self._model.cp.add(self._moved >= 0)
        led = Counter[tuple[str, str, int, int]]()
        for lesson in was:
            at = (lesson.lead_teacher_id, lesson.subject, lesson.weekday, lesson.period)
            led[at] += len(lesson.receivers)
        self._leading = [
            (led[d.teacher_id, d.subject, d.weekday, d.period], self._model.on[d])
            for d in problem.board.duties
            if (d.teacher_id, d.subject, d.weekday, d.period) in led
        ]
        begin = hint.standing if hint is not None else Standing.lessons(problem.board.city, was)
        self._model.hint({item: n for item in self._model.on if (n := begin(item))})

    def minimize(self, beat: "Attempt | None" = None, at_least: int = 0) -> None:
        """No worse than another, no better than proven impossible."""
        change = (self._all + 1) * self._lost + self._moved
        if beat is not None:
            self._model.cp.add(change <= (self._all + 1) * beat.lost + beat.moved)
        self._model.cp.add(self._lost + self._moved >= at_least)
        self._model.cp.minimize(change)
        self.proven = self._run(self._search)

    def reach(self, lost: int, moved: int) -> None:
        """Exactly so many lost and moved, if that can be."""
        self._model.cp.add(self._lost == lost)
        self._model.cp.add(self._moved == moved)
        self._run(self._search, any_will_do=True)

    def polish(self) -> None:
        """With no more lost or moved: few substitutions, then the soft rules."""
        cp = self._model.cp
        cp.add(self._lost <= self.lost)
        cp.add(self._moved <= self.moved)
        self._model.hint(self.held)
        kept = cp_model.LinearExpr.weighted_sum(
            [on for _, on in self._leading], [classes for classes, _ in self._leading]
        )
        cp.minimize(self._model.objective - _SUBSTITUTION * kept)
        self._run(replace(self._search, limit=min(self._search.limit, POLISH)))

    @property
    def change(self) -> tuple[int, int]:
        return self.lost, self.moved

    @property
    def missing(self) -> list[int]:
        """Lessons lost, of each ask."""
        return [ask.lessons - sum(k in self.held for k in ask.links) for ask in self.problem.asks]

    @property
    def short(self) -> set[tuple[str, str]]:
        """Class and subject of the asks with lessons lost."""
        asks = zip(self.problem.asks, self.missing, strict=True)
        return {(ask.demand.class_id, ask.demand.subject) for ask, lost in asks if lost}

    @property
    def lost(self) -> int:
        return sum(self.missing)

    @property
    def moved(self) -> int:
        return self._all - self.lost - sum(k in self.held for k in self._stay)

    @property
    def standing(self) -> "Standing":
        """What is held, as it can be known again in another problem."""
        return Standing.of(self.held)

    def _run(self, search: Search, *, any_will_do: bool = False) -> bool:
        found = run(self._model.cp, self._model.on, search, any_will_do=any_will_do)
        if found.outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE):
            self.held = found.held
        return found.outcome is Outcome.OPTIMAL


def only(problem: Problem, allowed: Callable[[PlannedLink], bool]) -> Problem:
    """The problem with fewer possibilities."""
    links = [k for k in problem.board.links if k.lesson is not None or allowed(k)]
    listed = set(links)
    used = {session for link in links for session in link.sessions}
    wanted = {when(session) for session in used}
    return replace(
        problem,
        board=Board(
            problem.board.city,
            tuple(s for s in problem.board.sessions if s.lesson is not None or s in used),
            tuple(links),
            tuple(d for d in problem.board.duties if when(d) in wanted),
        ),
        asks=tuple(
            replace(ask, links=tuple(k for k in ask.links if k in listed)) for ask in problem.asks
        ),
    )


def _key(item: Item) -> _Key:
    if isinstance(item, PlannedLink):
        return (*place(item), None)
    at = (item.subject, item.weeks, item.weekday, item.period)
    if isinstance(item, PlannedDuty):
        return (item.teacher_id, *at, None)
    return (item.hub_code, *at, item.grade)
