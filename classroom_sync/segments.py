"""Segments on their way from a media node's disk into the store, and their rows into PostgreSQL.

A segment's file is its own record: its name says what it is of, and it is locked while it is
written. So what a killed node left is found and delivered by the next on the same data directory,
and what can't be delivered (the database or the store is away) stays until it can be.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog

from classroom_sync.store import Store, StoreError
from media.recording.names import SUFFIX, SegmentName, read_name
from scheduler.recording import Segment, SegmentState, Track

log = structlog.get_logger()

_LOOK = 5.0  # seconds

PutSegment = Callable[[Segment], Awaitable[bool]]


class SegmentCourier:
    """Delivers what is complete in `directory` into `store`; `run` goes on until cancelled.

    `put(segment)` writes a row, must be idempotent, tells whether its recording exists, and raises
    one of `away` while the database is away.
    """

    def __init__(
        self, directory: Path, store: Store, put: PutSegment, away: tuple[type[Exception], ...]
    ) -> None:
        self._directory = directory
        self._store = store
        self._put = put
        self._away = away
        self._begun: list[SegmentName] = []
        self._look = asyncio.Event()
        directory.mkdir(parents=True, exist_ok=True)

    def begun(self, name: SegmentName) -> None:
        """A segment of this node is being written: its row is waited for before joining."""
        self._begun.append(name)
        self._look.set()

    def closed(self) -> None:
        """Something is complete: deliver it now."""
        self._look.set()

    async def run(self) -> None:
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), _LOOK)
                self._look.clear()
                try:
                    await self.deliver()
                except Exception:
                    log.exception("segments not delivered")  # the next look tries again
        finally:
            await self.deliver()

    async def deliver(self) -> None:
        """Write down what was begun, and deliver what is complete, as far as that goes now."""
        try:
            while self._begun:
                await self._put(_segment(self._begun[0], SegmentState.WRITING))
                del self._begun[0]
            for path in await asyncio.to_thread(self._complete):
                await self._deliver(path)
        except self._away as error:
            log.warning("segments not written down yet", cause=str(error))

    def _complete(self) -> list[Path]:
        return sorted(p for p in self._directory.glob(f"*{SUFFIX}") if not _is_locked(p))

    async def _deliver(self, path: Path) -> None:
        name = read_name(path.name)
        if name is None:
            return
        with _held(path) as size:
            if size is None:
                return  # another node is at it, or was
            if not await self._put(_segment(name, SegmentState.WRITING)):
                log.warning("segment of no known recording", file=path.name)
                return
            key = f"{name.recording}/segments/{path.name}"
            try:
                await self._store.put_file(key, path)
            except StoreError as error:
                log.warning("segment not stored yet", file=path.name, cause=str(error))
                return
            await self._put(_segment(name, SegmentState.STORED, size, key))
            log.info("segment stored", recording=name.recording, track=name.track, bytes=size)


def _segment(
    name: SegmentName, state: SegmentState, size: int = 0, key: str | None = None
) -> Segment:
    track, _, participant = name.track.partition("-")
    return Segment(
        UUID(name.segment),
        UUID(name.recording),
        UUID(name.node),
        Track(track),
        datetime.fromtimestamp(name.started_ms / 1000, UTC),
        state,
        size,
        key,
        UUID(participant) if participant else None,
    )


def _is_locked(path: Path) -> bool:
    with _held(path) as size:
        return size is None


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int | None]:
    """The size of a file that nobody else has the lock of, held meanwhile; None for any other."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        found = os.fstat(descriptor)
        yield found.st_size if found.st_nlink else None
    finally:
        os.close(descriptor)
