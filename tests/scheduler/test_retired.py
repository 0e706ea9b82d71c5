"""Who has left takes part in nothing: the checker says so, and the solver plans without them."""

from dataclasses import replace
from datetime import date

import pytest

from scheduler.city import City
from scheduler.model import Demand, Weeks
from scheduler.rules import Rules, check
from scheduler.solver import Search, solve
from tests.scheduler.small_cities import FAR, HUB, city
from tests.scheduler.test_rules import lesson

GONE = date(2026, 9, 1)


def without(of: City, who: str) -> City:
    """The city once a teacher, a class or a school is retired."""
    return replace(
        of,
        teachers=tuple(replace(t, retired_on=GONE) if t.id == who else t for t in of.teachers),
        classes=tuple(replace(g, retired_on=GONE) if g.id == who else g for g in of.classes),
        schools=tuple(replace(s, retired_on=GONE) if s.code == who else s for s in of.schools),
    )


@pytest.mark.parametrize("who", [f"{HUB}-T1", f"{FAR}-301", f"{FAR}-A1", FAR, HUB])
def test_a_lesson_with_somebody_who_has_left_is_a_conflict_that_names_them(who: str) -> None:
    assert "retired" not in {c.rule for c in check(city(), [lesson()], Rules())}
    found = [c for c in check(without(city(), who), [lesson()], Rules()) if c.rule == "retired"]
    assert [(c.about, c.hard) for c in found] == [(who, True)]


@pytest.mark.parametrize("who", [f"{HUB}-T1", f"{FAR}-A1"])
def test_the_solver_plans_without_whoever_has_left(who: str) -> None:
    of = without(city(demands=(Demand(f"{FAR}-301", "music", 2, Weeks.ALL),)), who)
    found = solve(of, Rules(), Search(limit=4))
    assert found.lessons
    assert all(who != k.lead_teacher_id for k in found.lessons)
    assert all(who != r.assistant_id for k in found.lessons for r in k.receivers)


def test_a_class_that_has_left_is_not_planned_for_and_the_answer_says_why() -> None:
    of = without(city(demands=(Demand(f"{FAR}-301", "music", 2, Weeks.ALL),)), f"{FAR}-301")
    found = solve(of, Rules(), Search(limit=4))
    assert found.lessons == ()
    assert sum(s.lessons for s in found.unmet) == 2
