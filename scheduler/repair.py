"""The least change to a timetable when a teacher is ill or a room is down.

A class's lesson is *moved* when it is held at another day or period, *substituted* when another
teacher gives it at the same one. First as few lessons as possible are lost, then as few as possible
moved: that number is proven. Then few are substituted and the soft rules served, as far as the
limit goes. Nothing is changed here: a proposal is for somebody to accept.

The lessons that are hit are first placed among all others as they stand. Often that needs no more
moves than there are lessons which cannot stay where they are, so that nothing can be better; else
every lesson of that part of the city may move, and CP-SAT proves the minimum.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from ortools.sat.python import cp_model

from scheduler.board import Item, PlannedLink, PlannedSession, share_weeks
from scheduler.calendar import teaching_days
from scheduler.city import City, Reservation
from scheduler.diff import Change, diff
from scheduler.model import Demand, Lesson, Term, Weeks
from scheduler.rules import Rules
from scheduler.solver.model import build
from scheduler.solver.naming import Wish, name
from scheduler.solver.problem import Problem, parts_of, problems
from scheduler.solver.search import Outcome, Search, run
from scheduler.solver.solve import Shortfall
from scheduler.solver.why import why

_DAY = 24 * 60
_POLISH = 1.0  # of a search's limit, for what is not proven anyway
_SUBSTITUTION = 1000  # of a session, against what soft rules cost: few of them come first


@dataclass(frozen=True, slots=True)
class Outage:
    """A teacher or a room that cannot be had on some weekdays."""

    who: str
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    weeks: Weeks = Weeks.ALL
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WeekOutage:
    """An outage within one teaching week, and the dates its weekdays fall on."""

    week: int
    outage: Outage
    dates: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A repaired timetable and what it changes. `moved` and `lost` count class lessons a week."""

    lessons: tuple[Lesson, ...]
    changes: tuple[Change, ...]
    moved: int
    substituted: int
    lost: tuple[Shortfall, ...]
    proven: bool  # that no other change loses fewer, or as few and moves fewer
    seconds: float


def outages(
    term: Term, who: str, since: date, until: date, reason: str = ""
) -> tuple[WeekOutage, ...]:
    """An absence from one date to another, inclusive, as it falls on teaching weeks.

    Each is for the lessons held in that week (`held_in`); a make-up workday counts as the weekday
    whose timetable it runs.
    """
    found: defaultdict[int, list[tuple[date, int]]] = defaultdict(list)
    for day in teaching_days(term, since, until):
        found[day.week].append((day.day, day.weekday))
    return tuple(
        WeekOutage(
            week,
            Outage(who, tuple(sorted({weekday for _, weekday in days})), reason=reason),
            tuple(day for day, _ in days),
        )
        for week, days in sorted(found.items())
    )


def held_in(lessons: Iterable[Lesson], week: int) -> tuple[Lesson, ...]:
    """The lessons of one teaching week, as a plan for that week alone."""
    kind = Weeks.ODD if week % 2 else Weeks.EVEN
    return tuple(
        replace(lesson, weeks=Weeks.ALL) for lesson in lessons if share_weeks(lesson.weeks, kind)
    )


def repair(
    city: City,
    rules: Rules,
    lessons: Sequence[Lesson],
    out: Iterable[Outage],
    search: Search,
) -> Proposal:
    """The least change that the outages need. Rules that are broken already may stay so."""
    began = time.monotonic()
    without = _without(city, out)
    hit = [k for k in lessons if _is_out(without, (*_leads(k), *_helps(k)), k)]
    parts = parts_of(city, lessons)
    repaired: list[Lesson] = []
    lost: list[Shortfall] = []
    moved, proven = 0, True
    for part in sorted(set(parts.values())):
        own = [lesson for lesson in lessons if parts[lesson.hub_code] == part]
        hit_here = [lesson for lesson in hit if parts[lesson.hub_code] == part]
        if not hit_here:
            repaired += own
            continue
        found = _Repair(without, rules, own, hit_here, search)
        repaired += found.lessons
        lost += found.lost
        moved += found.moved
        proven = proven and found.proven
    return Proposal(
        lessons=tuple(repaired),
        changes=tuple(diff(city, lessons, repaired)),
        moved=moved,
        substituted=_substituted(lessons, repaired),
        lost=tuple(lost),
        proven=proven,
        seconds=time.monotonic() - began,
    )


def _without(city: City, out: Iterable[Outage]) -> City:
    taken = tuple(
        Reservation(outage.who, weekday, 0, _DAY, outage.weeks, outage.reason)
        for outage in out
        for weekday in outage.weekdays
    )
    return replace(city, reservations=(*city.reservations, *taken))


def _is_out(city: City, who: Iterable[str], lesson: Lesson) -> bool:
    return any(
        taken.weekday == lesson.weekday
        and taken.starts == 0
        and taken.ends == _DAY
        and share_weeks(taken.weeks, lesson.weeks)
        for each in who
        for taken in city.reserved_for.get(each, ())
    )


def _leads(lesson: Lesson) -> tuple[str, ...]:
    """Without any of these a lesson can't be held as it is."""
    return (lesson.lead_teacher_id, lesson.lead_room_id, *(r.room_id for r in lesson.receivers))


def _helps(lesson: Lesson) -> tuple[str, ...]:
    return tuple(r.assistant_id for r in lesson.receivers if r.assistant_id)


_Given = tuple[str, str, int, int]  # teacher, subject, weekday, period


def _given(at: Lesson | PlannedSession) -> _Given:
    teacher = at.lead_teacher_id if isinstance(at, Lesson) else at.teacher_id
    return (teacher, at.subject, at.weekday, at.period)


_Place = tuple[str, str, Weeks, int, int]  # class, subject, weeks, weekday, period


def _places(lessons: Iterable[Lesson]) -> dict[_Place, str]:
    """Where each class has its lessons → the teacher."""
    return {
        (r.class_id, lesson.subject, lesson.weeks, lesson.weekday, lesson.period): (
            lesson.lead_teacher_id
        )
        for lesson in lessons
        for r in lesson.receivers
    }


def _place(link: PlannedLink) -> _Place:
    at = link.session
    return (link.class_id, link.subject, link.weeks, at.weekday, at.period)


def _substituted(old: Iterable[Lesson], new: Iterable[Lesson]) -> int:
    now = _places(new)
    return sum(now.get(place, teacher) != teacher for place, teacher in _places(old).items())


def _demands(lessons: Iterable[Lesson]) -> tuple[Demand, ...]:
    wanted = Counter(
        (r.class_id, lesson.subject, lesson.weeks) for lesson in lessons for r in lesson.receivers
    )
    return tuple(
        Demand(class_id, subject, count, weeks)
        for (class_id, subject, weeks), count in wanted.items()
    )


class _Attempt:
    """One search for the least change: which lessons may move is the problem's to say."""

    def __init__(
        self, problem: Problem, where: Mapping[_Place, str], search: Search, beat: "_Attempt | None"
    ) -> None:
        self.problem, self._where, self._search = problem, where, search
        self._model = build(problem, may_miss=True)
        self._all = problem.lessons
        possible = [link for ask in problem.asks for link in ask.links]
        self._kept = [link for link in possible if _place(link) in where]
        held = beat.held if beat else set(where.items())
        self._hint({k for k in possible if (_place(k), k.session.teacher_id) in held})
        cp = self._model.cp
        self._lost = cp_model.LinearExpr.sum(self._model.missing)
        self._stay = cp_model.LinearExpr.sum([self._model.on[k] for k in self._kept])
        moved = self._all - self._lost - self._stay
        change = (self._all + 1) * self._lost + moved  # lost before moved
        if beat is not None:
            cp.add(change <= (self._all + 1) * beat.lost + beat.moved)
        cp.minimize(change)
        self.on: frozenset[Item] = frozenset()
        self.proven = self._run(search)

    @property
    def links(self) -> list[PlannedLink]:
        """What is held, locked lessons apart."""
        return [k for k in self.on if isinstance(k, PlannedLink) and k.lesson is None]

    @property
    def held(self) -> set[tuple[_Place, str]]:
        return {(_place(k), k.session.teacher_id) for k in self.on if isinstance(k, PlannedLink)}

    @property
    def missing(self) -> list[int]:
        """Lessons lost, of each ask."""
        return [ask.lessons - sum(k in self.on for k in ask.links) for ask in self.problem.asks]

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
        cp.add(self._stay >= self._all - self.lost - self.moved)
        other = [k for k in self._kept if self._where[_place(k)] != k.session.teacher_id]
        substituted = cp_model.LinearExpr.sum([self._model.on[k] for k in other])
        cp.clear_hints()  # type: ignore[no-untyped-call]  # has no annotations
        self._hint(self.on)
        cp.minimize(_SUBSTITUTION * substituted + self._model.objective)
        self._run(replace(self._search, limit=min(self._search.limit, _POLISH)))

    def _hint(self, on: Collection[Item]) -> None:
        sessions = {s for k in on if isinstance(k, PlannedLink) for s in k.sessions}
        for item, variable in self._model.on.items():
            self._model.cp.add_hint(variable, item in on or item in sessions)

    def _run(self, search: Search) -> bool:
        found = run(self._model.cp, self._model.on, search)
        if found.on:
            self.on = found.on
        return found.outcome is Outcome.OPTIMAL


class _Standing:
    """Says of an item that could be planned whether it was there before, and may stay."""

    def __init__(self, city: City, lessons: Iterable[Lesson]) -> None:
        lessons = tuple(lessons)
        self._links = set(_places(lessons).items())
        self._sessions = {
            (_given(lesson), city.class_group[receiver.class_id].grade, weeks)
            for lesson in lessons
            for receiver in lesson.receivers
            for weeks in (Weeks if lesson.weeks is Weeks.ALL else (lesson.weeks,))
        }

    def __call__(self, item: Item) -> bool:
        if isinstance(item, PlannedLink):
            return (_place(item), item.session.teacher_id) in self._links
        return (_given(item), item.grade, item.weeks) in self._sessions


class _Repair:
    """The repair of one part of the city."""

    def __init__(
        self,
        city: City,
        rules: Rules,
        lessons: Sequence[Lesson],
        hit: Sequence[Lesson],
        search: Search,
    ) -> None:
        self._city, self._rules, self._search = city, rules, search
        self._old, self._hit = lessons, hit
        self._where = _places(lessons)
        ids = {lesson.id for lesson in hit}
        rest = [lesson for lesson in lessons if lesson.id not in ids]
        near = self._attempt(hit, rest)
        best, self.proven = near, near.lost + near.moved == self._must_change(near.problem)
        if not self.proven:
            far = self._attempt(lessons, [], near)
            self.proven = far.proven
            if far.on and (far.lost, far.moved) < (near.lost, near.moved):
                best = far
        best.polish()
        self.moved = best.moved
        self.lessons = self._named(best, rest if best is near else [])
        self.lost = self._shortfalls(best)

    def _attempt(
        self, free: Sequence[Lesson], locked: Sequence[Lesson], beat: _Attempt | None = None
    ) -> _Attempt:
        city = replace(self._city, demands=_demands([*free, *locked]))
        stands = _Standing(city, [k for k in free if not _is_out(city, _leads(k), k)])
        found = problems(city, self._rules, locked, stands=stands)
        [problem] = [p for p in found if p.asks]
        return _Attempt(problem, self._where, self._search, beat)

    def _must_change(self, problem: Problem) -> int:
        """Class lessons that can't stay at their time, whoever gives them: a lower bound."""
        possible = {_place(link) for ask in problem.asks for link in ask.links}
        return sum(place not in possible for place in _places(self._hit))

    def _named(self, found: _Attempt, locked: Sequence[Lesson]) -> tuple[Lesson, ...]:
        """Lessons with rooms: what did not change keeps its own, if the others find theirs."""
        wishes = [wish for lesson in self._old for wish in _wishes(lesson)]
        same = self._unchanged(found.on)
        kept = [k for k in self._old if _given(k) in same or k in locked]
        changed = [k for k in found.links if _given(k.session) not in same]
        named = name(self._city, self._rules, changed, kept, wishes)
        if named is None:  # the rooms of the others must give way
            named = name(self._city, self._rules, found.on, locked, wishes)
        assert named is not None, "the model counts the rooms that locked lessons leave"
        return named

    def _unchanged(self, on: Collection[Item]) -> set[_Given]:
        """What is given by the same teacher, at the same time, to the same classes as before."""
        was: defaultdict[_Given, set[tuple[str, Weeks]]] = defaultdict(set)
        now: defaultdict[_Given, set[tuple[str, Weeks]]] = defaultdict(set)
        for lesson in self._old:
            was[_given(lesson)] |= {(r.class_id, lesson.weeks) for r in lesson.receivers}
        for link in on:
            if isinstance(link, PlannedLink):
                now[_given(link.session)].add((link.class_id, link.weeks))
        hit = {_given(lesson) for lesson in self._hit}
        return {given for given, joining in was.items() if joining == now[given]} - hit

    def _shortfalls(self, best: _Attempt) -> list[Shortfall]:
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


def _wishes(lesson: Lesson) -> Iterable[Wish]:
    at = (lesson.weekday, lesson.period)
    yield Wish(lesson.lead_teacher_id, *at, lesson.lead_room_id)
    for receiver in lesson.receivers:
        yield Wish(receiver.class_id, *at, receiver.room_id)
        if receiver.assistant_id is not None:
            yield Wish(f"{receiver.class_id}/assistant", *at, receiver.assistant_id)
