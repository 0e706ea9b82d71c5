"""The demo city: Taicang's two hub schools and eight receiving schools, as values.

The hubs, the number of receiving schools and the targets are those of 太政发〔2020〕60号; every
other school, person, class and date is invented, and its name says so.
"""

import json
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter

import scheduler.city
from classroom_sync.formats import timetable_preview
from classroom_sync.formats.spreadsheet import read_sheets
from classroom_sync.formats.vocabulary import Names
from scheduler.model import (
    BellPeriod,
    BellSchedule,
    BusyTime,
    CalendarDay,
    ClassGroup,
    Demand,
    Lesson,
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
    lessons: tuple[Lesson, ...]  # as the office sent them
    solved: tuple[Lesson, ...]  # as the solver made them


def city_on(found: City, day: date) -> scheduler.city.City:
    """The city as rules and solver take it, with the bells of a day."""
    return scheduler.city.City(
        schools=found.schools,
        rooms=found.rooms,
        teachers=found.teachers,
        classes=found.classes,
        bells=scheduler.city.bells_on(found.bells, day),
        demands=found.demands,
        busy=found.busy,
        subjects=found.subjects,
    )


def read_city(today: date) -> City:
    """The demo city with its weekly timetable, in a term that contains `today`."""
    here = files(__name__)
    data = json.loads((here / "taicang.json").read_text(encoding="utf-8"))
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
    sheets = read_sheets((here / "timetable-grid.xlsx").read_bytes(), "timetable-grid.xlsx")
    names = Names(schools, rooms, teachers, classes, subjects)
    grid = timetable_preview.preview(sheets, names, bells, term.starts_on)
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
        lessons=timetable_preview.accepted(grid),
        solved=TypeAdapter(tuple[Lesson, ...]).validate_json((here / "solved.json").read_bytes()),
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _term(data: dict[str, Any], today: date) -> tuple[Term, timedelta]:
    """The term, moved by whole weeks when `today` is outside of it, and how far it was moved."""
    raw = data["term"]
    days = [
        CalendarDay(
            first + timedelta(days=n), None, "假期" if source == "official" else "假期（暂定）"
        )
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
