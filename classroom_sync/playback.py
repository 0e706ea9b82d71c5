"""Objects of the store over HTTP: whole, or by ranges (RFC 9110, 14), never cached by others."""

import re

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionResetError

from classroom_sync.errors import Refused
from classroom_sync.store import Store, StoreError


async def send(request: web.Request, store: Store, key: str, mime: str) -> web.StreamResponse:
    """Answer a GET or HEAD with an object, or the part of it that is asked for.

    Whoever calls has checked that the visitor may have it. Raises Refused: 404 where there is no
    such object, 503 while the store is away.
    """
    try:
        size = await store.size(key)
    except StoreError:
        raise Refused(503, "The store of recordings can't be reached: try again later.") from None
    if size is None:
        raise Refused(404, "There is no such recording any more.")
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store", "ETag": f'"{key}"'}
    asked = request.headers.get("Range") if request.method == "GET" else None
    try:
        part = _part(asked, size) if asked else None
    except ValueError:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    start, stop = part or (0, size)
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    response = web.StreamResponse(status=206 if part else 200, headers=headers)
    response.content_type = mime
    await response.prepare(request)
    if request.method != "HEAD":
        try:
            async for piece in store.read(key, start, stop):
                await response.write(piece)
        except ClientConnectionResetError:
            return response  # it has jumped elsewhere, or gone
        except StoreError:
            if request.transport is not None:
                request.transport.abort()  # what it has got is not whole, and must not look so
            return response
    await response.write_eof()
    return response


_BYTES = re.compile(r"bytes=(?P<set>.*)", re.IGNORECASE | re.ASCII)
_RANGE = re.compile(r"(?P<first>[0-9]{0,20})-(?P<last>[0-9]{0,20})")


def is_ignored(asked: str) -> bool:
    """Whether the whole is sent whatever a Range header says: another unit, or several ranges."""
    in_bytes = _BYTES.fullmatch(asked.strip())
    return in_bytes is None or "," in in_bytes["set"]


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """First byte that a Range header asks for, and the one after the last (RFC 9110, 14.1.2).

    None, which is the whole, where the header is to be ignored, for its unit (14.2), or may be, for
    asking for several ranges. Raises ValueError when it is no range, or nothing of it is there.
    """
    if is_ignored(asked):
        return None
    in_bytes = _BYTES.fullmatch(asked.strip())
    assert in_bytes is not None, "other units are ignored"
    found = _RANGE.fullmatch(in_bytes["set"].strip())
    if found is None or found[0] == "-":
        raise ValueError("not a range")
    if not found["first"]:  # the last so many
        start, stop = max(0, size - int(found["last"])), size
    else:
        start = int(found["first"])
        stop = min(int(found["last"]) + 1, size) if found["last"] else size
    if start >= stop:
        raise ValueError("nothing of it is there")
    return start, stop
