"""Evidence on its way from a media node into PostgreSQL, and onto disk while PostgreSQL is away.

Evidence is written while it happens. When the database can't be reached, each batch is appended to
a file and fsync'd; once it is back, files are replayed and removed. Rows carry `(node, seq)`, so
that a row written twice counts once; a file left by a node that was killed is replayed by the next
node on the same data directory. So is what was not a whole slice yet: that is on disk, too, as it
was a moment before. What the disk can't take either waits in memory, and what the database refuses
for good is left in a file beside, for people to look at.
"""

import asyncio
import contextlib
import fcntl
import json
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import structlog

from media.evidence import Evidence

log = structlog.get_logger()

Rows = Sequence[tuple[int, Evidence]]
Write = Callable[[UUID, Rows], Awaitable[None]]

_INTERVAL = 1.0  # seconds between batches
_NOTE_INTERVAL = 0.25  # seconds between notes of what is in no batch yet
_NOTED = 500  # rows that wait for the next batch, the newest
_BATCH = 2000
_MOST = 1_000_000  # rows that wait in memory: days of a node whose disk is full
_SPOOL, _UNFINISHED, _REFUSED = ".jsonl", ".unfinished", ".refused"
_REPLAYED = (_SPOOL, _UNFINISHED)
_RETRY_REPLAY = 5.0

_NAMES = [field.name for field in fields(Evidence)]
_encoded = json.JSONEncoder(ensure_ascii=False).encode


class EvidenceSpool:
    """Takes evidence at any time with `put`; `run` writes it until cancelled, `flush` does so now.

    `write(node_id, rows)` must be idempotent and raise one of `away` while the database is away;
    whatever else it raises is of the rows. `unfinished` gives the slices that are being made.
    """

    def __init__(
        self,
        node_id: UUID,
        directory: Path,
        write: Write,
        away: tuple[type[Exception], ...],
        unfinished: Callable[[], Sequence[Evidence]] = tuple,
    ) -> None:
        self._node_id = node_id
        self._directory = directory
        self._write = write
        self._away = away
        self._pending: deque[tuple[int, Evidence]] = deque()
        self._next_seq = 1
        self._lock = asyncio.Lock()
        self._file: BinaryIO | None = None
        self._unfinished = unfinished
        self._note: BinaryIO | None = None
        directory.mkdir(parents=True, exist_ok=True)

    def put(self, evidence: Evidence) -> None:
        self._pending.append((self._next_seq, evidence))
        self._next_seq += 1
        if len(self._pending) > _MOST:
            self._pending.popleft()
            log.error("evidence lost: neither the database nor the disk takes any")

    async def run(self) -> None:
        """Write batches and replay what was spooled; on cancellation, write what is left."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._note_again_and_again())
                group.create_task(self._write_again_and_again())
        finally:
            await self.flush()
            self._forget_unfinished()
            self.close()

    async def _write_again_and_again(self) -> None:
        loop = asyncio.get_running_loop()
        replay_at = 0.0
        while True:
            wrote = await self.flush()
            if wrote and loop.time() >= replay_at:
                replay_at = loop.time() + _RETRY_REPLAY
                await self.replay()
            await asyncio.sleep(_INTERVAL)

    async def _note_again_and_again(self) -> None:
        """Beside the writing, which waits for a database that does not answer."""
        while True:
            self._note_unfinished()
            await asyncio.sleep(_NOTE_INTERVAL)

    async def flush(self) -> bool:
        """Put what is pending into the database, or else on disk; whether the database took it."""
        async with self._lock:
            while self._pending:
                batch = list(islice(self._pending, _BATCH))
                try:
                    await self._into_database(self._node_id, batch)
                except self._away as error:
                    self._onto_disk(batch, str(error))
                    return False
                self._forget(batch)
            return True

    def _forget(self, batch: Rows) -> None:
        last, _ = batch[-1]
        while self._pending and self._pending[0][0] <= last:
            self._pending.popleft()

    async def _into_database(self, node_id: UUID, rows: Rows) -> None:
        """Raises one of `away`. A row that is refused for good takes no other along."""
        try:
            await self._write(node_id, rows)
        except self._away:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the next is written
            if len(rows) > 1:
                for row in rows:
                    await self._into_database(node_id, [row])
                return
            log.error("evidence refused", node=str(node_id), cause=repr(error))  # noqa: TRY400
            path = self._directory / f"{node_id}{_REFUSED}"
            try:
                with path.open("ab", buffering=0) as file:
                    _append(file, rows)
            except OSError as full:
                log.error("evidence lost", row=_line(*rows[0]), cause=str(full))  # noqa: TRY400

    def close(self) -> None:
        """Let the spool file go; another node may replay it from now on."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _onto_disk(self, batch: Rows, cause: str) -> None:
        """What the disk does not take stays pending."""
        try:
            if self._file is None:
                path = self._directory / f"{self._node_id}{_SPOOL}"
                self._file = path.open("ab", buffering=0)
                fcntl.flock(self._file, fcntl.LOCK_EX)  # told apart from a dead node's file
            _append(self._file, batch)
        except OSError as error:
            log.error("evidence waits in memory", rows=len(self._pending), cause=str(error))  # noqa: TRY400
            return
        self._forget(batch)
        log.warning("evidence spooled to disk", rows=len(batch), cause=cause)

    def _note_unfinished(self) -> None:
        """Overwrite the note of what would be lost if the node were killed now: what waits for the
        next batch, and what is not finished. The latter has numbers of its own, below zero: what
        became of it may be written already."""
        path = self._directory / f"{self._node_id}{_UNFINISHED}"
        rows = list(islice(reversed(self._pending), _NOTED))
        rows += [(-n, evidence) for n, evidence in enumerate(self._unfinished(), start=1)]
        data = "".join(_line(*row) for row in rows).encode()
        try:
            if self._note is None:
                self._note = path.open("wb", buffering=0)
                fcntl.flock(self._note, fcntl.LOCK_EX)  # as above
            os.pwrite(self._note.fileno(), data, 0)
            os.ftruncate(self._note.fileno(), len(data))
        except OSError as error:
            log.warning("unfinished evidence not noted", cause=str(error))

    def _forget_unfinished(self) -> None:
        if self._note is not None:
            (self._directory / f"{self._node_id}{_UNFINISHED}").unlink(missing_ok=True)
            self._note.close()
            self._note = None

    async def replay(self) -> None:
        """Write what this node, or a dead one, has left on disk; leave it there if that fails."""
        own = self._directory / f"{self._node_id}{_SPOOL}"
        for path in sorted(p for p in self._directory.iterdir() if p.suffix in _REPLAYED):
            try:
                await self._replay_one(path, mine=path == own)
            except self._away as error:
                log.warning("spool not replayed yet", file=path.name, cause=str(error))
                return
            except OSError as error:
                log.warning("spool not read", file=path.name, cause=str(error))

    async def _replay_one(self, path: Path, *, mine: bool) -> None:
        """Raises one of `away`, and OSError, also where another node was faster."""
        with path.open("r", encoding="utf-8") as file:
            if not mine:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return  # its node is alive and will do it
            async with self._lock:
                await self._replay_file(UUID(path.stem), file.read().splitlines())
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                if mine:
                    self.close()

    async def _replay_file(self, node_id: UUID, lines: Sequence[str]) -> None:
        rows = [row for line in lines if (row := _row(line)) is not None]
        for start in range(0, len(rows), _BATCH):
            await self._into_database(node_id, rows[start : start + _BATCH])
        log.info("spooled evidence written", node=str(node_id), rows=len(rows))


def _append(file: BinaryIO, rows: Rows) -> None:
    """Rows at the end of a file and on the disk, all or none. Raises OSError."""
    data = "".join(_line(seq, evidence) for seq, evidence in rows).encode()
    size = os.fstat(file.fileno()).st_size
    try:
        done = 0
        while done < len(data):
            done += file.write(data[done:]) or 0
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), size)
        raise


def _line(seq: int, evidence: Evidence) -> str:
    values = {name: getattr(evidence, name) for name in _NAMES}
    values["seq"] = seq
    values["from_at"] = evidence.from_at.isoformat()
    values["to_at"] = evidence.to_at.isoformat()
    return _encoded(values) + "\n"


def _row(line: str) -> tuple[int, Evidence] | None:
    try:
        values = json.loads(line)
    except json.JSONDecodeError:
        return None  # the line that was being written when the power went; it was never promised
    seq = values.pop("seq")
    values["from_at"] = datetime.fromisoformat(values["from_at"])
    values["to_at"] = datetime.fromisoformat(values["to_at"])
    return seq, Evidence(**values)
