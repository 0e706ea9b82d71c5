"""WHIP, WHEP and media resources at the control process: passed on to the session's media node.

The media node answers by the letter of RFC 9725 and the WHEP draft; here the session is looked up,
and what only the control process knows is said: not open yet, over, its node being replaced.
"""

from uuid import UUID

import aiohttp
from aiohttp import web
from yarl import URL

from classroom_sync.errors import problem
from classroom_sync.keys import LIVE, NODE_HTTP
from scheduler.model import SessionState

_MAX_BODY = 64 * 1024  # an SDP offer of nine videos is about 12 KiB
_PASSED_UP = ("Content-Type", "Authorization", "If-Match", "Prefer", "Origin", "Accept",
              "Access-Control-Request-Method", "Access-Control-Request-Headers")
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "server",
                         "date"})
_REPLACING = "2"  # seconds until a lost node's sessions are placed again

routes = web.RouteTableDef()


@routes.route("*", "/whip/{session}/{participant}")
async def whip(request: web.Request) -> web.StreamResponse:
    return await _to_session(request, f"/whip/{{session}}/{request.match_info['participant']}")


@routes.route("*", "/whep/{session}")
async def whep(request: web.Request) -> web.StreamResponse:
    return await _to_session(request, "/whep/{session}")


@routes.route("*", "/media/{node}/{resource}")
async def resource(request: web.Request) -> web.StreamResponse:
    try:
        node_id = UUID(request.match_info["node"])
    except ValueError:
        return problem(404, "no such media resource", "The connection is over: POST a new offer.")
    return await _pass_on(request, node_id, f"/media/{request.match_info['resource']}")


async def _to_session(request: web.Request, path: str) -> web.StreamResponse:
    try:
        session_id = UUID(request.match_info["session"])
    except ValueError:
        return problem(404, "no such session", "Take the URL from the lesson's page.")
    placement = await request.app[LIVE].placement(session_id)
    if placement is None:
        return problem(404, "no such session", "Take the URL from the lesson's page.")
    if placement.state is SessionState.SCHEDULED:
        return problem(
            409,
            "the session is not open yet",
            "It opens ten minutes before its bell: try again then.",
            headers={"Retry-After": "10"},
        )
    if placement.state not in (SessionState.OPEN, SessionState.LIVE):
        return problem(410, "the session is over", "Go back to today's lessons.")
    if placement.node_id is None:
        return _no_node()
    return await _pass_on(request, placement.node_id, path.format(session=session_id))
