"""The search for the least change to lessons of one part of the city.

Every lesson may stay, go to another teacher at its time, move, or be lost. The search goes in
steps, each of which may end it:

- `near`: only the lessons hit may move, among all others as they stand. Often this loses and moves
  no more than cannot be helped: lessons for which nobody has time at their own time.
- `still`: nothing may move. Rules only limit what is held together, so leaving lessons out never
  breaks one; so, however many then find no place at their own time, as many are moved or lost in
  any repair.
- `next`: the lessons hit, and those that `still` left out, may move, and others change teachers,
  such that exactly that many are moved.
- `far`: every lesson may move, and CP-SAT proves the minimum.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ortools.sat.python import cp_model

from scheduler.board import Board, Item, PlannedLink, PlannedSession
from scheduler.city import City
from scheduler.model import Demand, Lesson, Weeks
from scheduler.rules import Rules
from scheduler.solver.model import build
from scheduler.solver.naming import Wish, name
from scheduler.solver.problem import Ask, Problem, Stands, problems
from scheduler.solver.search import Outcome, Search, run
from scheduler.solver.solve import Shortfall
from scheduler.solver.why import why

_POLISH = 2.0  # of a search's limit, for what is not proven anyway
_SUBSTITUTION = 1000  # of a class lesson, against what soft rules cost: few of them come first

Amount = cp_model.LinearExpr | int
Place = tuple[str, str, Weeks, int, int]  # class, subject, weeks, weekday, period
Given = tuple[str, str, int, int]  # teacher, subject, weekday, period


def places(lessons: Iterable[Lesson]) -> dict[Place, str]:
    """Where each class has its lessons → the teacher."""
    return {
        (r.class_id, lesson.subject, lesson.weeks, lesson.weekday, lesson.period): (
            lesson.lead_teacher_id
        )
        for lesson in lessons
        for r in lesson.receivers
    }


class LeastChange:
    """Lessons after the least change, and what is proven of it.

    `hit` cannot be held as they are; those of them in `helped` lack an assistant only. `city` says
    by its reservations what cannot be had. Raises NoRooms.
    """

    lessons: tuple[Lesson, ...]
    lost: list[Shortfall]
    moved: int
    proven: bool

    def __init__(
        self,
        city: City,
        rules: Rules,
        lessons: Sequence[Lesson],
        hit: Collection[Lesson],
        helped: Collection[Lesson],
        search: Search,
    ) -> None:
        self._rules, self._search = rules, search
        self._old, self._hit = lessons, hit
        self._city = replace(city, demands=_demands(lessons))
        self._where = places(lessons)
        out = {lesson.id for lesson in hit} - {lesson.id for lesson in helped}
        staying = [lesson for lesson in lessons if lesson.id not in out]
        best = self._least(staying, [k for k in lessons if k not in hit])
        best.polish()
        self.moved = best.moved
        self.lessons = self._named(best)
        self.lost = self._shortfalls(best)

    def _least(self, staying: Sequence[Lesson], others: Sequence[Lesson]) -> "_Attempt":
        place = self._where

        def stays(link: PlannedLink) -> bool:
            return _place(link) in place

        helped = [k for k in staying if k not in others]
        near = self._attempt(self._problem(others, _Standing(self._city, helped)))
        lost = sum(_surely_lost(ask) for ask in near.problem.asks)
        possible = {_place(k) for ask in near.problem.asks for k in ask.links}
        must = sum(at not in possible for at in places(self._hit))
        self.proven = near.change == (lost, max(0, must - lost))
        if self.proven:
            return near
        whole = self._whole(staying)
        still = self._attempt(_only(whole, stays), hint=near)
        must = max(must, still.lost) if still.proven else must
        self.proven = near.change == (lost, max(0, must - lost))
        if self.proven:
            return near
        free = still.short | {(r.class_id, k.subject) for k in self._hit for r in k.receivers}
        after = self._attempt(
            _only(whole, lambda k: stays(k) or (k.class_id, k.subject) in free),
            hint=still,
            exactly=(lost, max(0, must - lost)),
        )
        self.proven = bool(after.on)
        if self.proven:
            return after
        far = self._attempt(whole, hint=near, beat=near, at_least=must)
        self.proven = far.proven
        return far if far.on and far.change < near.change else near

    def _attempt(
        self,
        problem: Problem,
        *,
        hint: "_Attempt | None" = None,
        exactly: tuple[int, int] | None = None,
        beat: "_Attempt | None" = None,
        at_least: int = 0,
    ) -> "_Attempt":
        attempt = _Attempt(problem, self._where, self._search, hint)
        if exactly is not None:
            attempt.reach(*exactly)
        else:
            attempt.minimize(beat, at_least)
        return attempt

    def _problem(self, locked: Sequence[Lesson], stands: Stands) -> Problem:
        found = problems(self._city, self._rules, locked, stands=stands)
        [problem] = [p for p in found if p.asks or p.locked]
        return problem

    def _whole(self, staying: Sequence[Lesson]) -> Problem:
        """Every lesson with all its possibilities; locked where its own place is none of them, as
        when it comes from another school's hub."""
        stands = _Standing(self._city, staying)
        locked: list[Lesson] = []
        while True:
            problem = self._problem(locked, stands)
            known = {_held(k) for ask in problem.asks for k in ask.links}
            odd = [
                lesson
                for lesson in staying
                if lesson not in locked and not known.issuperset(places([lesson]).items())
            ]
            if not odd:
                return problem
            locked += odd

    def _named(self, found: "_Attempt") -> tuple[Lesson, ...]:
        """Lessons with rooms: what did not change keeps its own, if the others find theirs."""
        locked = found.problem.locked
        wishes = [wish for lesson in self._old for wish in _wishes(lesson)]
        same = self._unchanged(found.on)
        kept = [k for k in self._old if _given(k) in same or k in locked]
        changed = [k for k in found.links if _given(k.session) not in same]
        named = name(self._city, self._rules, changed, kept, wishes)
        if named is None:  # the rooms of the others must give way
            named = name(self._city, self._rules, found.on, locked, wishes)
        if named is None:
            raise NoRooms
        return named

    def _unchanged(self, on: Collection[Item]) -> set[Given]:
        """What is given by the same teacher, at the same time, to the same classes as before."""
        was: defaultdict[Given, set[tuple[str, Weeks]]] = defaultdict(set)
        now: defaultdict[Given, set[tuple[str, Weeks]]] = defaultdict(set)
        for lesson in self._old:
            was[_given(lesson)] |= {(r.class_id, lesson.weeks) for r in lesson.receivers}
        for link in on:
            if isinstance(link, PlannedLink):
                now[_given(link.session)].add((link.class_id, link.weeks))
        hit = {_given(lesson) for lesson in self._hit}
        return {given for given, joining in was.items() if joining == now[given]} - hit

    def _shortfalls(self, best: "_Attempt") -> list[Shortfall]:
        asks, missing = best.problem.asks, best.missing
        held = {n: ask.lessons - missing[n] for n, ask in enumerate(asks)}
        return [
            Shortfall(
                asks[n].demand,
                short,
                why(self._city, best.problem, {**held, n: held[n] + 1}, must=n),
            )
            for n, short in enumerate(missing)
            if short
        ]


class NoRooms(Exception):
    """Lessons that broke rules about rooms before leave no room to one of the others: mend those
    first."""


class _Attempt:
    """One search for the least change: which lessons may move is the problem's to say."""

    def __init__(
        self,
        problem: Problem,
        where: Mapping[Place, str],
        search: Search,
        hint: "_Attempt | None",
    ) -> None:
        self.problem, self._where, self._search = problem, where, search
        self._model = build(problem, may_miss=True)
        self._all = problem.lessons
        possible = [link for ask in problem.asks for link in ask.links]
        self._kept = [link for link in possible if _place(link) in where]
        self._lost = cp_model.LinearExpr.sum(self._model.missing)
        stay = cp_model.LinearExpr.sum([self._model.on[k] for k in self._kept])
        self._moved = self._all - self._lost - stay
        other = [k for k in self._kept if where[_place(k)] != k.session.teacher_id]
        self._substituted = cp_model.LinearExpr.sum([self._model.on[k] for k in other])
        self._model.cp.add(self._moved >= 0)
        held = hint.held if hint else set(where.items())
        self._hint({k for k in (*possible, *problem.board.links) if _held(k) in held})
        self.on: frozenset[Item] = frozenset()
        self.proven = False

    def minimize(self, beat: "_Attempt | None", at_least: int) -> None:
        """As few lost, then as few moved as can be; no worse than another, no better than proven
        impossible."""
        change = self._change(self._lost, self._moved)
        if beat is not None:
            self._model.cp.add(change <= self._change(beat.lost, beat.moved))
        self._model.cp.add(self._lost + self._moved >= at_least)
        self._model.cp.minimize(change)
        self.proven = self._run(self._search)

    def _change(self, lost: Amount, moved: Amount) -> Amount:
        return (self._all + 1) * lost + moved

    def reach(self, lost: int, moved: int) -> None:
        """Exactly so many lost and moved, if that can be."""
        self._model.cp.add(self._lost == lost)
        self._model.cp.add(self._moved == moved)
        self._model.cp.minimize(self._substituted)
        self._run(self._search)

    @property
    def change(self) -> tuple[int, int]:
        return self.lost, self.moved

    @property
    def links(self) -> list[PlannedLink]:
        """What is held, locked lessons apart."""
        return [k for k in self.on if isinstance(k, PlannedLink) and k.lesson is None]

    @property
    def held(self) -> set[tuple[Place, str]]:
        return {_held(k) for k in self.on if isinstance(k, PlannedLink)}

    @property
    def missing(self) -> list[int]:
        """Lessons lost, of each ask."""
        return [ask.lessons - sum(k in self.on for k in ask.links) for ask in self.problem.asks]

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
        return self._all - self.lost - sum(k in self.on for k in self._kept)

    def polish(self) -> None:
        """With no more lost or moved: few substitutions, then the soft rules."""
        cp = self._model.cp
        cp.add(self._lost <= self.lost)
        cp.add(self._moved <= self.moved)
        self._hint(self.on)
        cp.minimize(_SUBSTITUTION * self._substituted + self._model.objective)
        self._run(replace(self._search, limit=min(self._search.limit, _POLISH)))

    def _hint(self, on: Collection[Item]) -> None:
        self._model.cp.clear_hints()  # type: ignore[no-untyped-call]  # has no annotations
        sessions = {s for k in on if isinstance(k, PlannedLink) for s in k.sessions}
        for item, variable in self._model.on.items():
            self._model.cp.add_hint(variable, item in on or item in sessions)

    def _run(self, search: Search) -> bool:
        found = run(self._model.cp, self._model.on, search)
        if found.outcome in (Outcome.OPTIMAL, Outcome.FEASIBLE):
            self.on = found.on
        return found.outcome is Outcome.OPTIMAL


class _Standing:
    """Says of an item that could be planned whether it was there before, and may stay."""

    def __init__(self, city: City, lessons: Iterable[Lesson]) -> None:
        lessons = tuple(lessons)
        self._links = set(places(lessons).items())
        self._sessions = {
            (_given(lesson), city.class_group[receiver.class_id].grade, weeks)
            for lesson in lessons
            for receiver in lesson.receivers
            for weeks in (Weeks if lesson.weeks is Weeks.ALL else (lesson.weeks,))
        }

    def __call__(self, item: Item) -> bool:
        if isinstance(item, PlannedLink):
            return _held(item) in self._links
        return (_given(item), item.grade, item.weeks) in self._sessions


def _only(problem: Problem, allowed: Callable[[PlannedLink], bool]) -> Problem:
    """The problem with fewer possibilities."""
    links = [k for k in problem.board.links if k.lesson is not None or allowed(k)]
    listed = set(links)
    used = {session for link in links for session in link.sessions}
    sessions = [s for s in problem.board.sessions if s.lesson is not None or s in used]
    return replace(
        problem,
        board=Board(problem.board.city, tuple(sessions), tuple(links)),
        asks=tuple(
            replace(ask, links=tuple(k for k in ask.links if k in listed)) for ask in problem.asks
        ),
    )


def _surely_lost(ask: Ask) -> int:
    """Lessons for which there is no time at all, each taking a time of its own."""
    return max(0, ask.lessons - len({_place(k) for k in ask.links}))


def _demands(lessons: Iterable[Lesson]) -> tuple[Demand, ...]:
    wanted = Counter(
        (r.class_id, lesson.subject, lesson.weeks) for lesson in lessons for r in lesson.receivers
    )
    return tuple(
        Demand(class_id, subject, count, weeks)
        for (class_id, subject, weeks), count in wanted.items()
    )


def _given(at: Lesson | PlannedSession) -> Given:
    teacher = at.lead_teacher_id if isinstance(at, Lesson) else at.teacher_id
    return (teacher, at.subject, at.weekday, at.period)


def _place(link: PlannedLink) -> Place:
    at = link.session
    return (link.class_id, link.subject, link.weeks, at.weekday, at.period)


def _held(link: PlannedLink) -> tuple[Place, str]:
    return _place(link), link.session.teacher_id


def _wishes(lesson: Lesson) -> Iterable[Wish]:
    at = (lesson.weekday, lesson.period)
    yield Wish(lesson.lead_teacher_id, *at, lesson.lead_room_id)
    for receiver in lesson.receivers:
        yield Wish(receiver.class_id, *at, receiver.room_id)
        if receiver.assistant_id is not None:
            yield Wish(f"{receiver.class_id}/assistant", *at, receiver.assistant_id)
