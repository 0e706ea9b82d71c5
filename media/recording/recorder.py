"""The recorder of a node: one thread that writes, one that brings it onto the disk.

Ownership: recorder ⊃ recordings, one a room at most ⊃ reels and files, one of each source. The
event loop only hands over what was read; what the thread has to say it says on the event loop. A
recording whose disk is slow, full or broken loses frames or ends; its room never notices.
"""

import asyncio
import errno
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import av
import structlog

from media.recording.names import TRACKS, SegmentName
from media.recording.reel import Begin, End, Reel, Step, Write
from media.recording.segment import BadPicture, SegmentFile
from media.recording.strand import Strand
from media.specs import Source

log = structlog.get_logger()

BACKLOG = 8 << 20  # bytes of a recording that may wait for the disk
_SYNC = 1.0  # seconds between two syncs of a file
_LOOK = 1.0  # seconds between two looks at what is free
_TURN = 0.0003  # seconds between two rooms' batches, in which the event loop can go on
_ROUND = 0.05  # seconds in which what comes is gathered, so that the thread wakes seldom


@dataclass(frozen=True, slots=True)
class SegmentBegun:
    name: SegmentName


@dataclass(frozen=True, slots=True)
class SegmentClosed:
    """It is complete, and may be moved."""

    name: SegmentName
    size: int


@dataclass(frozen=True, slots=True)
class RecordingStopped:
    """A recording ended by itself: `disk_full`, or `storage` when the disk is broken."""

    room: str
    recording: str
    cause: str


News = SegmentBegun | SegmentClosed | RecordingStopped


@dataclass(slots=True)
class _Open:
    name: SegmentName
    file: SegmentFile


@dataclass(slots=True, eq=False)
class _Recording:
    """One room's. `put` and `taken` are bytes, ever, by the event loop and by the thread."""

    room: str
    id: str
    put: int = 0
    taken: int = 0
    stopped: bool = False
    reels: dict[Source, Reel] = field(default_factory=dict)
    files: dict[Source, _Open] = field(default_factory=dict)


Job = tuple[_Recording, Sequence[Strand]] | tuple[_Recording, "asyncio.Future[None]"]


class Recorder:
    """Writes segments into `directory`, as node `node` (a UUID as text).

    `on_news` is called on the event loop. Recording ends with the cause `disk_full` when less than
    `floor` bytes are free. Make it on a running event loop, and `close` it.
    """

    def __init__(
        self, directory: Path, node: str, on_news: Callable[[News], None], *, floor: int
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._node = node
        self._on_news = on_news
        self._floor = floor
        self._loop = asyncio.get_running_loop()
        self._recordings: dict[str, _Recording] = {}  # by room; the event loop's
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._open: set[_Recording] = set()  # the thread's
        self._files: frozenset[SegmentFile] = frozenset()  # to be synced
        self._stop = threading.Event()
        self._looked_at = 0.0
        self._threads = [
            threading.Thread(target=self._work, name="recorder", daemon=True),
            threading.Thread(target=self._keep_synced, name="recorder-sync", daemon=True),
        ]
        sys.setswitchinterval(0.0005)
        for thread in self._threads:
            thread.start()

    # ── on the event loop ────────────────────────────────────────────────────────────────

    def begin(self, room: str, recording: str) -> None:
        """Record a room from now on; if that is so already, nothing changes."""
        current = self._recordings.get(room)
        if current is None or current.id != recording:
            self._forget(room)
            self._recordings[room] = _Recording(room, recording)

    def under_way(self) -> list[tuple[str, str]]:
        """(room, recording) of all."""
        return [(room, recording.id) for room, recording in self._recordings.items()]

    def put(self, room: str, strands: Sequence[Strand]) -> bool:
        """What was read of a room; False when it is not taken, for the disk is too slow."""
        recording = self._recordings.get(room)
        if recording is None:
            return True
        size = sum(len(data) for strand in strands for _, data in strand.packets)
        if recording.put - recording.taken + size > BACKLOG:
            return False
        recording.put += size
        self._jobs.put((recording, strands))
        return True

    async def end(self, room: str) -> None:
        """Record a room no longer; its files are complete when this returns."""
        closed = self._forget(room)
        if closed is not None:
            await closed

    async def close(self) -> None:
        """End every recording, then the threads; the second time does nothing."""
        for room in list(self._recordings):
            await self.end(room)
        if not self._stop.is_set():
            self._stop.set()
            self._jobs.put(None)
            for thread in self._threads:
                await asyncio.to_thread(thread.join)

    def _forget(self, room: str) -> "asyncio.Future[None] | None":
        recording = self._recordings.pop(room, None)
        if recording is None:
            return None
        closed: asyncio.Future[None] = self._loop.create_future()
        self._jobs.put((recording, closed))
        return closed

    # ── in the thread ────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            recording, what = job
            if isinstance(what, asyncio.Future):
                self._finish(recording)
                self._loop.call_soon_threadsafe(_resolve, what)
                continue
            if not recording.stopped:
                self._feed(recording, what)
            recording.taken += sum(len(data) for strand in what for _, data in strand.packets)
            self._stop.wait(_ROUND if self._jobs.empty() else _TURN)
            self._look_at_the_disk()

    def _feed(self, recording: _Recording, strands: Sequence[Strand]) -> None:
        self._open.add(recording)
        try:
            for source in Source:
                of_source = [strand for strand in strands if strand.source is source]
                if of_source:
                    reel = recording.reels.setdefault(source, Reel(source))
                    for step in reel.feed(of_source):
                        self._perform(recording, source, step)
        except (OSError, av.FFmpegError, ValueError) as error:
            full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            log.exception("recording failed", recording=recording.id, cause=str(error))
            self._give_up(recording, "disk_full" if full else "storage")

    def _perform(self, recording: _Recording, source: Source, step: Step) -> None:
        if isinstance(step, Write):
            recording.files[source].file.write(step.kind, step.ms, step.data, key=step.key)
        elif isinstance(step, Begin):
            started = time.time() - time.monotonic() + step.at
            name = SegmentName(
                recording.id, str(uuid4()), self._node, TRACKS[source], round(started * 1000)
            )
            try:
                file = SegmentFile(self._directory / name.file, step.picture)
            except BadPicture as error:
                log.info("segment not begun", recording=recording.id, cause=str(error))
                recording.reels[source].refused()
                return
            recording.files[source] = _Open(name, file)
            self._files |= {file}
            self._tell(SegmentBegun(name))
        else:
            assert isinstance(step, End)
            self._close(recording.files.pop(source))

    def _close(self, opened: _Open) -> None:
        """Complete a file. One whose end can't be written is complete up to there."""
        self._files -= {opened.file}
        try:
            opened.file.close()
        finally:
            self._tell(SegmentClosed(opened.name, opened.file.size))

    def _finish(self, recording: _Recording) -> None:
        try:
            if not recording.stopped:
                for source, reel in recording.reels.items():
                    for step in reel.end():
                        self._perform(recording, source, step)
        except (OSError, av.FFmpegError, ValueError) as error:
            log.warning("recording not completed", recording=recording.id, cause=str(error))
        self._abandon(recording)
        self._open.discard(recording)

    def _give_up(self, recording: _Recording, cause: str) -> None:
        recording.stopped = True
        self._abandon(recording)
        self._tell(RecordingStopped(recording.room, recording.id, cause))

    def _abandon(self, recording: _Recording) -> None:
        while recording.files:
            _, opened = recording.files.popitem()
            try:
                self._close(opened)
            except (OSError, av.FFmpegError, ValueError) as error:
                log.warning("segment cut short", segment=opened.name.segment, cause=str(error))

    def _look_at_the_disk(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < _LOOK:
            return
        self._looked_at = now
        if shutil.disk_usage(self._directory).free < self._floor:
            for recording in [r for r in self._open if not r.stopped]:
                log.error("recording stopped: too little disk space", recording=recording.id)
                self._give_up(recording, "disk_full")

    def _tell(self, news: News) -> None:
        self._loop.call_soon_threadsafe(self._say, news)

    def _say(self, news: News) -> None:
        """On the event loop: what has stopped is under way no longer, and then is told of."""
        if isinstance(news, RecordingStopped):
            current = self._recordings.get(news.room)
            if current is not None and current.id == news.recording:
                self._forget(news.room)
        self._on_news(news)

    def _keep_synced(self) -> None:
        while not self._stop.wait(_SYNC):
            for file in self._files:
                try:
                    file.sync()
                except OSError as error:
                    log.warning("segment not synced", file=file.path.name, cause=str(error))


def _resolve(closed: "asyncio.Future[None]") -> None:
    if not closed.done():
        closed.set_result(None)
