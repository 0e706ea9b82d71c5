"""WHIP, WHEP and media resources at the control process: passed on to the session's media node.

The media node answers by the letter of RFC 9725 and the WHEP draft; here the session is looked up,
and what only the control process knows is said: not open yet, over, its node being replaced.
"""

from uuid import UUID

import aiohttp
from aiohttp import web

from classroom_sync.errors import problem
from classroom_sync.keys import LINKS, LIVE, NODE_HTTP
from scheduler.model import SessionState

_MAX_BODY = 64 * 1024  # an SDP offer of nine videos is about 12 KiB
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
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Max-Age",
)
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, Link, ETag, Retry-After",
}
_TIMEOUT = aiohttp.ClientTimeout(total=40)  # longer than a WHEP request may ask to wait

routes = web.RouteTableDef()


def _say(status: int, title: str, detail: str, retry: str | None = None) -> web.Response:
    return problem(status, title, detail, _CORS | ({"Retry-After": retry} if retry else {}))


@routes.route("*", "/whip/{session}/{participant}")
async def whip(request: web.Request) -> web.StreamResponse:
    return await _to_session(request, f"/{request.match_info['participant']}", "/whip")


@routes.route("*", "/whep/{session}")
async def whep(request: web.Request) -> web.StreamResponse:
    return await _to_session(request, "", "/whep")


@routes.route("*", "/media/{node}/{resource}")
async def resource(request: web.Request) -> web.StreamResponse:
    try:
        node_id = UUID(request.match_info["node"])
    except ValueError:
        node_id = UUID(int=0)
    if request.app[LINKS].url(node_id) is None:
        return _say(
            404,
            "no such media resource",
            "The connection has ended: POST a new offer.",
        )
    return await _pass_on(request, node_id, f"/media/{request.match_info['resource']}")


async def _to_session(request: web.Request, tail: str, head: str) -> web.StreamResponse:
    try:
        session_id = UUID(request.match_info["session"])
    except ValueError:
        session_id = UUID(int=0)
    live = await request.app[LIVE].get(session_id)
    if live is None:
        return _say(404, "no such session", "Take the address from the lesson's page.")
    session = live.session
    if request.method == "POST":
        if session.state is SessionState.SCHEDULED:
            return _say(
                409,
                "the session is not open yet",
                "It opens ten minutes before its bell: try again then.",
                "10",
            )
        if session.state not in (SessionState.OPEN, SessionState.LIVE):
            return _say(410, "the session is over", "Go back to today's lessons.")
    if session.node_id is None or request.app[LINKS].url(session.node_id) is None:
        if request.method in ("OPTIONS", "GET", "HEAD", "PUT"):
            for node_id in request.app[LINKS].connected:
                return await _pass_on(request, node_id, f"{head}/{session_id}{tail}")
        return _say(
            503,
            "no media node",
            "The media node of this lesson is being replaced: try again in a moment.",
            "1",
        )
    return await _pass_on(request, session.node_id, f"{head}/{session_id}{tail}")


async def _pass_on(request: web.Request, node_id: UUID, path: str) -> web.StreamResponse:
    body = await request.content.read(_MAX_BODY + 1)
    while len(body) <= _MAX_BODY and (more := await request.content.read(_MAX_BODY)):
        body += more
    if len(body) > _MAX_BODY:
        return _say(413, "too large", "The body is larger than 64 KiB.")
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
            kept = {name: answer.headers[name] for name in _DOWN if name in answer.headers}
            location = answer.headers.get("Location")
            if location is not None:
                kept["Location"] = f"/media/{node_id}/{location.removeprefix('/media/')}"
            return web.Response(status=answer.status, body=payload or None, headers=kept)
    except (aiohttp.ClientError, TimeoutError, OSError):
        request.app[LINKS].look_again()
        return _say(
            503,
            "no media node",
            "The media node of this lesson is being replaced: try again in a moment.",
            "1",
        )
