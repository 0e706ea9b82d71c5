"""Small cities, in plain values and in a database."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

from db import calendar, city, sessions, timetable
from db.pool import Connection
from scheduler.model import (
    BellPeriod,
    BellSchedule,
    ClassGroup,
    Lesson,
    Occurrence,
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

HUB, FAR, NEAR = "2132000001", "2132000002", "2132000003"
MONDAY = date(2026, 9, 7)  # week 2 of the term below
NOON = datetime(2026, 9, 7, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai

TERM = Term("t", "Autumn", "Asia/Shanghai", date(2026, 8, 31), date(2026, 9, 1), date(2027, 1, 22))


def _room(school: str, number: int, kind: RoomKind) -> Room:
    return Room(
        f"{school}-R{number}",
        school,
        f"Room {number}",
        kind,
        1,
        RoomStatus.ACCEPTED,
        date(2020, 11, 1),
        date(2020, 12, 1),
    )


def bells(school: str, *starts: str) -> BellSchedule:
    """Forty-minute periods from the given times on."""
    periods = []
    for number, text in enumerate(starts, start=1):
        begins = time.fromisoformat(text)
        ends = (datetime.combine(MONDAY, begins) + timedelta(minutes=40)).time()
        periods.append(BellPeriod(number, begins, ends))
    return BellSchedule(school, date(2026, 8, 31), tuple(periods))


BELLS = (
    bells(HUB, "08:30", "09:25", "10:35"),
    bells(FAR, "08:20", "09:15", "10:25"),
    bells(NEAR, "08:30", "09:25", "10:35"),
)


def lesson(
    weekday: int = 1,
    period: int = 1,
    weeks: Weeks = Weeks.ALL,
    *,
    teacher: str = f"{HUB}-T1",
    room: str = f"{HUB}-R1",
    receivers: tuple[Receiver, ...] | None = None,
    interactive: bool = True,
) -> Lesson:
    """A lesson from the hub to the far school, unless told otherwise."""
    listening = receivers or (Receiver(f"{FAR}-R1", f"{FAR}-301", f"{FAR}-T1"),)
    return Lesson(
        uuid4(), weekday, period, weeks, "music", teacher, room, HUB, interactive, listening
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """A stored session and its people."""

    session_id: UUID
    lead: UUID
    receiving: UUID


async def build(connection: Connection) -> None:
    """One hub with two rooms and two teachers, two receiving schools with a room and a class."""
    await city.add_schools(
        connection,
        [
            School(HUB, "Hub", "hub", SchoolRole.HUB, None, 100),
            School(FAR, "Far", "far", SchoolRole.RECEIVING, HUB, 20),
            School(NEAR, "Near", "near", SchoolRole.RECEIVING, HUB, 20),
        ],
    )
    rooms = [_room(HUB, 1, RoomKind.LEAD), _room(HUB, 2, RoomKind.LEAD)]
    rooms += [_room(FAR, 1, RoomKind.INTERACTIVE), _room(NEAR, 1, RoomKind.INTERACTIVE)]
    await city.add_rooms(connection, rooms)
    await city.add_targets(connection, [RoomTarget(date(2020, 12, 31), 16, "seed")])
    await city.add_subjects(connection, [Subject("music", "音乐", "Music")])
    people = [Teacher(f"{HUB}-T{n}", HUB, f"Lead {n}", "lead", ("music",), 3) for n in (1, 2)]
    people += [Teacher(f"{s}-T1", s, "Helper", "assistant", (), 3) for s in (FAR, NEAR)]
    await city.add_teachers(connection, people)
    await city.add_class_groups(
        connection, [ClassGroup(f"{s}-301", s, "3(1)", 3, 40) for s in (HUB, FAR, NEAR)]
    )
    await calendar.add_term(connection, TERM)
    await calendar.add_bells(connection, BELLS)


async def publish(connection: Connection, *lessons: Lesson, since: date = MONDAY) -> UUID:
    """A published version with these lessons (which get ids of their own)."""
    version = await timetable.add_draft(connection, TERM.id, lessons)
    at = datetime.combine(since, time(), UTC) - timedelta(days=1)
    await timetable.publish(connection, version, TERM.id, since, at)
    return version


def occurrence(of: Lesson, starts_at: datetime, minutes: int = 40) -> Occurrence:
    return Occurrence(of, starts_at.date(), starts_at, starts_at + timedelta(minutes=minutes), ())


async def plan(
    connection: Connection, of: Lesson, starts_at: datetime = NOON, minutes: int = 40
) -> Planned:
    """A session of a published lesson; it must not clash."""
    version = await publish(connection, of)
    [stored] = [
        each
        for v in await timetable.versions_between(connection, MONDAY, MONDAY)
        if v.id == version
        for each in v.lessons
    ]
    session_id = await sessions.add_occurrence(connection, occurrence(stored, starts_at, minutes))
    assert isinstance(session_id, UUID), session_id
    session = await sessions.session(connection, session_id)
    assert session is not None, "just stored"
    ids = {p.role.value: p.id for p in session.participants}
    return Planned(session_id, ids["lead"], ids["receiving"])
