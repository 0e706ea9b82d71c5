"""A node's side of its recorder: hands over what was read, hears what became of it.

Ownership: recorder ⊃ one writer process (media/recording/writer.py), started with the first
recording. What the process does not take in time is refused, so that a slow disk costs frames and
holds up nobody. One that dies is replaced, and its recordings go on in new segments; what it had
written plays as it is.
"""

import asyncio
import contextlib
import itertools
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from media.recording.news import News, RecordingStopped
from media.recording.strand import Strand
from media.recording.writer import heard, pack, plain

log = structlog.get_logger()

BACKLOG = 32 << 20  # bytes that may wait for the writer: some seconds of two dozen lessons
_DEATHS = 5  # of writers within a minute; whoever dies more often is not replaced
_RESTART = 1.0  # seconds until one that could not be started is tried again
_STOP = 20.0  # seconds a writer may take to complete its files


class Recorder:
    """Writes segments into `directory`, as node `node` (a UUID as text).

    `on_news` is called on the event loop. Recording ends with the cause `disk_full` when less than
    `floor` bytes are free. `close` it.
    """

    def __init__(
        self, directory: Path, node: str, on_news: Callable[[News], None], *, floor: int
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._arguments = (str(directory), node, str(floor))
        self._on_news = on_news
        self._recordings: dict[str, str] = {}  # by room
        self._cut: set[str] = set()  # rooms of which something went with a writer
        self._ends: dict[int, asyncio.Future[None]] = {}
        self._numbers = itertools.count(1)
        self._unsent: deque[bytes] = deque()  # while there is no writer
        self._waiting = 0  # bytes of it
        self._pipe: asyncio.StreamWriter | None = None
        self._writing: asyncio.Task[None] | None = None

    def begin(self, room: str, recording: str) -> None:
        """Record a room from now on; if that is so already, nothing changes."""
        if self._recordings.get(room) != recording:
            self._recordings[room] = recording
            self._send(pack("begin", room, recording))

    def under_way(self) -> list[tuple[str, str]]:
        """(room, recording) of all."""
        return list(self._recordings.items())

    def put(self, room: str, strands: Sequence[Strand]) -> bool:
        """What was read of a room; False when something is missing, for the disk is too slow or the
        writer was replaced: a picture can go on with a key frame only."""
        if room not in self._recordings:
            return True
        if self.backlog > BACKLOG:
            return False
        self._send(pack("put", room, plain(strands)))
        if room in self._cut:
            self._cut.discard(room)
            return False
        return True

    async def end(self, room: str) -> None:
        """Record a room no longer; its files are complete when this returns."""
        if self._recordings.pop(room, None) is not None:
            number = next(self._numbers)
            ended = self._ends[number] = asyncio.get_running_loop().create_future()
            self._send(pack("end", room, number))
            await ended

    async def close(self) -> None:
        """End every recording, then the writer; the second time does nothing."""
        await asyncio.gather(*(self.end(room) for room in list(self._recordings)))
        if self._writing is not None:
            if self._pipe is not None:
                self._pipe.close()
            await self._writing

    @property
    def backlog(self) -> int:
        """Bytes that wait for the writer."""
        if self._pipe is None:
            return self._waiting
        return int(self._pipe.transport.get_write_buffer_size())

    def _send(self, data: bytes) -> None:
        if self._pipe is not None:
            self._pipe.write(data)
            return
        self._unsent.append(data)
        self._waiting += len(data)
        if self._writing is None:
            self._writing = asyncio.create_task(self._keep_writing())

    # ── the writer ───────────────────────────────────────────────────────────────────────

    async def _keep_writing(self) -> None:
        """Have a writer, until it was told to end, or until too many have died."""
        deaths: deque[float] = deque(maxlen=_DEATHS)
        while True:
            try:
                code = await self._write()
            except OSError as error:
                log.exception("recorder not started", cause=str(error))
                code = None
            for ended in self._ends.values():
                if not ended.done():
                    ended.set_result(None)  # what there is of it is on disk
            self._ends.clear()
            if code is None:
                await asyncio.sleep(_RESTART)
            elif code:
                log.error("recorder died", code=code)
            deaths.append(time.monotonic())
            if len(deaths) == _DEATHS and deaths[-1] - deaths[0] < 60:
                for room, recording in self.under_way():
                    self._say(RecordingStopped(room, recording, "storage"))
            self._cut = set(self._recordings)
            if not self._recordings:
                self._unsent.clear()
                self._waiting = 0
                self._writing = None
                return

    async def _write(self) -> int | None:
        """One writer's life; its exit code. Raises OSError where it can't be started."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "media.recording.writer",
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # what ends its node, it outlives for a moment
        )
        assert process.stdin is not None, "it was asked for"
        assert process.stdout is not None, "it was asked for"
        for room, recording in self.under_way():
            process.stdin.write(pack("begin", room, recording))
        while self._unsent:
            process.stdin.write(self._unsent.popleft())
        self._waiting = 0
        self._pipe = process.stdin
        try:
            while (line := await process.stdout.readline()).endswith(b"\n"):
                self._take(heard(line))
        finally:
            self._pipe = None
            process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _STOP)
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode

    def _take(self, news: News | int) -> None:
        if isinstance(news, int):
            ended = self._ends.pop(news, None)
            if ended is not None and not ended.done():
                ended.set_result(None)
        else:
            self._say(news)

    def _say(self, news: News) -> None:
        """What has stopped is under way no longer, and then is told of."""
        if isinstance(news, RecordingStopped) and (
            self._recordings.get(news.room) == news.recording
        ):
            del self._recordings[news.room]
            self._send(pack("end", news.room, 0))
        self._on_news(news)
