"""Deadlines in school days, and percentiles over time."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.makeups import deadline
from scheduler.model import CalendarDay, EvidenceSlice, Term
from scheduler.quality import p95
from tests.scheduler.test_attendance import there
from tests.scheduler.test_session import NOON

AUTUMN = Term(
    "a",
    "Autumn",
    "Asia/Shanghai",
    date(2026, 8, 31),
    date(2026, 9, 1),
    date(2027, 1, 22),
    (
        *(CalendarDay(date(2026, 10, d), None) for d in (1, 2, 5, 6, 7)),
        CalendarDay(date(2026, 10, 10), date(2026, 10, 7)),
    ),
)
SPRING = Term(
    "s", "Spring", "Asia/Shanghai", date(2027, 2, 22), date(2027, 2, 24), date(2027, 6, 30)
)


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (date(2026, 9, 7), date(2026, 9, 21)),  # two weeks of five days
        (date(2026, 9, 28), date(2026, 10, 16)),  # the holiday counts not, the Saturday does
        (date(2027, 1, 20), date(2027, 3, 5)),  # on over the winter holidays
        (date(2027, 6, 29), date(2027, 6, 30)),  # where the calendar ends
        (date(2027, 6, 30), date(2027, 6, 30)),
    ],
)
def test_a_make_up_is_due_within_ten_school_days(day: date, due: date) -> None:
    assert deadline([AUTUMN, SPRING], day, 10) == due


def within_hour(slices: list[EvidenceSlice]) -> tuple[float | None, float | None]:
    return p95(slices, NOON, NOON + timedelta(hours=1))


def test_percentiles_are_over_time() -> None:
    found = [there(0, 950, delay=20, loss=0.0), there(950, 1000, delay=500, loss=0.5)]
    assert within_hour(found) == (20, 0.0)
    assert within_hour([*found, there(1000, 1001, delay=500, loss=0.5)]) == (500, 0.5)


def test_the_worse_of_what_overlaps_holds_and_what_lies_outside_does_not_count() -> None:
    assert within_hour([there(0, 100, delay=20), there(0, 100, delay=70)])[0] == 70
    assert within_hour([there(0, 100, delay=20), there(-900, 0, delay=70)])[0] == 20
    assert within_hour([there(-900, 0, delay=70)]) == (None, None)
    assert within_hour([there(0, 100)]) == (None, None)


@given(
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(1, 500), st.integers(0, 9)),
        min_size=1,
        max_size=15,
    )
)
def test_a_percentile_is_what_sorting_the_seconds_gives(found: list[tuple[int, int, int]]) -> None:
    seconds: dict[int, int] = {}
    for start, length, value in found:
        for second in range(start, start + length):
            seconds[second] = max(seconds.get(second, 0), value)
    ordered = sorted(seconds.values())
    expected = ordered[-(-len(ordered) * 95 // 100) - 1]
    assert within_hour([there(s, s + n, delay=v) for s, n, v in found])[0] == expected
