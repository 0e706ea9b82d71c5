"""A classroom screen's lessons from afar: what was sent to its classes, with and without a line."""

from pathlib import Path

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.api.receipts import need_room, sent_to
from classroom_sync.auth import requires
from classroom_sync.contents import from_its_beginning
from classroom_sync.errors import NO_SUCH_PAGE, Refused
from classroom_sync.keys import CONTENTS, LOCALE, POOL, SETTINGS
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.pages.sent import note_view
from classroom_sync.permissions import Action
from db import pushes

routes = web.RouteTableDef()

_WORKER = Path(__file__).parent.parent / "static" / "room_worker.js"


@routes.get("/room/sent")
@requires(Action.RECEIVE)
async def sent(request: web.Request) -> web.StreamResponse:
    room_id = need_room(request)
    settings = request.app[SETTINGS]
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        items = await sent_to(connection, room_id, request[LOCALE])
    return await page(
        request,
        "room_sent.html",
        room=names.room(room_id),
        items=items.model_dump(mode="json")["items"],
        fetch_hours=settings.fetch_hours,
        fetch_bytes=settings.fetch_max_bytes,
    )


@routes.get("/room/worker.js")
@requires(Action.RECEIVE)
async def worker(_request: web.Request) -> web.StreamResponse:
    """The service worker, which may look after all of the room's pages."""
    headers = {
        "Content-Type": "text/javascript; charset=utf-8",
        "Service-Worker-Allowed": "/room",
        "Cache-Control": "no-cache",
    }
    return web.FileResponse(_WORKER, headers=headers)


@routes.get("/room/sent/{push}/content")
@requires(Action.RECEIVE)
async def content(request: web.Request) -> web.StreamResponse:
    """What was sent to a class that uses this room, and nothing else."""
    push_id, room_id = identifier(request.match_info["push"]), need_room(request)
    async with request.app[POOL].connection() as connection:
        here = await pushes.targets_of_room(connection, room_id)
        push = await pushes.push(connection, push_id)
        if push is None or all(target != push_id for target, _ in here):
            raise Refused(404, NO_SUCH_PAGE)
        if from_its_beginning(request) and push.tag is not None:
            await note_view(connection, request, push_id)
    return await request.app[CONTENTS].answer(request, push)
