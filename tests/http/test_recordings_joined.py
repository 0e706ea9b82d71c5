"""Recordings from segments to ready, or failed with a cause, or deleted: never anything else."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from classroom_sync.recording_keeper import LEFT_STAYS, PATIENCE
from classroom_sync.store import StoreError
from db import pushes, recordings
from media.recording.names import SegmentName
from media.specs import Codec
from scheduler.recording import RecordingState, Track
from tests.http.conftest import Site, sign_in
from tests.http.studios import Studio, studio_of
from tests.http.test_recordings import audited, get
from tests.media.stages import NODE, lead, played, staged


@pytest.fixture
async def studio(site: Site, tmp_path: Path) -> AsyncIterator[Studio]:
    async with studio_of(site, tmp_path) as made:
        yield made


async def test_segments_of_two_nodes_become_one_recording_that_is_ready(studio: Studio) -> None:
    recording = await studio.begin()
    await studio.film(recording)
    await studio.film(recording)
    await studio.stop(recording)
    await studio.keeper.tend()
    assert (await studio.row(recording)).state is RecordingState.JOINING  # nodes may be writing
    await studio.tend()
    row = await studio.row(recording)
    assert row.state is RecordingState.READY
    assert row.mime == "video/webm"
    assert row.cause is None
    assert len(row.waveform) == 400
    assert row.storage_key is not None
    assert row.bytes == (await studio.store.size(row.storage_key))
    film = played(await studio.store.fetch(row.storage_key, studio.segments))
    assert film.frames > 7.5 * 25
    async with studio.site.pool.connection() as connection:
        chapters = await recordings.chapters_of(connection, recording)
    assert [c.at_ms for c in chapters] == [0]
    names = ["chapter-0.jpg", "main-1.webm", "poster.jpg"]
    assert sorted(p.name for p in studio.kept() if p.suffix != ".mkv") == names
    assert len(studio.kept()) == 5  # a backup may want the segments, of a minute ago
    await studio.tend(LEFT_STAYS)
    assert sorted(p.name for p in studio.kept()) == names


async def test_a_recording_with_nothing_in_it_fails_and_says_why(studio: Studio) -> None:
    recording = await studio.begin()
    await studio.stop(recording)
    await studio.tend()
    row = await studio.row(recording)
    assert (row.state, row.cause) == (RecordingState.FAILED, "no_media")


async def test_a_node_that_does_not_come_back_is_waited_for_then_given_up(studio: Studio) -> None:
    recording = await studio.begin()
    await studio.film(recording)
    lost = await studio.begin_elsewhere(recording)
    await studio.stop(recording)
    await studio.tend()
    assert (await studio.row(recording)).state is RecordingState.JOINING
    await studio.tend(PATIENCE)
    assert (await studio.row(recording)).state is RecordingState.READY
    assert lost not in {p.name for p in studio.kept()}


async def test_segments_that_come_after_all_become_a_part_at_their_place(studio: Studio) -> None:
    recording = await studio.begin()
    await studio.film(recording)
    studio.store.away = True  # the second node's machine is off
    await studio.film(recording)
    studio.store.away = False
    [late] = list(studio.segments.iterdir())
    aside = late.rename(late.with_suffix(".away"))
    await studio.stop(recording)
    await studio.tend(PATIENCE + timedelta(seconds=1))
    row = await studio.row(recording)
    assert row.state is RecordingState.READY
    aside.rename(late)
    await studio.courier.deliver()
    await studio.tend()
    async with studio.site.pool.connection() as connection:
        first, second = await recordings.parts_of(connection, recording)
    assert (first.number, first.starts_ms) == (1, 0)
    assert second.number == 2
    assert abs(second.starts_ms - 4000) < 300
    row = await studio.row(recording)
    assert row.bytes == first.bytes + second.bytes
    await studio.tend(LEFT_STAYS)
    assert len(studio.kept()) == 5  # two films, a poster and a chapter of each
    halves = row.waveform[:190], row.waveform[210:]
    assert all(sum(loud > 0 for loud in half) > 150 for half in halves)  # on the whole lesson
    async with studio.site.pool.connection() as connection:
        chapters = await recordings.chapters_of(connection, recording)
    assert [c.at_ms for c in chapters] == [0, second.starts_ms]
    await studio.tend()
    async with studio.site.pool.connection() as connection:
        assert len(await recordings.parts_of(connection, recording)) == 2


async def test_late_segments_that_cannot_be_read_are_let_go(studio: Studio) -> None:
    recording = await studio.ready()
    async with studio.site.pool.connection() as connection:
        before = await recordings.parts_of(connection, recording)
    name = SegmentName(str(recording), str(uuid4()), NODE, "main", 1_790_000_000_000)
    (studio.segments / name.file).write_bytes(b"broken")
    await studio.tend(LEFT_STAYS)
    await studio.courier.deliver()
    assert len(studio.kept()) == 4
    await studio.tend()
    await studio.tend(LEFT_STAYS)
    assert len(studio.kept()) == 3
    async with studio.site.pool.connection() as connection:
        assert await recordings.parts_of(connection, recording) == before


async def test_when_all_that_was_recorded_is_lost_the_cause_is_the_node(studio: Studio) -> None:
    recording = await studio.begin()
    await studio.begin_elsewhere(recording)
    await studio.stop(recording)
    await studio.tend(PATIENCE + timedelta(seconds=1))
    row = await studio.row(recording)
    assert (row.state, row.cause) == (RecordingState.FAILED, "node_lost")


async def test_what_cannot_be_read_fails_and_can_be_tried_again(studio: Studio) -> None:
    recording = await studio.begin()
    await studio.film(recording)
    [segment] = studio.kept()
    whole = segment.read_bytes()
    segment.write_bytes(b"broken")
    await studio.stop(recording)
    await studio.tend()
    row = await studio.row(recording)
    assert (row.state, row.cause) == (RecordingState.FAILED, "unreadable")
    segment.write_bytes(whole)
    async with studio.site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "admin")}
        path = f"/api/v1/recordings/{recording}/joining"
        async with browser.post(path, headers=headers) as response:
            assert response.status == 204
        async with browser.post(path, headers=headers) as response:
            assert response.status == 409
    await studio.tend()
    assert (await studio.row(recording)).state is RecordingState.READY


async def test_a_recording_whose_lesson_is_over_is_finished_by_itself(studio: Studio) -> None:
    recording = await studio.begin()
    await studio.film(recording)
    async with studio.site.pool.connection() as connection:
        await connection.execute("UPDATE sessions SET state = 'cancelled', cancel_cause = 'school'")
    await studio.tend()
    await studio.tend()
    assert (await studio.row(recording)).state is RecordingState.READY


async def test_a_disk_that_was_full_stays_the_cause_of_a_short_recording(studio: Studio) -> None:
    recording = await studio.begin()
    await studio.film(recording)
    async with studio.site.pool.connection() as connection:
        await recordings.stop(connection, recording, studio.site.now, "disk_full")
    await studio.tend()
    row = await studio.row(recording)
    assert (row.state, row.cause) == (RecordingState.READY, "disk_full")


async def test_retention_deletes_the_files_and_keeps_the_row(studio: Studio) -> None:
    recording = await studio.ready()
    await studio.tend(timedelta(days=29))
    assert (await studio.row(recording)).state is RecordingState.READY
    await studio.tend(timedelta(days=1))
    assert (await studio.row(recording)).state is RecordingState.DELETED
    assert studio.kept() == []
    assert await audited(studio.site, recording) == [("system", "recording_deleted")]


async def test_a_store_that_refuses_is_tried_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await studio.begin()
    await studio.film(recording)
    await studio.stop(recording)
    fetch = studio.store.fetch

    async def away(key: str, directory: Path) -> Path:
        raise StoreError("out of reach")

    monkeypatch.setattr(studio.store, "fetch", away)
    await studio.tend()
    assert (await studio.row(recording)).state is RecordingState.JOINING
    monkeypatch.setattr(studio.store, "fetch", fetch)
    await studio.tend(timedelta(minutes=2))
    assert (await studio.row(recording)).state is RecordingState.READY


async def test_a_store_that_fails_in_the_middle_keeps_nothing_by_halves(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is gone for a minute just when what was made is put into it; then for good."""
    recording = await studio.begin()
    await studio.film(recording)
    await studio.stop(recording)
    put, taken = studio.store.put_file, []

    async def once(key: str, path: Path) -> None:
        if taken:
            raise StoreError("No space left on device")
        taken.append(key)
        await put(key, path)

    monkeypatch.setattr(studio.store, "put_file", once)
    await studio.tend()
    assert (await studio.row(recording)).state is RecordingState.JOINING
    assert [p.suffix for p in studio.kept()] == [
        ".mkv"
    ]  # the segment, and nothing of what was made
    await studio.tend(timedelta(hours=7))
    row = await studio.row(recording)
    assert (row.state, row.cause) == (RecordingState.FAILED, "storage")
    async with studio.site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "admin")}
        path = f"/api/v1/recordings/{recording}/joining"
        async with browser.post(path, headers=headers) as response:
            assert response.status == 204
    monkeypatch.setattr(studio.store, "put_file", put)
    await studio.tend()
    assert (await studio.row(recording)).state is RecordingState.READY
    await studio.tend(LEFT_STAYS)
    assert [p.name for p in studio.kept()] == ["chapter-0.jpg", "main-1.webm", "poster.jpg"]


async def test_classrooms_are_tracks_of_their_own_and_never_sent_to_other_classes(
    studio: Studio,
) -> None:
    recording = await studio.begin()
    room = str(studio.site.planned.receiving)
    stage = staged(studio.recorder, str(recording), recording=str(recording))
    stage.room.set_recorded(False, stage.now)
    stage.room.set_recorded(True, stage.now, others=True)
    stage.enter(Codec.VP8)
    await stage.play(2)
    guest = replace(lead(Codec.VP8, "g>", ssrc=20), participant=room, lead=False)
    stage.admit(guest, Codec.VP8, 20)
    await stage.play(4)
    await studio.recorder.end(str(recording))
    await studio.courier.deliver()
    await studio.stop(recording)
    await studio.tend()
    async with studio.site.pool.connection() as connection:
        main, other = await recordings.parts_of(connection, recording)
        [item] = await pushes.items(connection)
    assert (main.track, main.participant_id) == (Track.MAIN, None)
    assert (other.track, other.participant_id) == (Track.ROOM, studio.site.planned.receiving)
    assert abs(other.starts_ms - 2000) < 300
    assert item.size == main.bytes
    async with studio.site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "lead")}
        browser.headers["Accept"] = "text/html"
        _, shown, _ = await get(browser, f"/recordings/{recording}")
        tracks = json.loads(shown.split(b'id="tracks">')[1].split(b"</script>")[0])
        assert [(t["name"], t["sound"]) for t in tracks] == [
            ("教师画面", False),
            ("far Room 1", True),
        ]
        [part] = tracks[1]["parts"]
        assert (await get(browser, part["address"]))[1][:4] == b"\x1aE\xdf\xa3"  # EBML
        wish = {"from_seconds": 3, "to_seconds": 5.5}
        path = f"/api/v1/recordings/{recording}/cut"
        async with browser.post(path, json=wish, headers=headers) as response:
            assert response.status == 204
    async with studio.site.pool.connection() as connection:
        cut = await recordings.parts_of(connection, recording)
    assert [p.participant_id for p in cut] == [None, studio.site.planned.receiving]
    assert all(p.duration_ms < 3000 for p in cut)
