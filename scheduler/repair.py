"""The least change to a timetable when a teacher is ill or a room is down.

A class's lesson is *moved* when it is held at another day or period, *substituted* when another
teacher gives it at the same one. First as few lessons as possible are lost, then as few as possible
moved: that number is proven. Then few are substituted and the soft rules served, as far as the
limit goes. Nothing is changed here: a proposal is for somebody to accept.

`scheduler.solver.change` searches for it.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scheduler.board import share_weeks
from scheduler.city import City, Reservation
from scheduler.diff import Change, diff
from scheduler.model import Lesson
from scheduler.outages import Outage
from scheduler.rules import Rules
from scheduler.solver.attempt import places
from scheduler.solver.change import LeastChange
from scheduler.solver.part import Shortfall
from scheduler.solver.problem import parts_of
from scheduler.solver.search import Search

_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Proposal:
    """A repaired timetable and what it changes. `moved` and `lost` count class lessons a week."""

    lessons: tuple[Lesson, ...]
    changes: tuple[Change, ...]
    moved: int
    substituted: int
    lost: tuple[Shortfall, ...]
    proven: bool  # that no other change loses fewer, or as few and moves fewer
    seconds: float


def repair(
    city: City,
    rules: Rules,
    lessons: Sequence[Lesson],
    out: Iterable[Outage],
    search: Search,
) -> Proposal:
    """The least change that the outages need. Rules that are broken already may stay so.

    Raises change.NoRooms when such breaches leave a lesson without a room.
    """
    began = time.monotonic()
    without = _without(city, out)
    hit = [k for k in lessons if _is_out(without, (*_leads(k), *_helps(k)), k)]
    parts = parts_of(city, lessons)
    repaired: list[Lesson] = []
    lost: list[Shortfall] = []
    moved, proven = 0, True
    for part in sorted(set(parts.values())):
        own = [lesson for lesson in lessons if parts[lesson.hub_code] == part]
        hit_here = [lesson for lesson in hit if parts[lesson.hub_code] == part]
        if not hit_here:
            repaired += own
            continue
        helped = [k for k in hit_here if not _is_out(without, _leads(k), k)]
        found = LeastChange(without, rules, own, hit_here, helped, search)
        repaired += found.lessons
        lost += found.lost
        moved += found.moved
        proven = proven and found.proven
    return Proposal(
        lessons=tuple(repaired),
        changes=tuple(diff(city, lessons, repaired)),
        moved=moved,
        substituted=_substituted(lessons, repaired),
        lost=tuple(lost),
        proven=proven,
        seconds=time.monotonic() - began,
    )


def _without(city: City, out: Iterable[Outage]) -> City:
    taken = tuple(
        Reservation(outage.who, weekday, 0, _DAY, outage.weeks, outage.reason)
        for outage in out
        for weekday in outage.weekdays
    )
    return replace(city, reservations=(*city.reservations, *taken))


def _is_out(city: City, who: Iterable[str], lesson: Lesson) -> bool:
    return any(
        taken.weekday == lesson.weekday
        and taken.starts == 0
        and taken.ends == _DAY
        and share_weeks(taken.weeks, lesson.weeks)
        for each in who
        for taken in city.reserved_for.get(each, ())
    )


def _leads(lesson: Lesson) -> tuple[str, ...]:
    """Without any of these a lesson can't be held as it is."""
    return (lesson.lead_teacher_id, lesson.lead_room_id, *(r.room_id for r in lesson.receivers))


def _helps(lesson: Lesson) -> tuple[str, ...]:
    return tuple(r.assistant_id for r in lesson.receivers if r.assistant_id)


def _substituted(old: Iterable[Lesson], new: Iterable[Lesson]) -> int:
    now = places(new)
    return sum(now.get(place, teacher) != teacher for place, teacher in places(old).items())
