"""Objects of the store over HTTP: whole, or by ranges (RFC 9110, 14), never cached by others."""

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
    try:
        asked = request.http_range
        start, stop = _within(asked.start, asked.stop, size)
    except ValueError:
        return web.Response(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    whole = asked.start is None and asked.stop is None
    if not whole:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    response = web.StreamResponse(status=200 if whole else 206, headers=headers)
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


def _within(start: int | None, stop: int | None, size: int) -> tuple[int, int]:
    """First byte and the one after the last. Raises ValueError when nothing of it is there."""
    if start is None:
        return 0, size if stop is None else min(stop, size)
    if start < 0:  # the last so many
        return max(0, size + start), size
    if start >= size:
        raise ValueError("past the end")
    return start, size if stop is None else min(stop, size)
