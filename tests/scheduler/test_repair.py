"""Repair: the least change, and no smaller one exists."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import product

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from scheduler.board import PlannedLink, PlannedSession
from scheduler.city import City, Reservation
from scheduler.diff import ChangeKind
from scheduler.model import (
    BusyTime,
    CalendarDay,
    Demand,
    Lesson,
    Receiver,
    RoomKind,
    Term,
    Weeks,
)
from scheduler.outages import Outage, held_in, outages
from scheduler.repair import repair
from scheduler.rules import Rules, check
from scheduler.solver import Search, solve
from scheduler.solver.naming import name
from scheduler.solver.problem import problems, when
from scheduler.solver.sharing import Shared
from tests.scheduler.small_cities import FAR, HUB, NEAR, city, room

QUICK = Search(limit=10, seed=3)


def hard(within: City, lessons: Sequence[Lesson]) -> list[str]:
    return [c.sentence.say() for c in check(within, lessons, Rules()) if c.hard]


def test_a_colleague_takes_over_and_nothing_moves() -> None:
    before = solve(city(), Rules(), QUICK).lessons
    ill = before[0].lead_teacher_id
    found = repair(city(), Rules(), before, [Outage(ill)], QUICK)
    assert (found.moved, found.lost, found.proven) == (0, (), True)
    assert found.substituted == sum(len(k.receivers) for k in before if k.lead_teacher_id == ill)
    assert ill not in {k.lead_teacher_id for k in found.lessons}
    assert {c.kind for c in found.changes} <= {ChangeKind.SUBSTITUTED, ChangeKind.LEAD_ROOM}
    assert hard(city(), found.lessons) == []


def test_without_a_colleague_lessons_move_to_a_day_of_health() -> None:
    alone = city(teachers=(city().teachers[0], *city().teachers[2:]))
    before = solve(alone, Rules(), QUICK).lessons
    day = before[0].weekday
    found = repair(alone, Rules(), before, [Outage(f"{HUB}-T1", (day,))], QUICK)
    hit = sum(len(k.receivers) for k in before if k.weekday == day)
    assert (found.moved, found.substituted, found.lost, found.proven) == (hit, 0, (), True)
    assert day not in {k.weekday for k in found.lessons}


def test_a_room_that_is_down_costs_no_move_where_another_is_free() -> None:
    wide = city(
        rooms=(*city().rooms, room(FAR, 2, RoomKind.INTERACTIVE)),
        demands=(Demand(f"{FAR}-301", "music", 1, Weeks.ALL),),
    )
    before = solve(wide, Rules(), QUICK).lessons
    used = next(r.room_id for k in before for r in k.receivers if r.room_id.startswith(FAR))
    found = repair(wide, Rules(), before, [Outage(used)], QUICK)
    assert (found.moved, found.lost, found.proven) == (0, (), True)
    assert used not in {r.room_id for k in found.lessons for r in k.receivers}
    assert hard(wide, found.lessons) == []


def test_what_is_not_hit_keeps_its_lesson_room_and_id() -> None:
    before = solve(city(), Rules(), QUICK).lessons
    hit, *others = before
    other_days = [k for k in others if k.weekday != hit.weekday]
    found = repair(city(), Rules(), before, [Outage(hit.lead_room_id, (hit.weekday,))], QUICK)
    assert set(other_days) <= set(found.lessons)


def test_a_lesson_that_cannot_be_kept_says_why() -> None:
    alone = city(teachers=(city().teachers[0], *city().teachers[2:]))
    before = solve(alone, Rules(), QUICK).lessons
    found = repair(alone, Rules(), before, [Outage(f"{HUB}-T1", reason="ill")], QUICK)
    assert found.lessons == ()
    assert sum(u.lessons for u in found.lost) == 4
    assert found.proven
    for short in found.lost:
        assert short.cause is not None
        assert [r.rule for r in short.cause.requirements] == ["reserved"]


def test_a_rule_broken_before_is_no_reason_to_move() -> None:
    """The draft breaks the day limit of a teacher; another's illness leaves that as it was."""
    tired = city(
        teachers=tuple(
            replace(t, max_lessons_per_day=1) if t.id == f"{HUB}-T1" else t for t in city().teachers
        )
    )
    one, *_ = solve(city(), Rules(), QUICK).lessons
    placed = [
        replace(
            one,
            id=type(one.id)(int=n),
            weekday=weekday,
            period=period,
            lead_teacher_id=f"{HUB}-T{teacher}",
            receivers=(receiver,),
        )
        for n, (weekday, period, teacher, receiver) in enumerate(
            [
                (1, 1, 1, one.receivers[0]),
                (1, 2, 1, one.receivers[1]),
                (2, 1, 2, replace(one.receivers[0], class_id=f"{FAR}-302")),
            ]
        )
    ]
    found = repair(tired, Rules(), placed, [Outage(f"{HUB}-T2", (2,))], QUICK)
    assert set(placed[:2]) <= set(found.lessons)
    assert (found.moved, found.substituted, found.lost) == (0, 1, ())


_Choice = tuple[PlannedLink, str] | None  # a place and a teacher, or lost


def _cheapest(within: City, lessons: Sequence[Lesson], outage: Outage) -> tuple[int, int]:
    """The fewest lost and then moved lessons, by trying every placement of every lesson."""
    taken = tuple(
        Reservation(outage.who, day, 0, 1440, Weeks.ALL, "out") for day in outage.weekdays
    )
    without = replace(within, reservations=taken)
    [problem] = problems(without, Rules())
    where = {
        (r.class_id, k.weekday, k.period): k.lead_teacher_id for k in lessons for r in k.receivers
    }
    choices: list[list[_Choice]] = [
        [
            None,
            *(
                (link, duty.teacher_id)
                for link in ask.links
                for duty in problem.board.duties
                if when(duty) == when(link.session)
            ),
        ]
        for ask in problem.asks
    ]

    def change(chosen: tuple[_Choice, ...]) -> tuple[int, int]:
        held = [k[0] for k in chosen if k is not None]
        kept = sum((k.class_id, k.session.weekday, k.session.period) in where for k in held)
        return len(chosen) - len(held), len(held) - kept

    for chosen in sorted(product(*choices), key=change):
        sessions: dict[tuple[PlannedSession, str], Shared] = {}
        for link, teacher in filter(None, chosen):
            shared = Shared(link.session, teacher)
            sessions.setdefault((link.session, teacher), shared).links.append(link)
        named = name(without, Rules(), sessions.values())
        if named is not None and not hard(without, named):
            return change(chosen)
    raise AssertionError("an empty timetable breaks nothing")


@st.composite
def _tiny(draw: st.DrawFn) -> tuple[City, Outage]:
    slots = list(product(range(1, 6), (1, 2, 3)))
    free = draw(st.lists(st.sampled_from(slots), min_size=2, max_size=4, unique=True))
    teachers = draw(st.integers(1, 2))
    wishes = draw(
        st.lists(
            st.sampled_from([(FAR, "301"), (FAR, "302"), (NEAR, "301")]),
            min_size=2,
            max_size=3,
            unique=True,
        )
    )
    within = city(
        teachers=(*city().teachers[:teachers], *city().teachers[2:]),
        demands=tuple(Demand(f"{s}-{n}", "music", 1, Weeks.ALL) for s, n in wishes),
        busy=tuple(
            BusyTime(f"{HUB}-T{t}", None, day, period, "home")
            for t in (1, 2)
            for day, period in slots
            if (day, period) not in free and (t == 1 or draw(st.booleans()))
        ),
    )
    who = draw(st.sampled_from([f"{HUB}-T1", f"{HUB}-R1", f"{FAR}-R1", f"{NEAR}-R1"]))
    days = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True))
    return within, Outage(who, tuple(days))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=_tiny())
def test_no_smaller_change_exists(case: tuple[City, Outage]) -> None:
    within, outage = case
    before = solve(within, Rules(), QUICK)
    assume(not before.unmet)
    found = repair(within, Rules(), before.lessons, [outage], QUICK)
    assert found.proven
    assert (sum(u.lessons for u in found.lost), found.moved) == _cheapest(
        within, before.lessons, outage
    )
    assert hard(within, found.lessons) == []
    assert not list(_uses(found.lessons, outage))


def _uses(lessons: Sequence[Lesson], outage: Outage) -> Iterator[Lesson]:
    for k in lessons:
        people = {k.lead_teacher_id, k.lead_room_id, *(r.room_id for r in k.receivers)}
        if outage.who in people and k.weekday in outage.weekdays:
            yield k


def test_dates_of_illness_fall_on_teaching_weeks() -> None:
    term = Term(
        "t",
        "Autumn",
        "Asia/Shanghai",
        date(2026, 8, 31),
        date(2026, 9, 1),
        date(2027, 1, 22),
        (
            CalendarDay(date(2026, 9, 25), None, "holiday"),
            CalendarDay(date(2026, 9, 20), date(2026, 9, 25), "make-up"),
        ),
    )
    weeks = outages(term, "T1", date(2026, 9, 17), date(2026, 9, 25))
    assert [(w.week, w.outage.weekdays) for w in weeks] == [(3, (4, 5)), (4, (1, 2, 3, 4, 5))]
    assert weeks[1].dates[0] == date(2026, 9, 20), "the Sunday runs the Friday of week 4"


def test_one_week_holds_the_lessons_of_its_parity() -> None:
    one = solve(city(), Rules(), QUICK).lessons[0]
    odd = replace(one, weeks=Weeks.ODD)
    assert [k.weeks for k in held_in([one, odd], 3)] == [Weeks.ALL, Weeks.ALL]
    assert held_in([odd], 4) == ()
    assert held_in([replace(one, week_from=5)], 3) == ()  # it begins later


def test_a_lesson_that_breaks_the_rule_of_grades_stays_where_nothing_hits_it() -> None:
    """A draft lets classes of two grades share a session; a colleague falls ill."""
    mixed = city(
        classes=tuple(replace(c, grade=4) if c.id == f"{NEAR}-301" else c for c in city().classes)
    )
    one = solve(city(), Rules(), QUICK).lessons[0]
    rooms = [f"{FAR}-R1", f"{NEAR}-R1"]
    both = replace(
        one,
        weekday=1,
        lead_teacher_id=f"{HUB}-T1",
        receivers=tuple(Receiver(at, f"{at[:10]}-301", None) for at in rooms),
    )
    other = replace(
        one,
        id=type(one.id)(int=1),
        weekday=2,
        lead_teacher_id=f"{HUB}-T2",
        receivers=(Receiver(rooms[0], f"{FAR}-302", None),),
    )
    found = repair(mixed, Rules(), [both, other], [Outage(f"{HUB}-T2", (2,))], QUICK)
    assert both in found.lessons
    assert (found.moved, found.substituted, found.lost) == (0, 1, ())
    narrow = replace(
        mixed,
        busy=tuple(
            BusyTime(f"{HUB}-T{t}", None, day, period, "home")
            for t, day, period in product((1, 2), range(1, 6), (1, 2, 3))
            if (t, day) != (1, 1) or period != both.period
        ),
    )
    full = repair(narrow, Rules(), [both, other], [Outage(f"{HUB}-T2", (2,))], QUICK)
    assert both in full.lessons
    assert (full.moved, sum(u.lessons for u in full.lost), full.proven) == (0, 1, True)


def test_a_period_given_by_hand_is_never_proposed_but_a_lesson_there_may_stay() -> None:
    """The lesson of a period by hand only gets another teacher; no other lesson comes there."""
    own = city()
    late = [
        replace(b, periods=tuple(replace(p, by_hand=p.period == 2) for p in b.periods))
        if b.school_code == HUB
        else b
        for b in own.bells
    ]
    within = replace(own, bells=tuple(late))
    before = solve(within, Rules(), QUICK).lessons
    assert before
    assert 2 not in {k.period for k in before}
    there = (replace(before[0], period=2), *before[1:])
    found = repair(within, Rules(), there, [Outage(before[0].lead_teacher_id)], QUICK)
    stays = [k for k in found.lessons if k.period == 2]
    assert [(k.weekday, k.subject) for k in stays] == [(before[0].weekday, before[0].subject)]
    assert stays[0].lead_teacher_id != before[0].lead_teacher_id
    assert (found.moved, found.lost, found.proven) == (0, (), True)
