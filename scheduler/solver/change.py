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
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from scheduler.board import PlannedDuty, PlannedLink
from scheduler.city import City
from scheduler.model import Demand, Lesson, Weeks
from scheduler.rules import Rules
from scheduler.solver.attempt import Attempt, Standing, only, place, places
from scheduler.solver.naming import Wish, name
from scheduler.solver.part import Shortfall
from scheduler.solver.problem import Ask, Problem, Stands, problems
from scheduler.solver.search import Search
from scheduler.solver.sharing import Shared, share
from scheduler.solver.why import why

Given = tuple[str, str, int, int]  # teacher, subject, weekday, period


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

    def _least(self, staying: Sequence[Lesson], others: Sequence[Lesson]) -> Attempt:
        helped = [k for k in staying if k not in others]
        near = self._attempt(self._problem(others, Standing.lessons(self._city, helped)))
        near.minimize()
        lost = sum(_surely_lost(ask) for ask in near.problem.asks)
        possible = {place(k) for ask in near.problem.asks for k in ask.links}
        must = sum(at not in possible for at in places(self._hit))
        self.proven = near.change == (lost, max(0, must - lost))
        if self.proven:
            return near

        def stays(link: PlannedLink) -> bool:
            return place(link) in self._where

        whole = self._whole(staying)
        still = self._attempt(only(whole, stays), hint=near)
        still.minimize()
        must = max(must, still.lost) if still.proven else must
        self.proven = near.change == (lost, max(0, must - lost))
        if self.proven:
            return near
        free = still.short | {(r.class_id, k.subject) for k in self._hit for r in k.receivers}
        after = self._attempt(
            only(whole, lambda k: stays(k) or (k.class_id, k.subject) in free), hint=still
        )
        after.reach(lost, max(0, must - lost))
        self.proven = bool(after.held)
        if self.proven:
            return after
        far = self._attempt(whole, hint=near)
        far.minimize(beat=near, at_least=must)
        self.proven = far.proven
        return far if far.held and far.change < near.change else near

    def _attempt(self, problem: Problem, hint: Attempt | None = None) -> Attempt:
        return Attempt(problem, self._old, self._search, hint)

    def _problem(self, locked: Sequence[Lesson], stands: Stands) -> Problem:
        held = frozenset((r.class_id, k.weekday, k.period) for k in self._old for r in k.receivers)
        found = problems(self._city, self._rules, locked, stands=stands, held=held)
        [problem] = [p for p in found if p.asks or p.locked]
        return problem

    def _whole(self, staying: Sequence[Lesson]) -> Problem:
        """Every lesson with all its possibilities; locked where its own place is none of them, as
        when it comes from another school's hub."""
        stands = Standing.lessons(self._city, staying)
        locked: list[Lesson] = []
        while True:
            problem = self._problem(locked, stands)
            known = {place(k) for ask in problem.asks for k in ask.links}
            leading = {_given(duty) for duty in problem.board.duties}
            odd = [
                lesson
                for lesson in staying
                if lesson not in locked
                and not (known.issuperset(places([lesson])) and _given(lesson) in leading)
            ]
            if not odd:
                return problem
            locked += odd

    def _named(self, found: Attempt) -> tuple[Lesson, ...]:
        """Lessons with rooms: what did not change keeps its own, if the others find theirs."""
        locked = found.problem.locked
        wishes = [wish for lesson in self._old for wish in _wishes(lesson)]
        had = {(c, subject, day, at): who for (c, subject, _, day, at), who in self._where.items()}
        shared = share(found.held, self._rules.interactive_receivers, had)
        same = self._unchanged(shared)
        kept = [k for k in self._old if _given(k) in same or k in locked]
        changed = [one for one in shared if _led(one) not in same]
        named = name(self._city, self._rules, changed, kept, wishes)
        if named is None:  # the rooms of the others must give way
            named = name(self._city, self._rules, shared, locked, wishes)
        if named is None:
            raise NoRooms
        return named

    def _unchanged(self, shared: Iterable[Shared]) -> set[Given]:
        """What is given by the same teacher, at the same time, to the same classes as before."""
        was: defaultdict[Given, set[tuple[str, Weeks]]] = defaultdict(set)
        now: defaultdict[Given, set[tuple[str, Weeks]]] = defaultdict(set)
        for lesson in self._old:
            was[_given(lesson)] |= {(r.class_id, lesson.weeks) for r in lesson.receivers}
        for one in shared:
            now[_led(one)] |= {(link.class_id, link.weeks) for link in one.links}
        hit = {_given(lesson) for lesson in self._hit}
        return {given for given, joining in was.items() if joining == now[given]} - hit

    def _shortfalls(self, best: Attempt) -> list[Shortfall]:
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


def _surely_lost(ask: Ask) -> int:
    """Lessons for which there is no time at all, each taking a time of its own."""
    return max(0, ask.lessons - len({place(k) for k in ask.links}))


def _demands(lessons: Iterable[Lesson]) -> tuple[Demand, ...]:
    wanted = Counter(
        (r.class_id, lesson.subject, lesson.weeks) for lesson in lessons for r in lesson.receivers
    )
    return tuple(
        Demand(class_id, subject, count, weeks)
        for (class_id, subject, weeks), count in wanted.items()
    )


def _given(at: Lesson | PlannedDuty) -> Given:
    teacher = at.lead_teacher_id if isinstance(at, Lesson) else at.teacher_id
    return (teacher, at.subject, at.weekday, at.period)


def _led(one: Shared) -> Given:
    return (one.teacher_id, one.of.subject, one.of.weekday, one.of.period)


def _wishes(lesson: Lesson) -> Iterable[Wish]:
    at = (lesson.weekday, lesson.period)
    yield Wish(lesson.lead_teacher_id, *at, lesson.lead_room_id)
    for receiver in lesson.receivers:
        yield Wish(receiver.class_id, *at, receiver.room_id)
        if receiver.assistant_id is not None:
            yield Wish(f"{receiver.class_id}/assistant", *at, receiver.assistant_id)
