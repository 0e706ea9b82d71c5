"""See to it that every recording ends as ready, failed with a cause, or deleted by retention.

The leader calls `tend` again and again. It does what is due, so that each thing can be done twice.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from classroom_sync.recording_works import RecordingWorks, WorkFailed
from classroom_sync.store import StoreError
from db import recordings
from db.pool import Pool
from scheduler.recording import Cause, Recording, RecordingState, Segment, SegmentState

log = structlog.get_logger()

PATIENCE = timedelta(minutes=10)  # that segments of a node that is gone are waited for
_SETTLE = timedelta(seconds=8)  # by then living nodes have written down what they had begun
_STORE_PATIENCE = timedelta(hours=6)  # that a store which refuses is tried
_AGAIN = timedelta(minutes=1)
#: That files stay in the store when no row names them any more: longer than a backup that follows
#: the server takes from one look at the store to the next (classroom_sync/backup.py, FILES_EVERY).
LEFT_STAYS = timedelta(minutes=15)


class RecordingKeeper:
    """`now` gives UTC."""

    def __init__(self, pool: Pool, works: RecordingWorks, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._works = works
        self._now = now
        self._not_before: dict[object, datetime] = {}

    async def tend(self) -> None:
        """Raises Unreachable."""
        async with self._pool.connection() as connection:
            for orphan in await recordings.orphans(connection):
                await recordings.stop(connection, orphan.id, self._now())
                log.info("recording ended with its session", recording=str(orphan.id))
            joining = await recordings.in_state(connection, RecordingState.JOINING)
            over = await recordings.past_retention(connection, self._now())
            late = await recordings.with_late_segments(connection)
        for recording in joining:
            if self._not_before.get(recording.id, self._now()) <= self._now():
                await self._join(recording)
        for recording in late:
            async with self._pool.connection() as connection:
                segments = await recordings.segments_of(connection, recording.id)
            try:
                await self._works.add_late(recording, segments)
            except StoreError as error:
                log.warning("late segments not joined yet", cause=str(error))
        for recording in over:
            try:
                await self._works.delete(recording, "system")
                log.info("recording deleted by retention", recording=str(recording.id))
            except StoreError as error:
                log.warning("recording not deleted yet", cause=str(error))
        try:
            await self._works.remove_left(self._now() - LEFT_STAYS)
        except StoreError as error:
            log.warning("files left in the store", cause=str(error))

    async def _join(self, recording: Recording) -> None:
        segments = await self._segments(recording)
        if segments is None:
            return
        try:
            if not any(s.state is SegmentState.STORED for s in segments):
                lost = any(s.state is SegmentState.LOST for s in segments)
                cause = Cause.NODE_LOST if lost else Cause.NO_MEDIA
                raise WorkFailed(cause, "there is nothing to join")
            await self._works.join(recording, segments)
            log.info("recording ready", recording=str(recording.id))
        except WorkFailed as error:
            await self._fail(recording, error.cause, str(error))
        except StoreError as error:
            assert recording.ended_at is not None, "the database keeps it"
            if self._now() - recording.ended_at > _STORE_PATIENCE:
                await self._fail(recording, Cause.STORAGE, str(error))
            else:
                log.warning("recording not joined yet", cause=str(error))
                self._not_before[recording.id] = self._now() + _AGAIN
                return
        self._not_before.pop(recording.id, None)

    async def _segments(self, recording: Recording) -> list[Segment] | None:
        """The segments to join; None while some may still come."""
        assert recording.ended_at is not None, "the database keeps it"
        since = self._now() - recording.ended_at
        if since < _SETTLE:
            return None
        async with self._pool.connection() as connection:
            late = since > PATIENCE
            if not late and await recordings.missing(connection, recording.id):
                return None
            await recordings.give_up_segments(connection, recording.id)
            return await recordings.segments_of(connection, recording.id)

    async def _fail(self, recording: Recording, cause: Cause, why: str) -> None:
        log.warning("recording failed", recording=str(recording.id), cause=cause, why=why)
        async with self._pool.connection() as connection:
            await recordings.fail(connection, recording.id, recording.cause or cause, self._now())
