"""Calendar feeds: the page where addresses are made and revoked, and the feeds themselves.

An address holds a secret that reads one feed and nothing else. It needs no sign-in, for calendar
programs have none; whoever made it can revoke it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

from aiohttp import ETag, web

from classroom_sync import feeds
from classroom_sync.access import identifier
from classroom_sync.addresses import origin
from classroom_sync.auth import Visitor, requires
from classroom_sync.errors import NO_SUCH_PAGE, Refused
from classroom_sync.keys import LOCALE, NOW, POOL, VISITOR
from classroom_sync.pages.names import Names, read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from db import feeds as stored
from db import marks
from scheduler.model import SchoolRole

routes = web.RouteTableDef()

_USED_EVERY = timedelta(hours=1)  # how exactly "last used" is kept
_MOST = 200  # addresses of one account


@routes.get("/calendar/{token}.ics")
async def feed(request: web.Request) -> web.StreamResponse:
    """One feed, with ETag and Last-Modified; 304 where the caller has it already."""
    now = request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        token = await stored.token(connection, feeds.hash_of(request.match_info["token"]))
        if token is None:
            raise Refused(404, "This calendar address is not good, or has been revoked.")
        await feeds.refresh(connection, now)
        text = await feeds.text_of(connection, token, now)
        if token.used_at is None or now - token.used_at > _USED_EVERY:
            await stored.use_token(connection, token.id, now)
    headers = {"ETag": f'"{text.etag}"', "Cache-Control": "private, no-cache"}
    if text.changed_at is not None:
        headers["Last-Modified"] = format_datetime(text.changed_at, usegmt=True)
    if _has_it(request, text.etag, text.changed_at):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=text.content, content_type="text/calendar", charset="utf-8", headers=headers
    )


def _has_it(request: web.Request, etag: str, changed_at: datetime | None) -> bool:
    """RFC 9110, 13.2.2: If-None-Match first, If-Modified-Since only without it."""
    known = request.if_none_match
    if known is not None:
        return any(each.value in (etag, "*") for each in known if isinstance(each, ETag))
    since = request.if_modified_since
    return (
        since is not None and changed_at is not None and changed_at.replace(microsecond=0) <= since
    )


@routes.get("/calendar")
@requires(Action.MAKE_FEEDS)
async def addresses(request: web.Request) -> web.StreamResponse:
    return await _page(request, "")


@routes.post("/calendar")
@requires(Action.MAKE_FEEDS)
async def make(request: web.Request) -> web.StreamResponse:
    """A new address, shown once."""
    visitor, now = request[VISITOR], request.app[NOW]()
    scope, _, subject_id = str((await request.post()).get("whose", "")).partition(":")
    token, token_hash = feeds.new_token()
    async with request.app[POOL].transaction() as connection:
        names = await read_names(connection)
        if (scope, subject_id) not in {(s, i) for s, i, _ in _offered(visitor, names)}:
            raise Refused(403, "This calendar is not one of yours to give out.")
        account_id = _account(visitor)
        if len(await stored.tokens_of(connection, account_id)) >= _MOST:
            raise Refused(409, "You have too many calendar addresses: revoke some first.")
        await stored.add_token(
            connection, token_hash, scope, subject_id, request[LOCALE], account_id, now
        )
        await marks.add_audit(connection, visitor.actor, "feed_made", f"{scope}:{subject_id}")
    return await _page(request, f"{origin(request)}/calendar/{token}.ics")


@routes.post("/calendar/{feed}/revoke")
@requires(Action.MAKE_FEEDS)
async def revoke(request: web.Request) -> web.StreamResponse:
    visitor, now = request[VISITOR], request.app[NOW]()
    token_id = identifier(request.match_info["feed"])
    async with request.app[POOL].transaction() as connection:
        if not await stored.revoke_token(connection, token_id, _account(visitor), now):
            raise Refused(404, NO_SUCH_PAGE)
        await marks.add_audit(connection, visitor.actor, "feed_revoked", f"feed:{token_id}")
    raise web.HTTPSeeOther("/calendar")


async def _page(request: web.Request, made: str) -> web.StreamResponse:
    visitor = request[VISITOR]
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        tokens = await stored.tokens_of(connection, _account(visitor))
    return await page(
        request,
        "feeds.html",
        made=made,
        tokens=tokens,
        whose=lambda token: feeds.whose(names, token),
        offered=list(_offered(visitor, names)),
    )


def _account(visitor: Visitor) -> UUID:
    assert visitor.account_id is not None, "only accounts have the right to make feeds"
    return visitor.account_id


def _offered(visitor: Visitor, names: Names) -> Iterator[tuple[str, str, str]]:
    """Scope, id and name of every feed that a visitor may give out."""
    if visitor.role is Role.TEACHER:
        if visitor.teacher_id is not None:
            yield "teacher", visitor.teacher_id, names.teacher(visitor.teacher_id)
        return
    own = visitor.school_code
    for school in names.schools.values():
        if own in (None, school.code):
            yield "school", school.code, school.short_name
    for room in names.rooms.values():
        if own in (None, room.school_code):
            yield "room", room.id, names.room(room.id)
    for teacher in names.teachers.values():
        if own in (None, teacher.school_code):
            name = f"{names.school(teacher.school_code)} {teacher.name}"
            yield "teacher", teacher.id, name
    for group in names.classes.values():
        school = names.schools[group.school_code]
        if own in (None, group.school_code) and school.role is SchoolRole.RECEIVING:
            yield "class", group.id, feeds.full_class(names, group.id)
