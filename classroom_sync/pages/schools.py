"""The bureau's schools at a glance: each hub and those that it gives lessons to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.pages.bureau import wanted
from classroom_sync.pages.names import Names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from classroom_sync.reports import numbers, pictures
from classroom_sync.reports.document import Key, measures_of
from classroom_sync.reports.reading import read_cut
from db import alerts, indicators, sessions
from db.sessions import LastLesson
from scheduler.bells import instant
from scheduler.indicators.values import Cut, Dimension, Measure, Report
from scheduler.model import RoomStatus, School, SchoolRole

routes = web.RouteTableDef()

_HOURS: dict[Dimension, Key] = {Dimension.SCHOOL: (5, "received"), Dimension.HUB: (5, "led")}


@dataclass(frozen=True, slots=True)
class Tile:
    """A school; `dark` are its rooms that are dark in a lesson just now."""

    school: School
    href: str
    accepted: int
    rooms: int  # without those that are retired
    ratio: float | None  # of what was due of it: what was held
    share: str
    sides: str
    hours: str | None
    last: LastLesson | None
    dark: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A hub with its receiving schools; `hub` is None for those that have none."""

    hub: Tile | None
    schools: tuple[Tile, ...]


@routes.get("/bureau/schools")
@requires(Action.SEE_COVERAGE)
async def schools(request: web.Request) -> web.StreamResponse:
    """All schools that are not closed, in the term so far, or in `?since=` and `?until=`."""
    now, own = request.app[NOW](), request[VISITOR].school_code
    rules, choices = request.app[LIVE].rules, request.app[SETTINGS].indicator_rules
    async with request.app[POOL].connection() as connection:
        term, cut, as_of, names = await read_cut(connection, wanted(request), now)
        by = (Dimension.SCHOOL, Dimension.HUB)
        report = await indicators.report(
            connection, Cut(cut.since, cut.until), as_of, rules, by, choices
        )
        since = instant(cut.since, time(), term.zone)
        last = await sessions.last_of_schools(connection, since, as_of)
        standing = await alerts.standing(connection)
    dark: dict[str, set[str]] = {}
    for alert in standing:
        school = names.rooms[alert.room_id].school_code
        if own in (None, school):
            dark.setdefault(school, set()).add(alert.room_id)
    tiles = _tiles(report, names, last, dark)
    found = list(_families(tiles))
    return await page(
        request,
        "bureau_schools.html",
        zone=term.zone,
        names=names,
        families=found,
        cut=cut,
        as_of=as_of,
        dark=sum(map(len, dark.values())),
        here=len(tiles),
        live=sum(t.last is not None and t.last.state == "live" for t in tiles),
        subject=lambda slug: names.subject(slug, request[LOCALE]),
    )


def _tiles(
    report: Report,
    names: Names,
    last: Mapping[str, LastLesson],
    dark: Mapping[str, Iterable[str]],
) -> list[Tile]:
    rows = {(d, row.key): measures_of(row.indicators) for d, rs in report.breakdowns for row in rs}
    period = f"since={report.cut.since}&until={report.cut.until}"
    found = []
    for school in names.schools.values():
        if school.retired_on is not None:
            continue
        of = Dimension.HUB if school.role is SchoolRole.HUB else Dimension.SCHOOL
        figures: Mapping[Key, Measure] = rows.get((of, school.code), {})
        due, hours = figures.get(pictures.DELIVERY), figures.get(_HOURS[of])
        rooms = [
            r
            for r in names.rooms.values()
            if r.school_code == school.code and r.status is not RoomStatus.RETIRED
        ]
        found.append(
            Tile(
                school,
                f"/bureau?of={of.value}:{school.code}&{period}",
                sum(r.status is RoomStatus.ACCEPTED for r in rooms),
                len(rooms),
                due.ratio if due else None,
                numbers.share(due.ratio if due else None),
                numbers.fraction(due) if due else "",
                numbers.plain(hours.numerator) if hours else None,
                last.get(school.code),
                tuple(sorted(dark.get(school.code, ()))),
            )
        )
    return found


def _families(tiles: Iterable[Tile]) -> Iterable[Family]:
    """Hubs in the order of the registers, each with its own; then schools without a hub."""
    tiles = list(tiles)
    hubs = [t for t in tiles if t.school.role is SchoolRole.HUB]
    for hub in hubs:
        yield Family(hub, tuple(t for t in tiles if t.school.hub_code == hub.school.code))
    known = {hub.school.code for hub in hubs}
    rest = [t for t in tiles if t not in hubs and t.school.hub_code not in known]
    if rest:
        yield Family(None, tuple(rest))
