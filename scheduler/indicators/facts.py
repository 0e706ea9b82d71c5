"""What formulas are fed with: sums over links, sizes of sets, and the registers they are held to.

A `Tally` is small however many links are behind it, so a database can add one up. Every number of
links is of *due* ones: over, to be held, and no make-up of another link (DOMAIN 4, 9).
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TypeAlias

from scheduler.indicators.schools import RegisteredSchool
from scheduler.indicators.values import Dimension
from scheduler.model import RoomTarget


@dataclass(frozen=True, slots=True)
class Tally:
    """What happened in one cut. The number of the indicator that reads a field stands beside it."""

    due: int = 0  # 4
    delivered: int = 0  # 4, 5: valid, originally or made up
    led: int = 0  # 5, 14: sessions with a delivered link
    evaluated: int = 0  # 14: of those
    schools_reached: int = 0  # 2: receiving schools with a delivered link
    rooms_used: int = 0  # 3: rooms that count, with a delivered link or session led
    leads: int = 0  # 6: distinct, of delivered links
    assistants: int = 0  # 6
    researchers: int = 0  # 6: distinct, who attended a research meeting
    teachers: int = 0  # 6: the distinct union
    pupils: int = 0  # 7: sum over classes of the largest head count of a delivered link
    pupil_times: int = 0  # 7: head counts of delivered links
    expected: int = 0  # 8: heads, where they were counted
    present: int = 0  # 8
    school_weeks: int = 0  # 9: with as many delivered links as make a week regular
    regular_schools: int = 0  # 9: with such a week in as many weeks as make a school regular
    subject_grades: int = 0  # 10: declared ones with a delivered link
    interactive: int = 0  # 11: interactive links there for the minutes that a valid one needs
    responded: int = 0  # 11: of those, the remote side had the floor
    started: int = 0  # 12: links whose room was there at all
    interrupted: int = 0  # 12
    makeups_required: int = 0  # 12: past their deadline
    makeups_in_time: int = 0  # 12
    measured: int = 0  # 13: links with a measured delay
    within_limits: int = 0  # 13
    activities: int = 0  # 15: research meetings held
    research_seconds: int = 0  # 15
    attendances: int = 0  # 15: attending teachers, each once a meeting
    receiving_researchers: int = 0  # 15: distinct, of receiving schools
    packages: int = 0  # 16
    pushed: int = 0  # 16: classes a package was sent to
    fetched: int = 0  # 16
    opened: int = 0  # 16
    watched: int = 0  # 16


@dataclass(frozen=True, slots=True)
class RegisteredRoom:
    id: str
    school_code: str
    hub: bool  # whether its school is a hub
    phase: int
    counts_from: date | None  # since when it counts toward the targets; None: it does not


@dataclass(frozen=True, slots=True)
class Need:
    """A subject in a grade that a school declared it cannot give in full."""

    school_code: str
    subject: str
    grade: int


@dataclass(frozen=True, slots=True)
class CountedWeek:
    """A week without exams all of whose teaching days are in the period and over."""

    monday: date
    last_day: date  # its last teaching day: the month it counts for


#: The receiving schools of the days from one to another (inclusive) that are in a period.
SchoolsOfDays: TypeAlias = Callable[[date, date], tuple[RegisteredSchool, ...]]


@dataclass(frozen=True, slots=True)
class Registers:
    """What the denominators of a period are taken from. Retired rooms are not in it."""

    rooms: tuple[RegisteredRoom, ...]
    schools: tuple[RegisteredSchool, ...]  # receiving ones, of the period
    needs: tuple[Need, ...]
    weeks: tuple[CountedWeek, ...]
    targets: tuple[RoomTarget, ...]  # by deadline
    schools_of: SchoolsOfDays

    def of(self, dimension: Dimension, key: str) -> "Registers":
        """What of them has to do with one value of a dimension."""
        match dimension:
            case Dimension.SCHOOL:
                return self._of_schools(frozenset({key}))
            case Dimension.HUB:
                mine = frozenset(s.code for s in self.schools if s.hub_code == key)
                return self._of_schools(mine)
            case Dimension.ROOM:
                return replace(self, rooms=tuple(r for r in self.rooms if r.id == key))
            case Dimension.PHASE:
                return replace(self, rooms=tuple(r for r in self.rooms if str(r.phase) == key))
            case Dimension.SUBJECT:
                return replace(self, needs=tuple(n for n in self.needs if n.subject == key))
            case Dimension.MONTH:
                first = date.fromisoformat(f"{key}-01")
                last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
                return replace(
                    self,
                    weeks=tuple(w for w in self.weeks if w.last_day.isoformat()[:7] == key),
                    schools=self.schools_of(first, last),
                )
            case Dimension.CITY | Dimension.TEACHER | Dimension.MODE:
                return self

    def apart(self, dimension: Dimension) -> Callable[[str], "Registers"]:
        """`of` for many values of a dimension: what schools have is looked for once."""
        if dimension is not Dimension.SCHOOL:
            return lambda key: self.of(dimension, key)
        rooms, needs = defaultdict(list), defaultdict(list)
        for room in self.rooms:
            rooms[room.school_code].append(room)
        for need in self.needs:
            needs[need.school_code].append(need)
        return lambda key: replace(
            self,
            rooms=tuple(rooms[key]),
            schools=tuple(s for s in self.schools if s.code == key),
            needs=tuple(needs[key]),
            schools_of=self._schools_of(frozenset({key})),
        )

    def of_week(self, monday: date) -> "Registers":
        return replace(
            self,
            weeks=tuple(w for w in self.weeks if w.monday == monday),
            schools=self.schools_of(monday, monday + timedelta(days=6)),
        )

    def _of_schools(self, codes: frozenset[str]) -> "Registers":
        return replace(
            self,
            rooms=tuple(r for r in self.rooms if r.school_code in codes),
            schools=tuple(s for s in self.schools if s.code in codes),
            needs=tuple(n for n in self.needs if n.school_code in codes),
            schools_of=self._schools_of(codes),
        )

    def _schools_of(self, codes: frozenset[str]) -> SchoolsOfDays:
        return lambda first, last: tuple(s for s in self.schools_of(first, last) if s.code in codes)
