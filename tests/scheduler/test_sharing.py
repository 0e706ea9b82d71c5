"""Who shares a session and who leads it, once times are settled."""

from collections import Counter
from dataclasses import replace

from scheduler.board import Item, PlannedLink
from scheduler.city import City
from scheduler.model import Demand, RoomKind, Weeks
from scheduler.rules import Rules
from scheduler.solver.problem import Problem, problems
from scheduler.solver.sharing import Had, share, used
from tests.scheduler.small_cities import FAR, HUB, NEAR, city, room

CLASSES = (f"{FAR}-301", f"{FAR}-302", f"{NEAR}-301", f"{NEAR}-302")


def _wide(*weeks: Weeks) -> City:
    rooms = (*city().rooms, *(room(code, 2, RoomKind.INTERACTIVE) for code in (FAR, NEAR)))
    demands = tuple(Demand(c, "music", 1, w) for c, w in zip(CLASSES, weeks, strict=False))
    return replace(city(), rooms=rooms, demands=demands)


def _at_once(
    problem: Problem, sessions: Counter[Weeks], leaders: dict[Weeks, str]
) -> dict[Item, int]:
    """Everybody on Monday in the first period."""
    board = problem.board
    held: dict[Item, int] = {k: 1 for k in board.links if (k.weekday, k.session.period) == (1, 1)}
    for session in board.sessions:
        if (session.weekday, session.period) == (1, 1) and sessions[session.weeks]:
            held[session] = sessions[session.weeks]
    for duty in board.duties:
        here = (duty.weekday, duty.period) == (1, 1)
        if here and duty.teacher_id[-1] in leaders.get(duty.weeks, ""):
            held[duty] = 1
    return held


def _told(
    held: dict[Item, int], at_most: int, had: Had | None = None
) -> list[tuple[str, Weeks, list[str]]]:
    found = share(held, at_most, had)
    return sorted((s.teacher_id, s.weeks, sorted(k.class_id for k in s.links)) for s in found)


def test_as_few_sessions_as_hold_all_of_them_are_filled() -> None:
    [problem] = problems(_wide(*[Weeks.ALL] * 4), Rules())
    held = _at_once(problem, Counter({Weeks.ALL: 2}), {Weeks.ALL: "12"})
    sizes = Counter(len(classes) for _, _, classes in _told(held, 3))
    assert sizes == {3: 1, 1: 1}
    held = _at_once(problem, Counter({Weeks.ALL: 1}), {Weeks.ALL: "2"})
    assert _told(held, 3) == [(f"{HUB}-T2", Weeks.ALL, sorted(CLASSES))], "a broadcast"


def test_a_class_stays_with_the_teacher_it_had() -> None:
    [problem] = problems(_wide(*[Weeks.ALL] * 4), Rules())
    held = _at_once(problem, Counter({Weeks.ALL: 2}), {Weeks.ALL: "12"})
    had = {
        (CLASSES[0], "music", 1, 1): f"{HUB}-T2",
        (CLASSES[2], "music", 1, 1): f"{HUB}-T2",
        (CLASSES[3], "music", 1, 1): f"{HUB}-T1",
    }
    told = {teacher: classes for teacher, _, classes in _told(held, 3, had)}
    assert {CLASSES[0], CLASSES[2]} <= set(told[f"{HUB}-T2"])
    assert CLASSES[3] in told[f"{HUB}-T1"]


def test_odd_and_even_weeks_fill_the_sessions_of_all_weeks_first() -> None:
    [problem] = problems(_wide(Weeks.ALL, Weeks.ODD, Weeks.EVEN, Weeks.ODD), Rules())
    held = _at_once(
        problem, Counter({Weeks.ALL: 1, Weeks.ODD: 1}), {Weeks.ALL: "1", Weeks.ODD: "2"}
    )
    told = _told(held, 2)
    assert [(teacher, weeks) for teacher, weeks, _ in told] == [
        (f"{HUB}-T1", Weeks.ALL),
        (f"{HUB}-T2", Weeks.ODD),
    ]
    assert {CLASSES[0], CLASSES[2]} <= set(told[0][2])


def test_a_session_of_all_weeks_that_only_odd_weeks_need_counts_as_theirs() -> None:
    [problem] = problems(_wide(Weeks.ALL, Weeks.ODD), Rules())
    held = _at_once(problem, Counter({Weeks.ALL: 2}), {Weeks.ALL: "12"})
    only = {
        k: n for k, n in held.items() if not (isinstance(k, PlannedLink) and k.weeks is Weeks.ALL)
    }
    shared = share(only, 3)
    assert [one.of.weeks for one in shared] == [Weeks.ODD]
    assert sum(n for k, n in used(only, shared).items() if not isinstance(k, PlannedLink)) == 1
