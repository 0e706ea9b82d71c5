"""One room's page: its life so far, what it may become, its acceptance tests."""

from aiohttp import web

from classroom_sync import room_moves
from classroom_sync.auth import requires
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from db import acceptance, room_life
from scheduler.room_life import LEAST_REASON, may_become

routes = web.RouteTableDef()


@routes.get("/admin/rooms/{room}")
@requires(Action.SEE_CITY)
async def one_room(request: web.Request) -> web.StreamResponse:
    visitor, room_id = request[VISITOR], request.match_info["room"]
    async with request.app[POOL].connection() as connection:
        room = await room_moves.need_room(connection, room_id)
        life = await room_moves.need_life(connection, room_id)
        history = await room_life.history(connection, room_id)
        tests = await acceptance.of_room(connection, room_id)
        names = await read_names(connection)
    admin = visitor.role is Role.ADMIN
    return await page(
        request,
        "admin_room.html",
        names=names,
        room=room,
        life=life,
        history=history,
        tests=tests,
        next_steps=[s.value for s in may_become(life.status)],
        today=room_moves.local_day(request.app[NOW]()),
        least_reason=LEAST_REASON,
        manages=admin and visitor.school_code is None,
        may_test=admin and visitor.school_code in (None, room.school_code),
    )
