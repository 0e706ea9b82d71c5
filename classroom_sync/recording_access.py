"""Whose a recording is, and who has looked at it: children are in these pictures (DESIGN 9).

A teacher has the recordings of lessons they lead, and those they made; an administrator those of
the city, or of the lessons that their school takes part in. Every view is in the audit log: once
for a visitor and a recording in ten minutes, however many ranges a player asks for.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Role
from db import city, marks, recordings, sessions
from db.pool import Connection
from scheduler.model import ParticipantRole
from scheduler.recording import Recording, RecordingState

_ONE_VIEW = timedelta(minutes=10)
_REMEMBERED = 10_000

VIEWS: "web.AppKey[OrderedDict[tuple[str, UUID], datetime]]" = web.AppKey("views")


async def recording_for(request: web.Request, connection: Connection) -> Recording:
    """The recording of the request's path, if it is the visitor's. Raises Refused: 403, 404."""
    recording_id = identifier(request.match_info["recording"])
    found = await recordings.recording(connection, recording_id)
    if found is None:
        raise Refused(404, "There is no such recording.")
    if not await _is_theirs(request, connection, found):
        raise Refused(403, "This recording is not one of yours.")
    return found


async def ready_for(request: web.Request, connection: Connection) -> Recording:
    """The same, of one that is ready. Raises Refused: 403, 404, 409."""
    found = await recording_for(request, connection)
    if found.state is not RecordingState.READY:
        raise Refused(409, "This recording is not ready.")
    return found


async def _is_theirs(request: web.Request, connection: Connection, of: Recording) -> bool:
    visitor = request[VISITOR]
    whole_city = visitor.role is Role.ADMIN and visitor.school_code is None
    if whole_city or of.made_by == visitor.actor:
        return True
    if of.session_id is None:
        return False
    session = await sessions.session(connection, of.session_id)
    assert session is not None, "sessions are not deleted"
    if visitor.role is Role.TEACHER:
        return any(
            p.role is ParticipantRole.LEAD and p.teacher_id == visitor.teacher_id
            for p in session.participants
        )
    rooms = {room.id: room.school_code for room in await city.rooms(connection)}
    return visitor.role is Role.ADMIN and any(
        rooms.get(p.room_id or "") == visitor.school_code for p in session.participants
    )


async def note_view(request: web.Request, of: Recording) -> None:
    """Write into the audit log that the visitor looks at a recording."""
    views, now = request.app[VIEWS], request.app[NOW]()
    key = (request[VISITOR].actor, of.id)
    if key in views and now - views[key] < _ONE_VIEW:
        return
    async with request.app[POOL].connection() as connection:
        about = f"recording:{of.id}"
        await marks.add_audit(connection, request[VISITOR].actor, "recording_viewed", about)
    views[key] = now
    views.move_to_end(key)
    while len(views) > _REMEMBERED:
        views.popitem(last=False)
