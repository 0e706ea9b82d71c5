"""The administrator's door: rooms and their pairing, today's sessions, the timetable's week."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from classroom_sync import auth
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, VISITOR
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import DEFAULT_ZONE, page
from classroom_sync.pages.teacher import day_of
from classroom_sync.permissions import Action
from classroom_sync.planning import clashing
from db import accounts, calendar, sessions, timetable
from scheduler import bells
from scheduler.calendar import week_of
from scheduler.model import SchoolRole, Weeks

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
    return await page(
        request,
        "admin.html",
        names=names,
        sessions=today,
        clashes=clashes,
        now=now,
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
    )


@routes.post("/admin/rooms/{room}/pairing-codes")
@requires(Action.PAIR_ROOMS)
async def new_code(request: web.Request) -> web.StreamResponse:
    code = await auth.new_pairing_code(request, request.match_info["room"])
    raise web.HTTPSeeOther(f"/admin/rooms#{code.room_id}")


@routes.get("/admin/timetable")
@requires(Action.SEE_CITY)
async def week(request: web.Request) -> web.StreamResponse:
    """The published week of one hub: `?hub=` its code, `?week=` a Monday."""
    today = request.app[NOW]().astimezone(ZoneInfo(DEFAULT_ZONE)).date()
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        term = await calendar.latest_term(connection)
        schedules = await calendar.bells(connection)
        monday = _monday(request.query.get("week"), today)
        versions = await timetable.versions_between(connection, monday, monday + timedelta(days=6))
    hubs = [s for s in names.schools.values() if s.role is SchoolRole.HUB]
    if term is None or not hubs:
        raise Refused(409, "There is no term yet: an administrator must enter the calendar.")
    hub = next((s for s in hubs if s.code == request.query.get("hub")), hubs[0])
    number = week_of(term, monday)
    weeks = (Weeks.ALL, Weeks.ODD if number % 2 else Weeks.EVEN)
    schedule = bells.schedule_on(schedules, hub.code, max(monday + timedelta(days=6), today))
    cells: dict[tuple[int, int], list[object]] = {}
    for lesson in versions[-1].lessons if versions else ():
        if lesson.hub_code == hub.code and lesson.weeks in weeks:
            cells.setdefault((lesson.weekday, lesson.period), []).append(lesson)
    weekdays = sorted({1, 2, 3, 4, 5, *(weekday for weekday, _ in cells)})
    return await page(
        request,
        "admin_timetable.html",
        names=names,
        hubs=hubs,
        hub=hub,
        periods=schedule.periods,
        cells=cells,
        monday=monday,
        number=number,
        weekdays=weekdays,
        dates={n: monday + timedelta(days=n - 1) for n in weekdays},
        before=monday - timedelta(days=7),
        after=monday + timedelta(days=7),
        term=term,
        version=versions[-1] if versions else None,
        subject=lambda slug: names.subject(slug, request[LOCALE]),
    )


def _monday(text: str | None, today: date) -> date:
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        raise Refused(422, "A week is given by a date such as 2026-09-07.") from None
    return day - timedelta(days=day.weekday())
