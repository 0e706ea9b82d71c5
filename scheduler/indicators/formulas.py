"""DOMAIN's sixteen indicators, each a function of a tally and the registers it is held to.

Measures' slugs are unique within their indicator; reports/definitions.py has the words for them.
"""

from collections.abc import Callable, Mapping
from datetime import date

from scheduler.indicators.facts import Registers, Tally
from scheduler.indicators.values import Dimension, Indicator, IndicatorRules, Measure, Unit

_SHARE, _COUNT, _HOURS = Unit.SHARE, Unit.COUNT, Unit.HOURS


def build_completion(
    registers: Registers, dimension: Dimension, rules: IndicatorRules, day: date
) -> Indicator:
    """1 建设完成率: rooms that count ÷ phase target, never capped, one measure for each deadline.

    Rooms accepted after a deadline don't count for it; the last goes on counting. Of a school, a
    hub or a phase, which have no targets: rooms that count ÷ all their rooms.
    """
    rooms = [r for r in registers.rooms if rules.hub_rooms_count or not r.hub]
    since = [r.counts_from for r in rooms if r.counts_from is not None and r.counts_from <= day]
    if dimension is not Dimension.CITY:
        return Indicator(
            1, "build_completion", (Measure("accepted", _SHARE, len(since), len(rooms)),)
        )
    measures = []
    for target in registers.targets:
        last = day if target is registers.targets[-1] else min(target.deadline, day)
        by_then = sum(accepted <= last for accepted in since)
        measures.append(
            Measure(f"target_{target.deadline.isoformat()}", _SHARE, by_then, target.rooms)
        )
    return Indicator(1, "build_completion", tuple(measures))


def school_coverage(tally: Tally, registers: Registers) -> Indicator:
    """2 学校覆盖率: receiving schools with at least one valid link ÷ receiving schools."""
    return _one(2, "school_coverage", tally.schools_reached, len(registers.schools))


def room_use(tally: Tally, registers: Registers, day: date, *, lead_rooms: bool) -> Indicator:
    """3 教室使用率: rooms with a valid link or led session ÷ rooms that count.

    Where the cut is one of receiving rooms, rooms of hubs are on neither side.
    """
    rooms = [
        r
        for r in registers.rooms
        if r.counts_from is not None and r.counts_from <= day and (lead_rooms or not r.hub)
    ]
    return _one(3, "room_use", tally.rooms_used, len(rooms))


def delivery(tally: Tally) -> Indicator:
    """4 开课率: due links held validly, originally or made up ÷ due links."""
    return _one(4, "delivery", tally.delivered, tally.due)


def class_hours(tally: Tally) -> Indicator:
    """5 课时: led = valid sessions, received = valid links; never added together."""
    return Indicator(
        5,
        "class_hours",
        (
            Measure("led", _HOURS, tally.led),
            Measure("received", _HOURS, tally.delivered),
        ),
    )


def teachers(tally: Tally) -> Indicator:
    """6 参与教师: distinct lead, assistant, researcher, and the distinct union."""
    return Indicator(
        6,
        "teachers",
        (
            Measure("lead", _COUNT, tally.leads),
            Measure("assistant", _COUNT, tally.assistants),
            Measure("researcher", _COUNT, tally.researchers),
            Measure("union", _COUNT, tally.teachers),
        ),
    )


def pupils(tally: Tally, registers: Registers, *, of_enrolment: bool) -> Indicator:
    """7 受益学生, 受益人次, 受益面: hub pupils are in none of them."""
    measures = [
        Measure("pupils", _COUNT, tally.pupils),
        Measure("times", _COUNT, tally.pupil_times),
    ]
    if of_enrolment:
        enrolled = sum(s.enrolment for s in registers.schools)
        measures.append(Measure("reach", _SHARE, tally.pupils, enrolled))
    return Indicator(7, "pupils", tuple(measures))


def attendance(tally: Tally) -> Indicator:
    """8 出勤率: Σ present ÷ Σ expected, where heads were counted."""
    return _one(8, "attendance", tally.present, tally.expected)


def normal_use(tally: Tally, registers: Registers) -> Indicator:
    """9 常态化率: school-weeks in normal use ÷ schools x teaching weeks without exams; and the
    schools that are regular ÷ schools."""
    schools = len(registers.schools)
    return Indicator(
        9,
        "normal_use",
        (
            Measure("weeks", _SHARE, tally.school_weeks, schools * len(registers.weeks)),
            Measure("regular", _SHARE, tally.regular_schools, schools if registers.weeks else 0),
        ),
    )


def subject_coverage(tally: Tally, registers: Registers) -> Indicator:
    """10 学科覆盖: declared subject-grades with at least one valid link ÷ declared ones."""
    return _one(10, "subject_coverage", tally.subject_grades, len(registers.needs))


def interaction(tally: Tally) -> Indicator:
    """11 互动率: interactive links with a remote response ÷ interactive links held."""
    return _one(11, "interaction", tally.responded, tally.interactive)


def interruption(tally: Tally) -> Indicator:
    """12 中断率: links interrupted ÷ started; 补课完成率: made up in time ÷ required and past
    their deadline."""
    return Indicator(
        12,
        "interruption",
        (
            Measure("interrupted", _SHARE, tally.interrupted, tally.started),
            Measure("made_up", _SHARE, tally.makeups_in_time, tally.makeups_required),
        ),
    )


def quality(tally: Tally) -> Indicator:
    """13 质量达标率: links whose p95 delay and loss are within limits ÷ links measured."""
    return _one(13, "quality", tally.within_limits, tally.measured)


def evaluation(tally: Tally) -> Indicator:
    """14 评课率: valid sessions evaluated ÷ valid sessions."""
    return _one(14, "evaluation", tally.evaluated, tally.led)


def research(tally: Tally, registers: Registers) -> Indicator:
    """15 教研: activities, hours of the clock, attendances, distinct receiving-school teachers ÷
    all of them."""
    return Indicator(
        15,
        "research",
        (
            Measure("activities", _COUNT, tally.activities),
            Measure("hours", _HOURS, round(tally.research_seconds / 3600, 2)),
            Measure("attendances", _COUNT, tally.attendances),
            Measure(
                "teachers",
                _SHARE,
                tally.receiving_researchers,
                sum(s.teachers for s in registers.schools),
            ),
        ),
    )


def push(tally: Tally) -> Indicator:
    """16 推送: packages; fetched, opened and watched ÷ targets."""
    return Indicator(
        16,
        "push",
        (
            Measure("packages", _COUNT, tally.packages),
            Measure("fetched", _SHARE, tally.fetched, tally.pushed),
            Measure("opened", _SHARE, tally.opened, tally.pushed),
            Measure("watched", _SHARE, tally.watched, tally.pushed),
        ),
    )


def _one(number: int, slug: str, numerator: float, denominator: float) -> Indicator:
    return Indicator(number, slug, (Measure(slug, _SHARE, numerator, denominator),))


_LESSONS = frozenset({4, 5, 7, 8, 11, 12, 13, 14})
_MEANING: Mapping[Dimension, frozenset[int]] = {
    Dimension.CITY: frozenset(range(1, 17)),
    Dimension.SCHOOL: frozenset(range(1, 17)),
    Dimension.MONTH: frozenset(range(2, 17)),
    Dimension.ROOM: _LESSONS | {3, 6},
    Dimension.HUB: _LESSONS | {6},
    Dimension.SUBJECT: _LESSONS | {6, 10},
    Dimension.TEACHER: _LESSONS,
    Dimension.MODE: _LESSONS | {6},
    Dimension.PHASE: _LESSONS | {1, 3, 6},
}
_NO_LESSONS = {"research": frozenset({15}), "push": frozenset({16})}
_ENROLLED = (Dimension.CITY, Dimension.SCHOOL, Dimension.MONTH)
_WHOLE = (Dimension.CITY, Dimension.MONTH)


def meaning(dimension: Dimension, key: str) -> frozenset[int]:
    """The numbers of the indicators that have a meaning for a value of a dimension."""
    modes = _NO_LESSONS if dimension is Dimension.MODE else {}
    return modes.get(key, _MEANING[dimension])


def counts_lead_rooms(rules: IndicatorRules, *dimensions: Dimension) -> bool:
    """Whether rooms that lead are counted as used in such a cut: it has them in its registers."""
    return rules.hub_rooms_count and all(d in _WHOLE for d in dimensions)


def indicators(
    tally: Tally,
    registers: Registers,
    rules: IndicatorRules,
    day: date,
    *path: tuple[Dimension, str],
) -> tuple[Indicator, ...]:
    """The indicators of a cut, those that have a meaning for it, in order.

    `path` has the cut's dimension and key, and those of one value of its breakdown; `registers`
    are its own (Registers.of); rooms are looked at on `day`.
    """
    dimensions = [dimension for dimension, _ in path]
    narrowest = next((d for d in reversed(dimensions) if d not in _WHOLE), Dimension.CITY)
    enrolled = all(d in _ENROLLED for d in dimensions)
    lead_rooms = counts_lead_rooms(rules, *dimensions)
    found: Mapping[int, Callable[[], Indicator]] = {
        1: lambda: build_completion(registers, narrowest, rules, day),
        2: lambda: school_coverage(tally, registers),
        3: lambda: room_use(tally, registers, day, lead_rooms=lead_rooms),
        4: lambda: delivery(tally),
        5: lambda: class_hours(tally),
        6: lambda: teachers(tally),
        7: lambda: pupils(tally, registers, of_enrolment=enrolled),
        8: lambda: attendance(tally),
        9: lambda: normal_use(tally, registers),
        10: lambda: subject_coverage(tally, registers),
        11: lambda: interaction(tally),
        12: lambda: interruption(tally),
        13: lambda: quality(tally),
        14: lambda: evaluation(tally),
        15: lambda: research(tally, registers),
        16: lambda: push(tally),
    }
    shown = frozenset(found).intersection(*(meaning(*step) for step in path))
    return tuple(found[number]() for number in sorted(shown))
