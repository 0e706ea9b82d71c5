"""The observers' door: lessons that are on, and one of them watched unseen."""

from datetime import timedelta

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.keys import LOCALE, NOW, POOL, VISITOR
from classroom_sync.observation.access import observable, observed
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from db import sessions
from scheduler.model import ParticipantRole, SessionState

routes = web.RouteTableDef()

_BEFORE, _AFTER = timedelta(hours=4), timedelta(hours=12)


@routes.get("/observe")
@requires(Action.OBSERVE)
async def listed(request: web.Request) -> web.StreamResponse:
    now, visitor = request.app[NOW](), request[VISITOR]
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        around = await sessions.between(connection, now - _BEFORE, now + _AFTER)
        mine = await observable(connection, visitor, around)
    return await page(
        request,
        "observing.html",
        now=now,
        names=names,
        on=[s for s in mine if s.state in (SessionState.OPEN, SessionState.LIVE)],
        coming=[s for s in mine if s.state is SessionState.SCHEDULED],
        subject=lambda slug: names.subject(slug, request[LOCALE]),
    )


@routes.get("/observe/{session}")
@requires(Action.OBSERVE)
async def watched(request: web.Request) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        session = await observed(request, connection)
        names = await read_names(connection)
    return await page(
        request,
        "observe.html",
        session=session,
        lead=next((p for p in session.participants if p.role is ParticipantRole.LEAD), None),
        names=names,
        subject=names.subject(session.subject, request[LOCALE]),
        on=session.state in (SessionState.OPEN, SessionState.LIVE),
    )
