"""The rules of a timetable, and the check of one: what is wrong, in words, and what it costs."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from scheduler import words
from scheduler.board import Board, PlannedLink, lay_out
from scheduler.city import City, clock
from scheduler.model import Demand, Lesson, Weeks
from scheduler.rules import clashes, loads, places, shifts, suitability
from scheduler.rules.rule import HARD, OFF, Limit, Rule, Rules

__all__ = [
    "HARD",
    "OFF",
    "RULES",
    "Conflict",
    "Rule",
    "Rules",
    "Unmet",
    "check",
    "conflicts_on",
    "score",
    "unmet",
]

RULES: tuple[Rule, ...] = (
    clashes.TeacherClash(),
    clashes.ClassClash(),
    clashes.RoomClash(),
    clashes.KeptBySchool(),
    clashes.Reserved(),
    clashes.Blocked(),
    places.RoomNotAccepted(),
    places.RoomOfWrongKind(),
    places.RoomsAtOnce(),
    places.Receivers(),
    places.Broadcast(),
    places.Uplink(),
    shifts.ShiftRefused(),
    shifts.ShiftNotApproved(),
    shifts.DisplacedTooMuch(),
    shifts.Displaced(),
    shifts.Lunch(),
    suitability.Retired(),
    suitability.GradeMismatch(),
    suitability.SubjectNotTaught(),
    suitability.MoreThanDemanded(),
    suitability.NoAssistant(),
    loads.TeacherDay(),
    loads.ClassDay(),
    loads.SubjectTwiceADay(),
    loads.Spread(),
    loads.FewSessions(),
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A rule broken by lessons: said in words, with what would mend it."""

    rule: str
    hard: bool
    about: str  # id of the teacher, class, room or school concerned
    lessons: tuple[Lesson, ...]
    weeks: Weeks
    excess: int  # units too many
    cost: int  # in a fortnight; 0 for a hard rule
    sentence: words.Sentence
    mend: words.Sentence


@dataclass(frozen=True, slots=True)
class Unmet:
    """Lessons a week that a class needs and does not have."""

    demand: Demand
    lessons: int  # a week


def check(city: City, lessons: Iterable[Lesson], rules: Rules) -> list[Conflict]:
    """Every conflict of a timetable, hard ones first. Raises bells.NoBells; KeyError on ids that
    the city does not know."""
    return conflicts_on(lay_out(city, lessons), rules)


def conflicts_on(board: Board, rules: Rules, among: Iterable[Rule] = RULES) -> list[Conflict]:
    """Every conflict of a board on which all is planned."""
    found = [
        _conflict(board, rule, limit, weight)
        for rule in among
        if rule.tells
        for weight in [rule.weight_in(rules)]
        if weight != OFF
        for limit in rule.limits(board, rules)
        if limit.whole_load > limit.at_most
    ]
    return sorted(found, key=lambda c: not c.hard)


def score(city: City, lessons: Iterable[Lesson], rules: Rules) -> dict[str, int]:
    """What each soft rule costs in a fortnight: the parts of a timetable's score, 0 included."""
    board = lay_out(city, lessons)
    parts: Counter[str] = Counter()
    for rule in RULES:
        weight = rule.weight_in(rules)
        if weight:
            parts[rule.key] = sum(
                cost(limit, limit.whole_load, weight) for limit in rule.limits(board, rules)
            )
    return dict(parts)


def cost(limit: Limit, load: int, weight: int) -> int:
    """What a load costs by a soft limit, in a fortnight."""
    return weight * limit.passed_by(load) * fortnightly(limit.weeks)


def fortnightly(weeks: Weeks) -> int:
    """How often in two weeks."""
    return 2 if weeks is Weeks.ALL else 1


def unmet(city: City, lessons: Iterable[Lesson]) -> Iterator[Unmet]:
    """Which demands a timetable leaves unmet; lessons of all weeks serve any demand first."""
    given: Counter[tuple[str, str, Weeks]] = Counter()
    for lesson in lessons:
        for receiver in lesson.receivers:
            for weeks in (Weeks.ODD, Weeks.EVEN):
                if lesson.weeks in (Weeks.ALL, weeks):
                    given[receiver.class_id, lesson.subject, weeks] += 1
    for demand in sorted(city.demands, key=lambda d: d.weeks is not Weeks.ALL):
        needed = (Weeks.ODD, Weeks.EVEN) if demand.weeks is Weeks.ALL else (demand.weeks,)
        keys = [(demand.class_id, demand.subject, weeks) for weeks in needed]
        got = min(demand.lessons_per_week, *(given[key] for key in keys))
        for key in keys:
            given[key] -= got
        if got < demand.lessons_per_week:
            yield Unmet(demand, demand.lessons_per_week - got)


def _conflict(board: Board, rule: Rule, limit: Limit, weight: int | None) -> Conflict:
    found = {i.lesson for i in limit.items if i.lesson is not None}
    lessons = tuple(sorted(found, key=lambda k: (k.weekday, k.period, k.lead_room_id, k.weeks)))
    values = told(board.city, limit, lessons)
    return Conflict(
        rule=rule.key,
        hard=weight is HARD,
        about=limit.about,
        lessons=lessons,
        weeks=limit.weeks,
        excess=limit.passed_by(limit.whole_load),
        cost=0 if weight is HARD else cost(limit, limit.whole_load, weight),
        sentence=words.Sentence(rule.sentence, values),
        mend=words.Sentence(rule.mend, values),
    )


def told(
    city: City, limit: Limit, lessons: tuple[Lesson, ...], about: str | None = None
) -> dict[str, words.Value]:
    """The values for a rule's sentences."""
    first = min(limit.items, key=lambda i: i.weekday)
    sessions = (i.session if isinstance(i, PlannedLink) else i for i in limit.items)
    return {
        "who": words.who(city, about or limit.about),
        "day": words.weekday(first.weekday),
        "time": clock(max(s.starts for s in sessions)),
        "count": limit.whole_load,
        "limit": limit.at_most,
        "note": limit.note,
        "lessons": tuple(words.lesson(city, lesson) for lesson in lessons),
    }
