"""The node's thin HTTP face: WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep).

`authorize(token, direction, room, participant)` decides; it returns a Grant or raises Unauthorized
or Forbidden. Errors are problem details (RFC 9457) whose `detail` says what to do.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from media.errors import (
    BadSdp,
    MediaError,
    NoCommonCodec,
    NoSuchResource,
    NotPublished,
    Overloaded,
    PreconditionFailed,
    PreconditionRequired,
    Unsupported,
)
from media.node import MediaNode
from media.peer import Grant
from media.sdp import MAX_SIZE

MAX_WAIT = 30.0  # seconds a WHEP request may ask to wait for the lead
_RETRY = "2"  # seconds

_STATUS: dict[type[MediaError], int] = {
    BadSdp: 400,
    Unsupported: 422,
    NoCommonCodec: 406,
    NotPublished: 409,
    NoSuchResource: 404,
    PreconditionFailed: 412,
    PreconditionRequired: 428,
    Overloaded: 503,
}
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, Link, ETag, Retry-After",
}
_ALLOWED_HEADERS = "Authorization, Content-Type, If-Match, Prefer"


class Unauthorized(Exception):
    """No token, or one that is no good (any more); the message says which."""


class Forbidden(Exception):
    """A good token, for something else."""


Authorize = Callable[[str, str, str, str | None], Awaitable[Grant]]


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """An RFC 9457 response, readable across origins."""
    title = HTTPStatus(status).phrase
    return web.json_response(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status=status,
        content_type="application/problem+json",
        headers=_CORS | (headers or {}),
    )


def _error(error: Exception) -> web.Response:
    if isinstance(error, Unauthorized):
        return problem(401, str(error), {"WWW-Authenticate": "Bearer"})
    if isinstance(error, Forbidden):
        return problem(403, str(error))
    assert isinstance(error, MediaError), "nothing else is caught"
    status = _STATUS[type(error)]
    retry = {"Retry-After": _RETRY} if status in (409, 503) else {}
    return problem(status, str(error), retry)


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("a Bearer token is needed: take it from the lesson's page")
    return token.strip()


def _wait(request: web.Request) -> float:
    """Seconds asked for by `Prefer: wait=…` (RFC 7240, 4.3), bounded."""
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.lower() == "wait" and value.isdigit():
            return min(float(value), MAX_WAIT)
    return 0.0


async def _body(request: web.Request, media_type: str) -> str | web.Response:
    if request.content_type != media_type:
        return problem(
            415,
            f"the body must be {media_type}",
            {"Accept-Post" if request.method == "POST" else "Accept-Patch": media_type},
        )
    if (request.content_length or 0) > MAX_SIZE:
        return problem(413, "the body is larger than 128 KiB")
    data = await request.content.read(MAX_SIZE + 1)
    while len(data) <= MAX_SIZE and (more := await request.content.read(MAX_SIZE + 1 - len(data))):
        data += more
    if len(data) > MAX_SIZE:
        return problem(413, "the body is larger than 128 KiB")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return problem(400, "the body is not UTF-8 text")


def routes(node: MediaNode, authorize: Authorize) -> list[web.AbstractRouteDef]:
    """Routes for `/whip/{room}/{participant}`, `/whep/{room}` and `/media/{resource}`."""

    async def post(request: web.Request) -> web.Response:
        direction = "publish" if request.path.startswith("/whip/") else "subscribe"
        try:
            token = _bearer(request)
            room = request.match_info["room"]
            grant = await authorize(token, direction, room, request.match_info.get("participant"))
            body = await _body(request, "application/sdp")
            if isinstance(body, web.Response):
                return body
            if direction == "publish":
                answer = await node.publish(grant, body)
            else:
                answer = await node.subscribe(grant, body, wait=_wait(request))
        except (MediaError, Unauthorized, Forbidden) as error:
            return _error(error)
        return web.Response(
            status=201,
            text=answer.sdp,
            content_type="application/sdp",
            headers=_CORS
            | {
                "Location": f"/media/{answer.resource_id}",
                "ETag": answer.etag,
                "Accept-Patch": "application/trickle-ice-sdpfrag",
            },
        )

    async def of_resource(request: web.Request) -> str:
        """The resource a request is about, once its token has been checked."""
        token = _bearer(request)
        resource = request.match_info["resource"]
        owner = node.grant_of(resource)
        grant = await authorize(token, owner.direction, owner.room, owner.participant)
        if grant.participant != owner.participant:
            raise Forbidden("this token is for another participant")
        return resource

    async def patch(request: web.Request) -> web.Response:
        try:
            resource = await of_resource(request)
            body = await _body(request, "application/trickle-ice-sdpfrag")
            if isinstance(body, web.Response):
                return body
            restarted = node.patch(resource, request.headers.get("If-Match"), body)
        except (MediaError, Unauthorized, Forbidden) as error:
            return _error(error)
        if restarted is None:
            return web.Response(status=204, headers=_CORS)
        etag, text = restarted
        return web.Response(
            status=200,
            text=text,
            content_type="application/trickle-ice-sdpfrag",
            headers=_CORS | {"ETag": etag},
        )

    async def delete(request: web.Request) -> web.Response:
        try:
            node.delete(await of_resource(request))
        except (MediaError, Unauthorized, Forbidden) as error:
            return _error(error)
        return web.Response(status=200, headers=_CORS)

    async def options(request: web.Request) -> web.Response:
        endpoint = not request.path.startswith("/media/")
        methods = "POST, OPTIONS" if endpoint else "PATCH, DELETE, OPTIONS"
        accept = (
            {"Accept-Post": "application/sdp"}
            if endpoint
            else {"Accept-Patch": "application/trickle-ice-sdpfrag"}
        )
        return web.Response(
            status=204,
            headers=_CORS
            | accept
            | {
                "Access-Control-Allow-Methods": methods,
                "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
                "Access-Control-Max-Age": "600",
                "Allow": methods,
            },
        )

    async def reserved(_request: web.Request) -> web.Response:
        """RFC 9725, 4.2: GET, HEAD and PUT are reserved and answered 2xx without content."""
        return web.Response(status=204, headers=_CORS)

    found: list[web.AbstractRouteDef] = []
    for path in ("/whip/{room}/{participant}", "/whep/{room}"):
        found += [web.post(path, post), web.options(path, options)]
        found += [web.get(path, reserved), web.put(path, reserved)]
    resource = "/media/{resource}"
    found += [web.patch(resource, patch), web.delete(resource, delete)]
    found += [web.options(resource, options), web.get(resource, reserved)]
    found.append(web.put(resource, reserved))
    return found
