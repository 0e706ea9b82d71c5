"""A folder in which uploads grow and are kept. Files are called by ids, not by others."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import UUID

_AT_ONCE = 1024 * 1024  # bytes gathered before they are written
RESERVE = 1024 * 1024 * 1024  # bytes of the disk that uploads leave free


class Busy(Exception):
    """Another process is writing to this upload."""


class WrongOffset(Exception):
    """The upload has another size than the writer thinks: `size`."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the upload has {size} bytes")
        self.size = size


class TooLong(Exception):
    """More came than was declared; what came is forgotten."""


class Shelf:
    """`<id>.part` grows; `<id>` is whole. Several processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, upload_id: UUID) -> None:
        """An empty part."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.part(upload_id).touch(mode=0o600, exist_ok=False)

    def has_room(self, size: int) -> bool:
        """Whether the disk holds so many bytes more and keeps its reserve."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return shutil.disk_usage(self._folder).free - size >= RESERVE

    def part(self, upload_id: UUID) -> Path:
        return self._folder / f"{upload_id}.part"

    def path(self, upload_id: UUID) -> Path:
        return self._folder / str(upload_id)

    def size(self, upload_id: UUID) -> int | None:
        """Bytes that have come of a part; None: there is none."""
        try:
            return self.part(upload_id).stat().st_size
        except FileNotFoundError:
            return None

    async def append(
        self, upload_id: UUID, offset: int, most: int, chunks: AsyncIterator[bytes]
    ) -> int:
        """Write chunks from `offset` on, up to `most` bytes in all; the new size.

        What has come is on the disk, and others may write, when this ends, in whatever way `chunks`
        ends and however often this is cancelled. Raises Busy, WrongOffset, TooLong,
        FileNotFoundError.
        """
        with self._locked(upload_id) as file:
            size = os.fstat(file).st_size
            if size != offset:
                raise WrongOffset(size)
            waiting: list[bytes] = []
            held = 0
            try:
                async for chunk in chunks:
                    held += len(chunk)
                    if size + held > most:
                        waiting.clear()
                        os.ftruncate(file, offset)
                        raise TooLong
                    waiting.append(chunk)
                    if held >= _AT_ONCE:
                        size += await _to_its_end(_write, file, waiting)
                        held = 0
            finally:
                size += await _to_its_end(_write_through, file, waiting)
            return size

    @contextlib.contextmanager
    def _locked(self, upload_id: UUID) -> Iterator[int]:
        file = os.open(self.part(upload_id), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise Busy from None
        try:
            yield file
        finally:
            os.close(file)  # and the lock goes

    def digest(self, upload_id: UUID) -> bytes:
        """SHA-256 of a part."""
        with self.part(upload_id).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()

    def keep(self, upload_id: UUID) -> None:
        """The part is whole and good."""
        self.part(upload_id).rename(self.path(upload_id))

    def remove(self, upload_id: UUID) -> None:
        """Whatever there is of it goes."""
        for path in (self.part(upload_id), self.path(upload_id)):
            path.unlink(missing_ok=True)


async def _to_its_end(
    work: Callable[[int, list[bytes]], int], file: int, waiting: list[bytes]
) -> int:
    """What work returns that a thread does. Who is cancelled meanwhile waits nevertheless: a thread
    can't be stopped, and would write to a file that is closed, or what another writes again."""
    thread = asyncio.ensure_future(asyncio.to_thread(work, file, waiting))
    cancelled: asyncio.CancelledError | None = None
    while not thread.done():
        try:
            await asyncio.wait([thread])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return thread.result()


def _write_through(file: int, waiting: list[bytes]) -> int:
    written = _write(file, waiting)
    os.fsync(file)
    return written


def _write(file: int, waiting: list[bytes]) -> int:
    written = 0
    for chunk in waiting:
        view = memoryview(chunk)
        while view:
            done = os.write(file, view)
            view = view[done:]
            written += done
    waiting.clear()
    return written
