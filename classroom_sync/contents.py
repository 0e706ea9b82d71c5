"""The bytes of what was sent, by HTTP range requests (RFC 9110, 14)."""

from pathlib import Path
from uuid import UUID

from aiohttp import web

from classroom_sync.errors import Refused
from classroom_sync.uploads.kinds import PDF
from classroom_sync.uploads.shelf import Shelf
from db.pushes import Push


class Contents:
    """Where recordings and uploads lie."""

    def __init__(self, shelf: Shelf, recordings: Path) -> None:
        self._shelf = shelf
        self._recordings = recordings.resolve()

    def answer(self, push: Push) -> web.StreamResponse:
        """The content of a push, or the part of it that the request asks for, with an ETag.

        Raises Refused (410) when it can't be had any more.
        """
        path = self._path(push)
        if path is None or not path.is_file():
            raise Refused(410, "This is not kept any more: ask the teacher to send it again.")
        shown = push.kind == "lesson" or push.media_type == PDF.media_type
        headers = {
            "Content-Type": push.media_type,
            "Content-Disposition": "inline" if shown else "attachment",
            "Cache-Control": "private, no-cache",
        }
        return web.FileResponse(path, headers=headers)

    def _path(self, push: Push) -> Path | None:
        if push.storage_key is None:
            return None
        if push.source == "upload":
            return self._shelf.path(UUID(push.storage_key))
        path = (self._recordings / push.storage_key).resolve()
        return path if path.is_relative_to(self._recordings) else None


def from_its_beginning(request: web.Request) -> bool:
    """Whether a request asks for content from the first byte on: one view, however many ranges."""
    try:
        return request.http_range.start in (None, 0)
    except ValueError:  # a range that can't be read is refused further on
        return False
