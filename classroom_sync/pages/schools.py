"""The bureau's schools at a glance: each hub and those that it gives lessons to."""

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.pages.bureau import wanted
from classroom_sync.pages.families import BY, read_families
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from classroom_sync.reports.reading import read_cut
from db import indicators
from scheduler.indicators.values import Cut

routes = web.RouteTableDef()


@routes.get("/bureau/schools")
@requires(Action.SEE_COVERAGE)
async def schools(request: web.Request) -> web.StreamResponse:
    """All schools that are not closed, in the term so far, or in `?since=` and `?until=`."""
    now, own = request.app[NOW](), request[VISITOR].school_code
    rules, choices = request.app[LIVE].rules, request.app[SETTINGS].indicator_rules
    async with request.app[POOL].connection() as connection:
        term, cut, as_of, names = await read_cut(connection, wanted(request), now)
        whole = Cut(cut.since, cut.until)
        report = await indicators.report(connection, whole, as_of, rules, BY, choices)
        families = await read_families(connection, report, term.zone, names, own)
    tiles = [tile for family in families for tile in family]
    return await page(
        request,
        "bureau_schools.html",
        zone=term.zone,
        names=names,
        families=families,
        cut=cut,
        as_of=as_of,
        dark=sum(len(t.dark) for t in tiles),
        here=len(tiles),
        live=sum(t.last is not None and t.last.state == "live" for t in tiles),
        subject=lambda slug: names.subject(slug, request[LOCALE]),
    )
