"""Alerts on the administrator's page, which asks for them again by itself; digests of the days."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from aiohttp import web

from classroom_sync import room_moves
from classroom_sync.auth import UNATTENDED, requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from db import alerts, digests, webhooks
from db.pool import Connection
from db.webhooks import Deliveries

routes = web.RouteTableDef()

_SHOWN_FOR = timedelta(hours=2)  # after an alert is over
_DELIVERIES_OF = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alert as people read it; `minutes` it has been dark for, or was."""

    room: str
    room_id: str
    subject: str
    starts_at: datetime
    dark_since: datetime
    minutes: int
    closed_why: str | None
    times: int


@dataclass(frozen=True, slots=True)
class Alarms:
    """What the page shows: those that stand first; how webhooks go, None if there are none."""

    alarms: tuple[Alarm, ...]
    deliveries: Deliveries | None

    @property
    def standing(self) -> tuple[Alarm, ...]:
        return tuple(a for a in self.alarms if a.closed_why is None)

    @property
    def over(self) -> tuple[Alarm, ...]:
        return tuple(a for a in self.alarms if a.closed_why is not None)


async def read_alarms(request: web.Request, connection: Connection) -> Alarms:
    """The alerts that a visitor may see: those of the city, or of one's own school."""
    now, school = request.app[NOW](), request[VISITOR].school_code
    names = await read_names(connection)
    found = []
    for alert in await alerts.since(connection, now - _SHOWN_FOR):
        if school is not None and names.rooms[alert.room_id].school_code != school:
            continue
        lasted = (alert.closed_at or now) - alert.dark_since
        found.append(
            Alarm(
                names.room(alert.room_id),
                alert.room_id,
                names.subject(alert.subject, request[LOCALE]),
                alert.starts_at,
                alert.dark_since,
                int(lasted.total_seconds() // 60),
                alert.closed_why,
                alert.times,
            )
        )
    deliveries = None
    if request.app[SETTINGS].webhook_url is not None and school is None:
        deliveries = await webhooks.state(connection, now - _DELIVERIES_OF)
    return Alarms(tuple(found), deliveries)


@routes.get("/admin/alerts")
@requires(Action.SEE_CITY)
async def fragment(request: web.Request) -> web.StreamResponse:
    """The part of the page that shows alerts, for the page to put in its place; a visitor who comes
    here by hand gets the whole page."""
    if UNATTENDED not in request.headers:
        raise web.HTTPSeeOther("/admin")
    async with request.app[POOL].connection() as connection:
        alarms = await read_alarms(request, connection)
    return await page(request, "alerts.html", alarms=alarms)


@routes.get("/admin/digest")
@requires(Action.SEE_CITY)
async def digest_page(request: web.Request) -> web.StreamResponse:
    """The digest of `?day=`, by default the newest."""
    async with request.app[POOL].connection() as connection:
        days = await digests.days(connection)
        try:
            wanted = request.query.get("day")
            day = date.fromisoformat(wanted) if wanted else next(iter(days), None)
        except ValueError:
            raise Refused(422, "That is not a day: write it as 2026-09-01.") from None
        found = await digests.digest(connection, day) if day else None
        names = await read_names(connection)
    return await page(
        request,
        "digest.html",
        days=days,
        day_shown=day,
        digest=found.content if found else None,
        made_at=found.made_at if found else None,
        at=request.app[SETTINGS].digest_at,
        today=room_moves.local_day(request.app[NOW]()),
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        instant=datetime.fromisoformat,
    )
