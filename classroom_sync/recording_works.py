"""What is done with recordings that are over: joined, cut, deleted.

Files are worked on in processes of their own, two at a time (what is joined, and what
somebody cuts), and only then taken into the store; the row changes last. So what is interrupted
can be done again. Files that a row lets go of stay in the store for a while, for backups.
"""

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

import structlog

from classroom_sync.store import Store, StoreError
from db import marks, recordings
from db.pool import Pool
from db.recordings import Files
from scheduler.recording import Cause, Chapter, Part, Recording, Segment, SegmentState, Track

log = structlog.get_logger()

_LINE = 16 * 2**20  # bytes of an answer, at most
_AT_ONCE = 2  # pieces of work
_LONGEST = 3600.0  # seconds of one piece of work


class WorkFailed(Exception):
    """A piece of work can't be done; `cause` says why."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class RecordingWorks:
    """See the module. `directory` is for files under way."""

    def __init__(
        self, pool: Pool, store: Store, directory: Path, now: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self.store = store
        self._directory = directory
        self._now = now
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._at_work: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def _turn(self, of: Recording) -> AsyncIterator[None]:
        """One piece of work on a recording at a time."""
        alone = self._at_work.setdefault(of.id, asyncio.Lock())
        async with alone, self._turns:
            yield

    async def join(self, recording: Recording, segments: Sequence[Segment]) -> None:
        """Make a ready recording of its stored segments. Raises WorkFailed, StoreError."""
        async with self._turn(recording):
            await self._join(recording, segments)

    async def _join(self, recording: Recording, segments: Sequence[Segment]) -> None:
        stored = [s for s in segments if s.state is SegmentState.STORED and s.storage_key]
        async with self._place() as place:
            result = await _work(await self._joining(place, stored))
            zero_at = datetime.fromtimestamp(result["zero_ms"] / 1000, UTC)
            files = replace(await self._keep(recording.id, result), zero_at=zero_at)
        async with self._pool.transaction() as connection:
            done = await recordings.finish(connection, recording.id, files, self._now())
            if done:
                ids = [segment.id for segment in stored]
                await recordings.segments_joined(connection, recording.id, ids)
                keys = [s.storage_key for s in stored if s.storage_key]
                await recordings.leave(connection, recording.id, keys, self._now())
        if not done:
            await self._remove(_keys(files))

    async def add_late(self, recording: Recording, segments: Sequence[Segment]) -> None:
        """Segments of a ready recording that came after all become further parts of it, at their
        place in the lesson; those that can't be read are lost. Raises StoreError."""
        async with self._turn(recording):
            late = [s for s in segments if s.state is SegmentState.STORED and s.storage_key]
            joined = [s.started_at for s in segments if s.state is SegmentState.JOINED]
            first = min(s.started_at for s in late)
            after = max(0, round((first - min(joined, default=first)).total_seconds() * 1000))
            try:
                await self._add(recording, late, after)
            except WorkFailed as error:
                log.warning("late segments lost", recording=str(recording.id), cause=str(error))
                async with self._pool.transaction() as connection:
                    ids, keys = [s.id for s in late], [s.storage_key for s in late if s.storage_key]
                    await recordings.segments_lost(connection, recording.id, ids)
                    await recordings.leave(connection, recording.id, keys, self._now())

    async def _add(self, recording: Recording, late: Sequence[Segment], after: int) -> None:
        async with self._pool.connection() as connection:
            before = await self._files(connection, recording)
        async with self._place() as place:
            task = await self._joining(place, late)
            task |= {"beside": await self._fetched(place, before.parts), "after": after}
            result = await _work(task)
            for part in result["parts"]:
                part["number"] += sum(p.track == part["track"] for p in before.parts)
            more = await self._keep(recording.id, result)
        files = replace(more, parts=(*before.parts, *more.parts))
        async with self._pool.transaction() as connection:
            was = before.main.storage_key
            done = await recordings.replace_files(connection, recording.id, files, was)
            await recordings.segments_joined(connection, recording.id, [s.id for s in late])
            keys = [s.storage_key for s in late if s.storage_key]
            if done:
                keys += _keys(replace(before, parts=()))
            await recordings.leave(connection, recording.id, keys, self._now())
        if not done:
            await self._remove(_keys(more))

    async def _joining(self, place: Path, segments: Sequence[Segment]) -> dict[str, Any]:
        """The task of joining segments of the store. Raises StoreError."""
        given: dict[tuple[Track, UUID | None], list[tuple[str, int]]] = {}
        for segment in sorted(segments, key=lambda s: (list(Track).index(s.track), s.started_at)):
            assert segment.storage_key is not None, "it is stored"
            path = await self.store.fetch(segment.storage_key, place)
            began = round(segment.started_at.timestamp() * 1000)
            given.setdefault((segment.track, segment.participant_id), []).append((str(path), began))
        shown = [
            (track.value, None if of is None else str(of), found)
            for (track, of), found in given.items()
        ]
        task = {"do": "join", "directory": str(place), "segments": shown}
        return task | {"beside": [], "after": 0}

    async def _fetched(self, place: Path, parts: Sequence[Part]) -> list[dict[str, Any]]:
        """Parts with a path to read each at. Raises StoreError."""
        return [
            _described(part) | {"path": str(await self.store.fetch(part.storage_key, place))}
            for part in parts
        ]

    async def cut(self, recording: Recording, from_ms: int, to_ms: int, actor: str) -> None:
        """Cut start and end off. Raises WorkFailed, StoreError."""
        async with self._turn(recording):
            await self._cut(recording, from_ms, to_ms, actor)

    async def _cut(self, recording: Recording, from_ms: int, to_ms: int, actor: str) -> None:
        async with self._pool.connection() as connection:
            now = await recordings.recording(connection, recording.id)
            before = await self._files(connection, now or recording)
        if not before.parts:
            raise WorkFailed(Cause.UNREADABLE, "it has no files any more")
        async with self._place() as place:
            parts = await self._fetched(place, before.parts)
            task = {"do": "cut", "directory": str(place), "parts": parts}
            result = await _work(task | {"from_ms": from_ms, "to_ms": to_ms})
            zero_at = before.zero_at and before.zero_at + timedelta(milliseconds=result["zero_ms"])
            files = replace(await self._keep(recording.id, result), zero_at=zero_at)
        async with self._pool.transaction() as connection:
            was = before.main.storage_key
            done = await recordings.replace_files(connection, recording.id, files, was)
            if done:
                about = f"recording:{recording.id}"
                span = {"from_ms": from_ms, "to_ms": to_ms}
                await marks.add_audit(connection, actor, "recording_cut", about, **span)
                await recordings.leave(connection, recording.id, _keys(before), self._now())
        if not done:
            await self._remove(_keys(files))

    async def delete(self, recording: Recording, actor: str) -> None:
        """Delete its files; the row says that it was. Raises StoreError."""
        async with self._pool.connection() as connection:
            files = await self._files(connection, recording)
            segments = await recordings.segments_of(connection, recording.id)
            left = await recordings.left_of(connection, recording.id)
        for key in (*_keys(files), *(s.storage_key for s in segments if s.storage_key), *left):
            await self.store.delete(key)
        async with self._pool.transaction() as connection:
            for key in left:
                await recordings.forget(connection, key)
            if await recordings.delete(connection, recording.id):
                about = f"recording:{recording.id}"
                await marks.add_audit(connection, actor, "recording_deleted", about)

    async def remove_left(self, before: datetime) -> None:
        """Remove what no row has named since `before`. Raises StoreError."""
        async with self._pool.connection() as connection:
            left = await recordings.left(connection, before)
        for key in left:
            await self.store.delete(key)
            async with self._pool.connection() as connection:
                await recordings.forget(connection, key)

    @staticmethod
    async def _files(connection: Any, recording: Recording) -> Files:
        return Files(
            tuple(await recordings.parts_of(connection, recording.id)),
            recording.poster_key,
            tuple(await recordings.chapters_of(connection, recording.id)),
            recording.waveform,
            recording.zero_at,
        )

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[Path]:
        """An empty directory for a piece of work whose turn it is."""
        made = self._directory / uuid4().hex
        await asyncio.to_thread(made.mkdir, parents=True)
        try:
            yield made
        finally:
            await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)

    async def _keep(self, recording_id: UUID, result: dict[str, Any]) -> Files:
        """Take what was made into the store, under keys that nothing has had before."""
        made = uuid4().hex[:12]
        kept: list[str] = []

        async def keep(path: str) -> str:
            key = f"{recording_id}/{made}/{Path(path).name}"
            await self.store.put_file(key, Path(path))
            kept.append(key)
            return key

        try:
            return Files(
                tuple(
                    [
                        Part(
                            Track(part["track"]),
                            part["number"],
                            part["starts_ms"],
                            part["duration_ms"],
                            part["bytes"],
                            part["mime"],
                            await keep(part["path"]),
                            None if part["participant"] is None else UUID(part["participant"]),
                        )
                        for part in result["parts"]
                    ]
                ),
                await keep(result["poster"]) if result["poster"] else None,
                tuple([Chapter(ms, await keep(path)) for ms, path in result["chapters"]]),
                tuple(result["waveform"]),
            )
        except StoreError:
            await self._remove(kept)
            raise

    async def _remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            try:
                await self.store.delete(key)
            except StoreError as error:
                log.warning("object left in the store", key=key, cause=str(error))


def _keys(files: Files) -> list[str]:
    pictures = [chapter.storage_key for chapter in files.chapters]
    return [
        *(part.storage_key for part in files.parts),
        *([files.poster_key] if files.poster_key else []),
        *pictures,
    ]


def _described(part: Part) -> dict[str, Any]:
    return {
        "track": part.track.value,
        "number": part.number,
        "starts_ms": part.starts_ms,
        "duration_ms": part.duration_ms,
        "mime": part.mime,
        "participant": None if part.participant_id is None else str(part.participant_id),
    }


async def _work(task: dict[str, Any]) -> dict[str, Any]:
    """Have a task done. Raises WorkFailed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "classroom_sync.recording_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE,
    )
    try:
        async with asyncio.timeout(_LONGEST):
            said, _ = await process.communicate(json.dumps(task).encode() + b"\n")
    except TimeoutError:
        raise WorkFailed(Cause.UNREADABLE, "it took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise WorkFailed(Cause.UNREADABLE, f"the work ended with code {process.returncode}")
    result: dict[str, Any] = json.loads(said)
    if "unreadable" in result:
        raise WorkFailed(Cause.UNREADABLE, result["unreadable"])
    return result
