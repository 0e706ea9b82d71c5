"""The patrol wall 巡课: every lesson under way as small pictures, those with an alarm first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from classroom_sync.auth import UNATTENDED, requires
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, VISITOR
from classroom_sync.live_session import view
from classroom_sync.observation.access import observable
from classroom_sync.pages.names import Names, read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from db import alerts, sessions
from db.alerts import AlertOfLesson
from scheduler.model import ParticipantRole, Session, SessionState

routes = web.RouteTableDef()

_AROUND = timedelta(hours=4)  # before and after now: lessons that are looked at
_ON = (SessionState.OPEN, SessionState.LIVE)


@dataclass(frozen=True, slots=True)
class Place:
    """A room of a lesson: its name, whether it is connected, how many are there of how many."""

    name: str
    group: str
    connected: bool
    dark_since: datetime | None
    hand: bool
    help: bool
    heads: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Patrolled:
    """A lesson on the wall."""

    id: UUID
    live: bool
    subject: str
    teacher: str
    lead: Place
    places: tuple[Place, ...]
    starts_at: datetime
    ends_at: datetime

    @property
    def alarms(self) -> int:
        """Rooms that are dark, or have asked for help."""
        return sum(p.dark_since is not None or p.help for p in (self.lead, *self.places))


@routes.get("/admin/patrol")
@requires(Action.SEE_CITY)
async def wall(request: web.Request) -> web.StreamResponse:
    """Every lesson under way that the visitor may observe."""
    return await page(request, "patrol.html", **await _values(request))


@routes.get("/admin/patrol/lessons")
@requires(Action.SEE_CITY)
async def lessons(request: web.Request) -> web.StreamResponse:
    """The lessons alone, for the page to follow; a visitor who comes by hand gets the whole."""
    if UNATTENDED not in request.headers:
        raise web.HTTPSeeOther("/admin/patrol")
    return await page(request, "patrol_lessons.html", **await _values(request))


async def _values(request: web.Request) -> dict[str, Any]:
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        around = await sessions.between(connection, now - _AROUND, now + _AROUND)
        mine = await observable(connection, request[VISITOR], around)
        dark = await alerts.since(connection, now, 500)
    found = [await _patrolled(request, names, s, dark) for s in mine if s.state in _ON]
    coming = min((s.starts_at for s in mine if s.state is SessionState.SCHEDULED), default=None)
    found.sort(key=lambda each: (-each.alarms, each.starts_at, each.lead.name))
    return {"lessons": found, "coming": coming, "now": now}


async def _patrolled(
    request: web.Request,
    names: Names,
    session: Session,
    dark: Iterable[AlertOfLesson],
) -> Patrolled:
    state = view(await request.app[LIVE].need(session.id))
    seen = {p["id"]: p for p in state["participants"]}
    since = {a.participant_id: a.dark_since for a in dark if a.closed_at is None}
    places = [
        (
            p.role,
            Place(
                names.room(p.room_id),
                names.group(p.class_id),
                bool(seen[str(p.id)]["publishing"] or seen[str(p.id)]["watching"]),
                since.get(p.id),
                seen[str(p.id)]["hand"],
                seen[str(p.id)]["help"],
                seen[str(p.id)]["heads"],
            ),
        )
        for p in session.participants
        if str(p.id) in seen
    ]
    lead = next(p for p in session.participants if p.role is ParticipantRole.LEAD)
    return Patrolled(
        session.id,
        session.state is SessionState.LIVE,
        names.subject(session.subject, request[LOCALE]),
        names.teacher(lead.teacher_id),
        next(place for role, place in places if role is ParticipantRole.LEAD),
        tuple(place for role, place in places if role is ParticipantRole.RECEIVING),
        session.starts_at,
        session.ends_at,
    )
