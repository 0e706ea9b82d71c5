"""What could be planned: every session and link that the demands and the bells allow."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scheduler.board import Board, Item, PlannedLink, PlannedSession, lay_out
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
        )

    @property
    def locked(self) -> tuple[Lesson, ...]:
        return tuple(s.lesson for s in self.board.sessions if s.lesson is not None)

    @property
    def lessons(self) -> int:
        """Class lessons asked for in a week, locked ones not counted."""
        return sum(ask.lessons for ask in self.asks)


Stands = Callable[[Item], bool]


def problems(
    city: City,
    rules: Rules,
    locked: Iterable[Lesson] = (),
    *,
    stands: Stands | None = None,
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
        _problem(city, rules, part, demands[part], lessons[part], pruned=True, stands=stands)
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
) -> Problem:
    fixed = lay_out(city, locked)
    asked = _still_asked(demands, fixed.links)
    sessions: dict[tuple[str, str, int, int, int, Weeks], PlannedSession] = {}
    apart = {
        (city.class_group[d.class_id].grade, d.subject) for d in demands if d.weeks is not Weeks.ALL
    }  # groups whose odd and even weeks may differ
    links: list[list[PlannedLink]] = []
    for demand, count in asked:
        links.append(_links(city, demand, sessions, apart) if count else [])
    board = Board(
        city,
        (*fixed.sessions, *sessions.values()),
        (*fixed.links, *(link for some in links for link in some)),
    )
    kept = _pruned(board, rules, stands) if pruned else board
    listed = set(kept.links)
    asks = tuple(
        Ask(demand, count, tuple(link for link in some if link in listed))
        for (demand, count), some in zip(asked, links, strict=True)
        if count
    )
    return Problem(part, kept, asks, rules, stands)


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


def _links(
    city: City,
    demand: Demand,
    sessions: dict[tuple[str, str, int, int, int, Weeks], PlannedSession],
    apart: set[tuple[int, str]],
) -> list[PlannedLink]:
    group = city.class_group[demand.class_id]
    hub = city.school[group.school_code].hub_code
    if hub is None:
        return []
    kinds = (
        (demand.weeks,)
        if demand.weeks is not Weeks.ALL
        else (Weeks.ODD, Weeks.EVEN)
        if (group.grade, demand.subject) in apart
        else (Weeks.ALL,)
    )
    found = []
    for teacher in city.teachers:
        if teacher.school_code != hub or demand.subject not in teacher.subjects:
            continue
        for weekday in TEACHING_DAYS:
            for number, bell in city.periods.get(hub, {}).items():
                joined = []
                for weeks in kinds:
                    key = (teacher.id, demand.subject, group.grade, weekday, number, weeks)
                    if key not in sessions:
                        sessions[key] = PlannedSession(
                            teacher_id=teacher.id,
                            subject=demand.subject,
                            grade=group.grade,
                            hub_code=hub,
                            weekday=weekday,
                            period=number,
                            starts=minutes(bell.starts),
                            ends=minutes(bell.ends),
                            weeks=weeks,
                        )
                    joined.append(sessions[key])
                shift = city.shift(hub, number, group.school_code)
                found.append(
                    PlannedLink(
                        sessions=tuple(joined),
                        class_id=group.id,
                        school_code=group.school_code,
                        subject=demand.subject,
                        weekday=weekday,
                        starts=shift.starts,
                        ends=shift.ends,
                        displaced=shift.displaced,
                        weeks=demand.weeks,
                    )
                )
    return found


def _forbidding(board: Board, rules: Rules) -> list[Limit]:
    """The limits of hard rules that forbid an item by itself."""
    return [
        limit
        for rule in RULES
        if rule.alone and rule.weight_in(rules) is HARD
        for limit in rule.limits(board, rules)
        if len(limit.items) == 1 and limit.whole_load > limit.at_most
    ]


def _pruned(board: Board, rules: Rules, stands: Stands | None) -> Board:
    out: set[Item] = {
        limit.items[0]
        for limit in _forbidding(board, rules)
        if limit.items[0].lesson is None  # a locked lesson that may not be is said, not dropped
        and not (stands and stands(limit.items[0]))
    }
    links = tuple(k for k in board.links if k not in out and out.isdisjoint(k.sessions))
    used = {session for link in links for session in link.sessions}
    return Board(board.city, tuple(s for s in board.sessions if s.lesson or s in used), links)
