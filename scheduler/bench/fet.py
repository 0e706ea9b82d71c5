"""FET on the same instance with the groups given: which classes join which session is settled,
and only days and periods are sought.

FET has one set of hours for everybody, so each hub's part is a file of its own, with the hub's
periods as hours; shifts that reach into a second period and the number of rooms are left out, for
both solvers. So is that odd and even weeks may share a period.
"""

import shutil
import subprocess
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from xml.etree import ElementTree as Xml

from ortools.sat.python import cp_model

from scheduler.board import grouped
from scheduler.city import City, minutes
from scheduler.model import Lesson
from scheduler.rules import Rules

_DAYS = range(1, 6)


def installed() -> str | None:
    """The path of `fet-cl`, if it is installed."""
    return shutil.which("fet-cl")


def by_fet(
    city: City, rules: Rules, lessons: Sequence[Lesson], directory: Path, limit: int
) -> float | None:
    """Seconds until FET has placed all groups of all parts; None when it has not in time."""
    program = installed()
    assert program is not None, "the caller looked"
    total = 0.0
    for hub, own in grouped(lessons, lambda k: k.hub_code).items():
        file = directory / f"{hub}.fet"
        Xml.ElementTree(_document(city, rules, hub, own)).write(
            file, encoding="UTF-8", xml_declaration=True
        )
        began = time.monotonic()
        subprocess.run(  # noqa: S603  # fet-cl, with arguments of ours
            [
                program,
                f"--inputfile={file}",
                f"--outputdir={directory}",
                f"--timelimitseconds={limit}",
                "--htmllevel=0",
            ],
            check=False,
            capture_output=True,
        )
        total += time.monotonic() - began
        solved = directory / "timetables" / hub / f"{hub}_data_and_timetable.fet"
        if not solved.exists():
            return None
    return total


def by_us(city: City, rules: Rules, lessons: Sequence[Lesson], workers: int) -> float | None:
    """Seconds until CP-SAT has placed the same groups under the same rules."""
    total = 0.0
    for hub, own in grouped(lessons, lambda k: k.hub_code).items():
        began = time.monotonic()
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = workers
        solver.parameters.max_time_in_seconds = 60
        status = solver.solve(_model(city, rules, hub, own))
        total += time.monotonic() - began
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
    return total


def _model(city: City, rules: Rules, hub: str, lessons: Sequence[Lesson]) -> cp_model.CpModel:
    model = cp_model.CpModel()
    slots = list(product(_DAYS, sorted(city.periods[hub])))
    at = {
        (n, day, period): model.new_bool_var("")
        for n in range(len(lessons))
        for day, period in slots
    }
    for n in range(len(lessons)):
        model.add_exactly_one(at[n, day, period] for day, period in slots)
    for who, members in _people(lessons).items():
        busy = _not_available(city, hub, who)
        a_day = (
            city.teacher[who].max_lessons_per_day
            if who in city.teacher
            else (rules.class_lessons_a_day)
        )
        for day, period in slots:
            model.add_at_most_one(at[n, day, period] for n in members)
            if (day, period) in busy:
                for n in members:
                    model.add(at[n, day, period] == 0)
        for day in _DAYS:
            periods = sorted(city.periods[hub])
            model.add(sum(at[n, day, p] for n in members for p in periods) <= a_day)
    for members in _twice(lessons):
        for day in _DAYS:
            model.add_at_most_one(at[n, day, p] for n in members for p in city.periods[hub])
    return model


def _people(lessons: Sequence[Lesson]) -> dict[str, list[int]]:
    """Teacher or class → the numbers of its lessons."""
    pairs = [
        (who, n)
        for n, k in enumerate(lessons)
        for who in (k.lead_teacher_id, *(r.class_id for r in k.receivers))
    ]
    return {who: [n for _, n in some] for who, some in grouped(pairs, lambda p: p[0]).items()}


def _twice(lessons: Sequence[Lesson]) -> list[list[int]]:
    """Lessons of one class and subject, which are to fall on different days."""
    pairs = [((r.class_id, k.subject), n) for n, k in enumerate(lessons) for r in k.receivers]
    found = grouped(pairs, lambda p: p[0]).values()
    return [[n for _, n in some] for some in found if len(some) > 1]


def _not_available(city: City, hub: str, who: str) -> set[tuple[int, int]]:
    """Days and hub periods in which a school keeps its teacher or class."""
    home = (city.teacher.get(who) or city.class_group[who]).school_code
    found = set()
    for busy in city.busy_of.get(who, ()):
        own = city.periods[home][busy.period]
        for number in city.periods[hub]:
            shift = city.shift(hub, number, home)
            if shift.starts < minutes(own.ends) and minutes(own.starts) < shift.ends:
                found.add((busy.weekday, number))
    return found


def _document(city: City, rules: Rules, hub: str, lessons: Sequence[Lesson]) -> Xml.Element:
    root = Xml.Element("fet", version="6.8.5")
    _text(root, "Institution_Name", hub)
    _text(root, "Comments", "")
    hours = sorted(city.periods[hub])
    _list(root, "Days_List", "Number_of_Days", "Day", [str(d) for d in _DAYS])
    _list(root, "Hours_List", "Number_of_Hours", "Hour", [str(h) for h in hours])
    subjects = sorted({k.subject for k in lessons})
    teachers = sorted({k.lead_teacher_id for k in lessons})
    classes = sorted({r.class_id for k in lessons for r in k.receivers})
    _list(root, "Subjects_List", None, "Subject", subjects)
    _list(root, "Activity_Tags_List", None, "Activity_Tag", [])
    _list(root, "Teachers_List", None, "Teacher", teachers)
    _list(root, "Students_List", None, "Year", classes, Number_of_Students="40")
    activities = Xml.SubElement(root, "Activities_List")
    for n, lesson in enumerate(lessons):
        activity = Xml.SubElement(activities, "Activity")
        _text(activity, "Teacher", lesson.lead_teacher_id)
        _text(activity, "Subject", lesson.subject)
        for receiver in lesson.receivers:
            _text(activity, "Students", receiver.class_id)
        for name, value in (
            ("Duration", "1"),
            ("Total_Duration", "1"),
            ("Id", str(n + 1)),
            ("Activity_Group_Id", "0"),
            ("Active", "true"),
            ("Comments", ""),
        ):
            _text(activity, name, value)
    for empty in ("Buildings_List", "Rooms_List"):
        Xml.SubElement(root, empty)
    limits = Xml.SubElement(root, "Time_Constraints_List")
    _constraint(limits, "ConstraintBasicCompulsoryTime")
    for teacher in teachers:
        most = str(city.teacher[teacher].max_lessons_per_day)
        _constraint(
            limits, "ConstraintTeacherMaxHoursDaily", Teacher_Name=teacher, Maximum_Hours_Daily=most
        )
        _kept(limits, "ConstraintTeacherNotAvailableTimes", "Teacher", city, hub, teacher)
    for group in classes:
        most = str(rules.class_lessons_a_day)
        _constraint(
            limits,
            "ConstraintStudentsSetMaxHoursDaily",
            Maximum_Hours_Daily=most,
            Students=group,
        )
        _kept(limits, "ConstraintStudentsSetNotAvailableTimes", "Students", city, hub, group)
    for members in _twice(lessons):
        apart = _constraint(
            limits,
            "ConstraintMinDaysBetweenActivities",
            Consecutive_If_Same_Day="false",
            Number_of_Activities=str(len(members)),
        )
        for n in members:
            _text(apart, "Activity_Id", str(n + 1))
        _text(apart, "MinDays", "1")
    spaces = Xml.SubElement(root, "Space_Constraints_List")
    _constraint(spaces, "ConstraintBasicCompulsorySpace")
    return root


def _kept(parent: Xml.Element, kind: str, whom: str, city: City, hub: str, who: str) -> None:
    busy = sorted(_not_available(city, hub, who))
    element = _constraint(parent, kind, **{whom: who}, Number_of_Not_Available_Times=str(len(busy)))
    for day, period in busy:
        time_ = Xml.SubElement(element, "Not_Available_Time")
        _text(time_, "Day", str(day))
        _text(time_, "Hour", str(period))


def _constraint(parent: Xml.Element, kind: str, **values: str) -> Xml.Element:
    element = Xml.SubElement(parent, kind)
    _text(element, "Weight_Percentage", "100")
    for name, value in values.items():
        _text(element, name, value)
    _text(element, "Active", "true")
    _text(element, "Comments", "")
    return element


def _list(
    root: Xml.Element,
    kind: str,
    count: str | None,
    each: str,
    names: Sequence[str],
    **more: str,
) -> None:
    parent = Xml.SubElement(root, kind)
    if count is not None:
        _text(parent, count, str(len(names)))
    for name in names:
        element = Xml.SubElement(parent, each)
        _text(element, "Name", name)
        for key, value in more.items():
            _text(element, key, value)


def _text(parent: Xml.Element, name: str, value: str) -> None:
    Xml.SubElement(parent, name).text = value
