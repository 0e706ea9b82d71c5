"""The city a timetable is made for: who and what there is, and when it is taken already.

`City` holds one term's plain values and answers the look-ups that rules, solver and repair need.
Clock times inside a day are minutes since midnight: bells have no dates.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from functools import cached_property

from scheduler import bells
from scheduler.model import (
    BellPeriod,
    BellSchedule,
    BusyTime,
    ClassGroup,
    Demand,
    Room,
    RoomKind,
    RoomStatus,
    School,
    Subject,
    Teacher,
    Weeks,
)


@dataclass(frozen=True, slots=True)
class BlockedPeriod:
    """A weekly period in which a school (None: every school) takes part in no session."""

    school_code: str | None
    weekday: int
    period: int  # of the school's own bells
    reason: str


@dataclass(frozen=True, slots=True)
class ShiftDecision:
    """What a receiving school's admin said to the shift of a hub's period (DOMAIN, Time 2)."""

    school_code: str
    hub_code: str
    period: int  # of the hub's bells
    approved: bool
    weekday: int | None = None  # None: every day


@dataclass(frozen=True, slots=True)
class Reservation:
    """A weekly time at which something outside of this timetable has a room, teacher or class."""

    who: str  # id of the room, the teacher or the class
    weekday: int
    starts: int  # minutes since midnight
    ends: int
    weeks: Weeks
    what: str  # "Timetable 3: Music", in the words that a conflict should show


@dataclass(frozen=True, slots=True)
class Shift:
    """What a hub's period takes from a receiving school's day, in minutes since midnight."""

    starts: int
    ends: int
    displaced: tuple[int, ...]  # the school's own periods


def minutes(at: time) -> int:
    """Minutes since midnight."""
    return at.hour * 60 + at.minute


def clock(at: int) -> str:
    """`585` → `09:45`."""
    return f"{at // 60:02}:{at % 60:02}"


@dataclass(frozen=True)
class City:
    """One term's schools, rooms, people, classes, bells and wishes.

    `bells` holds one schedule per school: `bells_on` picks those that are valid on a date.
    """

    schools: tuple[School, ...]
    rooms: tuple[Room, ...]
    teachers: tuple[Teacher, ...]
    classes: tuple[ClassGroup, ...]
    bells: tuple[BellSchedule, ...]
    demands: tuple[Demand, ...]
    busy: tuple[BusyTime, ...] = ()
    blocked: tuple[BlockedPeriod, ...] = ()
    decisions: tuple[ShiftDecision, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    subjects: tuple[Subject, ...] = ()  # their names; a subject without one shows its slug

    @cached_property
    def school(self) -> dict[str, School]:
        return {s.code: s for s in self.schools}

    @cached_property
    def room(self) -> dict[str, Room]:
        return {r.id: r for r in self.rooms}

    @cached_property
    def teacher(self) -> dict[str, Teacher]:
        return {t.id: t for t in self.teachers}

    @cached_property
    def class_group(self) -> dict[str, ClassGroup]:
        return {c.id: c for c in self.classes}

    @cached_property
    def periods(self) -> dict[str, dict[int, BellPeriod]]:
        """Each school's bells: its code → period number → period."""
        return {b.school_code: {p.period: p for p in b.periods} for b in self.bells}

    @cached_property
    def busy_of(self) -> dict[str, tuple[BusyTime, ...]]:
        """Id of a teacher or a class → the periods its school keeps."""
        found: defaultdict[str, list[BusyTime]] = defaultdict(list)
        for each in self.busy:
            found[each.teacher_id or each.class_id or ""].append(each)
        return {who: tuple(times) for who, times in found.items()}

    @cached_property
    def reserved_for(self) -> dict[str, tuple[Reservation, ...]]:
        found: defaultdict[str, list[Reservation]] = defaultdict(list)
        for each in self.reservations:
            found[each.who].append(each)
        return {who: tuple(times) for who, times in found.items()}

    @cached_property
    def accepted_rooms(self) -> dict[tuple[str, RoomKind], tuple[Room, ...]]:
        """School and kind → its rooms that lessons may be held in."""
        found: defaultdict[tuple[str, RoomKind], list[Room]] = defaultdict(list)
        for room in self.rooms:
            if room.status is RoomStatus.ACCEPTED:
                found[room.school_code, room.kind].append(room)
        return {key: tuple(rooms) for key, rooms in found.items()}

    @cached_property
    def _shifts(self) -> dict[tuple[str, int, str], Shift]:
        return {}

    def shift(self, hub_code: str, period: int, school_code: str) -> Shift:
        """The shift of a school's class for a session in the hub's period. Raises bells.NoBells."""
        key = (hub_code, period, school_code)
        if key not in self._shifts:
            if school_code not in self.periods:
                raise bells.NoBells(f"school {school_code} has no bell schedule")
            own = next(b for b in self.bells if b.school_code == school_code)
            taken = bells.shift(self.period(hub_code, period), own)
            self._shifts[key] = Shift(
                minutes(taken.busy_from), minutes(taken.busy_until), taken.displaced
            )
        return self._shifts[key]

    def period(self, school_code: str, number: int) -> BellPeriod:
        """Raises bells.NoBells."""
        try:
            return self.periods[school_code][number]
        except KeyError:
            raise bells.NoBells(f"school {school_code} has no period {number}") from None

    @cached_property
    def _decisions(self) -> dict[tuple[str, str, int, int | None], ShiftDecision]:
        return {(d.school_code, d.hub_code, d.period, d.weekday): d for d in self.decisions}

    def decision(
        self, school_code: str, hub_code: str, weekday: int, period: int
    ) -> ShiftDecision | None:
        """What was said to a shift; the newest that fits, one of that weekday before a general."""
        key = (school_code, hub_code, period)
        return self._decisions.get((*key, weekday)) or self._decisions.get((*key, None))


def bells_on(schedules: Iterable[BellSchedule], day: date) -> tuple[BellSchedule, ...]:
    """Each school's bells that are valid on a date; a school without any then is left out."""
    schedules = tuple(schedules)
    codes = sorted({s.school_code for s in schedules if s.valid_from <= day})
    return tuple(bells.schedule_on(schedules, code, day) for code in codes)
