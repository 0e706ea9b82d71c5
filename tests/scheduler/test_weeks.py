"""Weeks copied within a timetable hold what they were copied from, and nothing else changes."""

from collections import Counter
from dataclasses import replace
from itertools import count
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from scheduler.model import Lesson, Weeks
from scheduler.weeks import Rewritten, copied, held_weeks, parity_copy, range_copy
from tests.worlds import lesson

_TOTAL = 20


def after(lessons: list[Lesson], found: Rewritten) -> list[Lesson]:
    gone = {*found.remove, *(k.id for k in found.put)}
    return [k for k in lessons if k.id not in gone] + list(found.put)


def copy(
    lessons: list[Lesson], weeks: dict[int, int], locked: set[UUID] | None = None
) -> Rewritten:
    numbers = count(1)
    return copied(lessons, locked or set(), weeks, _TOTAL, lambda: UUID(int=next(numbers)))


def in_week(lessons: list[Lesson], week: int) -> Counter[tuple[int, int]]:
    return Counter((k.weekday, k.period) for k in lessons if week in held_weeks(k, _TOTAL))


def test_odd_weeks_become_every_week_and_even_ones_of_their_own_go() -> None:
    every, odd, even = lesson(1), lesson(2, 1, Weeks.ODD), lesson(3, 1, Weeks.EVEN)
    found = copy([every, odd, even], parity_copy(Weeks.ODD, _TOTAL))
    assert found == Rewritten((replace(odd, weeks=Weeks.ALL),), (even.id,), frozenset())


def test_one_week_taken_from_another_splits_what_is_held_on_both_sides_of_it() -> None:
    every, third = lesson(1), replace(lesson(2), week_from=3, week_until=3)
    gone = replace(lesson(4), week_from=5)
    found = copy([every, third, gone], range_copy(3, 3, 8))
    new = UUID(int=1)
    assert sorted(found.put, key=lambda k: (k.weekday, k.week_from)) == [
        third,
        replace(third, id=new, week_from=8, week_until=8),
        replace(gone, week_from=5, week_until=7),
        replace(gone, id=UUID(int=2), week_from=9),
    ]
    assert found.remove == ()


def test_what_is_the_same_in_both_weeks_is_left_alone() -> None:
    assert copy([lesson(1), lesson(2, 1, Weeks.ODD)], range_copy(3, 4, 7)) == Rewritten(
        (), (), frozenset()
    )


def test_the_copy_of_a_locked_lesson_is_locked() -> None:
    odd = lesson(2, 1, Weeks.ODD)
    found = copy([odd], parity_copy(Weeks.ODD, _TOTAL), {odd.id})
    assert found.locked == {odd.id}


_lessons = st.builds(
    lambda weekday, weeks, first, length: replace(
        lesson(weekday, 1, weeks), week_from=first, week_until=min(first + length, _TOTAL)
    ),
    st.integers(1, 2),
    st.sampled_from(Weeks),
    st.integers(1, _TOTAL),
    st.integers(0, _TOTAL),
)
_copies = st.one_of(
    st.sampled_from([parity_copy(Weeks.ODD, _TOTAL), parity_copy(Weeks.EVEN, _TOTAL)]),
    st.builds(
        lambda first, length, to: range_copy(first, first + length, to),
        st.integers(1, 8),
        st.integers(0, 3),
        st.integers(12, 16),
    ),
)


@given(st.lists(_lessons, max_size=5), _copies)
def test_each_week_holds_what_it_should(lessons: list[Lesson], weeks: dict[int, int]) -> None:
    new = after(lessons, copy(lessons, weeks))
    for week in range(1, _TOTAL + 1):
        assert set(in_week(new, week)) == set(in_week(lessons, weeks.get(week, week)))
    assert len({k.id for k in new}) == len(new)
