"""Evidence on its way from a media node into PostgreSQL, and onto disk while PostgreSQL is away.

Evidence is written while it happens. When the database can't be reached, each batch is appended to
a file and fsync'd; once it is back, files are replayed and removed. Rows carry `(node, seq)`, so
that a row written twice counts once; a file left by a node that was killed is replayed by the next
node on the same data directory.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from media.evidence import Evidence

log = structlog.get_logger()

Rows = Sequence[tuple[int, Evidence]]
Write = Callable[[UUID, Rows], Awaitable[None]]

_INTERVAL = 1.0  # seconds between batches
_BATCH = 2000
_RETRY_REPLAY = 5.0


class EvidenceSpool:
    """Takes evidence at any time with `put`; `run` writes it until cancelled, `flush` does so now.

    `write(node_id, rows)` must be idempotent and raise one of `away` while the database is away.
    """

    def __init__(
        self, node_id: UUID, directory: Path, write: Write, away: tuple[type[Exception], ...]
    ) -> None:
        self._node_id = node_id
        self._directory = directory
        self._write = write
        self._away = away
        self._pending: list[tuple[int, Evidence]] = []
        self._next_seq = 1
        self._lock = asyncio.Lock()
        self._file: Any = None
        directory.mkdir(parents=True, exist_ok=True)

    def put(self, evidence: Evidence) -> None:
        self._pending.append((self._next_seq, evidence))
        self._next_seq += 1

    async def run(self) -> None:
        """Write batches and replay what was spooled; on cancellation, write what is left."""
        loop = asyncio.get_running_loop()
        replay_at = 0.0
        try:
            while True:
                wrote = await self.flush()
                if wrote and loop.time() >= replay_at:
                    replay_at = loop.time() + _RETRY_REPLAY
                    await self.replay()
                await asyncio.sleep(_INTERVAL)
        finally:
            await self.flush()
            self.close()

    async def flush(self) -> bool:
        """Put what is pending into the database, or else on disk; whether the database took it."""
        async with self._lock:
            while self._pending:
                batch = self._pending[:_BATCH]
                try:
                    await self._write(self._node_id, batch)
                except self._away as error:
                    self._to_disk(batch)
                    del self._pending[: len(batch)]
                    log.warning("evidence spooled to disk", rows=len(batch), cause=str(error))
                    return False
                del self._pending[: len(batch)]
            return True

    def close(self) -> None:
        """Let the spool file go; another node may replay it from now on."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _to_disk(self, rows: Rows) -> None:
        if self._file is None:
            path = self._directory / f"{self._node_id}.jsonl"
            self._file = path.open("a", encoding="utf-8")
            fcntl.flock(self._file, fcntl.LOCK_EX)  # told apart from a dead node's file
        for seq, evidence in rows:
            self._file.write(_line(seq, evidence))
        self._file.flush()
        os.fsync(self._file.fileno())

    async def replay(self) -> None:
        """Write what this node, or a dead one, has left on disk; leave it there if that fails."""
        for path in sorted(self._directory.glob("*.jsonl")):
            mine = path.stem == str(self._node_id)
            with path.open("r", encoding="utf-8") as file:
                if not mine:
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        continue  # its node is alive and will do it
                async with self._lock:
                    try:
                        await self._replay_file(UUID(path.stem), file.read().splitlines())
                    except self._away as error:
                        log.warning("spool not replayed yet", file=path.name, cause=str(error))
                        return
                    path.unlink()
                    if mine:
                        self.close()

    async def _replay_file(self, node_id: UUID, lines: Sequence[str]) -> None:
        rows = [row for line in lines if (row := _row(line)) is not None]
        for start in range(0, len(rows), _BATCH):
            await self._write(node_id, rows[start : start + _BATCH])
        log.info("spooled evidence written", node=str(node_id), rows=len(rows))


def _line(seq: int, evidence: Evidence) -> str:
    values = asdict(evidence) | {
        "seq": seq,
        "from_at": evidence.from_at.isoformat(),
        "to_at": evidence.to_at.isoformat(),
    }
    return json.dumps(values, ensure_ascii=False) + "\n"


def _row(line: str) -> tuple[int, Evidence] | None:
    try:
        values = json.loads(line)
    except json.JSONDecodeError:
        return None  # the line that was being written when the power went; it was never promised
    seq = values.pop("seq")
    values["from_at"] = datetime.fromisoformat(values["from_at"])
    values["to_at"] = datetime.fromisoformat(values["to_at"])
    return seq, Evidence(**values)
