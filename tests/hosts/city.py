"""A city with lessons that are on now: three with two rooms each, and an open one for 48 rooms."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from classroom_sync.auth import hash_password
from db import accounts, calendar, city, sessions, timetable
from db.pool import Connection
from scheduler.model import (
    ClassGroup,
    Receiver,
    Room,
    RoomKind,
    RoomStatus,
    School,
    SchoolRole,
    Subject,
    Teacher,
)
from tests.worlds import HUB, MONDAY, TERM, bells, lesson, occurrence

PASSWORD = "Right-1234"
LESSONS, ROOMS_EACH, OPEN_ROOMS = 3, 2, 48
_SCHOOLS = LESSONS * ROOMS_EACH + OPEN_ROOMS


@dataclass(frozen=True)
class Held:
    """A session that is on, with its people."""

    id: UUID
    lead: UUID
    receiving: tuple[UUID, ...]


def _school(number: int) -> str:
    return f"21320001{number:02d}"


async def build(connection: Connection, minutes: int = 40) -> list[Held]:
    """The sessions that begin now; the open one last. Teachers sign in as lead-1 … lead-4."""
    codes = [_school(n) for n in range(_SCHOOLS)]
    await city.add_schools(
        connection,
        [School(HUB, "Hub", "hub", SchoolRole.HUB, None, 1000)]
        + [School(c, f"School {c}", f"s{c[-2:]}", SchoolRole.RECEIVING, HUB, 20) for c in codes],
    )
    leads = range(1, LESSONS + 2)
    await city.add_rooms(
        connection,
        [_room(f"{HUB}-R{n}", HUB, RoomKind.LEAD) for n in leads]
        + [_room(f"{c}-R1", c, RoomKind.INTERACTIVE) for c in codes],
    )
    await city.add_subjects(connection, [Subject("music", "音乐", "Music")])
    await city.add_teachers(
        connection,
        [Teacher(f"{HUB}-T{n}", HUB, f"Lead {n}", "lead", ("music",), 3) for n in leads]
        + [Teacher(f"{c}-T1", c, f"Helper {c[-2:]}", "assistant", (), 3) for c in codes],
    )
    await city.add_class_groups(
        connection, [ClassGroup(f"{c}-301", c, "3(1)", 3, 40) for c in (HUB, *codes)]
    )
    await calendar.add_term(connection, TERM)
    await calendar.add_bells(connection, [bells(c, "08:30", "09:25") for c in (HUB, *codes)])
    hashed = await hash_password(PASSWORD)
    for n in leads:
        await accounts.add_account(
            connection,
            login=f"lead-{n}",
            name=f"Lead {n}",
            password_hash=hashed,
            role="teacher",
            school_code=HUB,
            teacher_id=f"{HUB}-T{n}",
        )
    wanted = []
    for n in leads:
        begin = (n - 1) * ROOMS_EACH
        to = codes[begin : begin + ROOMS_EACH] if n <= LESSONS else codes[begin:]
        receivers = tuple(Receiver(f"{c}-R1", f"{c}-301", f"{c}-T1") for c in to)
        wanted.append(
            lesson(
                teacher=f"{HUB}-T{n}",
                room=f"{HUB}-R{n}",
                receivers=receivers,
                interactive=n <= LESSONS,
            )
        )
    version = await timetable.add_draft(connection, TERM.id, wanted)
    now = datetime.now(UTC)
    await timetable.publish(connection, version, TERM.id, MONDAY, now)
    [stored] = [
        v for v in await timetable.versions_between(connection, MONDAY, MONDAY) if v.id == version
    ]
    found = []
    for each in sorted(stored.lessons, key=lambda k: k.lead_room_id):
        starts_at = now - timedelta(seconds=1)
        session_id = await sessions.add_occurrence(connection, occurrence(each, starts_at, minutes))
        assert isinstance(session_id, UUID), session_id
        session = await sessions.session(connection, session_id)
        assert session is not None, "just stored"
        of = {role: [p.id for p in session.participants if p.role.value == role] for role in _ROLES}
        found.append(Held(session_id, of["lead"][0], tuple(of["receiving"])))
    return found


_ROLES = ("lead", "receiving")


def _room(room_id: str, school: str, kind: RoomKind) -> Room:
    day = MONDAY.replace(year=2020)
    return Room(room_id, school, room_id, kind, 1, RoomStatus.ACCEPTED, day, day)
