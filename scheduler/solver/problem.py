"""What could be planned: every session and link that the demands and the bells allow."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from scheduler.board import (
    Board,
    Item,
    PlannedDuty,
    PlannedLink,
    PlannedSession,
    grouped,
    lay_out,
)
from scheduler.city import City, minutes
from scheduler.model import Demand, Lesson, Weeks
from scheduler.rules import RULES
from scheduler.rules.rule import HARD, Limit, Rules

TEACHING_DAYS = range(1, 6)  # a make-up workday runs one of these


@dataclass(frozen=True)
class Ask:
    """A demand, less what locked lessons already give of it, and the links that could serve it."""

    demand: Demand
    lessons: int  # a week
    links: tuple[PlannedLink, ...]


@dataclass(frozen=True)
class Problem:
    """One part of the city that nothing couples to the rest: a hub, or hubs that share a school."""

    code: str  # of the first of its schools
    board: Board  # what could be planned, and the locked lessons
    asks: tuple[Ask, ...]
    rules: Rules
    stands: "Stands | None" = None  # what is planned already, and breaks no rule by staying
    held: "Held" = frozenset()

    @property
    def name(self) -> str:
        """Its hub's, for people."""
        return self.board.city.school[self.code].short_name

    def narrowed(self, demands: Sequence[Demand]) -> "Problem":
        """The problem of fewer demands, with all that rules forbid still listed."""
        return _problem(
            self.board.city,
            self.rules,
            self.code,
            demands,
            self.locked,
            pruned=False,
            stands=self.stands,
            held=self.held,
        )

    @property
    def locked(self) -> tuple[Lesson, ...]:
        return tuple(s.lesson for s in self.board.sessions if s.lesson is not None)

    @property
    def lessons(self) -> int:
        """Class lessons asked for in a week, locked ones not counted."""
        return sum(ask.lessons for ask in self.asks)


Stands = Callable[[Item], int]  # how many of an item are planned already
#: Class, weekday, period of the hub: where lessons are held now, and so may be though the period is
#: one that is given by hand only.
Held = frozenset[tuple[str, int, int]]


def problems(
    city: City,
    rules: Rules,
    locked: Iterable[Lesson] = (),
    *,
    stands: Stands | None = None,
    held: Held = frozenset(),
) -> list[Problem]:
    """The city in parts that can be solved one by one without losing anything.

    What a hard rule forbids outright is not listed, unless it `stands`: a repair starts from
    lessons that may break rules already, and must not call that a reason to move them.
    """
    locked = tuple(locked)
    parts = parts_of(city, locked)
    demands: defaultdict[str, list[Demand]] = defaultdict(list)
    for demand in city.demands:
        demands[parts[city.class_group[demand.class_id].school_code]].append(demand)
    lessons: defaultdict[str, list[Lesson]] = defaultdict(list)
    for lesson in locked:
        lessons[parts[lesson.hub_code]].append(lesson)
    return [
        _problem(
            city, rules, part, demands[part], lessons[part], pruned=True, stands=stands, held=held
        )
        for part in sorted({*demands, *lessons})
    ]


def parts_of(city: City, locked: Sequence[Lesson]) -> dict[str, str]:
    """School → the first school of its part: schools joined by their hub or a locked lesson."""
    joined = {code: code for code in city.school}

    def root(code: str) -> str:
        while joined[code] != code:
            code = joined[code]
        return code

    pairs = [(s.code, s.hub_code) for s in city.schools if s.hub_code is not None]
    pairs += [
        (lesson.hub_code, city.class_group[receiver.class_id].school_code)
        for lesson in locked
        for receiver in lesson.receivers
    ]
    for one, other in pairs:
        first, second = sorted((root(one), root(other)))
        joined[second] = first
    return {code: root(code) for code in city.school}


def _problem(
    city: City,
    rules: Rules,
    part: str,
    demands: Sequence[Demand],
    locked: Sequence[Lesson],
    *,
    pruned: bool,
    stands: Stands | None,
    held: Held,
) -> Problem:
    fixed = lay_out(city, locked)
    asked = [(demand, count) for demand, count in _still_asked(demands, fixed.links) if count]
    possible = _Possible(city, [demand for demand, _ in asked], held)
    board = Board(
        city,
        (*fixed.sessions, *possible.sessions),
        (*fixed.links, *(link for links in possible.links for link in links)),
        possible.duties,
    )
    out = _forbidden(board, rules, stands) if pruned else set()
    kept = _possible(board, out)
    asks = tuple(
        Ask(demand, count, tuple(kept[link] for link in links if link in kept))
        for (demand, count), links in zip(asked, possible.links, strict=True)
    )
    sessions = {session for link in kept.values() for session in link.sessions}
    needed = {when(session) for session in sessions}
    left = Board(
        city,
        tuple(s for s in board.sessions if s.lesson is not None or s in sessions),
        tuple(kept.values()),
        tuple(d for d in board.duties if d not in out and when(d) in needed),
    )
    return Problem(part, left, asks, rules, stands, held)


def _still_asked(
    demands: Sequence[Demand], fixed: Sequence[PlannedLink]
) -> list[tuple[Demand, int]]:
    """What locked lessons leave of each demand: each serves a demand of its very weeks first."""
    left = [d.lessons_per_week for d in demands]
    for link in fixed:
        serves = [
            n
            for n, d in enumerate(demands)
            if left[n]
            and (d.class_id, d.subject) == (link.class_id, link.subject)
            and (d.weeks is link.weeks or link.weeks is Weeks.ALL)
        ]
        if serves:
            left[min(serves, key=lambda n: demands[n].weeks is not link.weeks)] -= 1
    return list(zip(demands, left, strict=True))


class _Possible:
    """What could be planned for some demands, before any rule is looked at."""

    def __init__(self, city: City, demands: Sequence[Demand], held: Held) -> None:
        self._city, self._held = city, held
        self._sessions: dict[tuple[str, str, int, int, int, Weeks], PlannedSession] = {}
        self._duties: dict[tuple[str, str, int, int, Weeks], PlannedDuty] = {}
        self._able = grouped(
            ((t, subject) for t in city.teachers for subject in t.subjects),
            lambda found: (found[0].school_code, found[1]),
        )
        kinds: defaultdict[tuple[str | None, str, int], set[Weeks]] = defaultdict(set)
        for demand in demands:
            group = city.class_group[demand.class_id]
            hub = city.school[group.school_code].hub_code
            kinds[hub, demand.subject, group.grade].add(demand.weeks)
        self._kinds = kinds
        self.links = [list(self._links(demand)) for demand in demands]

    @property
    def sessions(self) -> tuple[PlannedSession, ...]:
        return tuple(self._sessions.values())

    @property
    def duties(self) -> tuple[PlannedDuty, ...]:
        return tuple(self._duties.values())

    def _links(self, demand: Demand) -> Iterator[PlannedLink]:
        city = self._city
        group = city.class_group[demand.class_id]
        hub = city.school[group.school_code].hub_code
        if hub is None or (hub, demand.subject) not in self._able:
            return
        kinds = [
            weeks
            for weeks in (Weeks.ALL, demand.weeks)
            if weeks in self._kinds[hub, demand.subject, group.grade]
        ]
        for weekday in TEACHING_DAYS:
            for number, bell in city.periods.get(hub, {}).items():
                if bell.by_hand and (group.id, weekday, number) not in self._held:
                    continue
                shift = city.shift(hub, number, group.school_code)
                yield PlannedLink(
                    sessions=tuple(
                        self._session(hub, demand.subject, group.grade, weekday, number, weeks)
                        for weeks in dict.fromkeys(kinds)
                    ),
                    class_id=group.id,
                    school_code=group.school_code,
                    subject=demand.subject,
                    weekday=weekday,
                    starts=shift.starts,
                    ends=shift.ends,
                    displaced=shift.displaced,
                    weeks=demand.weeks,
                )

    def _session(
        self, hub: str, subject: str, grade: int, weekday: int, number: int, weeks: Weeks
    ) -> PlannedSession:
        key = (hub, subject, grade, weekday, number, weeks)
        if key not in self._sessions:
            bell = self._city.period(hub, number)
            starts, ends = minutes(bell.starts), minutes(bell.ends)
            self._sessions[key] = PlannedSession(
                "", subject, grade, hub, weekday, number, starts, ends, weeks
            )
            for teacher, _ in self._able[hub, subject]:
                duty = PlannedDuty(teacher.id, subject, hub, weekday, number, starts, ends, weeks)
                self._duties.setdefault((teacher.id, subject, weekday, number, weeks), duty)
        return self._sessions[key]


def _forbidding(board: Board, rules: Rules) -> list[Limit]:
    """The limits of hard rules that forbid an item by itself."""
    return [
        limit
        for rule in RULES
        if rule.alone and rule.weight_in(rules) is HARD
        for limit in rule.limits(board, rules)
        if len(limit.items) == 1 and limit.whole_load > limit.at_most
    ]


def _forbidden(board: Board, rules: Rules, stands: Stands | None) -> set[Item]:
    """What a rule forbids by itself. A locked lesson that may not be is said, not dropped."""
    return {
        limit.items[0]
        for limit in _forbidding(board, rules)
        if limit.items[0].lesson is None and not (stands and stands(limit.items[0]))
    }


def _possible(board: Board, out: Collection[Item]) -> dict[PlannedLink, PlannedLink]:
    """The links that are left without some items, with what is left for them to join: sessions
    that somebody could lead."""
    led = {when(duty) for duty in board.duties if duty not in out}
    kept: dict[PlannedLink, PlannedLink] = {}
    for link in board.links:
        if link.lesson is not None:
            kept[link] = link
        elif link not in out:
            joined = tuple(s for s in link.sessions if s not in out and when(s) in led)
            if joined:
                kept[link] = link if joined == link.sessions else replace(link, sessions=joined)
    return kept


def when(led: PlannedSession | PlannedDuty) -> tuple[str, str, int, int, Weeks]:
    """Where a leader is wanted or to be had: hub, subject, weekday, period, weeks."""
    return led.hub_code, led.subject, led.weekday, led.period, led.weeks
