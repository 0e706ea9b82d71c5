"""WHIP, WHEP and media resources at the control process: passed on to the session's media node.

The media node answers by the letter of RFC 9725 and the WHEP draft; here the session is looked up,
and what only the control process knows is said: too many requests, not open yet, over, its node
being replaced. Where clients can reach the node themselves, those that aren't browsers are sent to
it (307): a browser drops the Authorization header on the way to another origin.
"""

import math
from urllib.parse import quote
from uuid import UUID

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from classroom_sync.acceptance.media import checked_session, room_test
from classroom_sync.addresses import address_of, counted_as
from classroom_sync.keys import (
    LIMITS,
    LINKS,
    LIVE,
    MEDIA_KEY,
    NODE_HTTP,
    NOW,
    POOL,
    TRANSLATE,
)
from classroom_sync.media_access import count, granted
from classroom_sync.problem_details import problem
from db import acceptance
from media.http import (
    CORS,
    Face,
    Forbidden,
    Refusal,
    TooMany,
    answer_without_node,
    bearer,
    refused,
)
from media.sdp import MAX_SIZE
from scheduler.model import SessionState

_UP = ("Content-Type", "Authorization", "If-Match", "Prefer", "Accept")
_DOWN = (
    "Content-Type",
    "ETag",
    "Link",
    "Retry-After",
    "WWW-Authenticate",
    "Allow",
    "Accept-Post",
    "Accept-Patch",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
)
#: Longer than a WHEP request may ask to wait; a host that is gone does not even refuse.
_TIMEOUT = aiohttp.ClientTimeout(total=40, sock_connect=2)

#: What people are told on pages; programs get the media node's own words, which are for them.
_SENTENCES = {
    401: "The permission for this lesson's picture and sound has run out: reload the page.",
    403: "The permission for this lesson's picture and sound has run out: reload the page.",
    404: "The media connection has ended: make a new one.",
    406: "This browser can't play the lesson's format: use a current Chrome, Edge or Firefox.",
    409: "The teacher is not there yet: the lesson begins by itself.",
    422: "This browser can't send in this way: use a current Chrome, Edge or Firefox.",
    503: "The media server is full just now: it is tried again by itself.",
}

routes = web.RouteTableDef()


def _for_people(request: web.Request, answer: web.Response) -> web.Response:
    """A problem in the visitor's language, where a page asked (browsers name their Origin)."""
    sentence = _SENTENCES.get(answer.status)
    if sentence is None or "Origin" not in request.headers:
        return answer
    kept = {name: answer.headers[name] for name in _DOWN if name in answer.headers}
    del kept["Content-Type"]
    return problem(answer.status, detail=request[TRANSLATE](sentence), headers=kept)


def _told(
    request: web.Request, status: int, sentence: str, retry: float | None = None
) -> web.Response:
    """A problem in the visitor's language: pages show it."""
    headers = CORS if retry is None else CORS | {"Retry-After": str(math.ceil(retry))}
    return problem(status, detail=request[TRANSLATE](sentence), headers=headers)


@routes.route("*", "/whip/{session}/{participant}")
async def whip(request: web.Request) -> web.StreamResponse:
    return await _to_session(request, "whip", "/" + _segment(request, "participant"))


@routes.route("*", "/whep/{session}")
async def whep(request: web.Request) -> web.StreamResponse:
    return await _to_session(request, "whep", "")


@routes.route("*", "/media/{node}/{resource}")
async def resource(request: web.Request) -> web.StreamResponse:
    if (answer := _at_once(request, "media")) is not None:
        return answer
    node_id = _uuid(request.match_info["node"])
    if request.app[LINKS].url(node_id) is None:
        return _told(request, 404, "The media connection has ended: make a new one.")
    return await _pass_on(request, node_id, "/media/" + _segment(request, "resource"))


def _segment(request: web.Request, name: str) -> str:
    """One segment of a path, as one: what was quoted stays so."""
    return quote(request.match_info[name], safe="")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)  # which nothing has


def _at_once(request: web.Request, face: Face) -> web.Response | None:
    """The answer that needs neither session nor node, if that is all there is to say."""
    answer = answer_without_node(face, request.method)
    if answer is not None:
        return answer
    limits = request.app[LIMITS]
    try:
        count(limits.address, counted_as(address_of(request)))
        grant = granted(request.app[MEDIA_KEY], bearer(request), request.app[NOW]())
        count(limits.holder, grant)
        session = request.match_info.get("session", grant.room)
        if session != grant.room:
            raise Forbidden("the token is for another lesson")
    except TooMany as error:
        sentence = "Too many requests from here: wait a moment, then try again."
        return _told(request, 429, sentence, error.retry_after)
    except Refusal as error:
        return _for_people(request, refused(error))
    return None


async def _to_session(request: web.Request, face: Face, tail: str) -> web.StreamResponse:
    if (answer := _at_once(request, face)) is not None:
        return answer
    room = request.match_info["session"]
    test_id = room_test(room)
    found = await (
        _node_of_lesson(request, checked_session(room) or _uuid(room))
        if test_id is None
        else _node_of_test(request, test_id)
    )
    if isinstance(found, web.Response):
        return found
    links = request.app[LINKS]
    if found is None or links.url(found) is None:
        return _being_replaced(request)
    path = f"/{face}/{_segment(request, 'session')}{tail}"
    public = links.public_url(found)
    if public is not None and "Origin" not in request.headers:
        return web.Response(status=307, headers=CORS | {"Location": public.rstrip("/") + path})
    return await _pass_on(request, found, path)


async def _node_of_lesson(request: web.Request, session: UUID) -> UUID | web.Response | None:
    """Where a lesson is held, if it is under way; None: nowhere just now."""
    live = await request.app[LIVE].get(session)
    if live is None:
        return _told(request, 404, "There is no such lesson: take its address from its page.")
    state = live.session.state
    if state is SessionState.SCHEDULED:
        sentence = "The lesson is not open yet: it opens ten minutes before its bell."
        return _told(request, 409, sentence, 10)
    if state not in (SessionState.OPEN, SessionState.LIVE):
        return _told(request, 410, "The lesson is over: go back to today's lessons.")
    who = granted(request.app[MEDIA_KEY], bearer(request), request.app[NOW]()).participant
    return live.node_of(_uuid(who))


async def _node_of_test(request: web.Request, test_id: UUID) -> UUID | web.Response | None:
    async with request.app[POOL].connection() as connection:
        test = await acceptance.read(connection, test_id)
    if test is None or test.finished_at is not None:
        return _told(request, 410, "This acceptance test is over: start a new one.")
    return test.node_id


def _being_replaced(request: web.Request) -> web.Response:
    sentence = "The media node of this lesson is being replaced: try again in a moment."
    return _told(request, 503, sentence, 1)


async def _pass_on(request: web.Request, node_id: UUID, path: str) -> web.StreamResponse:
    body = await request.content.read(MAX_SIZE + 1)
    while len(body) <= MAX_SIZE and (more := await request.content.read(MAX_SIZE)):
        body += more
    if len(body) > MAX_SIZE:
        return _told(request, 413, "That is larger than can be taken here.")
    headers = {name: request.headers[name] for name in _UP if name in request.headers}
    base = request.app[LINKS].url(node_id)
    try:
        async with request.app[NODE_HTTP].request(
            request.method,
            f"{base}{path}",
            data=body or None,
            headers=headers,
            timeout=_TIMEOUT,
            allow_redirects=False,
            skip_auto_headers=("Content-Type",),
        ) as answer:
            payload = await answer.read()
            kept: CIMultiDict[str] = CIMultiDict()
            for name in _DOWN:
                kept.extend((name, value) for value in answer.headers.getall(name, ()))
            location = answer.headers.get("Location")
            if location is not None:
                kept["Location"] = f"/media/{node_id}/{location.rpartition('/')[2]}"
            passed = web.Response(status=answer.status, body=payload or None, headers=kept)
            return _for_people(request, passed)
    except (aiohttp.ClientError, TimeoutError, OSError):
        request.app[LINKS].look_again()
        return _being_replaced(request)
