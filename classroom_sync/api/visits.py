"""Observers' visits in /api/v1: the way to watch a lesson unseen, and never unlogged."""

import time
from uuid import UUID

from aiohttp import web
from pydantic import Field

from classroom_sync.addresses import address_of
from classroom_sync.api.media_grants import MediaGrant, media_grant
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import LIMITS, NOW, POOL, VISITOR
from classroom_sync.observation import visits
from classroom_sync.observation.access import observed
from classroom_sync.permissions import Action
from classroom_sync.tokens import MediaToken
from scheduler.model import SessionState


class VisitOut(MediaGrant):
    """The token is good for ten minutes: ask anew for each connection."""

    visit: UUID = Field(description="as ?visit= of the session's WebSocket: it has slots then")


@endpoint(
    "POST",
    "/sessions/{session}/visits",
    "Watch a lesson under way as an observer: unseen by its rooms, and logged",
    action=Action.OBSERVE,
    answer=VisitOut,
)
async def begin_visit(request: web.Request) -> VisitOut:
    now, visitor = request.app[NOW](), request[VISITOR]
    assert visitor.account_id is not None, "only accounts observe"
    if request.app[LIMITS].observer.take(visitor.account_id, time.monotonic()):
        raise Refused(429, "Too many requests from here: wait a moment, then try again.")
    async with request.app[POOL].transaction() as connection:
        session = await observed(request, connection)
        if session.state not in (SessionState.OPEN, SessionState.LIVE):
            raise Refused(409, "This lesson is not under way.")
        visit_id = await visits.begin(
            connection, session.id, visitor.account_id, visitor.actor, address_of(request), now
        )
    token = MediaToken(
        session.id, visit_id, "subscribe", "observer", unseen=True, holder=visitor.session_id
    )
    grant = media_grant(request, token, f"/whep/{session.id}", visits.TOKEN_LIFETIME)
    return VisitOut(visit=visit_id, **dict(grant))
