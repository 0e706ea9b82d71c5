"""Versions over HTTP (RFC 9110, 13.1.1): an ETag says which one was read, If-Match on top of which
one something was written, so that nobody overwrites what they have not seen."""

from aiohttp import web

from classroom_sync.errors import Refused
from classroom_sync.problem_details import problem


def etag_of(number: int) -> str:
    """The entity tag of a version."""
    return f'"{number}"'


def base_of(request: web.Request) -> int | None:
    """The version that a save was written on; None for a tag that no version has had. Raises
    Refused (428)."""
    given = request.headers.get("If-Match")
    if given is None:
        raise Refused(428, "Say by If-Match on top of which version this was written.")
    text = given.strip().removeprefix('"').removesuffix('"')
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def conflict(number: int, detail: str, **found: object) -> web.Response:
    """412 (RFC 9457): what was written is on top of a version that does not hold any more. `number`
    is the one that does, `found` what it holds, as JSON."""
    return problem(412, detail=detail, headers={"ETag": etag_of(number)}, more=found)
