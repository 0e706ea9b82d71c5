"""A week of a timetable as FET XML, every lesson locked in time and room.

FET (Liviu Lalescu, https://lalescu.ro/liviu/fet/) then judges it: `fet-cl` accepts a timetable in
which nobody and no room is in two places, and nothing else is left for it to decide. A lesson is
one activity of the lead teacher in the lead room for the session, and one of each class with its
assistant in its receiving room for its whole shift.

Schools ring different bells, and FET has one row of hours for all. An hour here is therefore a
stretch of the day that no activity begins and ends within: the fewest such stretches keep which
activities overlap, exactly.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from classroom_sync.formats.vocabulary import Names
from scheduler import bells
from scheduler.calendar import TeachingDay
from scheduler.model import BellSchedule, BusyTime, Lesson

_VERSION = "6.8.5"  # whose elements these are; newer ones read them too
_MOST_HOURS = 60  # MAX_HOURS_PER_DAY of FET
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class TooFine(Exception):
    """The day falls into more stretches than FET has hours: export fewer schools at a time."""


@dataclass(frozen=True, slots=True)
class _Activity:
    weekday: int
    starts: time
    ends: time
    subject: str
    teacher: str | None
    students: str | None
    room: str


@dataclass
class _Hours:
    """Stretches of the day: from which an instant begins one, and before which it ends one."""

    begins: dict[time, int] = field(default_factory=dict)
    ends: dict[time, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


def write(
    lessons: Sequence[Lesson],
    names: Names,
    schedules: Sequence[BellSchedule],
    on: date,
    week: int,
    busy: Iterable[BusyTime] = (),
) -> bytes:
    """The lessons held in a teaching week, by the bells of a day. `busy` times of teachers are
    times at which FET must not find them teaching. Raises TooFine, bells.NoBells."""
    schools = {group.id: group.school_code for group in names.classes}
    schools |= {teacher.id: teacher.school_code for teacher in names.teachers}
    held = [lesson for lesson in lessons if TeachingDay(on, lesson.weekday, week).runs(lesson)]
    activities = [a for lesson in held for a in _activities(lesson, schedules, schools, on)]
    away: list[tuple[str, int, time, time]] = []
    for each in busy:
        if each.teacher_id is not None:
            own = bells.schedule_on(schedules, schools[each.teacher_id], on)
            rung = bells.period(own, each.period)
            away.append((each.teacher_id, each.weekday, rung.starts, rung.ends))
    hours = _hours([(a.starts, a.ends) for a in activities] + [(s, e) for _, _, s, e in away])
    if len(hours.names) > _MOST_HOURS:
        raise TooFine(f"the day falls into {len(hours.names)} stretches; FET has {_MOST_HOURS}")
    return _document(names, activities, away, hours, week)


def _activities(
    lesson: Lesson, schedules: Sequence[BellSchedule], schools: dict[str, str], on: date
) -> list[_Activity]:
    hub = bells.period(bells.schedule_on(schedules, lesson.hub_code, on), lesson.period)
    found = [
        _Activity(
            lesson.weekday,
            hub.starts,
            hub.ends,
            lesson.subject,
            lesson.lead_teacher_id,
            None,
            lesson.lead_room_id,
        )
    ]
    for receiver in lesson.receivers:
        own = bells.schedule_on(schedules, schools[receiver.class_id], on)
        shift = bells.shift(hub, own)
        found.append(
            _Activity(
                lesson.weekday,
                shift.busy_from,
                shift.busy_until,
                lesson.subject,
                receiver.assistant_id,
                receiver.class_id,
                receiver.room_id,
            )
        )
    return found


def _hours(spans: Iterable[tuple[time, time]]) -> _Hours:
    """A new stretch begins where something begins after something has ended."""
    events = sorted({(e, False) for _, e in spans} | {(s, True) for s, _ in spans})
    hours = _Hours()
    ended = True
    for at, begins in events:
        if begins:
            if ended:
                hours.names.append(at.isoformat("minutes"))
            hours.begins[at] = len(hours.names) - 1
        else:
            hours.ends[at] = len(hours.names)
        ended = not begins
    return hours


def _document(
    names: Names,
    activities: Sequence[_Activity],
    away: Sequence[tuple[str, int, time, time]],
    hours: _Hours,
    week: int,
) -> bytes:
    days = _DAYS[: max([5, *(a.weekday for a in activities), *(day for _, day, *_ in away)])]
    root = Element("fet", version=_VERSION)
    _texts(root, Mode="Official", Institution_Name=f"Classroom Sync, week {week}", Comments="")
    _counted(root, "Days", "Day", days)
    _counted(root, "Hours", "Hour", hours.names or ["-"])
    subjects = SubElement(root, "Subjects_List")
    for subject in names.subjects:
        _texts(SubElement(subjects, "Subject"), Name=subject.slug, Comments=subject.name_zh)
    SubElement(root, "Activity_Tags_List")
    teachers = SubElement(root, "Teachers_List")
    for teacher in names.teachers:
        made = SubElement(teachers, "Teacher")
        _texts(made, Name=teacher.id, Target_Number_of_Hours="0")
        SubElement(made, "Qualified_Subjects")
        _texts(made, Comments=teacher.name)
    students = SubElement(root, "Students_List")
    for group in names.classes:
        _texts(
            SubElement(students, "Year"),
            Name=group.id,
            Number_of_Students=str(group.enrolment),
            Comments=group.name,
            Number_of_Categories="0",
            Separator=" ",
        )
    listed = SubElement(root, "Activities_List")
    for number, activity in enumerate(activities, start=1):
        _activity(listed, number, activity, hours)
    SubElement(root, "Buildings_List")
    rooms = SubElement(root, "Rooms_List")
    for room in names.rooms:
        _texts(
            SubElement(rooms, "Room"),
            Name=room.id,
            Building="",
            Capacity="30000",
            Virtual="false",
            Comments=room.name,
        )
    _time_constraints(root, activities, away, hours, days)
    _space_constraints(root, activities)
    ElementTree.indent(root, " ")
    text: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return text


def _activity(parent: Element, number: int, activity: _Activity, hours: _Hours) -> None:
    made = SubElement(parent, "Activity")
    if activity.teacher is not None:
        _texts(made, Teacher=activity.teacher)
    _texts(made, Subject=activity.subject)
    if activity.students is not None:
        _texts(made, Students=activity.students)
    length = str(hours.ends[activity.ends] - hours.begins[activity.starts])
    _texts(
        made,
        Duration=length,
        Total_Duration=length,
        Id=str(number),
        Activity_Group_Id="0",
        Active="true",
        Comments="",
    )


def _time_constraints(
    root: Element,
    activities: Sequence[_Activity],
    away: Sequence[tuple[str, int, time, time]],
    hours: _Hours,
    days: Sequence[str],
) -> None:
    parent = SubElement(root, "Time_Constraints_List")
    _constraint(parent, "BasicCompulsoryTime")
    for number, activity in enumerate(activities, start=1):
        _constraint(
            parent,
            "ActivityPreferredStartingTime",
            Activity_Id=str(number),
            Preferred_Day=days[activity.weekday - 1],
            Preferred_Hour=hours.names[hours.begins[activity.starts]],
            Permanently_Locked="true",
        )
    for teacher in sorted({who for who, *_ in away}):
        slots = sorted(
            {
                (day, hour)
                for who, day, starts, ends in away
                if who == teacher
                for hour in range(hours.begins[starts], hours.ends[ends])
            }
        )
        made = _constraint(
            parent,
            "TeacherNotAvailableTimes",
            Teacher=teacher,
            Number_of_Not_Available_Times=str(len(slots)),
        )
        for at, (day, hour) in enumerate(slots, start=3):
            slot = Element("Not_Available_Time")
            _texts(slot, Day=days[day - 1], Hour=hours.names[hour])
            made.insert(at, slot)


def _space_constraints(root: Element, activities: Sequence[_Activity]) -> None:
    parent = SubElement(root, "Space_Constraints_List")
    _constraint(parent, "BasicCompulsorySpace")
    for number, activity in enumerate(activities, start=1):
        _constraint(
            parent,
            "ActivityPreferredRoom",
            Activity_Id=str(number),
            Room=activity.room,
            Permanently_Locked="true",
        )


def _constraint(parent: Element, name: str, **texts: str) -> Element:
    made = SubElement(parent, f"Constraint{name}")
    _texts(made, Weight_Percentage="100", **texts, Active="true", Comments="")
    return made


def _counted(root: Element, plural: str, singular: str, names: Sequence[str]) -> None:
    parent = SubElement(root, f"{plural}_List")
    _texts(parent, **{f"Number_of_{plural}": str(len(names))})
    for name in names:
        _texts(SubElement(parent, singular), Name=name)


def _texts(parent: Element, **texts: str) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = text
