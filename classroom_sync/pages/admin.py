"""The administrator's door: rooms and their pairing, and today's sessions."""

from zoneinfo import ZoneInfo

from aiohttp import web

from classroom_sync import auth
from classroom_sync.addresses import origin
from classroom_sync.auth import requires
from classroom_sync.keys import LOCALE, NOW, POOL, VISITOR
from classroom_sync.pages.alerts import read_alarms
from classroom_sync.pages.names import read_names
from classroom_sync.pages.qr import qr
from classroom_sync.pages.rendering import page
from classroom_sync.pages.teacher import day_of
from classroom_sync.pages.timetable import may_edit
from classroom_sync.permissions import Action
from classroom_sync.planning import clashing
from db import accounts, calendar, sessions
from scheduler.model import DEFAULT_ZONE

routes = web.RouteTableDef()


@routes.get("/admin")
@requires(Action.SEE_CITY)
async def overview(request: web.Request) -> web.StreamResponse:
    now = request.app[NOW]()
    since, until = day_of(now, DEFAULT_ZONE)
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        today = await sessions.between(connection, since, until)
        clashes = await clashing(connection, now)
        alarms = await read_alarms(request, connection)
        term = await calendar.latest_term(connection)
    return await page(
        request,
        "admin.html",
        names=names,
        sessions=today,
        clashes=clashes,
        alarms=alarms,
        now=now,
        has_term=term is not None,
        today=now.astimezone(ZoneInfo(term.zone if term else DEFAULT_ZONE)).date(),
        by_school=names.by_school(),
        may_edit=may_edit(request),
        subject=lambda slug: names.subject(slug, request[LOCALE]),
    )


@routes.get("/admin/rooms")
@requires(Action.SEE_CITY)
async def rooms(request: web.Request) -> web.StreamResponse:
    visitor = request[VISITOR]
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        codes = await accounts.open_pairing_codes(connection, request.app[NOW]())
        devices = await accounts.devices(connection)
    paired = {d.room_id for d in devices if d.revoked_at is None}
    shown = [
        r
        for r in names.rooms.values()
        if visitor.school_code is None or r.school_code == visitor.school_code
    ]
    return await page(
        request,
        "admin_rooms.html",
        names=names,
        rooms=shown,
        codes={c.room_id: c for c in reversed(codes)},
        paired=paired,
        qr=lambda code: qr(f"{origin(request)}/pair?code={code}"),
    )


@routes.post("/admin/rooms/{room}/pairing-codes")
@requires(Action.PAIR_ROOMS)
async def new_code(request: web.Request) -> web.StreamResponse:
    code = await auth.new_pairing_code(request, request.match_info["room"])
    raise web.HTTPSeeOther(f"/admin/rooms#{code.room_id}")
