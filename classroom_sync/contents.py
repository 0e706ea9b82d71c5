"""The bytes of what was sent, by HTTP range requests (RFC 9110, 14)."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

from aiohttp import web

from classroom_sync.errors import Refused
from classroom_sync.playback import is_ignored
from classroom_sync.uploads.kinds import PDF
from classroom_sync.uploads.shelf import Shelf
from db.pushes import File, Push

#: Answers a request with what is under a storage key, as this media type, whole or in ranges.
Serve: TypeAlias = Callable[[web.Request, str, str], Awaitable[web.StreamResponse]]


class Contents:
    """Where recordings and uploads lie."""

    def __init__(self, shelf: Shelf, recordings: Serve) -> None:
        self._shelf = shelf
        self._recordings = recordings

    async def answer(
        self, request: web.Request, push: Push, file: File | None = None
    ) -> web.StreamResponse:
        """The content of a push (of a recording with several files the first, or `file`), or the
        part of it that the request asks for, with an ETag.

        Whoever calls has checked that the visitor may have it. Raises Refused (410) when it can't
        be had any more.
        """
        if push.storage_key is None:
            raise _gone()
        if file is not None:
            return await self._recordings(request, file.storage_key, file.mime)
        if push.source == "recording":
            return await self._recordings(request, push.storage_key, push.media_type)
        shown = push.plays or push.media_type == PDF.media_type
        path = self._shelf.path(UUID(push.storage_key))
        return _file(path, push.media_type, "inline" if shown else "attachment")


def _file(path: Path, media_type: str, disposition: str) -> web.StreamResponse:
    if not path.is_file():
        raise _gone()
    headers = {
        "Content-Type": media_type,
        "Content-Disposition": disposition,
        "Cache-Control": "private, no-cache",
    }
    return web.FileResponse(path, headers=headers)


def _gone() -> Refused:
    return Refused(410, "This is not kept any more: ask the teacher to send it again.")


def from_its_beginning(request: web.Request) -> bool:
    """Whether a request asks for content from the first byte on: one view, however many ranges."""
    if is_ignored(request.headers.get("Range", "")):
        return True
    try:
        return request.http_range.start in (None, 0)
    except ValueError:  # a range that can't be read is refused further on
        return False
