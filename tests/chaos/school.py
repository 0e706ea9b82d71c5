"""A school whose lessons are on now, each with a hub room, a teacher, and rooms that listen."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from classroom_sync import auth
from db import accounts, calendar, city, sessions, timetable
from db.pool import Connection, Pool, migrate_database
from scheduler.model import (
    ClassGroup,
    Lesson,
    ParticipantRole,
    Receiver,
    Room,
    RoomKind,
    RoomStatus,
    School,
    SchoolRole,
    Subject,
    Teacher,
)
from tests.worlds import BELLS, FAR, HUB, MONDAY, NEAR, TERM, lesson, occurrence, publish

MINUTES = 40
_BEGAN = timedelta(minutes=2)  # ago


@dataclass(frozen=True, slots=True)
class Seat:
    """A participant and the signed-in browser it sits at."""

    session_id: UUID
    participant_id: UUID
    role: ParticipantRole
    cookie: str
    csrf: str

    @property
    def leads(self) -> bool:
        return self.role is ParticipantRole.LEAD


def _room(school: str, number: int, kind: RoomKind) -> Room:
    name = f"Room {number}"
    return Room(f"{school}-R{number}", school, name, kind, 1, RoomStatus.ACCEPTED, MONDAY, MONDAY)


async def open_school(
    dsn: str, lessons: int, *, listening: int = 1, minutes: int = MINUTES
) -> list[Seat]:
    """A city in an empty database, with lessons that have just begun and `listening` rooms in each;
    the seats, the lead's of each lesson first."""
    await migrate_database(dsn)
    pool = await Pool.open(dsn, size=1)
    try:
        async with pool.transaction() as connection:
            entries = await _build(connection, lessons, listening)
            return await _hold(connection, entries, minutes)
    finally:
        await pool.close()


async def _build(connection: Connection, lessons: int, listening: int) -> list[Lesson]:
    await city.add_schools(
        connection,
        [
            School(HUB, "Hub", "hub", SchoolRole.HUB, None, 100),
            School(FAR, "Far", "far", SchoolRole.RECEIVING, HUB, 20),
            School(NEAR, "Near", "near", SchoolRole.RECEIVING, HUB, 20),
        ],
    )
    numbers, listeners = range(1, lessons + 1), range(1, lessons * listening + 1)
    leads = [_room(HUB, n, RoomKind.LEAD) for n in numbers]
    await city.add_rooms(
        connection, leads + [_room(FAR, n, RoomKind.INTERACTIVE) for n in listeners]
    )
    await city.add_subjects(connection, [Subject("music", "音乐", "Music")])
    people = [Teacher(f"{HUB}-T{n}", HUB, f"Lead {n}", "lead", ("music",), 3) for n in numbers]
    people += [Teacher(f"{FAR}-T{n}", FAR, f"Helper {n}", "assistant", (), 3) for n in listeners]
    await city.add_teachers(connection, people)
    await city.add_class_groups(
        connection, [ClassGroup(f"{FAR}-C{n}", FAR, f"3({n})", 3, 40) for n in listeners]
    )
    await calendar.add_term(connection, TERM)
    await calendar.add_bells(connection, BELLS)
    entries = []
    for n in numbers:
        rooms = [(n - 1) * listening + each for each in range(1, listening + 1)]
        receivers = tuple(Receiver(f"{FAR}-R{m}", f"{FAR}-C{m}", f"{FAR}-T{m}") for m in rooms)
        teacher, room = f"{HUB}-T{n}", f"{HUB}-R{n}"
        entries.append(lesson(teacher=teacher, room=room, receivers=receivers, interactive=False))
    version = await publish(connection, *entries)
    published = await timetable.versions_between(connection, MONDAY, MONDAY)
    return [each for v in published if v.id == version for each in v.lessons]


async def _hold(connection: Connection, entries: list[Lesson], minutes: int) -> list[Seat]:
    now = datetime.now(UTC)
    seats = []
    for each in entries:
        starts_at = now.replace(microsecond=0) - _BEGAN
        session_id = await sessions.add_occurrence(connection, occurrence(each, starts_at, minutes))
        assert isinstance(session_id, UUID), session_id
        session = await sessions.session(connection, session_id)
        assert session is not None, "just stored"
        for participant in sorted(session.participants, key=lambda p: p.role.value):
            if participant.role is ParticipantRole.LEAD:
                who = {"account_id": await _account(connection, participant.teacher_id or "")}
            else:
                room_id = participant.room_id or ""
                who = {"device_id": await accounts.add_device(connection, room_id, now)}
            cookie = await auth.begin(connection, now, **who)
            csrf = await auth.csrf_of(connection, cookie)
            seats.append(Seat(session_id, participant.id, participant.role, cookie, csrf))
    return seats


async def _account(connection: Connection, teacher_id: str) -> UUID:
    return await accounts.add_account(
        connection,
        login=teacher_id.lower(),
        name=teacher_id,
        password_hash="",  # nobody signs in with it
        role="teacher",
        school_code=HUB,
        teacher_id=teacher_id,
    )
