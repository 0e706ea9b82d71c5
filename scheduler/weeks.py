"""Copying weeks within a timetable: what some weeks hold, others shall hold too.

Lessons that differ only in their weeks are one *content*, held in a set of teaching weeks. Copying
changes these sets; the lessons of a set that changed are written anew, as few as can be.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from scheduler.board import grouped
from scheduler.calendar import runs_in
from scheduler.model import Lesson, Weeks


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Lessons to put (new, or in place of those of the same id), and ids to remove."""

    put: tuple[Lesson, ...]
    remove: tuple[UUID, ...]
    locked: frozenset[UUID]  # of those put


@dataclass(frozen=True, slots=True)
class _Run:
    weeks: Weeks
    first: int
    last: int


def range_copy(first: int, last: int, to: int) -> dict[int, int]:
    """Weeks `first` to `last` copied to the weeks from `to` on: week → the week whose lessons it
    takes over."""
    return {to + n: first + n for n in range(last - first + 1)}


def parity_copy(source: Weeks, total: int) -> dict[int, int]:
    """Odd weeks copied to the even ones that follow them, or even weeks to the odd ones before."""
    step = 1 if source is Weeks.ODD else -1
    return {
        week + step: week
        for week in range(1 if source is Weeks.ODD else 2, total + 1, 2)
        if week + step <= total
    }


def copied(
    lessons: Iterable[Lesson],
    locked: Collection[UUID],
    copy: Mapping[int, int],
    total: int,
    new_id: Callable[[], UUID],
) -> Rewritten:
    """What makes the weeks of `copy` hold what the weeks it gives for them hold.

    `total` is the number of the term's last week.
    """
    put: list[Lesson] = []
    remove: list[UUID] = []
    stays_locked: set[UUID] = set()
    for same in grouped(lessons, lambda k: (_content(k), k.id in locked)).values():
        was = {week for lesson in same for week in held_weeks(lesson, total)}
        now = {w for w in was if w not in copy} | {w for w, of in copy.items() if of in was}
        if now == was:
            continue
        ids = [lesson.id for lesson in same]
        for run in _runs(now):
            lesson = replace(
                same[0],
                id=ids.pop(0) if ids else new_id(),
                weeks=run.weeks,
                week_from=None if _begins(run) else run.first,
                week_until=None if _ends(run, total) else run.last,
            )
            put.append(lesson)
            if same[0].id in locked:
                stays_locked.add(lesson.id)
        remove += ids
    return Rewritten(tuple(put), tuple(remove), frozenset(stays_locked))


def held_weeks(lesson: Lesson, total: int) -> Iterator[int]:
    """The teaching weeks of a term of so many weeks in which a lesson is held."""
    return (week for week in range(1, total + 1) if runs_in(lesson, week))


def _content(lesson: Lesson) -> tuple[object, ...]:
    return (
        lesson.weekday,
        lesson.period,
        lesson.subject,
        lesson.lead_teacher_id,
        lesson.lead_room_id,
        lesson.interactive,
        frozenset(lesson.receivers),
    )


def _runs(weeks: Collection[int]) -> list[_Run]:
    apart = [
        run for parity in (1, 0) for run in _stretches([w for w in weeks if w % 2 == parity], 2)
    ]
    whole = [run for run in _stretches(weeks, 1) if run.last > run.first]
    covered = {w for run in whole for w in range(run.first, run.last + 1)}
    left = [w for w in weeks if w not in covered]
    mixed = [
        *whole,
        *(run for parity in (1, 0) for run in _stretches([w for w in left if w % 2 == parity], 2)),
    ]
    found = min(mixed, apart, key=len)
    single = [replace(run, weeks=Weeks.ALL) if run.first == run.last else run for run in found]
    return sorted(single, key=lambda run: run.first)


def _stretches(weeks: Collection[int], step: int) -> list[_Run]:
    found: list[_Run] = []
    for week in sorted(weeks):
        if found and found[-1].last + step == week:
            found[-1] = replace(found[-1], last=week)
        else:
            found.append(_Run(_kind(week, step), week, week))
    return found


def _kind(week: int, step: int) -> Weeks:
    return Weeks.ALL if step == 1 else Weeks.ODD if week % 2 else Weeks.EVEN


def _begins(run: _Run) -> bool:
    """Whether no earlier week could be held."""
    return run.first <= (2 if run.weeks is Weeks.EVEN else 1)


def _ends(run: _Run, total: int) -> bool:
    return run.last > total - (1 if run.weeks is Weeks.ALL else 2)
