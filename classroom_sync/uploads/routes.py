"""The tus endpoint: `POST /uploads`, then `HEAD`, `PATCH` and `DELETE /uploads/{id}`.

Upload-Metadata has `filename`, `kind` (lesson, slides or worksheet) and `subject`. The last PATCH
is answered when the file has been looked into: 204 when it can be sent, 422 with a sentence if not.
"""

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.auth import Handler, requires
from classroom_sync.errors import Refused
from classroom_sync.keys import POOL, RECEIVING, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.uploads import tus
from classroom_sync.uploads.kinds import UploadKind
from classroom_sync.uploads.names import file_name, file_type
from db import city, marks, uploads
from db.pool import Connection
from db.uploads import Upload
from scheduler.model import SchoolRole

routes = web.RouteTableDef()


async def speak_tus(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer of this endpoint carries, refusals too (tus 1.0.0, core)."""
    if request.path.startswith("/uploads"):
        response.headers.setdefault("Tus-Resumable", tus.VERSION)
        if response.status == 412 or request.method == "OPTIONS":
            response.headers.setdefault("Tus-Version", tus.VERSION)


@routes.options("/uploads")
@routes.options("/uploads/{upload}")
@requires(Action.UPLOAD)
async def abilities(request: web.Request) -> web.StreamResponse:
    headers = {
        "Tus-Extension": tus.EXTENSIONS,
        "Tus-Max-Size": str(request.app[RECEIVING].max_bytes),
    }
    return web.Response(status=204, headers=headers)


@routes.post("/uploads")
@requires(Action.UPLOAD)
async def create(request: web.Request) -> web.StreamResponse:
    tus.check_version(request.headers)
    receiving, visitor = request.app[RECEIVING], request[VISITOR]
    size = tus.length(request.headers, receiving.max_bytes)
    told = tus.metadata(request.headers)
    kind = _kind(told.get("kind", ""))
    name = file_name(told.get("filename", ""))
    media_type = file_type(name, kind).media_type
    teacher_id, account_id = visitor.teacher_id, visitor.account_id
    assert teacher_id is not None, "the database gives every teacher's account one"
    assert account_id is not None, "teachers have accounts"
    async with request.app[POOL].connection() as connection:
        hub_code = await _hub_of(connection, teacher_id)
        if told.get("subject", "") not in {s.slug for s in await city.subjects(connection)}:
            raise Refused(422, "There is no such subject: choose one of the list.")
    upload = await receiving.begin(
        made_by=account_id,
        teacher_id=teacher_id,
        hub_code=hub_code,
        kind=kind,
        name=name,
        subject=told["subject"],
        media_type=media_type,
        size=size,
    )
    async with request.app[POOL].connection() as connection:
        await marks.add_audit(
            connection, visitor.actor, "upload_begun", f"upload:{upload.id}", size=size
        )
    return web.Response(status=201, headers={"Location": f"/uploads/{upload.id}"})


@routes.head("/uploads/{upload}")
@requires(Action.UPLOAD)
async def look(request: web.Request) -> web.StreamResponse:
    tus.check_version(request.headers)
    upload = await own_upload(request)
    offset = await request.app[RECEIVING].offset(upload)
    headers = {
        "Upload-Offset": str(offset),
        "Upload-Length": str(upload.size),
        "Cache-Control": "no-store",
    }
    return web.Response(status=200, headers=headers)


@routes.patch("/uploads/{upload}")
@requires(Action.UPLOAD)
async def go_on(request: web.Request) -> web.StreamResponse:
    tus.check_version(request.headers)
    if request.content_type != tus.PATCH_TYPE:
        raise Refused(415, "The body must be application/offset+octet-stream.")
    offset = tus.offset(request.headers)
    upload = await own_upload(request)
    chunks = request.content.iter_any()
    reached = await request.app[RECEIVING].append(upload, offset, chunks)
    return web.Response(status=204, headers={"Upload-Offset": str(reached)})


@routes.delete("/uploads/{upload}")
@requires(Action.UPLOAD)
async def terminate(request: web.Request) -> web.StreamResponse:
    tus.check_version(request.headers)
    upload = await own_upload(request)
    await request.app[RECEIVING].remove(upload)
    async with request.app[POOL].connection() as connection:
        actor = request[VISITOR].actor
        await marks.add_audit(connection, actor, "upload_deleted", f"upload:{upload.id}")
    return web.Response(status=204)


_OVERRIDES: dict[str, Handler] = {"PATCH": go_on, "DELETE": terminate}


@routes.post("/uploads/{upload}")
@requires(Action.UPLOAD)
async def overridden(request: web.Request) -> web.StreamResponse:
    """For clients behind proxies that let no PATCH through: X-HTTP-Method-Override."""
    method = request.headers.get("X-HTTP-Method-Override", "")
    if method not in _OVERRIDES:
        raise Refused(405, "This can't be done here.")
    return await _OVERRIDES[method](request)


async def own_upload(request: web.Request) -> Upload:
    """The upload of the request's address. Raises Refused (404), also if it is another's."""
    upload_id = identifier(request.match_info["upload"])
    async with request.app[POOL].connection() as connection:
        found = await uploads.upload(connection, upload_id)
    if found is None or found.teacher_id != request[VISITOR].teacher_id:
        raise Refused(404, "There is no such upload of yours.")
    return found


def _kind(text: str) -> UploadKind:
    try:
        return UploadKind(text)
    except ValueError:
        raise Refused(422, "Say whether it is a lesson, slides or a worksheet.") from None


async def _hub_of(connection: Connection, teacher_id: str) -> str:
    """The hub that a teacher is of. Raises Refused (403)."""
    people = {t.id: t for t in await city.teachers(connection)}
    schools = {s.code: s for s in await city.schools(connection)}
    school = schools[people[teacher_id].school_code]
    if school.role is not SchoolRole.HUB:
        raise Refused(403, "Only teachers of a hub school send lessons.")
    return school.code
