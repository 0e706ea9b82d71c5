"""A recorder, a courier and a keeper over the site's own database and store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from classroom_sync.recording_keeper import RecordingKeeper
from classroom_sync.recording_works import RecordingWorks
from classroom_sync.segments import SegmentCourier
from classroom_sync.store import FolderStore, Store, StoreError
from db import recordings
from db.errors import Unreachable
from media.recording.names import SegmentName
from media.recording.news import News, SegmentBegun, SegmentClosed
from media.recording.recorder import Recorder
from media.specs import Codec
from scheduler.recording import Recording, RecordingState, Segment
from tests.http.conftest import Site
from tests.media.stages import NODE, staged


class Shelf(FolderStore):
    """A folder that can be out of reach."""

    away = False

    async def put_file(self, key: str, path: Path) -> None:
        if self.away:
            raise StoreError("out of reach")
        await super().put_file(key, path)


@dataclass
class Studio:
    """What records a session and takes care of it: recorder, courier, keeper, over the site's
    database and store."""

    site: Site
    recorder: Recorder
    courier: SegmentCourier
    keeper: RecordingKeeper
    works: RecordingWorks
    segments: Path
    store: Shelf
    at: float = 100.0  # virtual seconds

    async def begin(self, session_id: UUID | None = None) -> UUID:
        async with self.site.pool.connection() as connection:
            begun = await recordings.begin(
                connection,
                session_id=session_id or self.site.planned.session_id,
                made_by="account:lead",
                started_at=self.site.now,
                delete_after=self.site.now + timedelta(days=30),
            )
        assert begun is not None
        return begun

    async def film(self, recording: UUID, seconds: float = 4, codec: Codec = Codec.VP8) -> None:
        """One node's recording of a lesson, delivered."""
        stage = staged(self.recorder, str(recording), recording=str(recording))
        stage.now = self.at
        stage.enter(codec)
        await stage.play(seconds)
        self.at = stage.now
        await self.recorder.end(str(recording))
        await self.courier.deliver()

    async def begin_elsewhere(self, recording: UUID) -> str:
        """A segment of another node, which is never heard of again; its name."""
        now = int(self.site.now.timestamp() * 1000)
        name = SegmentName(str(recording), str(uuid4()), str(uuid4()), "main", now)
        self.courier.begun(name)
        await self.courier.deliver()
        return name.file

    async def stop(self, recording: UUID) -> None:
        async with self.site.pool.connection() as connection:
            assert await recordings.stop(connection, recording, self.site.now)

    async def tend(self, later: timedelta = timedelta(seconds=10)) -> None:
        self.site.now += later
        await self.keeper.tend()

    async def ready(self, seconds: float = 4, codec: Codec = Codec.VP8) -> UUID:
        recording = await self.begin()
        await self.film(recording, seconds, codec)
        await self.stop(recording)
        await self.tend()
        found = await self.row(recording)
        assert found.state is RecordingState.READY, found
        return recording

    async def row(self, recording: UUID) -> Recording:
        async with self.site.pool.connection() as connection:
            found = await recordings.recording(connection, recording)
        assert found is not None
        return found

    def kept(self) -> list[Path]:
        """All files in the store."""
        root = self.store._root
        return sorted(p for p in root.rglob("*") if p.is_file()) if root.exists() else []


@asynccontextmanager
async def studio_of(
    site: Site, tmp_path: Path, bucket: Store | None = None
) -> AsyncIterator[Studio]:
    """Over the site's own folder, or a bucket."""

    async def put(segment: Segment) -> bool:
        async with site.pool.connection() as connection:
            return await recordings.put_segment(connection, segment)

    def heard(news: News) -> None:
        if isinstance(news, SegmentBegun):
            courier.begun(news.name)
        elif isinstance(news, SegmentClosed):
            courier.closed()

    segments = tmp_path / "segments"
    shelf = Shelf(tmp_path / "recordings")  # the site's own
    store: Store = bucket or shelf
    courier = SegmentCourier(segments, store, put, (Unreachable,))
    recorder = Recorder(segments, NODE, heard, floor=0)
    works = RecordingWorks(site.pool, store, tmp_path / "work", lambda: site.now)
    keeper = RecordingKeeper(site.pool, works, lambda: site.now)
    yield Studio(site, recorder, courier, keeper, works, segments, shelf)
    await recorder.close()
