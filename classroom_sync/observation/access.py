"""Whose observing a lesson is, and who sees what came of it.

Lessons alone are observed: the pages of a meeting would tell nobody there of an observer. The
bureau, administrators of the whole city and observers may watch any lesson, an administrator of one
school those that the school takes part in, a teacher those that they are invited to observe and
take no part in. What each observer wrote is for the lead teacher, the bureau, and administrators of
the city or of a school that takes part; an observer sees their own, and the means.
"""

from collections.abc import Sequence

from aiohttp import web

from classroom_sync.access import Seat, identifier
from classroom_sync.auth import Visitor
from classroom_sync.errors import Refused
from classroom_sync.keys import POOL, VISITOR
from classroom_sync.permissions import Action, Role, allowed
from db import city, invitations, sessions, visits
from db.pool import Connection
from scheduler.model import ParticipantRole, Session, SessionKind


def leads(visitor: Visitor, session: Session) -> bool:
    """Whether the visitor is the session's lead teacher."""
    return visitor.role is Role.TEACHER and any(
        p.role is ParticipantRole.LEAD and p.teacher_id == visitor.teacher_id
        for p in session.participants
    )


async def observable(
    connection: Connection, visitor: Visitor, found: Sequence[Session]
) -> list[Session]:
    """Those of the sessions that the visitor may watch as an observer, and evaluate."""
    if visitor.role is None or not allowed(visitor.role, Action.OBSERVE):
        return []
    found = [session for session in found if session.kind is SessionKind.LIVE_LESSON]
    if visitor.role is Role.TEACHER:
        assert visitor.teacher_id is not None, "the database gives every teacher's account one"
        ids = [session.id for session in found]
        invited = await invitations.invited_to(connection, visitor.teacher_id, ids)
        return [
            session
            for session in found
            if session.id in invited
            and all(p.teacher_id != visitor.teacher_id for p in session.participants)
        ]
    if visitor.role is Role.ADMIN and visitor.school_code is not None:
        rooms = {room.id: room.school_code for room in await city.rooms(connection)}
        teachers = {t.id: t.school_code for t in await city.teachers(connection)}
        own = {i for i, code in (rooms | teachers).items() if code == visitor.school_code}
        return [s for s in found if any({p.room_id, p.teacher_id} & own for p in s.participants)]
    return found


async def may_observe(connection: Connection, visitor: Visitor, session: Session) -> bool:
    """Whether the visitor may watch a session as an observer, and evaluate it."""
    return bool(await observable(connection, visitor, [session]))


async def may_see_each(connection: Connection, visitor: Visitor, session: Session) -> bool:
    """Whether the visitor sees what each observer of a session wrote."""
    if visitor.role is Role.TEACHER:
        return leads(visitor, session)
    return visitor.role in (Role.BUREAU, Role.ADMIN) and await may_observe(
        connection, visitor, session
    )


async def _session(request: web.Request, connection: Connection) -> Session:
    session_id = identifier(request.match_info["session"])
    found = await sessions.session(connection, session_id)
    if found is None or found.kind is not SessionKind.LIVE_LESSON:
        raise Refused(404, "There is no such lesson: go back to the start and choose one.")
    return found


async def observed(request: web.Request, connection: Connection) -> Session:
    """The session of the path, if the visitor may observe it. Raises Refused: 403, 404."""
    session = await _session(request, connection)
    if not await may_observe(connection, request[VISITOR], session):
        raise Refused(403, "You are not an observer of this lesson: ask to be invited.")
    return session


async def reviewed(request: web.Request, connection: Connection) -> Session:
    """The same, also for its lead teacher, who may read what came of it. Raises Refused."""
    session = await _session(request, connection)
    visitor = request[VISITOR]
    if not leads(visitor, session) and not await may_observe(connection, visitor, session):
        raise Refused(403, "You are not an observer of this lesson: ask to be invited.")
    return session


async def observers_seat(request: web.Request) -> Seat:
    """The seat of an observer at the session's state, with their visit (`?visit=`) where that is
    one of theirs. Raises Refused: 401, 403, 404."""
    visitor = request[VISITOR]
    if visitor.role is None:
        raise Refused(401, "Please sign in first.")
    async with request.app[POOL].connection() as connection:
        session = await observed(request, connection)
        visit = await visits.visit(connection, identifier(request.query["visit"]))
    mine = visit and (visit.session_id, visit.account_id) == (session.id, visitor.account_id)
    return Seat(session.id, None, None, visitor.actor, visit.id if visit and mine else None)


async def invited_by(request: web.Request, connection: Connection) -> Session:
    """The session of the path, if the visitor may invite to it: its lead teacher, the bureau, and
    administrators who may observe it. Raises Refused: 403, 404."""
    session = await _session(request, connection)
    if not await may_see_each(connection, request[VISITOR], session):
        raise Refused(403, "Only the lead teacher, the bureau and administrators invite observers.")
    return session
