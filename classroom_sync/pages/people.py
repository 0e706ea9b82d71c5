"""The administrator's lists of who gets in: people, and what has been given out to get in by."""

from uuid import UUID

from aiohttp import web

from classroom_sync.api.accounts import kept_accounts
from classroom_sync.api.given import given_out
from classroom_sync.auth import requires
from classroom_sync.keys import NOW, POOL, SETTINGS, VISITOR
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from db import withdrawals

routes = web.RouteTableDef()

_MOST = 100  # people on one page


@routes.get("/admin/people")
@requires(Action.KEEP_PEOPLE)
async def people(request: web.Request) -> web.StreamResponse:
    """`?school=` (a code, or `city`) and `?name=` choose; a hundred at most are shown."""
    school, name = request.query.get("school", ""), request.query.get("name", "").strip()[:60]
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        kept = await kept_accounts(request, connection)
    found = [
        a
        for a in kept
        if (not school or (a.school or "city") == school)
        and (not name or name.lower() in f"{a.name} {a.login}".lower())
    ]
    own, rules = request[VISITOR].school_code, request.app[SETTINGS].entry_rules
    without = set(names.teachers) - {a.teacher for a in kept}
    return await page(
        request,
        "people.html",
        names=names,
        people=found[:_MOST],
        more=max(0, len(found) - _MOST),
        chosen=school,
        name=name,
        now=request.app[NOW](),
        roles=["teacher", "admin"] + ([] if own else ["bureau", "observer"]),
        own=own,
        needs_factor={role.value for role in rules.second_factor},
        without_account=[
            t
            for t in names.teachers.values()
            if t.id in without and t.retired_on is None and own in (None, t.school_code)
        ],
    )


@routes.get("/admin/given")
@requires(Action.KEEP_ACCESS)
async def given(request: web.Request) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        found = await given_out(request, connection)
        rooms = {
            t.id: t.room_id for t in await withdrawals.media_tokens(connection, request.app[NOW]())
        }

    def whose(scope: str, subject: str) -> str:
        known = {
            "school": names.school,
            "room": names.room,
            "teacher": names.teacher,
            "class": names.group,
        }
        return known[scope](subject) or subject

    def place(token: UUID) -> str:
        return names.room(rooms.get(token))

    return await page(request, "given.html", names=names, given=found, whose=whose, place=place)
