"""The node's thin HTTP face: WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep).

`authorize(token, direction, room, participant)` decides; it returns a Grant or raises Unauthorized,
Forbidden or TooMany. Errors are problem details (RFC 9457) whose `detail` says what to do. What is
answered without a node (OPTIONS, GET, what is not allowed) can be had from here by whoever passes
requests on.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

from aiohttp import web
from multidict import CIMultiDict

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
from media.grant import Grant
from media.sdp import MAX_SIZE

if TYPE_CHECKING:  # who only passes requests on needs no media plane
    from media.node import MediaNode

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
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, Link, ETag, Retry-After, Accept-Patch",
}
_ALLOWED_HEADERS = "Authorization, Content-Type, If-Match, Prefer"
_SDP, _FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"

Face = Literal["whip", "whep", "media"]  # an endpoint, or a media resource of either
_METHODS: dict[Face, str] = {
    "whip": "POST, GET, HEAD, OPTIONS",
    "whep": "POST, GET, HEAD, OPTIONS",
    "media": "PATCH, DELETE, GET, HEAD, OPTIONS",
}


class Refusal(Exception):
    """Whoever asks may not, for now or at all; the message says what to do."""


class Unauthorized(Refusal):
    """A token that is no good (any more)."""


class NoToken(Unauthorized):
    """No token at all."""


class Forbidden(Refusal):
    """A good token, for something else."""


class TooMany(Refusal):
    """Asked too often; good again in `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many requests: wait a moment, then try again")
        self.retry_after = retry_after


Authorize = Callable[[str, str, str, str | None], Awaitable[Grant]]
Links = Callable[[Grant], Sequence[str]]


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """An RFC 9457 response, readable across origins."""
    title = HTTPStatus(status).phrase
    return web.json_response(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status=status,
        content_type="application/problem+json",
        headers=CORS | (headers or {}),
    )


def refused(error: Refusal) -> web.Response:
    """401 and 403 with a challenge (RFC 6750, 3), 429 with the time to wait."""
    if isinstance(error, TooMany):
        return problem(429, str(error), {"Retry-After": str(math.ceil(error.retry_after))})
    challenge = 'Bearer realm="media"'
    if isinstance(error, Forbidden):
        challenge += ', error="insufficient_scope"'
        return problem(403, str(error), {"WWW-Authenticate": challenge})
    if not isinstance(error, NoToken):
        challenge += ', error="invalid_token"'
    return problem(401, str(error), {"WWW-Authenticate": challenge})


def _failed(error: MediaError, direction: str = "") -> web.Response:
    status = _STATUS[type(error)]
    if isinstance(error, NoCommonCodec) and direction == "publish":
        status = 422  # RFC 9725, 4.4.3; a WHEP offer that can't be had is "not acceptable"
    retry = {"Retry-After": _RETRY} if status in (409, 503) else {}
    return problem(status, str(error), retry)


def bearer(request: web.Request) -> str:
    """The token of a request. Raises NoToken."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NoToken("a Bearer token is needed: take it from the lesson's page")
    return token.strip()


def options(face: Face) -> web.Response:
    """What can be done here, for a preflight (Fetch, 4.8) and for people; no ICE servers: their
    credentials are for those who have a token (RFC 9725, 4.6)."""
    accept = {"Accept-Patch": _FRAGMENT} if face == "media" else {"Accept-Post": _SDP}
    return web.Response(
        headers=CORS
        | accept
        | {
            "Access-Control-Allow-Methods": _METHODS[face],
            "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
            "Access-Control-Max-Age": "600",
            "Allow": _METHODS[face],
        }
    )


def nothing_to_see(face: Face) -> web.Response:
    """GET and HEAD: 2xx without content (RFC 9725, 4.1). A WHEP endpoint says by its type that it
    is one (WHEP draft, "URL Discoverability")."""
    if face == "whep":
        return web.Response(headers=CORS | {"Accept-Post": _SDP}, content_type=_SDP)
    return web.Response(status=204, headers=CORS)


def not_allowed(face: Face) -> web.Response:
    """405, with what is allowed."""
    detail = f"this can't be done here; what can: {_METHODS[face]}"
    return problem(405, detail, {"Allow": _METHODS[face]})


def _wait(request: web.Request) -> float:
    """Seconds asked for by `Prefer: wait=…` (RFC 7240, 4.3), bounded."""
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        seconds = value.strip('"')
        if name.lower() == "wait" and seconds.isascii() and seconds.isdigit():
            return min(float(seconds), MAX_WAIT)
    return 0.0


async def _body(request: web.Request, media_type: str) -> str | web.Response:
    if request.content_type != media_type:
        return problem(
            415,
            f"the body must be {media_type}",
            {"Accept-Post" if media_type == _SDP else "Accept-Patch": media_type},
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


def routes(
    node: "MediaNode", authorize: Authorize, links: Links = lambda _: (), prefix: str = ""
) -> list[web.AbstractRouteDef]:
    """Routes for `/whip/{room}/{participant}`, `/whep/{room}` and `/media/{resource}`.

    `links` gives the `Link` headers of a 201; `prefix` is the path that clients reach these routes
    under, if not their own.
    """

    async def post(request: web.Request) -> web.Response:
        direction = "publish" if request.path.startswith("/whip/") else "subscribe"
        try:
            token = bearer(request)
            room = request.match_info["room"]
            grant = await authorize(token, direction, room, request.match_info.get("participant"))
            body = await _body(request, _SDP)
            if isinstance(body, web.Response):
                return body
            if direction == "publish":
                answer = await node.publish(grant, body)
            else:
                answer = await node.subscribe(grant, body, wait=_wait(request))
        except Refusal as error:
            return refused(error)
        except MediaError as error:
            return _failed(error, direction)
        headers = CIMultiDict(CORS)
        headers["Location"] = f"{prefix}/media/{answer.resource_id}"
        headers["ETag"] = answer.etag
        headers["Accept-Patch"] = _FRAGMENT
        for link in links(grant):
            headers.add("Link", link)
        return web.Response(status=201, text=answer.sdp, content_type=_SDP, headers=headers)

    async def of_resource(request: web.Request) -> str:
        """The resource a request is about, once its token has been checked."""
        token = bearer(request)
        resource = request.match_info["resource"]
        owner = node.grant_of(resource)
        grant = await authorize(token, owner.direction, owner.room, owner.participant)
        if grant.participant != owner.participant:
            raise Forbidden("this token is for another participant")
        return resource

    async def patch(request: web.Request) -> web.Response:
        try:
            resource = await of_resource(request)
            body = await _body(request, _FRAGMENT)
            if isinstance(body, web.Response):
                return body
            restarted = node.patch(resource, request.headers.get("If-Match"), body)
        except Refusal as error:
            return refused(error)
        except MediaError as error:
            return _failed(error)
        if restarted is None:
            return web.Response(status=204, headers=CORS)
        etag, text = restarted
        return web.Response(text=text, content_type=_FRAGMENT, headers=CORS | {"ETag": etag})

    async def delete(request: web.Request) -> web.Response:
        try:
            node.delete(await of_resource(request))
        except Refusal as error:
            return refused(error)
        except MediaError as error:
            return _failed(error)
        return web.Response(headers=CORS)

    faces: dict[Face, str] = {
        "whip": "/whip/{room}/{participant}",
        "whep": "/whep/{room}",
        "media": "/media/{resource}",
    }
    found: list[web.AbstractRouteDef] = [
        web.post(faces["whip"], post),
        web.post(faces["whep"], post),
        web.patch(faces["media"], patch),
        web.delete(faces["media"], delete),
    ]
    for face, path in faces.items():
        found.append(web.route("*", path, _without_node(face)))
    return found


def _without_node(face: Face) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        return answer_without_node(face, request.method) or not_allowed(face)

    return answer


def answer_without_node(face: Face, method: str) -> web.Response | None:
    """The answer to a method that concerns no node; None for those that do."""
    if method == "OPTIONS":
        return options(face)
    if method in ("GET", "HEAD"):
        return nothing_to_see(face)
    return None if method in _METHODS[face].split(", ") else not_allowed(face)
