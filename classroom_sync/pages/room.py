"""The receiving room's door: the next lesson, joined by itself."""

from datetime import timedelta

from aiohttp import web

from classroom_sync.acceptance.run import GOOD_FOR
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from db import acceptance, sessions
from scheduler.model import ParticipantRole, Session, SessionState

routes = web.RouteTableDef()

_SOON = timedelta(days=7)


async def _next(request: web.Request, room_id: str) -> Session | None:
    """The lesson that is on, or else the next one, of a room."""
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        found = await sessions.of_room(connection, room_id, now - timedelta(hours=2), now + _SOON)
    under_way = [s for s in found if s.state in (SessionState.OPEN, SessionState.LIVE)]
    scheduled = [s for s in found if s.state is SessionState.SCHEDULED and s.ends_at > now]
    return next(iter(under_way or scheduled), None)


@routes.get("/room")
@requires(Action.TAKE_PART)
async def room(request: web.Request) -> web.StreamResponse:
    visitor = request[VISITOR]
    if visitor.role is not Role.ROOM or visitor.room_id is None:
        raise Refused(403, "This page is for a paired classroom screen: open /pair there.")
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
    coming = await _next(request, visitor.room_id)
    people = coming.participants if coming else ()
    mine = next((p for p in people if p.room_id == visitor.room_id), None)
    lead = next((p for p in people if p.role is ParticipantRole.LEAD), None)
    return await page(
        request,
        "room.html",
        names=names,
        room=names.rooms[visitor.room_id],
        session=coming,
        mine=mine,
        lead=lead,
        now=request.app[NOW](),
        fetch_hours=request.app[SETTINGS].fetch_hours,
        fetch_bytes=request.app[SETTINGS].fetch_max_bytes,
        subject=names.subject(coming.subject, request[LOCALE]) if coming else "",
    )


@routes.get("/room/next")
@requires(Action.TAKE_PART)
async def next_lesson(request: web.Request) -> web.StreamResponse:
    """What the waiting screen asks every few seconds: `{"session": id or null, "state": …,
    "acceptance": whether a test of the room has been asked for}`."""
    room_id = request[VISITOR].room_id
    if room_id is None:
        raise Refused(403, "This page is for a paired classroom screen: open /pair there.")
    coming = await _next(request, room_id)
    async with request.app[POOL].connection() as connection:
        waiting = await acceptance.waiting(connection, room_id, request.app[NOW]() - GOOD_FOR)
    return web.json_response(
        {
            "acceptance": waiting is not None,
            "session": str(coming.id) if coming else None,
            "state": coming.state.value if coming else None,
        }
    )
