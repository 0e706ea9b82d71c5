"""The recordings that a visitor has, newest first."""

from dataclasses import dataclass

from aiohttp import web

from classroom_sync.keys import VISITOR
from classroom_sync.permissions import Role
from db import city, meetings, recordings, sessions
from db.pool import Connection
from scheduler.model import Participant, ParticipantRole, Session
from scheduler.recording import Recording


@dataclass(frozen=True, slots=True)
class Line:
    """A recording, and what it is of; `meeting` is the title of one."""

    recording: Recording
    session: Session | None
    lead: Participant | None
    meeting: str | None


async def read_list(request: web.Request, connection: Connection) -> list[Line]:
    """Those of a teacher's lessons and of the meetings that they were called to, or of the lessons
    that an administrator's school takes part in, or of the city."""
    visitor = request[VISITOR]
    teacher = visitor.teacher_id if visitor.role is Role.TEACHER else None
    found = await recordings.newest(connection, teacher_id=teacher, actor=visitor.actor)
    ids = [r.session_id for r in found if r.session_id is not None]
    held = {s.id: s for s in await sessions.by_ids(connection, ids)}
    titles = await meetings.titles(connection, ids)
    schools = {room.id: room.school_code for room in await city.rooms(connection)}
    lines = []
    for recording in found:
        session = held.get(recording.session_id) if recording.session_id else None
        people = session.participants if session is not None else ()
        own_school = {schools.get(p.room_id or "") for p in people}
        if (
            visitor.role is Role.ADMIN
            and visitor.school_code is not None
            and visitor.school_code not in own_school
            and recording.made_by != visitor.actor
        ):
            continue
        lead = next((p for p in people if p.role is ParticipantRole.LEAD), None)
        title = titles.get(recording.session_id) if recording.session_id else None
        lines.append(Line(recording, session, lead, title))
    return lines
