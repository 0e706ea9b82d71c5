"""Segments reach the store and the database, whatever was away or killed meanwhile."""

import fcntl
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from classroom_sync.segments import SegmentCourier
from db import recordings
from db.errors import Unreachable
from db.pool import Pool
from media.recording.names import SegmentName
from scheduler.recording import Segment, SegmentState, Track
from tests.http.studios import Shelf
from tests.worlds import NOON, build, lesson, plan


@dataclass
class Post:
    """A node's courier over a real database whose line can be cut."""

    pool: Pool
    directory: Path
    shelf: Shelf
    recording: UUID
    cut: bool = False

    async def put(self, segment: Segment) -> bool:
        if self.cut:
            raise Unreachable("the line is cut")
        async with self.pool.connection() as connection:
            return await recordings.put_segment(connection, segment)

    def courier(self) -> SegmentCourier:
        return SegmentCourier(self.directory, self.shelf, self.put, (Unreachable,))

    def name(self, recording: UUID | None = None) -> SegmentName:
        of = str(recording or self.recording)
        return SegmentName(of, str(uuid4()), str(uuid4()), "main", int(NOON.timestamp() * 1000))

    def write(self, name: SegmentName) -> Path:
        path = self.directory / name.file
        path.write_bytes(b"film")
        return path

    async def rows(self) -> list[Segment]:
        async with self.pool.connection() as connection:
            return await recordings.segments_of(connection, self.recording)


@pytest.fixture
async def post(pool: Pool, tmp_path: Path) -> Post:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        recording = await recordings.begin(
            connection,
            session_id=planned.session_id,
            made_by="system",
            started_at=NOON,
            delete_after=None,
        )
    assert recording is not None
    directory = tmp_path / "segments"
    directory.mkdir()
    return Post(pool, directory, Shelf(tmp_path / "store"), recording)


async def test_what_is_complete_is_delivered_and_its_row_says_where(post: Post) -> None:
    name = post.name()
    path = post.write(name)
    await post.courier().deliver()
    assert not path.exists()
    [row] = await post.rows()
    assert row == Segment(
        UUID(name.segment),
        post.recording,
        UUID(name.node),
        Track.MAIN,
        NOON,
        SegmentState.STORED,
        4,
        f"{post.recording}/segments/{name.file}",
    )
    assert row.storage_key is not None
    assert await post.shelf.size(row.storage_key) == 4


async def test_what_is_being_written_is_known_of_but_not_taken(post: Post) -> None:
    name = post.name()
    path = post.write(name)
    courier = post.courier()
    courier.begun(name)
    with path.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        await courier.deliver()
        assert path.exists()
        assert [row.state for row in await post.rows()] == [SegmentState.WRITING]
    await courier.deliver()
    assert not path.exists()
    assert [row.state for row in await post.rows()] == [SegmentState.STORED]


async def test_what_a_dead_node_left_is_delivered_by_the_next(post: Post) -> None:
    post.write(post.name())
    post.write(post.name())
    await post.courier().deliver()
    assert [row.state for row in await post.rows()] == [SegmentState.STORED] * 2


async def test_while_the_database_is_away_segments_wait_on_disk(post: Post) -> None:
    name = post.name()
    path = post.write(name)
    courier = post.courier()
    courier.begun(name)
    post.cut = True
    await courier.deliver()
    assert path.exists()
    post.cut = False
    await courier.deliver()
    assert not path.exists()
    assert [row.state for row in await post.rows()] == [SegmentState.STORED]


async def test_while_the_store_is_away_segments_wait_on_disk(post: Post) -> None:
    path = post.write(post.name())
    post.shelf.away = True
    await post.courier().deliver()
    assert path.exists()
    assert [row.state for row in await post.rows()] == [SegmentState.WRITING]
    post.shelf.away = False
    await post.courier().deliver()
    assert not path.exists()
    assert [row.state for row in await post.rows()] == [SegmentState.STORED]


async def test_a_file_of_an_unknown_recording_stays_and_holds_up_no_other(post: Post) -> None:
    strange = post.write(post.name(uuid4()))
    other = post.directory / "holiday.mkv"
    other.write_bytes(b"mine")
    known = post.write(post.name())
    await post.courier().deliver()
    assert strange.exists()
    assert other.exists()
    assert not known.exists()
