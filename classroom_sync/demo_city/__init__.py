"""The demo city: Taicang's two hub schools and eight receiving schools, as values.

The hubs, the number of receiving schools and the targets are those of 太政发〔2020〕60号; every
other school, person, class and date is invented, and its name says so.
"""

import json
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from importlib.resources import as_file, files
from typing import Any
from uuid import UUID, uuid5

from classroom_sync.formats import timetable_grid
from classroom_sync.formats.timetable_grid import GridLesson, plain
from scheduler.bells import Shift, period, shift
from scheduler.model import (
    BellPeriod,
    BellSchedule,
    BusyTime,
    CalendarDay,
    ClassGroup,
    Demand,
    Lesson,
    Receiver,
    Room,
    RoomKind,
    RoomStatus,
    RoomTarget,
    School,
    SchoolRole,
    Subject,
    Teacher,
    Term,
    Weeks,
)

_LESSON_IDS = UUID("6f1c2c0e-6a5e-4f0e-9d57-0c7a5f3a6b11")  # namespace: the same ids every time
_WEEK_FOR_TODAY = 10  # where today falls when the term of the data is not the present one


@dataclass(frozen=True, slots=True)
class City:
    """Everything a bureau's new server needs before its first lesson."""

    schools: tuple[School, ...]
    rooms: tuple[Room, ...]
    targets: tuple[RoomTarget, ...]
    subjects: tuple[Subject, ...]
    teachers: tuple[Teacher, ...]
    classes: tuple[ClassGroup, ...]
    term: Term
    bells: tuple[BellSchedule, ...]
    demands: tuple[Demand, ...]
    busy: tuple[BusyTime, ...]
    lessons: tuple[Lesson, ...]


def read_city(today: date) -> City:
    """The demo city with its weekly timetable, in a term that contains `today`."""
    here = files(__name__)
    data = json.loads((here / "taicang.json").read_text(encoding="utf-8"))
    with as_file(here / "timetable-grid.xlsx") as path:
        grid = timetable_grid.read(path)
    assert not grid.problems, "the timetable that ships with the package is whole"
    term, moved = _term(data, today)
    schools = tuple(
        School(s["code"], s["name"], s["short"], SchoolRole(s["role"]), s["hub"], s["uplink_mbit"])
        for s in data["schools"]
    )
    rooms = tuple(
        Room(
            r["id"],
            r["school"],
            r["name"],
            RoomKind(r["type"]),
            r["phase"],
            RoomStatus(r["status"]),
            _date(r["installed_on"]),
            _date(r["accepted_on"]),
        )
        for r in data["rooms"]
    )
    teachers = tuple(
        Teacher(
            t["id"],
            t["school"],
            t["name"],
            t["role"],
            tuple(t["subjects"]),
            t["max_lessons_per_day"],
        )
        for t in data["teachers"]
    )
    classes = tuple(
        ClassGroup(c["id"], c["school"], c["name"], c["grade"], c["enrolment"])
        for c in data["classes"]
    )
    subjects = tuple(Subject(s["slug"], s["zh"], s["en"]) for s in data["subjects"])
    bells = tuple(
        _bells(s["code"], data["bell_schedules"][s["bell_schedule"]], moved)
        for s in data["schools"]
    )
    placement = _Placement(schools, rooms, teachers, classes, subjects, bells)
    return City(
        schools=schools,
        rooms=rooms,
        targets=tuple(
            RoomTarget(date.fromisoformat(t["deadline"]), t["rooms"], t["source"])
            for t in data["targets"]
        ),
        subjects=subjects,
        teachers=teachers,
        classes=classes,
        term=term,
        bells=bells,
        demands=tuple(
            Demand(d["class_id"], d["subject"], d["lessons_per_week"], Weeks(d["weeks"]))
            for d in data["demands"]
        ),
        busy=tuple(
            BusyTime(b.get("teacher_id"), b.get("class_id"), b["weekday"], b["period"], b["reason"])
            for b in data["busy"]
        ),
        lessons=placement.lessons(grid.lessons),
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _term(data: dict[str, Any], today: date) -> tuple[Term, timedelta]:
    """The term, moved by whole weeks when `today` is outside of it, and how far it was moved."""
    raw = data["term"]
    days = [
        CalendarDay(first + timedelta(days=n), None, f"{source} 假期")
        for start, end, source in raw["holidays"]
        for first in [date.fromisoformat(start)]
        for n in range((date.fromisoformat(end) - first).days + 1)
    ]
    days += [
        CalendarDay(date.fromisoformat(m["date"]), date.fromisoformat(m["acts_as"]), "调休")
        for m in raw["makeup"]
    ]
    term = Term(
        "demo-term",
        raw["name"],
        data["zone"],
        date.fromisoformat(raw["week1_monday"]),
        date.fromisoformat(raw["start"]),
        date.fromisoformat(raw["end"]),
        tuple(sorted(days, key=lambda d: d.day)),
    )
    if term.starts_on <= today <= term.ends_on:
        return term, timedelta()
    this_monday = today - timedelta(days=today.weekday())
    moved = this_monday - timedelta(weeks=_WEEK_FOR_TODAY - 1) - term.week1_monday
    return (
        replace(
            term,
            week1_monday=term.week1_monday + moved,
            starts_on=term.starts_on + moved,
            ends_on=term.ends_on + moved,
            days=tuple(
                replace(d, day=d.day + moved, acts_as=d.acts_as and d.acts_as + moved)
                for d in term.days
            ),
        ),
        moved,
    )


def _bells(school_code: str, schedule: dict[str, Any], moved: timedelta) -> BellSchedule:
    return BellSchedule(
        school_code,
        date.fromisoformat(schedule["valid_from"]) + moved,
        tuple(
            BellPeriod(p["period"], time.fromisoformat(p["start"]), time.fromisoformat(p["end"]))
            for p in schedule["periods"]
        ),
    )


class _Placement:
    """Who is meant by the names in the grid, and where each class listens.

    A grid names no receiving room and no assistant: a class listens in an accepted room of its
    school that its shift leaves free, with an assistant who is not elsewhere then; interactive
    rooms come before listen-only ones.
    """

    def __init__(
        self,
        schools: tuple[School, ...],
        rooms: tuple[Room, ...],
        teachers: tuple[Teacher, ...],
        classes: tuple[ClassGroup, ...],
        subjects: tuple[Subject, ...],
        schedules: tuple[BellSchedule, ...],
    ) -> None:
        short = {s.code: s.short_name for s in schools}
        self._lead_rooms = {short[r.school_code] + r.name: r for r in rooms}
        self._subjects = {s.name_zh: s.slug for s in subjects}
        self._teachers = {(t.school_code, t.name): t for t in teachers if t.role == "lead"}
        self._classes = {plain(short[c.school_code] + c.name): c for c in classes}
        self._assistants = [t for t in teachers if t.role == "assistant"]
        self._listening_rooms = sorted(
            (r for r in rooms if r.status is RoomStatus.ACCEPTED and r.kind is not RoomKind.LEAD),
            key=lambda r: r.kind is RoomKind.CLOUD,
        )
        self._bells = {s.school_code: s for s in schedules}
        self._taken: list[tuple[str, int, Weeks, Shift]] = []

    def lessons(self, grid: tuple[GridLesson, ...]) -> tuple[Lesson, ...]:
        return tuple(self._lesson(entry) for entry in grid)

    def _lesson(self, entry: GridLesson) -> Lesson:
        room = self._lead_rooms[entry.sheet]
        return Lesson(
            id=uuid5(_LESSON_IDS, f"{entry.sheet}!{entry.cell}"),
            weekday=entry.weekday,
            period=entry.period,
            weeks=entry.weeks,
            subject=self._subjects[entry.subject],
            lead_teacher_id=self._teachers[room.school_code, entry.teacher].id,
            lead_room_id=room.id,
            hub_code=room.school_code,
            interactive=len(entry.classes) <= 3,  # DOMAIN 4: more is broadcast
            receivers=tuple(
                self._receiver(self._classes[name], entry, room.school_code)
                for name in entry.classes
            ),
        )

    def _receiver(self, group: ClassGroup, entry: GridLesson, hub_code: str) -> Receiver:
        rooms = [r.id for r in self._listening_rooms if r.school_code == group.school_code]
        people = [t.id for t in self._assistants if t.school_code == group.school_code]
        hub = period(self._bells[hub_code], entry.period)
        taken = shift(hub, self._bells[group.school_code])
        return Receiver(
            room_id=self._free(rooms, entry, taken) or rooms[0],
            class_id=group.id,
            assistant_id=self._free(people, entry, taken),
        )

    def _free(self, candidates: list[str], entry: GridLesson, wanted: Shift) -> str | None:
        for candidate in candidates:
            if not any(
                who == candidate
                and weekday == entry.weekday
                and (Weeks.ALL in (weeks, entry.weeks) or weeks is entry.weeks)
                and other.busy_from < wanted.busy_until
                and wanted.busy_from < other.busy_until
                for who, weekday, weeks, other in self._taken
            ):
                self._taken.append((candidate, entry.weekday, entry.weeks, wanted))
                return candidate
        return None
