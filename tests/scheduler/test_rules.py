"""Each rule finds what it is for, and says so; rules and the solver's model agree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom_sync.i18n import translator
from classroom_sync.timetable_commands import demo_plan
from scheduler.bells import period, schedule_on, shift
from scheduler.board import Item, PlannedDuty, PlannedLink, PlannedSession, reservations
from scheduler.city import BlockedPeriod, City, Reservation, ShiftDecision
from scheduler.model import (
    BusyTime,
    ClassGroup,
    Demand,
    Lesson,
    Receiver,
    RoomKind,
    RoomStatus,
    Teacher,
    Weeks,
)
from scheduler.rules import RULES, Conflict, Rules, check, score, unmet
from scheduler.solver.model import build
from scheduler.solver.naming import name
from scheduler.solver.problem import Problem, problems, when
from scheduler.solver.search import Outcome, Search, run
from scheduler.solver.sharing import Shared
from tests.scheduler.small_cities import FAR, HUB, NEAR, bells, cities, city, room

FAR_301 = Receiver(f"{FAR}-R1", f"{FAR}-301", f"{FAR}-A1")
FAR_302 = Receiver(f"{FAR}-R1", f"{FAR}-302", f"{FAR}-A2")
NEAR_301 = Receiver(f"{NEAR}-R1", f"{NEAR}-301", f"{NEAR}-A1")


def lesson(
    weekday: int = 1,
    number: int = 1,
    *receivers: Receiver,
    teacher: int = 1,
    in_room: int = 1,
    weeks: Weeks = Weeks.ALL,
    subject: str = "music",
    interactive: bool = True,
) -> Lesson:
    return Lesson(
        uuid4(),
        weekday,
        number,
        weeks,
        subject,
        f"{HUB}-T{teacher}",
        f"{HUB}-R{in_room}",
        HUB,
        interactive,
        receivers or (FAR_301,),
    )


def found(within: City, *lessons: Lesson, rules: Rules | None = None) -> list[tuple[str, str]]:
    """Hard conflicts: rule and whom it is about."""
    conflicts = check(within, lessons, rules or Rules())
    return [(c.rule, c.about) for c in conflicts if c.hard]


def test_a_week_without_conflicts_has_none() -> None:
    assert found(city(), lesson(1), lesson(2, 1, NEAR_301)) == []


def test_a_teacher_a_room_and_a_class_are_in_one_lesson_at_a_time() -> None:
    twice = (lesson(1, 1, FAR_301), lesson(1, 1, NEAR_301, in_room=2))
    assert found(city(), *twice) == [("teacher_clash", f"{HUB}-T1")]
    twice = (lesson(1, 1, FAR_301), lesson(1, 1, NEAR_301, teacher=2))
    assert found(city(), *twice) == [("room_clash", f"{HUB}-R1")]
    other_room = replace(FAR_301, room_id=f"{FAR}-R2", assistant_id=f"{FAR}-A2")
    wide = city(rooms=(*city().rooms, room(FAR, 2, RoomKind.INTERACTIVE)))
    twice = (lesson(1, 1, FAR_301), lesson(1, 1, other_room, teacher=2, in_room=2))
    assert ("class_clash", f"{FAR}-301") in found(wide, *twice)


def test_odd_and_even_weeks_do_not_meet() -> None:
    odd, even = lesson(weeks=Weeks.ODD), lesson(1, 1, NEAR_301, weeks=Weeks.EVEN)
    assert found(city(), odd, even) == []
    assert found(city(), odd, replace(even, weeks=Weeks.ALL)) != []


def test_a_clash_is_found_by_the_clock_where_period_numbers_differ() -> None:
    """The hub's second period, 09:25 to 10:05, falls on the school's third, from 09:30."""
    early = bells(FAR, "07:40", "08:35", "09:30", "13:00")
    busy = city(
        bells=(city().bells[0], early, city().bells[2]),
        busy=(BusyTime(None, f"{FAR}-301", 1, 3, "class meeting"),),
    )
    assert found(busy, lesson(1, 2)) == [("kept_by_school", f"{FAR}-301")]
    assert found(busy, lesson(1, 3)) == []


def test_busy_teachers_other_timetables_and_blocked_periods_stand_in_the_way() -> None:
    busy = city(busy=(BusyTime(f"{HUB}-T1", None, 1, 1, "home lesson"),))
    assert found(busy, lesson()) == [("kept_by_school", f"{HUB}-T1")]
    taken = city(reservations=(Reservation(f"{HUB}-R1", 1, 480, 515, Weeks.ODD, "Timetable 1"),))
    assert found(taken, lesson()) == [("reserved", f"{HUB}-R1")]
    assert found(taken, lesson(weeks=Weeks.EVEN)) == []
    blocked = city(blocked=(BlockedPeriod(FAR, 1, 1, "research"),))
    assert found(blocked, lesson()) == [("blocked", FAR)]
    assert found(blocked, lesson(1, 1, NEAR_301)) == []


def test_the_lessons_of_another_version_stand_in_the_way() -> None:
    other = reservations(city(), [lesson(1, 1, FAR_301)], "Timetable 1")
    beside = city(reservations=other)
    assert found(beside, lesson(1, 1, NEAR_301, teacher=2, in_room=2)) == []
    same_class = lesson(1, 1, replace(FAR_301, assistant_id=None), teacher=2, in_room=2)
    assert found(beside, same_class) == [
        ("reserved", f"{FAR}-301"),
        ("reserved", f"{FAR}-R1"),
    ]


def test_a_room_is_accepted_and_equipped_for_its_part() -> None:
    rooms = city().rooms
    planned = city(rooms=(replace(rooms[0], status=RoomStatus.INSTALLED), *rooms[1:]))
    assert found(planned, lesson()) == [("room_not_accepted", f"{HUB}-R1")]
    cloud = city(rooms=(*rooms[:2], replace(rooms[2], kind=RoomKind.CLOUD), rooms[3]))
    assert found(cloud, lesson()) == [("room_of_wrong_kind", f"{FAR}-R1")]
    assert found(cloud, lesson(interactive=False)) == []


def test_a_refused_shift_is_hard_and_an_unanswered_one_costs() -> None:
    refused = city(decisions=(ShiftDecision(FAR, HUB, 1, approved=False),))
    assert found(refused, lesson()) == [("shift_refused", FAR)]
    again = replace(refused, decisions=(*refused.decisions, ShiftDecision(FAR, HUB, 1, True, 1)))
    assert found(again, lesson()) == []
    assert score(again, [lesson()], Rules())["shift_not_approved"] == 0
    assert score(city(), [lesson()], Rules())["shift_not_approved"] == 2
    assert score(city(), [lesson(1, 1, NEAR_301)], Rules())["shift_not_approved"] == 0


def test_a_session_displaces_no_more_periods_than_allowed() -> None:
    assert found(city(), lesson(1, 2), rules=Rules(displaced_periods=1)) == []
    assert found(city(), lesson(1, 2), rules=Rules(displaced_periods=0)) == [
        ("displaced_too_much", f"{FAR}-301")
    ]


def test_lunch_is_kept_whole() -> None:
    """The near school's noon is 10:05 to 13:00; two lessons inside leave less than is wanted."""
    noon = city(bells=(bells(HUB, "08:30", "10:50", "12:00"), *city().bells[1:]))
    both = (lesson(1, 2, NEAR_301), lesson(1, 3, NEAR_301, teacher=2))
    rules = Rules(lunch_minutes=60, weights={"subject_twice_a_day": 0})
    assert found(noon, both[0], rules=rules) == []
    assert found(noon, *both, rules=rules) == [("lunch", f"{NEAR}-301")]


def test_days_and_grades_have_their_limits() -> None:
    week = [lesson(1, n, who, teacher=1) for n, who in ((1, FAR_301), (2, NEAR_301))]
    tired = city(
        teachers=(replace(city().teachers[0], max_lessons_per_day=1), *city().teachers[1:])
    )
    assert found(tired, *week) == [("teacher_day", f"{HUB}-T1")]
    both = (lesson(1, 1), lesson(1, 3))
    assert found(city(), *both) == [("subject_twice_a_day", f"{FAR}-301")]
    assert ("class_day", f"{FAR}-301") in found(city(), *both, rules=Rules(class_lessons_a_day=1))
    older = city(classes=(*city().classes[:2], ClassGroup(f"{NEAR}-301", NEAR, "401", 4, 40)))
    assert found(older, lesson(1, 1, FAR_301, NEAR_301)) == [("grade_mismatch", f"{NEAR}-301")]
    assert found(city(), lesson(subject="art")) == [("subject_not_taught", f"{HUB}-T1")]


def test_receivers_and_uplink_are_bounded() -> None:
    both = lesson(1, 1, FAR_301, NEAR_301)
    assert found(city(), both, rules=Rules(interactive_receivers=1)) == [("receivers", f"{HUB}-T1")]
    broadcast = replace(both, interactive=False)
    assert found(city(), broadcast, rules=Rules(interactive_receivers=1)) == []
    assert score(city(), [broadcast], Rules(interactive_receivers=1))["broadcast"] == 10
    slow = city(schools=(replace(city().schools[0], uplink_mbit=30), *city().schools[1:]))
    two = (lesson(1, 1, FAR_301), lesson(1, 1, NEAR_301, teacher=2, in_room=2))
    assert found(slow, *two) == [("uplink", HUB)]


def test_soft_rules_cost_by_their_weights() -> None:
    twice = city(demands=(Demand(f"{FAR}-301", "music", 2, Weeks.ALL),))
    running, apart = (lesson(1), lesson(2)), (lesson(1), lesson(3))
    assert score(twice, running, Rules())["spread"] == 2
    assert score(twice, apart, Rules())["spread"] == 0
    assert score(twice, running, Rules(weights={"spread": 7}))["spread"] == 14
    assert "spread" not in score(twice, running, Rules(weights={"spread": None}))
    assert found(twice, *running, rules=Rules(weights={"spread": None})) == [
        ("spread", f"{FAR}-301")
    ]


def test_unmet_demands_are_counted_in_odd_and_even_weeks() -> None:
    wishes = city(demands=(Demand(f"{FAR}-301", "music", 2, Weeks.ALL),))
    assert [u.lessons for u in unmet(wishes, [lesson(1), lesson(2, weeks=Weeks.ODD)])] == [1]
    pair = [lesson(2, weeks=Weeks.ODD), lesson(3, weeks=Weeks.EVEN)]
    assert list(unmet(wishes, [lesson(1), *pair])) == []


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_a_conflict_is_said_in_both_languages(locale: str) -> None:
    [conflict] = [
        c
        for c in check(city(), [lesson(1, 1, FAR_301), lesson(1, 1, NEAR_301, in_room=2)], Rules())
        if c.hard
    ]
    said = {
        "en": "Lead 1 is in 2 lessons at once on Monday at 08:30: "
        "Monday 08:30 Music (Lead 1); Monday 08:30 Music (Lead 1).",
        "zh-CN": "Lead 1在星期一 08:30 同时有 2 节课："
        "星期一 08:30 音乐课（Lead 1）；星期一 08:30 音乐课（Lead 1）。",
    }
    assert conflict.sentence.say(translator(locale), locale) == said[locale]


def test_every_rule_has_a_key_of_its_own() -> None:
    assert len({rule.key for rule in RULES}) == len(RULES)


def test_every_clash_of_the_demo_timetable_is_explained() -> None:
    """Six sessions of a fortnight cannot be held beside the others: the checker names each."""
    plan = demo_plan(date(2026, 11, 24))
    explained = {
        frozenset(k.id for k in c.lessons)
        for c in check(plan.city, plan.lessons, plan.rules)
        if c.rule in ("class_clash", "room_clash", "teacher_clash")
    }
    clashing = {
        frozenset((a.id, b.id))
        for n, a in enumerate(plan.lessons)
        for b in plan.lessons[n + 1 :]
        if _clash(plan.city, a, b)
    }
    assert explained == clashing
    later = {max(pair, key=lambda i: _starts(plan.lessons, i)) for pair in clashing}
    fortnight = sum(2 if k.weeks is Weeks.ALL else 1 for k in plan.lessons if k.id in later)
    assert fortnight == 6


def _starts(lessons: Sequence[Lesson], of: object) -> tuple[int, int]:
    return next((k.weekday, k.period) for k in lessons if k.id == of)


def _clash(within: City, a: Lesson, b: Lesson) -> bool:
    """Whether two lessons share somebody or something while both take it: from the bells alone."""
    if a.weekday != b.weekday or (a.weeks is not b.weeks and Weeks.ALL not in (a.weeks, b.weeks)):
        return False
    return any(
        who == other and since < end and begin < until
        for who, since, until in _uses(within, a)
        for other, begin, end in _uses(within, b)
    )


def _uses(within: City, of: Lesson) -> list[tuple[str, object, object]]:
    day = date(2026, 11, 24)
    hub = period(schedule_on(within.bells, of.hub_code, day), of.period)
    uses: list[tuple[str, object, object]] = [
        (of.lead_teacher_id, hub.starts, hub.ends),
        (of.lead_room_id, hub.starts, hub.ends),
    ]
    for receiver in of.receivers:
        school = within.class_group[receiver.class_id].school_code
        taken = shift(hub, schedule_on(within.bells, school, day))
        uses += [
            (who, taken.busy_from, taken.busy_until)
            for who in (receiver.class_id, receiver.room_id, receiver.assistant_id)
            if who
        ]
    return uses


@settings(max_examples=60, deadline=None)
@given(within=cities(), data=st.data())
def test_the_model_of_every_rule_agrees_with_its_check(within: City, data: st.DataObject) -> None:
    """Any choice of classes, sessions and leaders, forced on the model: it is feasible just when
    the checker finds no hard conflict in it, and its objective is the checker's score."""
    whole = [p.narrowed(within.demands) for p in problems(within, Rules()) if p.asks]
    if not whole:
        return
    [problem] = whole
    sessions = data.draw(_sessions(problem))
    held: Counter[Item] = Counter()
    for one in sessions:
        held[one.of] += 1
        held[one.leader] += 1
        held.update(one.links)
    outcome, cost = _forced(problem, held)
    lessons = name(within, Rules(), [Shared(s.of, s.leader.teacher_id, s.links) for s in sessions])
    if lessons is None:
        assert outcome is Outcome.INFEASIBLE
        return
    hard: list[Conflict] = [c for c in check(within, lessons, Rules()) if c.hard]
    assert (outcome is Outcome.INFEASIBLE) == bool(hard), [c.sentence.say() for c in hard]
    if not hard:
        parts = score(within, lessons, Rules())
        parts.pop("no_assistant"), parts.pop("more_than_demanded")  # not the model's to choose
        assert cost == sum(parts.values())


@dataclass(frozen=True)
class _Session:
    of: PlannedSession
    leader: PlannedDuty
    links: list[PlannedLink]


@st.composite
def _sessions(draw: st.DrawFn, problem: Problem) -> list[_Session]:
    """Up to three sessions that do not overfill: which classes share one is not the model's to
    say, only that there is room."""
    led = [
        (of, duty)
        for of in problem.board.sessions
        for duty in problem.board.duties
        if when(of) == when(duty)
    ]
    found: list[_Session] = []
    listed: set[PlannedLink] = set()
    for of, leader in draw(st.lists(st.sampled_from(led), max_size=3)) if led else []:
        joining = [k for k in problem.board.links if of in k.sessions and k not in listed]
        first = [k for k in joining if k.weeks is of.weeks]
        if first:
            some = draw(st.lists(st.sampled_from(joining), max_size=2, unique=True))
            some = list(dict.fromkeys([draw(st.sampled_from(first)), *some]))
            listed.update(some)
            found.append(_Session(of, leader, some))
    return found


def _forced(problem: Problem, held: Counter[Item]) -> tuple[Outcome, int | None]:
    model = build(problem, asked={})
    if any(n > model.most[item] for item, n in held.items()):
        return Outcome.INFEASIBLE, None  # one teacher leads two sessions at once
    for item, variable in model.on.items():
        model.cp.add(variable == held[item])
    model.cp.minimize(model.objective)
    answer = run(model.cp, model.on, Search(limit=10, workers=1))
    return answer.outcome, answer.best


def test_a_teacher_without_demand_of_their_subject_is_never_asked() -> None:
    idle = Teacher(f"{HUB}-T9", HUB, "Idle", "lead", ("art",), 3)
    [problem] = problems(city(teachers=(*city().teachers, idle)), Rules())
    assert {d.teacher_id for d in problem.board.duties} == {f"{HUB}-T1", f"{HUB}-T2"}
