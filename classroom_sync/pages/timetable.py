"""The timetable's pages: a week as a grid, by whose week it is; versions and what differs."""

from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.api.solver import state_of
from classroom_sync.api.timetable import differences, need_version
from classroom_sync.auth import requires
from classroom_sync.keys import LOCALE, NOW, POOL, SOLVER
from classroom_sync.pages.grid import grid, may_edit, monday_of
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from classroom_sync.timetabling import need_term, today
from db import drafts, timetable

routes = web.RouteTableDef()

__all__ = ["may_edit", "routes"]


@routes.get("/admin/timetable")
@requires(Action.SEE_CITY)
async def week(request: web.Request) -> web.StreamResponse:
    """The published week as its dates have it: `?week=` a day of it, `?view=` and `?of=` whose."""
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        monday = monday_of(request.query.get("week"), today(term, now))
        held = await timetable.versions_between(connection, monday, monday + timedelta(days=6))
    return await grid(request, term, monday, held[-1] if held else None, "week", held)


@routes.get("/admin/timetable/versions/{version}")
@requires(Action.SEE_CITY)
async def version(request: web.Request) -> web.StreamResponse:
    """One version's week; a draft can be changed here."""
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        found = await need_version(connection, identifier(request.match_info["version"]))
    nearest = min(max(today(term, request.app[NOW]()), term.starts_on), term.ends_on)
    monday = monday_of(request.query.get("week"), nearest)
    return await grid(request, term, monday, found, "versions")


@routes.get("/admin/timetable/versions")
@requires(Action.SEE_CITY)
async def versions(request: web.Request) -> web.StreamResponse:
    """All versions of the term; with `?old=` and `?new=` what differs between two."""
    old, new = request.query.get("old"), request.query.get("new")
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        found = await drafts.versions(connection, term.id)
        sentences = None
        if old and new:
            sentences = await differences(connection, request, identifier(old), identifier(new))
    chosen = (old or _before_last(found), new or (str(found[0].id) if found else ""))
    return await page(
        request,
        "timetable_versions.html",
        term=term,
        versions=found,
        sentences=sentences,
        chosen=chosen,
        may_edit=may_edit(request),
        zone=term.zone,
    )


@routes.get("/admin/timetable/solve")
@requires(Action.SEE_CITY)
async def solve(request: web.Request) -> web.StreamResponse:
    """The search for a timetable: what it has come to, or the wish for one."""
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        found = await drafts.versions(connection, term.id)
        wanted = await drafts.demands(connection, term.id)
    return await page(
        request,
        "timetable_solve.html",
        term=term,
        versions=found,
        run=state_of(request.app[SOLVER].run, request[LOCALE]),
        demands=len(wanted),
        wanted=sum(d.lessons_per_week for d in wanted),
        may_edit=may_edit(request),
        zone=term.zone,
    )


def _before_last(found: Sequence[drafts.VersionLine]) -> str:
    standing = next((v for v in found[1:] if v.state == "published"), None)
    return str((standing or found[-1]).id) if found else ""
