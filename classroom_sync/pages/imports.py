"""Files in and out: upload, preview, import; and what can be downloaded.

A page's script sends the file as it is, with the CSRF token in a header. It is kept until it is
imported, so that what is imported is what was previewed.
"""

from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

from aiohttp import web

from classroom_sync import exchange
from classroom_sync.access import identifier
from classroom_sync.auth import Visitor, requires
from classroom_sync.errors import NO_SUCH_PAGE, Refused
from classroom_sync.exchange import NoTerm
from classroom_sync.formats.fet import TooFine
from classroom_sync.formats.kinds import MEDIA, Export, FileKind
from classroom_sync.formats.oneroster import Roster
from classroom_sync.formats.sentences import Place, UnreadableFile
from classroom_sync.formats.spreadsheet import MAX_BYTES
from classroom_sync.formats.timetable_preview import NotWhole, Preview, accepted
from classroom_sync.keys import LOCALE, NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from classroom_sync.timetabling import check, city_now
from db import imports, marks
from db.imports import Import
from db.pool import Connection
from scheduler import words
from scheduler.bells import NoBells
from scheduler.city import City
from scheduler.model import Lesson, Term

routes = web.RouteTableDef()

_NAME = 200  # characters of a file's name
_SHOWN = 500  # problems and lessons on the page


@routes.get("/admin/import")
@requires(Action.IMPORT)
async def upload_form(request: web.Request) -> web.StreamResponse:
    _whole_city(request[VISITOR])
    return await page(request, "import.html", exports=list(Export), kinds=list(FileKind))


@routes.post("/admin/import")
@requires(Action.IMPORT)
async def upload(request: web.Request) -> web.StreamResponse:
    """Keep a file to be previewed: its bytes are the body, its name X-File-Name, percent-encoded.
    Answers 201 with the preview's address."""
    visitor, now = request[VISITOR], request.app[NOW]()
    _whole_city(visitor)
    content = await _body(request)
    name = unquote(request.headers.get("X-File-Name", "file"))[:_NAME]
    kind = _kind(request.query.get("kind", ""))
    async with request.app[POOL].transaction() as connection:
        await _examined(connection, request, content, name, kind)
        import_id = await imports.add(connection, _account(visitor), name, kind, content, now)
        await marks.add_audit(connection, visitor.actor, "file_uploaded", f"import:{import_id}")
    location = f"/admin/import/{import_id}"
    return web.json_response({"location": location}, status=201, headers={"Location": location})


@routes.get("/admin/import/{import}")
@requires(Action.IMPORT)
async def preview(request: web.Request) -> web.StreamResponse:
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        file = await _file(connection, request)
        found, term = await _examined(
            connection, request, file.content, file.name, _kind(file.kind or "")
        )
        names = await read_names(connection)
        of = await city_now(connection, term, now) if term is not None else None
    shared: dict[str, Any] = {"file": file, "found": found, "names": names, "shown": _SHOWN}
    if isinstance(found, Roster):
        return await page(request, "import_roster.html", **shared)
    proposals = {(p.place, p.class_id): (n, p) for n, p in enumerate(found.proposals)}
    return await page(
        request,
        "import_timetable.html",
        **shared,
        proposals=proposals,
        conflicts=await _conflicts(request, of, found) if of is not None else [],
        subject=lambda slug: names.subject(slug, request[LOCALE]),
    )


@routes.post("/admin/import/{import}")
@requires(Action.IMPORT)
async def take(request: web.Request) -> web.StreamResponse:
    """Import a previewed file: all of it, or with `partly` what was understood."""
    visitor, now = request[VISITOR], request.app[NOW]()
    form = await request.post()
    partly = form.get("partly") == "yes"
    async with request.app[POOL].transaction() as connection:
        file = await _file(connection, request)
        found, term = await _examined(
            connection, request, file.content, file.name, _kind(file.kind or "")
        )
        version_id = None
        if isinstance(found, Roster):
            if not found.whole and not partly:
                raise _not_whole()
            await exchange.take_roster(connection, found, now)
        else:
            chosen = {
                (p.place, p.class_id): room
                for n, p in enumerate(found.proposals)
                if (room := str(form.get(f"room-{n}", "")))
            }
            lessons = _accepted(found, chosen, partly=partly)
            version_id = await exchange.take_lessons(connection, term, lessons)
        if not await imports.finish(connection, file.id, version_id, now):
            raise Refused(409, "This file has been imported already.")
        await marks.add_audit(connection, visitor.actor, "file_imported", f"import:{file.id}")
    raise web.HTTPSeeOther(f"/admin/import/{file.id}")


@routes.get("/admin/export/{what}")
@requires(Action.IMPORT)
async def export(request: web.Request) -> web.StreamResponse:
    """The standing timetable as grid, list or FET, or the registers as OneRoster."""
    visitor, now = request[VISITOR], request.app[NOW]()
    _whole_city(visitor)
    try:
        what = Export(request.match_info["what"])
    except ValueError:
        raise Refused(404, NO_SUCH_PAGE) from None
    async with request.app[POOL].transaction() as connection:
        term = await exchange.term_of(connection, None)
        try:
            made = await exchange.export(connection, what, term, None, now, request[LOCALE])
        except NoTerm:
            raise _no_term() from None
        except NoBells:
            raise Refused(409, "A school of the timetable has no bells yet.") from None
        except TooFine:
            raise Refused(409, "The schools' bells differ too much for FET's hours.") from None
        await marks.add_audit(connection, visitor.actor, "exported", what)
    ending, media_type = MEDIA[what]
    name = quote(f"{term.name if term else what}-{what}.{ending}")
    return web.Response(
        body=made.content,
        content_type=media_type,
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


def _accepted(
    found: Preview, chosen: dict[tuple[Place, str], str], *, partly: bool
) -> tuple[Lesson, ...]:
    try:
        return accepted(found, chosen, partly=partly)
    except NotWhole:
        raise _not_whole() from None
    except ValueError:
        raise Refused(422, "This room was not offered: reload the preview.") from None


async def _conflicts(request: web.Request, of: City, found: Preview) -> list[tuple[str, str]]:
    """The hard rules that the lessons as understood break: what is wrong, what would mend it."""

    def say(sentence: words.Sentence) -> str:
        return sentence.say(request[TRANSLATE], request[LOCALE])

    try:
        hard = (await check(of, accepted(found, partly=True))).hard
    except Refused:
        return []  # a period that does not ring: it is among the problems
    return [(say(c.sentence), say(c.mend)) for c in hard]


def _not_whole() -> Refused:
    return Refused(
        409, "Some of the file was not understood: mend it, or say that the rest shall be imported."
    )


async def _body(request: web.Request) -> bytes:
    content = bytearray()
    async for chunk in request.content.iter_chunked(2**16):
        content += chunk
        if len(content) > MAX_BYTES:
            raise Refused(413, "That is larger than can be taken here.")
    return bytes(content)


async def _examined(
    connection: Connection, request: web.Request, content: bytes, name: str, kind: FileKind | None
) -> tuple[Preview | Roster, Term | None]:
    term = await exchange.term_of(connection, None)
    now = request.app[NOW]()
    try:
        return await exchange.examine(connection, content, name, kind, term, now), term
    except NoTerm:
        raise _no_term() from None
    except UnreadableFile as error:
        raise Refused(422, error.sentence.id, **error.sentence.values) from None


def _no_term() -> Refused:
    return Refused(409, "There is no term yet: an administrator must enter the calendar.")


async def _file(connection: Connection, request: web.Request) -> Import:
    visitor = request[VISITOR]
    _whole_city(visitor)
    import_id = identifier(request.match_info["import"])
    file = await imports.of_account(connection, _account(visitor), import_id)
    if file is None:
        raise Refused(404, "There is no such file: it is kept for a day. Send it again.")
    return file


def _account(visitor: Visitor) -> UUID:
    assert visitor.account_id is not None, "only accounts have the right to import"
    return visitor.account_id


def _whole_city(visitor: Visitor) -> None:
    if visitor.school_code is not None:
        raise Refused(403, "Only an administrator of the whole city brings files in and out.")


def _kind(text: str) -> FileKind | None:
    return FileKind(text) if text in list(FileKind) else None
