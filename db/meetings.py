"""Teaching-research meetings: called, changed, and what is written down in them.

Whatever is asked, the exclusion constraint keeps a teacher in one session at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from db import presence, sessions
from db.changes import Taken, TooLate, Unknown
from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.meeting import AgendaItem, Meeting, Note, NoteKind, Turn
from scheduler.model import ParticipantRole, Session, SessionState

_sql = named("meetings")


class StillNeeded(Exception):
    """An item of the agenda has been discussed already: it can't be taken off."""


@dataclass(frozen=True, slots=True)
class Call:
    """A meeting as it is called: `members` are the teachers beside the chair."""

    title: str
    subject: str | None
    grade: int | None
    on_day: date
    starts_at: datetime
    ends_at: datetime
    chair: str
    members: tuple[str, ...]
    agenda: tuple[AgendaItem, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """How things stand in a meeting: `item` is under discussion `since`; how many notes and turns
    there are, and the number of the plan's newest version."""

    notes: int
    turns: int
    plan_version: int
    item: UUID | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Engagement:
    """What a teacher is taken by."""

    teacher_id: str
    kind: str  # live_lesson or research
    subject: str | None
    title: str | None  # of a meeting
    starts_at: datetime
    ends_at: datetime


async def add(connection: Connection, call: Call, plan_id: UUID, called_by: str) -> UUID:
    """Store a meeting; its session's id. Raises Taken, Unknown."""
    try:
        session_id: UUID = await _sql.add_session(
            connection,
            on_day=call.on_day,
            subject=call.subject,
            starts_at=call.starts_at,
            ends_at=call.ends_at,
        )
        await _sql.add_meeting(
            connection,
            session_id=session_id,
            title=call.title,
            grade=call.grade,
            plan_id=plan_id,
            called_by=called_by,
        )
        await sessions.add_participant(
            connection, session_id, ParticipantRole.LEAD, teacher_id=call.chair
        )
        await _add_members(connection, session_id, call.members)
        await _put_agenda(connection, session_id, call.agenda)
    except asyncpg.ExclusionViolationError as error:
        raise Taken from error
    except (asyncpg.ForeignKeyViolationError, asyncpg.UniqueViolationError) as error:
        raise Unknown from error
    return session_id


async def change(connection: Connection, session: Session, call: Call) -> None:
    """Let a meeting be as it is called now. Once its doors are open, its time and its chair stay,
    and nobody is called off. Raises Taken, TooLate, Unknown, StillNeeded."""
    chair = next(p.teacher_id for p in session.participants if p.role is ParticipantRole.LEAD)
    called = {p.teacher_id for p in session.participants if p.role is ParticipantRole.MEMBER}
    held = (session.starts_at, session.ends_at, chair)
    moves = held != (call.starts_at, call.ends_at, call.chair) or called - set(call.members)
    if session.state not in (SessionState.SCHEDULED, SessionState.OPEN, SessionState.LIVE):
        raise TooLate
    if moves and session.state is not SessionState.SCHEDULED:
        raise TooLate
    try:
        await _sql.drop_members(connection, session_id=session.id, stay=list(call.members))
        await _sql.set_chair(connection, session_id=session.id, teacher_id=call.chair)
        await _sql.change_session(
            connection,
            id=session.id,
            on_day=call.on_day,
            subject=call.subject,
            starts_at=call.starts_at,
            ends_at=call.ends_at,
        )
        await _sql.change_meeting(
            connection, session_id=session.id, title=call.title, grade=call.grade
        )
        await _add_members(connection, session.id, [m for m in call.members if m not in called])
    except asyncpg.ExclusionViolationError as error:
        raise Taken from error
    except (asyncpg.ForeignKeyViolationError, asyncpg.UniqueViolationError) as error:
        raise Unknown from error
    try:
        stay = [item.id for item in call.agenda]
        await _sql.drop_items(connection, session_id=session.id, stay=stay)
    except asyncpg.ForeignKeyViolationError as error:
        raise StillNeeded from error
    await _put_agenda(connection, session.id, call.agenda)


async def _add_members(connection: Connection, session_id: UUID, teachers: Iterable[str]) -> None:
    for teacher in teachers:
        await sessions.add_participant(
            connection, session_id, ParticipantRole.MEMBER, teacher_id=teacher
        )


async def _put_agenda(
    connection: Connection, session_id: UUID, agenda: Iterable[AgendaItem]
) -> None:
    for item in agenda:
        await _sql.put_item(
            connection,
            id=item.id,
            session_id=session_id,
            position=item.position,
            title=item.title,
            minutes=item.minutes,
        )


async def hold(connection: Connection, session_id: UUID) -> Session | None:
    """The session, which nobody else moves or changes until this transaction ends."""
    await presence.hold(connection, session_id)
    return await sessions.session(connection, session_id)


async def meeting(connection: Connection, session_id: UUID) -> Meeting | None:
    row = await _sql.meeting(connection, session_id=session_id)
    if row is None:
        return None
    asked = {"session_id": session_id}
    return value(
        Meeting,
        row,
        agenda=tuple([value(AgendaItem, each) async for each in _sql.agenda(connection, **asked)]),
        turns=tuple([value(Turn, each) async for each in _sql.turns(connection, **asked)]),
        notes=tuple([value(Note, each) async for each in _sql.notes(connection, **asked)]),
    )


async def titles(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Session → title, of those that are meetings."""
    found = _sql.titles(connection, ids=list(ids))
    return {row["session_id"]: row["title"] async for row in found}


async def between(
    connection: Connection,
    since: datetime,
    until: datetime,
    *,
    teacher_id: str | None = None,
    school_code: str | None = None,
) -> list[Session]:
    """Meetings that overlap [since, until), by start: all, or those of a teacher, or those that a
    school's teachers were called to."""
    found = _sql.meetings_between(
        connection, since=since, until=until, teacher_id=teacher_id, school_code=school_code
    )
    return await sessions.by_ids(connection, [row["id"] async for row in found])


async def turn_to(
    connection: Connection, session_id: UUID, item_id: UUID | None, at: datetime, by: str
) -> bool:
    """Take up an item of the agenda, or none; whether that changed anything. In the caller's
    transaction, one turn after the other."""
    await presence.hold(connection, session_id)
    return bool(
        await _sql.add_turn(connection, session_id=session_id, item_id=item_id, at=at, by=by)
    )


async def add_note(
    connection: Connection,
    session_id: UUID,
    kind: NoteKind,
    text: str,
    item_id: UUID | None,
    *,
    author: str,
    written_by: str,
    at: datetime,
) -> UUID:
    """Write a note or a decision down; its id. Raises Unknown for an item of another meeting."""
    made: UUID | None = await _sql.add_note(
        connection,
        session_id=session_id,
        kind=kind,
        text=text,
        item_id=item_id,
        author=author,
        written_by=written_by,
        at=at,
    )
    if made is None:
        raise Unknown
    return made


async def present(connection: Connection, session_id: UUID) -> Present | None:
    row = await _sql.present(connection, session_id=session_id)
    return None if row is None else value(Present, row)


async def engagements(
    connection: Connection,
    teachers: Iterable[str],
    since: datetime,
    until: datetime,
    but: UUID | None = None,
) -> list[Engagement]:
    """Sessions that teachers are in during [since, until), but for the session `but`."""
    found = _sql.engagements(connection, teachers=list(teachers), since=since, until=until, but=but)
    return [value(Engagement, row) async for row in found]


async def of_plan(connection: Connection, plan_id: UUID) -> list[UUID]:
    """The meetings that work on a plan."""
    return [row["session_id"] async for row in _sql.of_plan(connection, plan_id=plan_id)]
