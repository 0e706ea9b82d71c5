"""The recorder's process: makes files of what a node has read of its rooms.

`python -m media.recording.writer DIRECTORY NODE FLOOR`. It is a process of its own, of lower
priority, so that neither the work nor a slow disk nor a picture that breaks a parser can hold up or
hurt the node. Messages come on standard input (`pack`), news go out as lines of JSON. When the node
is gone its end of the pipe is closed: then all files are completed, and the process ends.
"""

import contextlib
import errno
import io
import json
import marshal
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import av
import structlog

from media.recording.names import SegmentName, track_of
from media.recording.news import News, RecordingStopped, SegmentBegun, SegmentClosed
from media.recording.reel import Begin, End, Reel, Step, Write
from media.recording.segment import BadPicture, SegmentFile
from media.recording.strand import Strand
from media.specs import Codec, Source

log = structlog.get_logger()

_NICE = 5  # lessons come first
_SYNC = 1.0  # seconds between two syncs of a file
_LOOK = 1.0  # seconds between two looks at what is free

_Shown = tuple[str, Source]  # of whom (empty: the lead), and what
Message = tuple[Any, ...]  # ("begin", room, recording) | ("put", room, strands) | ("end", room, n)


def pack(*message: Any) -> bytes:
    """A message as it goes through the pipe: its size, then the value."""
    data = marshal.dumps(message)
    return len(data).to_bytes(4, "big") + data


def messages(pipe: BinaryIO) -> Iterator[Message]:
    """Those that come, until the pipe is closed."""
    while len(head := pipe.read(4)) == 4:
        data = pipe.read(int.from_bytes(head, "big"))
        try:
            yield marshal.loads(data)  # noqa: S302 - written by the node, which started this process
        except (EOFError, ValueError, TypeError):
            return  # the node was killed while it wrote


def plain(strands: Sequence[Strand]) -> tuple[tuple[Any, ...], ...]:
    """Strands as values that go through the pipe."""
    return tuple((s.source.value, *s[1:3], s.codec.value, *s[4:]) for s in strands)


def unplain(values: Sequence[tuple[Any, ...]]) -> list[Strand]:
    """What `plain` made plain."""
    return [Strand(Source(v[0]), v[1], v[2], Codec(v[3]), *v[4:]) for v in values]


@dataclass(slots=True)
class _Open:
    name: SegmentName
    file: SegmentFile


@dataclass(slots=True)
class _Recording:
    """One room's, with a reel and at most one file for each source of each participant."""

    room: str
    id: str
    wall: float  # Unix seconds at the monotonic zero: a clock that is set does not tear a lesson
    stopped: bool = False
    reels: dict[_Shown, Reel] = field(default_factory=dict)
    files: dict[_Shown, _Open] = field(default_factory=dict)


class Writer:
    """Writes segments into `directory`, as node `node` (a UUID as text).

    `tell` is called with news. A recording ends with the cause `disk_full` when less than `floor`
    bytes are free. `close` it; its second thread brings onto the disk what is written.
    """

    def __init__(
        self, directory: Path, node: str, floor: int, tell: Callable[[News], None]
    ) -> None:
        self._directory = directory
        self._node = node
        self._floor = floor
        self._tell = tell
        self._recordings: dict[str, _Recording] = {}  # by room
        self._files: frozenset[SegmentFile] = frozenset()  # to be synced
        self._stop = threading.Event()
        self._looked_at = 0.0
        self._syncing = threading.Thread(target=self._keep_synced, name="sync", daemon=True)
        self._syncing.start()

    def begin(self, room: str, recording: str) -> None:
        """Record a room from now on; if that is so already, nothing changes."""
        current = self._recordings.get(room)
        if current is None or current.id != recording:
            self.end(room)
            wall = time.time() - time.monotonic()
            self._recordings[room] = _Recording(room, recording, wall)

    def put(self, room: str, strands: Sequence[Strand]) -> None:
        """What was read of a room."""
        recording = self._recordings.get(room)
        if recording is None or recording.stopped:
            return
        self._look_at_the_disk()
        try:
            for shown in dict.fromkeys((strand.guest, strand.source) for strand in strands):
                if not recording.stopped:
                    reel = recording.reels.setdefault(shown, Reel(shown[1]))
                    of_it = [s for s in strands if (s.guest, s.source) == shown]
                    for step in reel.feed(of_it):
                        self._perform(recording, shown, step)
        except (OSError, av.FFmpegError, ValueError) as error:
            full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            log.exception("recording failed", recording=recording.id, cause=str(error))
            self._give_up(recording, "disk_full" if full else "storage")

    def end(self, room: str) -> None:
        """Record a room no longer; its files are complete afterwards."""
        recording = self._recordings.pop(room, None)
        if recording is None:
            return
        try:
            if not recording.stopped:
                for shown, reel in recording.reels.items():
                    for step in reel.end():
                        self._perform(recording, shown, step)
        except (OSError, av.FFmpegError, ValueError) as error:
            log.warning("recording not completed", recording=recording.id, cause=str(error))
        self._abandon(recording)

    def close(self) -> None:
        """End everything."""
        for room in list(self._recordings):
            self.end(room)
        self._stop.set()
        self._syncing.join()

    def _perform(self, recording: _Recording, shown: _Shown, step: Step) -> None:
        guest, source = shown
        if isinstance(step, Write):
            recording.files[shown].file.write(step.kind, step.ms, step.data, key=step.key)
        elif isinstance(step, Begin):
            started = recording.wall + step.at
            name = SegmentName(
                recording.id,
                str(uuid4()),
                self._node,
                track_of(source, guest),
                round(started * 1000),
            )
            try:
                file = SegmentFile(self._directory / name.file, step.picture)
            except BadPicture as error:
                log.info("segment not begun", recording=recording.id, cause=str(error))
                recording.reels[shown].refused()
                return
            recording.files[shown] = _Open(name, file)
            self._files |= {file}
            self._tell(SegmentBegun(name))
        else:
            assert isinstance(step, End)
            self._close(recording.files.pop(shown))

    def _close(self, opened: _Open) -> None:
        """Complete a file. One whose end can't be written is complete up to there."""
        self._files -= {opened.file}
        try:
            opened.file.close()
        finally:
            self._tell(SegmentClosed(opened.name, opened.file.size))

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
            for recording in [r for r in self._recordings.values() if not r.stopped]:
                log.error("recording stopped: too little disk space", recording=recording.id)
                self._give_up(recording, "disk_full")

    def _keep_synced(self) -> None:
        while not self._stop.wait(_SYNC):
            for file in self._files:
                try:
                    file.sync()
                except OSError as error:
                    log.warning("segment not synced", file=file.path.name, cause=str(error))


def said(news: News | int) -> str:
    """News, or the number of an `end` that has been done, as a line."""
    if isinstance(news, int):
        return json.dumps({"ended": news})
    return json.dumps({"news": type(news).__name__, **asdict(news)})


def heard(line: str | bytes) -> News | int:
    """What `said` said."""
    value = json.loads(line)
    if "ended" in value:
        return int(value["ended"])
    kind = value.pop("news")
    if kind == "RecordingStopped":
        return RecordingStopped(**value)
    name = SegmentName(**value.pop("name"))
    return SegmentBegun(name) if kind == "SegmentBegun" else SegmentClosed(name, **value)


def main() -> None:
    """Until the pipe is closed."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever else writes to standard output is no news
    os.nice(_NICE)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    directory, node, floor = sys.argv[1:]

    def tell(news: News | int) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody is left to hear it
            out.write(said(news) + "\n")

    writer = Writer(Path(directory), node, int(floor), tell)
    assert isinstance(sys.stdin.buffer, io.BufferedReader), "a pipe"
    for message in messages(sys.stdin.buffer):
        match message:
            case ("begin", room, recording):
                writer.begin(room, recording)
            case ("put", room, strands):
                writer.put(room, unplain(strands))
            case ("end", room, number):
                writer.end(room)
                tell(number)
    writer.close()


if __name__ == "__main__":
    main()
