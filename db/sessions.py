"""Dated sessions and who takes part.

A session moves along by compare-and-set: each of `open_session`, `go_live`, `end`, `miss` and
`cancel` answers whether it was this call that moved it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.model import Occurrence, Participant, ParticipantRole, Session, SessionKind

_sql = named("sessions")


@dataclass(frozen=True, slots=True)
class Names:
    """A participant as people know it; what does not apply is "" or 0. `cloud`: its room can't
    send."""

    id: UUID
    room: str
    cloud: bool
    class_group: str
    enrolment: int
    teacher: str
    school: str
    school_code: str


@dataclass(frozen=True, slots=True)
class LastLesson:
    """The newest lesson of a school, and the seat of its room in it; `state` is live or ended."""

    session_id: UUID
    participant_id: UUID
    subject: str | None
    starts_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Clash:
    """An occurrence that was refused: someone or something in it is in another session then."""

    occurrence: Occurrence
    what: str  # as PostgreSQL names it: (kind, id, range) of what is taken


async def add_occurrence(connection: Connection, occurrence: Occurrence) -> UUID | Clash | None:
    """Store an occurrence as a session: its id; None if it was there already; or the Clash."""
    lesson = occurrence.lesson
    shifts = {room: (since, until) for room, since, until in occurrence.shifts}
    try:
        async with connection.transaction():
            row = await _sql.add_session(
                connection,
                kind=SessionKind.LIVE_LESSON,
                lesson_id=lesson.id,
                on_day=occurrence.day,
                subject=lesson.subject,
                starts_at=occurrence.starts_at,
                ends_at=occurrence.ends_at,
                interactive=lesson.interactive,
            )
            if row is None:
                return None
            session_id: UUID = row["id"]
            await add_participant(
                connection,
                session_id,
                ParticipantRole.LEAD,
                room_id=lesson.lead_room_id,
                teacher_id=lesson.lead_teacher_id,
            )
            for receiver in lesson.receivers:
                since, until = shifts.get(receiver.room_id, (None, None))
                await add_participant(
                    connection,
                    session_id,
                    ParticipantRole.RECEIVING,
                    room_id=receiver.room_id,
                    class_id=receiver.class_id,
                    teacher_id=receiver.assistant_id,
                    busy_from=since,
                    busy_until=until,
                )
            return session_id
    except asyncpg.ExclusionViolationError as error:
        return Clash(occurrence, error.detail or str(error))


async def add_participant(
    connection: Connection,
    session_id: UUID,
    role: ParticipantRole,
    *,
    room_id: str | None = None,
    class_id: str | None = None,
    teacher_id: str | None = None,
    busy_from: datetime | None = None,
    busy_until: datetime | None = None,
    makes_up_id: UUID | None = None,
) -> UUID:
    participant_id: UUID = await _sql.add_participant(
        connection,
        session_id=session_id,
        role=role,
        room_id=room_id,
        class_id=class_id,
        teacher_id=teacher_id,
        busy_from=busy_from,
        busy_until=busy_until,
        makes_up_id=makes_up_id,
    )
    return participant_id


async def drop_superseded(connection: Connection, now: datetime) -> None:
    """Forget sessions that were only planned, by a timetable version that no longer holds."""
    await _sql.drop_superseded(connection, now=now)


async def session(connection: Connection, session_id: UUID) -> Session | None:
    row = await _sql.session(connection, id=session_id)
    return (await _whole(connection, [row]))[0] if row is not None else None


async def session_of_participant(connection: Connection, participant_id: UUID) -> Session | None:
    session_id = await _sql.session_of_participant(connection, id=participant_id)
    return await session(connection, session_id) if session_id is not None else None


async def between(connection: Connection, since: datetime, until: datetime) -> list[Session]:
    """Sessions that overlap [since, until), by start."""
    rows = [row async for row in _sql.sessions_between(connection, since=since, until=until)]
    return await _whole(connection, rows)


async def by_ids(connection: Connection, ids: Iterable[UUID]) -> list[Session]:
    """Those of the sessions that there are, by start."""
    rows = [row async for row in _sql.sessions_by_ids(connection, ids=list(ids))]
    return await _whole(connection, rows)


async def last_of_schools(
    connection: Connection, since: datetime, now: datetime
) -> dict[str, LastLesson]:
    """By school."""
    found = _sql.last_of_schools(connection, since=since, now=now)
    return {row["school_code"]: value(LastLesson, row) async for row in found}


async def unfinished(connection: Connection, until: datetime) -> list[Session]:
    """Scheduled, open and live sessions that begin before `until`."""
    return await _whole(connection, [row async for row in _sql.unfinished(connection, until=until)])


async def of_teacher(
    connection: Connection, teacher_id: str, since: datetime, until: datetime
) -> list[Session]:
    found = _sql.sessions_of_teacher(connection, teacher_id=teacher_id, since=since, until=until)
    return await _whole(connection, [row async for row in found])


async def of_room(
    connection: Connection, room_id: str, since: datetime, until: datetime
) -> list[Session]:
    found = _sql.sessions_of_room(connection, room_id=room_id, since=since, until=until)
    return await _whole(connection, [row async for row in found])


async def open_session(connection: Connection, session_id: UUID, at: datetime) -> bool:
    return bool(await _sql.open(connection, id=session_id, at=at))


async def go_live(connection: Connection, session_id: UUID, at: datetime) -> bool:
    return bool(await _sql.go_live(connection, id=session_id, at=at))


async def end(connection: Connection, session_id: UUID, at: datetime) -> bool:
    return bool(await _sql.end(connection, id=session_id, at=at))


async def miss(connection: Connection, session_id: UUID, at: datetime) -> bool:
    return bool(await _sql.miss(connection, id=session_id, at=at))


async def cancel(connection: Connection, session_id: UUID, at: datetime, cause: str) -> bool:
    """`cause`: calendar, bureau, school or network."""
    return bool(await _sql.cancel(connection, id=session_id, at=at, cause=cause))


async def place(connection: Connection, session_id: UUID, node_id: UUID | None) -> None:
    await _sql.place(connection, id=session_id, node_id=node_id)


async def set_floor(connection: Connection, session_id: UUID, participant_id: UUID | None) -> None:
    await _sql.set_floor(connection, id=session_id, participant_id=participant_id)


async def set_muted(connection: Connection, participant_id: UUID, *, muted: bool) -> None:
    await _sql.set_muted(connection, id=participant_id, muted=muted)


async def set_push_to_talk(connection: Connection, participant_id: UUID, *, on: bool) -> None:
    await _sql.set_push_to_talk(connection, id=participant_id, on=on)


async def branch(connection: Connection, placed: Mapping[UUID, UUID | None]) -> None:
    """Put participants on nodes of their own; None: on their session's."""
    rows = [{"id": who, "node_id": node} for who, node in placed.items()]
    if rows:
        await _sql.branch(connection, rows)


async def names_of(connection: Connection, session_id: UUID) -> dict[UUID, Names]:
    """By participant."""
    rows = [row async for row in _sql.names_of(connection, id=session_id)]
    return {row["id"]: value(Names, row) for row in rows}


async def _whole(connection: Connection, rows: Iterable[Any]) -> list[Session]:
    rows = list(rows)
    people: dict[UUID, list[Participant]] = defaultdict(list)
    async for row in _sql.participants_of(connection, ids=[row["id"] for row in rows]):
        people[row["session_id"]].append(value(Participant, row))
    return [value(Session, row, participants=tuple(people[row["id"]])) for row in rows]
