"""Whose a recording is, and who has looked at it: children are in these pictures (DESIGN 9).

A teacher has the recordings of lessons they lead, and those they made; an administrator those of
the city, or of the lessons that their school takes part in; observers watch those of the lessons
that they may observe. A meeting's are its chair's, and are watched by those who were called to it.
Every view is in the audit log: once for a visitor and a recording in ten minutes, however many
ranges a player asks for.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from uuid import UUID

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.auth import Visitor
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.observation.access import leads, may_observe
from classroom_sync.permissions import Action, Role, allowed
from db import marks, recordings, sessions
from db.pool import Connection
from scheduler.model import Session, SessionKind
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


async def watched_for(request: web.Request, connection: Connection) -> tuple[Recording, bool]:
    """The recording of the path, if the visitor may watch it, and whether it is theirs to keep.
    Observers watch what is ready of the lessons that they may observe, teachers what is ready of
    the meetings that they were called to. Raises Refused: 403, 404, 409."""
    recording_id = identifier(request.match_info["recording"])
    found = await recordings.recording(connection, recording_id)
    if found is None:
        raise Refused(404, "There is no such recording.")
    visitor = request[VISITOR]
    keeps = visitor.role is not None and allowed(visitor.role, Action.KEEP_RECORDINGS)
    if keeps and await _is_theirs(request, connection, found):
        return found, True
    session = found.session_id and await sessions.session(connection, found.session_id)
    if not session or not (
        called(visitor, session) or await may_observe(connection, visitor, session)
    ):
        raise Refused(403, "This recording is not one of yours.")
    return _ready(found), False


def called(visitor: Visitor, session: Session) -> bool:
    """Whether a session is a meeting that the visitor was called to, or chairs."""
    return (
        session.kind is SessionKind.RESEARCH
        and visitor.role is Role.TEACHER
        and any(p.teacher_id == visitor.teacher_id for p in session.participants)
    )


async def ready_for(request: web.Request, connection: Connection) -> Recording:
    """The recording of the path, if it is the visitor's and ready. Raises Refused."""
    return _ready(await recording_for(request, connection))


async def ready_to_watch(request: web.Request, connection: Connection) -> Recording:
    """The recording of the path, if the visitor may watch it and it is ready. Raises Refused."""
    found, _ = await watched_for(request, connection)
    return _ready(found)


def _ready(found: Recording) -> Recording:
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
        return leads(visitor, session)
    return visitor.role is Role.ADMIN and await may_observe(connection, visitor, session)


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
