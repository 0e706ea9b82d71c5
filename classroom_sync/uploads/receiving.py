"""Uploads from their first byte to what may be sent: begun, continued, looked into, kept.

The size of the file on the disk is the offset: nothing else is believed after a crash. Of one
upload the newest request writes; an older one that still waits for bytes of a dead line is ended.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog

from classroom_sync.errors import Refused
from classroom_sync.uploads import shelf as shelves
from classroom_sync.uploads.inspection import inspect
from classroom_sync.uploads.shelf import Shelf
from classroom_sync.uploads.tus import in_words
from db import uploads
from db.errors import Unreachable
from db.pool import Pool
from db.uploads import Upload

log = structlog.get_logger()

UNFINISHED = 5  # of one teacher at once
KEPT_UNFINISHED = timedelta(hours=48)
_SWEEP_EVERY = 3600.0  # seconds
_SILENCE = 60.0  # seconds without a byte after which a request is given up


class Receiving:
    """What a control process knows of uploads under way; the rest is on the disk and in the
    database."""

    def __init__(
        self, pool: Pool, shelf: Shelf, max_bytes: int, now: Callable[[], datetime]
    ) -> None:
        self.shelf = shelf
        self.max_bytes = max_bytes
        self._pool = pool
        self._now = now
        self._writers: dict[UUID, asyncio.Task[object]] = {}
        self._looks: dict[UUID, asyncio.Task[None]] = {}
        self._looking = asyncio.Semaphore(1)  # a look takes a processor and memory for a while

    async def begin(
        self,
        *,
        made_by: UUID,
        teacher_id: str,
        hub_code: str,
        kind: str,
        name: str,
        subject: str,
        media_type: str,
        size: int,
    ) -> Upload:
        """A new upload without a byte. Raises Refused (429, 507)."""
        if not await asyncio.to_thread(self.shelf.has_room, size):
            raise Refused(
                507,
                "The server's disk has no room for {size}: tell the operator.",
                size=in_words(size),
            )
        upload = Upload(
            uuid4(),
            made_by,
            teacher_id,
            hub_code,
            kind,
            name,
            subject,
            media_type,
            size,
            self._now(),
        )
        async with self._pool.transaction() as connection:
            if await uploads.unfinished_of(connection, teacher_id) >= UNFINISHED:
                raise Refused(
                    429,
                    "Several of your uploads are under way: finish or cancel one of them first.",
                )
            await uploads.add(connection, upload)
            await asyncio.to_thread(self.shelf.begin, upload.id)
        return upload

    async def offset(self, upload: Upload) -> int:
        """Bytes that have come; whoever was writing is ended. A file that is whole and was not
        looked into (the server went down) is looked into now. Raises Refused (410, 422)."""
        if upload.state == "ready":
            return upload.size
        await self._end_writer(upload.id)
        size = self.shelf.size(upload.id)
        if upload.state != "receiving" or size is None:
            raise _gone()
        if size == upload.size:
            await self.finish(upload)
        return size

    async def append(self, upload: Upload, offset: int, chunks: AsyncIterator[bytes]) -> int:
        """Write chunks; the new offset. With the last byte the file is looked into, and is ready
        when this returns. Raises Refused (409, 410, 413, 422, 423)."""
        await self._end_writer(upload.id)
        if upload.state != "receiving":
            raise _gone()
        with self._writing(upload.id):
            try:
                size = await self.shelf.append(upload.id, offset, upload.size, _lively(chunks))
            except FileNotFoundError:
                raise _gone() from None
            except shelves.Busy:
                raise Refused(423, "Another request is sending this file: wait for it.") from None
            except shelves.WrongOffset as error:
                raise Refused(
                    409, "Upload-Offset should be {size}: ask by HEAD first.", size=error.size
                ) from None
            except shelves.TooLong:
                raise Refused(413, "More came than Upload-Length declares.") from None
        if size == upload.size:
            await self.finish(upload)
        return size

    async def finish(self, upload: Upload) -> None:
        """Have a whole file looked into, once for all who ask: it is kept, or refused. Whoever asks
        may go away meanwhile. Raises Refused (422)."""
        look = self._looks.get(upload.id)
        if look is None:
            look = self._looks[upload.id] = asyncio.create_task(self._look_into(upload))
            look.add_done_callback(lambda _: self._looks.pop(upload.id, None))
        await asyncio.shield(look)

    async def _look_into(self, upload: Upload) -> None:
        path = self.shelf.part(upload.id)
        async with self._looking:
            try:
                found = await inspect(path, upload.media_type)
            except Refused as refused:
                log.info("upload refused", upload=str(upload.id), cause=refused.sentence)
                async with self._pool.transaction() as connection:
                    await uploads.refuse(connection, upload.id, refused.sentence)
                await asyncio.to_thread(self.shelf.remove, upload.id)
                raise
            digest = await asyncio.to_thread(self.shelf.digest, upload.id)
        async with self._pool.transaction() as connection:
            kept = await uploads.ready(
                connection,
                upload.id,
                digest=digest,
                duration_ms=max(1, found.duration_ms) if found.duration_ms is not None else None,
                pages=found.pages,
                at=self._now(),
            )
            if kept:
                await asyncio.to_thread(self.shelf.keep, upload.id)

    def is_taking(self, upload_id: UUID) -> bool:
        """Whether a request is sending bytes of an upload right now."""
        return upload_id in self._writers

    async def close(self) -> None:
        """End the looks that are under way; they begin anew when their client asks again."""
        looks = list(self._looks.values())
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)

    async def remove(self, upload: Upload) -> None:
        """Forget an upload that was sent to nobody. Raises Refused (409, 410)."""
        await self._end_writer(upload.id)
        if upload.state not in ("receiving", "ready"):
            raise _gone()
        async with self._pool.transaction() as connection:
            if not await uploads.delete(connection, upload.id):
                raise Refused(409, "This has been sent to classes: it stays until they are done.")
        await asyncio.to_thread(self.shelf.remove, upload.id)

    async def sweep(self) -> int:
        """Forget what was begun long ago and never came, and what retention deletes; how many."""
        now = self._now()
        async with self._pool.transaction() as connection:
            gone = await uploads.abandoned(connection, now - KEPT_UNFINISHED)
            for upload_id in gone:
                await uploads.delete(connection, upload_id)
            gone += await uploads.expire(connection, now.date())
        for upload_id in gone:
            await asyncio.to_thread(self.shelf.remove, upload_id)
        return len(gone)

    async def keep_swept(self) -> None:
        """Sweep for ever, every hour."""
        while True:
            try:
                await self.sweep()
            except Unreachable as error:
                log.warning("uploads not swept", cause=str(error))
            await asyncio.sleep(_SWEEP_EVERY)

    async def _end_writer(self, upload_id: UUID) -> None:
        writer = self._writers.get(upload_id)
        if writer is not None:
            writer.cancel()
            await asyncio.wait([writer])

    @contextlib.contextmanager
    def _writing(self, upload_id: UUID) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None, "requests are handled in tasks"
        self._writers[upload_id] = task
        try:
            yield
        finally:
            if self._writers.get(upload_id) is task:
                del self._writers[upload_id]


def _gone() -> Refused:
    return Refused(410, "This upload is not there any more: send the file again.")


async def _lively(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks until they end, the line breaks, or nothing comes for a while."""
    iterator = aiter(chunks)
    while True:
        try:
            async with asyncio.timeout(_SILENCE):
                chunk = await anext(iterator)
        except (StopAsyncIteration, TimeoutError, ConnectionError):
            return
        yield chunk
