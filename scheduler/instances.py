"""Cities made from a seed, for benchmarks and tests.

A made city has the shape of Taicang's plan: districts of two hubs and eight receiving schools with
differing bells. 16 rooms: one district whose receiving schools have one room each; 48: four each;
480: ten such districts. `scheduler.plan` writes them out, so that others can run the same.
"""

from dataclasses import dataclass
from datetime import date, time
from random import Random

from scheduler.city import City, ShiftDecision
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
    SchoolRole,
    Subject,
    Teacher,
    Weeks,
)

SIZES = (16, 48, 480)

_SINCE = date(2026, 8, 31)
_HUB_BELLS = (
    ("08:30", "09:25", "10:35", "13:00", "13:55", "15:05"),
    ("08:40", "09:35", "10:45", "13:10", "14:05", "15:15"),
)
_RECEIVING_BELLS = (
    ("08:20", "09:15", "10:25", "12:50", "13:45", "14:55"),
    ("08:20", "09:15", "10:25", "11:20", "13:40", "14:50"),
)
_SUBJECTS = (
    Subject("english", "英语", "English"),
    Subject("music", "音乐", "Music"),
    Subject("art", "美术", "Art"),
    Subject("science", "科学", "Science"),
)
_TAUGHT = ("english", "music", "art", "science", "english", "music", "english", "science")
_GRADES = (3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class _Shape:
    districts: int
    lead_rooms: int  # of a hub
    receiving_rooms: int  # of a receiving school
    lead_teachers: int  # of a hub
    classes: int  # of a receiving school and grade
    lessons: int  # of a district, a week


_SHAPES = {
    16: _Shape(1, 4, 1, 8, 2, 115),
    48: _Shape(1, 8, 4, 16, 4, 369),
    480: _Shape(10, 8, 4, 16, 4, 369),
}


def generate(seed: int, rooms: int) -> City:
    """The city of a seed with 16, 48 or 480 rooms. Raises KeyError for another size."""
    shape = _SHAPES[rooms]
    random = Random(f"{seed}/{rooms}")  # noqa: S311  # repeatable, not secret
    parts = [_district(random, shape, number) for number in range(shape.districts)]
    return City(
        schools=tuple(s for p in parts for s in p.schools),
        rooms=tuple(r for p in parts for r in p.rooms),
        teachers=tuple(t for p in parts for t in p.teachers),
        classes=tuple(c for p in parts for c in p.classes),
        bells=tuple(b for p in parts for b in p.bells),
        demands=tuple(d for p in parts for d in p.demands),
        busy=tuple(b for p in parts for b in p.busy),
        decisions=tuple(d for p in parts for d in p.decisions),
        subjects=_SUBJECTS,
    )


def _district(random: Random, shape: _Shape, number: int) -> City:
    hubs = [f"21{number:02}0001{n:02}" for n in (1, 2)]
    receiving = [f"21{number:02}0002{n:02}" for n in range(1, 9)]
    schools = [
        School(code, f"Hub {code}", f"H{number}{n}", SchoolRole.HUB, None, 200)
        for n, code in enumerate(hubs)
    ]
    schools += [
        School(code, f"School {code}", f"S{number}{n}", SchoolRole.RECEIVING, hubs[n // 4], 50)
        for n, code in enumerate(receiving)
    ]
    rooms = [_room(code, n, RoomKind.LEAD) for code in hubs for n in range(shape.lead_rooms)]
    rooms += [
        _room(code, n, RoomKind.INTERACTIVE)
        for code in receiving
        for n in range(shape.receiving_rooms)
    ]
    teachers = [
        Teacher(f"{code}-T{n:02}", code, f"T{n}", "lead", (_TAUGHT[n % len(_TAUGHT)],), 3)
        for code in hubs
        for n in range(shape.lead_teachers)
    ]
    teachers += [
        Teacher(f"{code}-A{n:02}", code, f"A{n}", "assistant", (), 3)
        for code in receiving
        for n in range(2 + 4 * shape.receiving_rooms)
    ]
    classes = [
        ClassGroup(f"{code}-{grade}{n:02}", code, f"{grade}({n})", grade, random.randint(30, 48))
        for code in receiving
        for grade in _GRADES
        for n in range(1, shape.classes + 1)
    ]
    bells = [_bells(code, _HUB_BELLS[n]) for n, code in enumerate(hubs)]
    bells += [_bells(code, _RECEIVING_BELLS[n % 2]) for n, code in enumerate(receiving)]
    return City(
        schools=tuple(schools),
        rooms=tuple(rooms),
        teachers=tuple(teachers),
        classes=tuple(classes),
        bells=tuple(bells),
        demands=tuple(_demands(random, shape, classes)),
        busy=tuple(_busy(random, teachers, classes)),
        decisions=tuple(
            ShiftDecision(code, hubs[n // 4], period, approved=True)
            for n, code in enumerate(receiving)
            for period in range(1, 7)
        ),
        subjects=_SUBJECTS,
    )


def _room(school: str, number: int, kind: RoomKind) -> Room:
    name = f"{school}-R{number}"
    return Room(name, school, f"R{number}", kind, 1, RoomStatus.ACCEPTED, _SINCE, _SINCE)


def _bells(school: str, starts: tuple[str, ...]) -> BellSchedule:
    periods = []
    for number, text in enumerate(starts, start=1):
        begins = time.fromisoformat(text)
        end = begins.hour * 60 + begins.minute + 40
        periods.append(BellPeriod(number, begins, time(end // 60, end % 60)))
    return BellSchedule(school, _SINCE, tuple(periods))


def _demands(random: Random, shape: _Shape, classes: list[ClassGroup]) -> list[Demand]:
    """Until the district's lessons are asked for, the same number for each school, within one."""
    schools = sorted({c.school_code for c in classes})
    found: list[Demand] = []
    for n, code in enumerate(schools):
        left = shape.lessons * (n + 1) // len(schools) - shape.lessons * n // len(schools)
        wishes = [
            (group.id, subject.slug)
            for group in classes
            if group.school_code == code
            for subject in _SUBJECTS
        ]
        random.shuffle(wishes)
        for class_id, subject in wishes:
            if left <= 0:
                break
            lessons = min(left, 2 if subject == "english" else 1)
            weeks = Weeks.ALL if random.random() < 0.85 else random.choice((Weeks.ODD, Weeks.EVEN))
            found.append(Demand(class_id, subject, lessons, weeks))
            left -= lessons
    return found


def _busy(random: Random, teachers: list[Teacher], classes: list[ClassGroup]) -> list[BusyTime]:
    slots = [(weekday, period) for weekday in range(1, 6) for period in range(1, 7)]
    found = [
        BusyTime(teacher.id, None, weekday, period, "本校课")
        for teacher in teachers
        if teacher.role == "lead"
        for weekday, period in random.sample(slots, 10)
    ]
    found += [
        BusyTime(None, group.id, weekday, period, "本校固定课")
        for group in classes
        for weekday, period in random.sample(slots, 2)
    ]
    return found
