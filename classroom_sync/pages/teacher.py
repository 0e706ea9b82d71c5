"""The teacher's door: today's lessons, and the lesson itself."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from classroom_sync.access import seat_in
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.live_session import view
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from db import meetings, presence, sessions
from scheduler.model import DEFAULT_ZONE, ParticipantRole, SessionKind, SessionState

routes = web.RouteTableDef()


def day_of(now: datetime, zone: str) -> tuple[datetime, datetime]:
    """The local day around an instant."""
    start = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + timedelta(days=1)


@routes.get("/teacher")
@requires(Action.TEACH)
async def today(request: web.Request) -> web.StreamResponse:
    now = request.app[NOW]()
    since, until = day_of(now, DEFAULT_ZONE)
    teacher_id = request[VISITOR].teacher_id
    assert teacher_id is not None, "the database gives every teacher's account one"
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        mine = await sessions.of_teacher(connection, teacher_id, since, until)
        coming = await sessions.of_teacher(connection, teacher_id, until, until + timedelta(days=7))
        titles = await meetings.titles(connection, [s.id for s in (*mine, *coming)])
    states = {}
    for session in mine:
        if session.state in (SessionState.OPEN, SessionState.LIVE):
            live = await request.app[LIVE].need(session.id)
            states[session.id] = {p["id"]: p for p in view(live)["participants"]}
    return await page(
        request,
        "teacher_today.html",
        now=now,
        names=names,
        sessions=mine,
        coming=coming[:5],
        states=states,
        titles=titles,
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        teacher_id=teacher_id,
    )


@routes.get("/teacher/sessions/{session}")
@requires(Action.TEACH)
async def lesson(request: web.Request) -> web.StreamResponse:
    seat = await seat_in(request, request.match_info["session"])
    if seat.role is not ParticipantRole.LEAD:
        raise Refused(403, "Only the lead teacher may do this.")
    live = await request.app[LIVE].need(seat.session_id)
    if live.session.kind is SessionKind.RESEARCH:
        raise web.HTTPFound(f"/meetings/{seat.session_id}")
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        found = await presence.attendance_of_session(connection, seat.session_id)
    return await page(
        request,
        "teacher_lesson.html",
        session=live.session,
        places=live.places,
        names=names,
        seat=seat,
        attendance={a.participant_id: a for a in found},
        subject=names.subject(live.session.subject, request[LOCALE]),
        recording_days=request.app[SETTINGS].recording_days,
        record_rooms=request.app[SETTINGS].record_rooms,
    )
