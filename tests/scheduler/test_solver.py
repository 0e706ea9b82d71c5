"""Timetables from demands: whole, good, repeatable, and where nothing fits, why."""

import threading
from dataclasses import replace
from datetime import date
from itertools import product

import pytest
from hypothesis import given, settings

from classroom_sync.timetable_commands import demo_plan
from scheduler.board import PlannedLink
from scheduler.city import City
from scheduler.instances import generate
from scheduler.model import BusyTime, Demand, Lesson, Weeks
from scheduler.rules import Rules, check, score, unmet
from scheduler.solver import Core, Outcome, Progress, Search, Solution, gap, solve
from scheduler.solver.model import build
from scheduler.solver.problem import Problem, problems
from scheduler.solver.search import run
from tests.scheduler.small_cities import FAR, HUB, NEAR, cities, city

QUICK = Search(limit=10, seed=3)


def hard(within: City, lessons: tuple[Lesson, ...]) -> list[str]:
    return [c.sentence.say() for c in check(within, lessons, Rules()) if c.hard]


def test_all_demands_are_met_by_as_few_sessions_as_can_be() -> None:
    """Four classes of one grade, but each school has one room: two sessions of two classes."""
    found = solve(city(), Rules(), QUICK)
    assert [len(k.receivers) for k in found.lessons] == [2, 2]
    assert (found.unmet, found.proven, hard(city(), found.lessons)) == ((), True, [])


@settings(max_examples=25, deadline=None)
@given(within=cities())
def test_a_solved_timetable_has_no_hard_conflict_and_costs_what_it_says(within: City) -> None:
    found = solve(within, Rules(), QUICK)
    assert hard(within, found.lessons) == []
    parts = score(within, found.lessons, Rules())
    assert found.score == parts
    assert found.best == sum(v for k, v in parts.items() if k != "no_assistant")
    assert found.bound <= found.best
    asked = sum(d.lessons_per_week for d in within.demands)
    left = sum(u.lessons for u in unmet(within, found.lessons))
    assert sum(u.lessons for u in found.unmet) == left <= asked
    for short in found.unmet:
        assert short.cause is not None, "so small a city is searched to the end"
        assert short.demand in [d for d, _ in short.cause.demands]


def test_the_demo_city_is_solved_with_nothing_unmet() -> None:
    plan = demo_plan(date(2026, 11, 24))
    found = solve(plan.city, plan.rules, Search(limit=4))
    assert (found.unmet, list(unmet(plan.city, found.lessons))) == ((), [])
    assert hard(plan.city, found.lessons) == []


def test_the_same_seed_gives_the_same_timetable() -> None:
    """Many timetables are equally good here; which one is found is the seed's to say."""
    whole = generate(5, 16)
    within = replace(whole, demands=whole.demands[::4])
    one, again, other = (solve(within, Rules(), Search(limit=60, seed=seed)) for seed in (7, 7, 8))
    assert one.repeatable
    assert one.proven
    assert one.lessons == again.lessons
    assert one.lessons != other.lessons
    assert one.best == other.best


def test_locked_lessons_stay_and_count() -> None:
    free = solve(city(), Rules(), QUICK)
    kept = replace(free.lessons[0], weekday=5, period=3)
    found = solve(city(), Rules(), QUICK, locked=[kept])
    assert kept in found.lessons
    assert (found.unmet, hard(city(), found.lessons)) == ((), [])
    assert sum(len(k.receivers) for k in found.lessons) == 4


def test_locked_lessons_that_clash_are_named_not_moved() -> None:
    free = solve(city(), Rules(), QUICK)
    one = free.lessons[0]
    twin = replace(one, id=free.lessons[1].id, receivers=free.lessons[1].receivers)
    found = solve(city(), Rules(), QUICK, locked=[one, twin])
    assert {one, twin} == set(found.lessons)
    [core] = found.impossible
    assert core.proven
    assert not core.demands
    assert {r.rule for r in core.requirements} <= {
        "teacher_clash",
        "room_clash",
        "class_clash",
        "uplink",
    }


def test_odd_and_even_demands_share_a_period() -> None:
    """One slot in the week: a class in odd weeks, another in even ones."""
    narrow = replace(
        city(),
        demands=(
            Demand(f"{FAR}-301", "music", 1, Weeks.ODD),
            Demand(f"{FAR}-302", "music", 1, Weeks.EVEN),
        ),
        busy=_all_but({(1, 1)}, f"{HUB}-T1") + _all_but({(1, 1)}, f"{HUB}-T2"),
    )
    found = solve(narrow, Rules(), QUICK)
    assert [(k.weekday, k.period, k.weeks) for k in found.lessons] == [
        (1, 1, Weeks.EVEN),
        (1, 1, Weeks.ODD),
    ]
    assert found.unmet == ()


def _all_but(free: set[tuple[int, int]], who: str) -> tuple[BusyTime, ...]:
    return tuple(
        BusyTime(who, None, day, period, "home")
        for day, period in product(range(1, 6), (1, 2, 3))
        if (day, period) not in free
    )


def _crowded() -> City:
    """Both classes of the far school want the only lesson that its hub can give, in one room."""
    return replace(
        city(),
        demands=tuple(
            Demand(f"{code}-{name}", "music", 1, Weeks.ALL)
            for code, name in ((FAR, "301"), (FAR, "302"), (NEAR, "301"))
        ),
        busy=_all_but({(1, 1)}, f"{HUB}-T1") + _all_but({(1, 1)}, f"{HUB}-T2"),
    )


def test_an_unmet_lesson_has_a_bound_and_a_cause_in_words() -> None:
    found = solve(_crowded(), Rules(), QUICK)
    [short] = found.unmet
    assert short.cause is not None
    assert (short.cause.fits, short.cause.asked, short.cause.proven) == (1, 2, True)
    assert {d.class_id for d, _ in short.cause.demands} == {f"{FAR}-301", f"{FAR}-302"}
    said = short.cause.sentence(_crowded()).say()
    assert said.startswith("At most 1 of these 2 lessons a week fit: Far30")
    assert [p.missing_bound for p in found.parts] == [1]


def test_a_subject_that_nobody_teaches_says_so() -> None:
    nobody = replace(city(), demands=(Demand(f"{FAR}-301", "art", 1, Weeks.ALL),))
    [short] = solve(nobody, Rules(), QUICK).unmet
    assert short.cause is not None
    assert short.cause.sentence(nobody).say() == (
        "No lead teacher of the hub could give these lessons in any period: Far301: Art, 1 a week."
    )


def test_no_more_is_missing_than_has_to_be() -> None:
    """So small that HiGHS solves it before it searches: its answer is not what it began with."""
    wishes = tuple(Demand(f"{FAR}-301", subject, 1, Weeks.ALL) for subject in ("music", "art"))
    found = solve(replace(city(), demands=wishes), Rules(), QUICK)
    assert [(u.demand.subject, u.lessons) for u in found.unmet] == [("art", 1)]
    assert [(k.subject, len(k.receivers)) for k in found.lessons] == [("music", 1)]
    assert found.proven


@settings(max_examples=25, deadline=None)
@given(within=cities())
def test_a_core_contradicts_and_nothing_can_be_left_out_of_it(within: City) -> None:
    for short in solve(within, Rules(), QUICK).unmet:
        core = short.cause
        assert core is not None
        assert core.proven
        [problem] = [p for p in problems(within, Rules()) if p.asks or p.locked][:1] or [None]
        assert problem is not None
        assert not _holds(within, problem, core)
        for n in range(len(core.demands)):
            fewer = core.demands[:n] + core.demands[n + 1 :]
            assert _holds(within, problem, replace(core, demands=fewer))
        for n in range(len(core.requirements)):
            others = core.requirements[:n] + core.requirements[n + 1 :]
            assert _holds(within, problem, replace(core, requirements=others))


def _holds(within: City, problem: Problem, core: Core) -> bool:
    """Whether a core's demands can be met under its requirements alone."""
    whole = problem.narrowed([d for d, _ in core.demands])
    wanted = {n: lessons for n, (_, lessons) in enumerate(core.demands)}
    model = build(whole, asked=wanted, by_group=True, costs=False)
    asked_of = {(r.rule, r.about) for r in core.requirements}
    for group, (literal, _, _) in model.groups.items():
        if group in asked_of:
            model.cp.add(literal == 1)
    answer = run(model.cp, model.on, Search(limit=10, workers=1))
    assert answer.outcome is not Outcome.UNKNOWN
    return answer.outcome is not Outcome.INFEASIBLE


def test_progress_is_told_and_never_gets_worse() -> None:
    told: list[Progress] = []
    whole = generate(1, 16)
    within = replace(whole, demands=whole.demands[::3])
    found = solve(within, Rules(), Search(limit=30), progress=told.append)
    bests = [p.best for p in told if p.best is not None]
    assert bests == sorted(bests, reverse=True)
    bounds = [p.bound for p in told]
    assert bounds == sorted(bounds)
    assert (told[-1].parts, found.best <= bests[0]) == (2, True)


def test_a_stopped_search_keeps_its_best() -> None:
    stop = threading.Event()

    def stop_at_the_first(now: Progress) -> None:
        if now.best is not None:
            stop.set()

    within = generate(2, 16)
    found = solve(within, Rules(), Search(limit=300), progress=stop_at_the_first, stop=stop)
    assert hard(within, found.lessons) == []
    assert found.lessons
    assert (found.proven, found.repeatable) == (False, False)


@pytest.mark.parametrize(
    ("best", "bound", "share"), [(None, 3, None), (10, 9, 0.1), (10, 10, 0.0), (0, 0, 0.0)]
)
def test_gap(best: int | None, bound: int, share: float | None) -> None:
    assert gap(best, bound) == share


def test_parts_are_what_nothing_couples() -> None:
    assert [p.name for p in problems(generate(1, 16), Rules())] == ["H00", "H01"]
    assert sum(len(p.asks) for p in problems(city(), Rules())) == 4


def test_a_solution_of_nothing_is_nothing() -> None:
    found: Solution = solve(replace(city(), demands=()), Rules(), QUICK)
    assert (found.lessons, found.unmet, found.best, found.proven) == ((), (), 0, True)


def test_what_a_hard_rule_forbids_is_not_even_listed() -> None:
    busy = replace(city(), busy=_all_but({(2, 2)}, f"{HUB}-T1") + _all_but(set(), f"{HUB}-T2"))
    [problem] = problems(busy, Rules())
    assert {(k.session.weekday, k.session.period) for k in _links(problem)} == {(2, 2)}


def _links(problem: Problem) -> tuple[PlannedLink, ...]:
    return problem.board.links
