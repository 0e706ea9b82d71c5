"""Changes to single dated lessons: another teacher, a make-up, a class that nobody planned.

Whatever is asked, the exclusion constraint keeps rooms, teachers and classes in one session at a
time: a change that would break it is `Taken`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from db import calendar, city, sessions, timetable
from db.pool import Connection
from db.queries import named
from scheduler.busy import kept_between
from scheduler.dated import cast_of, in_order
from scheduler.model import (
    ClassGroup,
    Lesson,
    ParticipantRole,
    Receiver,
    Session,
    SessionState,
    Teacher,
)

_sql = named("changes")

_CHANGEABLE = ("scheduled", "open")


class Taken(Exception):
    """Somebody or something in a session is in another one at that time."""


class TooLate(Exception):
    """A session is live or over: what happens in it cannot be planned any more."""


class Unknown(Exception):
    """There is no such session, participant, room, class or teacher; or a link has its make-up."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A lesson outside of the weekly timetable. `shifts`: room id, class busy from, until.

    `makes_up`: class id, the link of that class that is made up for; of one lesson or of several.
    """

    on_day: date
    starts_at: datetime
    ends_at: datetime
    subject: str
    interactive: bool
    lead_teacher_id: str
    lead_room_id: str
    receivers: tuple[Receiver, ...]
    shifts: tuple[tuple[str, datetime, datetime], ...] = ()
    makes_up: tuple[tuple[str, UUID], ...] = ()


async def substitute(
    connection: Connection, session_id: UUID, participant_id: UUID, teacher_id: str
) -> None:
    """Another lead teacher or assistant for one session. Raises Taken, TooLate, Unknown."""
    held = await _sql.hold_session(connection, id=session_id)
    if held is None:
        raise Unknown
    if held["state"] not in _CHANGEABLE:
        raise TooLate
    try:
        done = await _sql.substitute(
            connection, id=participant_id, session_id=session_id, teacher_id=teacher_id
        )
    except asyncpg.ExclusionViolationError as error:
        raise Taken from error
    except asyncpg.ForeignKeyViolationError as error:
        raise Unknown from error
    if not done:
        raise Unknown


async def add(connection: Connection, new: NewSession) -> UUID:
    """Store a session of its own; its id. Raises Taken, Unknown."""
    shifts = {room: (since, until) for room, since, until in new.shifts}
    makes_up = dict(new.makes_up)
    try:
        session_id: UUID = await _sql.add_session(
            connection,
            on_day=new.on_day,
            subject=new.subject,
            starts_at=new.starts_at,
            ends_at=new.ends_at,
            interactive=new.interactive,
        )
        await sessions.add_participant(
            connection,
            session_id,
            ParticipantRole.LEAD,
            room_id=new.lead_room_id,
            teacher_id=new.lead_teacher_id,
        )
        for receiver in new.receivers:
            since, until = shifts.get(receiver.room_id, (None, None))
            await sessions.add_participant(
                connection,
                session_id,
                ParticipantRole.RECEIVING,
                room_id=receiver.room_id,
                class_id=receiver.class_id,
                teacher_id=receiver.assistant_id,
                busy_from=since,
                busy_until=until,
                makes_up_id=makes_up.get(receiver.class_id),
            )
    except asyncpg.ExclusionViolationError as error:
        raise Taken from error
    except (asyncpg.ForeignKeyViolationError, asyncpg.UniqueViolationError) as error:
        raise Unknown from error
    return session_id


async def let_go(connection: Connection, session: Session, cast: Lesson) -> None:
    """Free, of a session still to come, whoever and whatever is not in its new cast, so that
    another session may have them; `fill` then completes it.

    Raises TooLate for a session that began, or whose rooms would change with its doors open.
    """
    held = await _sql.hold_session(connection, id=session.id)
    if held is None or held["state"] not in _CHANGEABLE:
        raise TooLate
    wanted = _places(cast)
    for participant in session.participants:
        if participant.role is ParticipantRole.OBSERVER:
            continue
        room, teacher = wanted.get((participant.role, participant.class_id), (None, None))
        if room != participant.room_id:
            if held["state"] != "scheduled":
                raise TooLate
            await _sql.remove_participant(connection, id=participant.id)
        elif teacher != participant.teacher_id:
            await _sql.set_teacher(connection, id=participant.id, teacher_id=None)


async def fill(
    connection: Connection,
    session: Session,
    cast: Lesson,
    shifts: Iterable[tuple[str, datetime, datetime]],
    makes_up: Iterable[tuple[str, UUID]] = (),
) -> None:
    """Give a session the new cast that `let_go` made room for. `shifts` and `makes_up` as in
    NewSession; a class that was in it goes on making up for what it did.

    Raises Taken, Unknown.
    """
    busy = {room: (since, until) for room, since, until in shifts}
    stayed = {(p.role, p.class_id): p for p in session.participants}
    made_up = {p.class_id: p.makes_up_id for p in session.participants} | dict(makes_up)
    try:
        for (role, class_id), (room, teacher) in _places(cast).items():
            participant = stayed.get((role, class_id))
            if participant is None or participant.room_id != room:
                since, until = busy.get(room, (None, None))
                await sessions.add_participant(
                    connection,
                    session.id,
                    role,
                    room_id=room,
                    class_id=class_id,
                    teacher_id=teacher,
                    busy_from=since,
                    busy_until=until,
                    makes_up_id=made_up.get(class_id),
                )
            elif participant.teacher_id != teacher:
                await _sql.set_teacher(connection, id=participant.id, teacher_id=teacher)
    except asyncpg.ExclusionViolationError as error:
        raise Taken from error
    except (asyncpg.ForeignKeyViolationError, asyncpg.UniqueViolationError) as error:
        raise Unknown from error


def _places(cast: Lesson) -> dict[tuple[ParticipantRole, str | None], tuple[str, str | None]]:
    """Role and class → room and teacher."""
    return {
        (ParticipantRole.LEAD, None): (cast.lead_room_id, cast.lead_teacher_id),
        **{
            (ParticipantRole.RECEIVING, r.class_id): (r.room_id, r.assistant_id)
            for r in cast.receivers
        },
    }


async def departures(connection: Connection, now: datetime) -> list[tuple[Session, Lesson]]:
    """What was changed of single days that a version planned which no longer holds on them: the
    session as it is, cancelled or with another cast, and its lesson."""
    rows = [row async for row in _sql.of_old_versions(connection, now=now)]
    versions = {row["version_id"] for row in rows}
    lessons = {k.id: k for v in versions for k in await timetable.lessons(connection, v)}
    found = []
    for row in rows:
        session = await sessions.session(connection, row["id"])
        assert session is not None, "it was read a moment ago, in this transaction"
        assert session.lesson_id is not None, "it was found by its lesson"
        lesson = lessons[session.lesson_id]
        if session.state is SessionState.CANCELLED or cast_of(session, lesson) != in_order(lesson):
            found.append((session, lesson))
    return found


async def cancelled_instead(connection: Connection, session_id: UUID, lesson_id: UUID) -> bool:
    """Let a cancelled session be that of another version's lesson; whether it is now."""
    return bool(await _sql.now_of_lesson(connection, id=session_id, lesson_id=lesson_id))


async def taken(connection: Connection, since: datetime, until: datetime) -> frozenset[str]:
    """Ids of the rooms, teachers and classes that are in some session during [since, until), and of
    the teachers and classes that their own school keeps then, or that are retired."""
    found = _sql.taken(connection, since=since, until=until)
    reserved = frozenset([row["resource_id"] async for row in found])
    people: list[Teacher | ClassGroup] = [
        *await city.teachers(connection),
        *await city.class_groups(connection),
    ]
    closed = {s.code for s in await city.schools(connection) if s.retired_on}
    gone = frozenset(p.id for p in people if p.retired_on or p.school_code in closed)
    schools = {p.id: p.school_code for p in people}
    return reserved | gone | await kept(connection, schools, since, until)


async def kept(
    connection: Connection, schools: Mapping[str, str], since: datetime, until: datetime
) -> frozenset[str]:
    """Ids of the teachers and classes of `schools` (id → school code) that their own school keeps
    during [since, until)."""
    schedules = await calendar.bells(connection)
    found: frozenset[str] = frozenset()
    for term in await calendar.whole_terms(connection):
        weekly = await timetable.busy_times(connection, term.id)
        found |= kept_between(term, weekly, schedules, schools, since, until)
    return found


async def makeups(connection: Connection, of: Iterable[UUID]) -> dict[UUID, dict[str, UUID]]:
    """Session → each of its classes that has a make-up → the session that makes up for it."""
    ids: Sequence[UUID] = list(of)
    found: dict[UUID, dict[str, UUID]] = {}
    async for row in _sql.makeups_of(connection, ids=ids):
        found.setdefault(row["made_up"], {})[row["class_id"]] = row["session_id"]
    return found


async def made_up_by(connection: Connection, of: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Session → the sessions that it makes up for, if there are any."""
    ids: Sequence[UUID] = list(of)
    found: dict[UUID, set[UUID]] = {}
    async for row in _sql.made_up_by(connection, ids=ids):
        found.setdefault(row["session_id"], set()).add(row["makes_up_id"])
    return found


async def owing(connection: Connection, subject: str, since: date, until: date) -> list[Session]:
    """Lessons of a subject that some class is to be given a make-up for, and has none planned."""
    rows = _sql.owing(connection, subject=subject, since=since, until=until)
    return await sessions.by_ids(connection, [row["session_id"] async for row in rows])
