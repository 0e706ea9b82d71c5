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
from db.pushes import Push

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
    return await request.app[CONTENTS].answer(request, await _received(request))


@routes.get("/room/sent/{push}/content/{track}/{number}")
@requires(Action.RECEIVE)
async def file(request: web.Request) -> web.StreamResponse:
    """One of the files of a recording that was sent."""
    push = await _received(request)
    async with request.app[POOL].connection() as connection:
        files = (await pushes.files_of(connection, [push.id])).get(push.id, ())
    asked = (request.match_info["track"], request.match_info["number"])
    found = next((f for f in files if (f.track.value, str(f.number)) == asked), None)
    if found is None:
        raise Refused(404, NO_SUCH_PAGE)
    return await request.app[CONTENTS].answer(request, push, found)


async def _received(request: web.Request) -> Push:
    """The push of the request's path, if it was sent to a class that uses the visitor's room. That
    it is looked at is noted. Raises Refused: 404, 410."""
    push_id, room_id = identifier(request.match_info["push"]), need_room(request)
    async with request.app[POOL].connection() as connection:
        here = await pushes.targets_of_room(connection, room_id)
        push = await pushes.push(connection, push_id)
        if push is None or all(target != push_id for target, _ in here):
            raise Refused(404, NO_SUCH_PAGE)
        if push.withdrawn_at is not None:
            raise Refused(410, "The teacher has taken this back.")
        if from_its_beginning(request) and push.tag is not None:
            await note_view(connection, request, push_id)
    return push
