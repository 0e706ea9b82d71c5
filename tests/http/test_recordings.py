"""Recordings from segments to what a teacher sees: joined, private, cut, published, deleted."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from classroom_sync.recording_keeper import PATIENCE
from classroom_sync.store import StoreError
from db import pushes, recordings
from media.recording.names import SegmentName
from media.specs import Codec, Source
from scheduler.recording import RecordingState, Track
from tests.http.conftest import Site, pair_room, sign_in
from tests.http.studios import Studio, studio_of
from tests.media.stages import NODE, lead, played, staged
from tests.worlds import FAR


@pytest.fixture
async def studio(site: Site, tmp_path: Path) -> AsyncIterator[Studio]:
    async with studio_of(site, tmp_path) as made:
        yield made


# ── from segments to ready, or failed ────────────────────────────────────────────────────


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
    names = [p.name for p in studio.kept()]
    assert sorted(names) == ["chapter-0.jpg", "main-1.webm", "poster.jpg"]  # no segment is left


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
    await studio.courier.deliver()
    assert len(studio.kept()) == 4
    await studio.tend()
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
    assert await _audited(studio.site, recording) == [("system", "recording_deleted")]


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
        _, shown, _ = await _get(browser, f"/recordings/{recording}")
        tracks = json.loads(shown.split(b'id="tracks">')[1].split(b"</script>")[0])
        assert [(t["name"], t["sound"]) for t in tracks] == [
            ("教师画面", False),
            ("far Room 1", True),
        ]
        [part] = tracks[1]["parts"]
        assert (await _get(browser, part["address"]))[1][:4] == b"\x1aE\xdf\xa3"  # EBML
        wish = {"from_seconds": 3, "to_seconds": 5.5}
        path = f"/api/v1/recordings/{recording}/cut"
        async with browser.post(path, json=wish, headers=headers) as response:
            assert response.status == 204
    async with studio.site.pool.connection() as connection:
        cut = await recordings.parts_of(connection, recording)
    assert [p.participant_id for p in cut] == [None, studio.site.planned.receiving]
    assert all(p.duration_ms < 3000 for p in cut)


# ── who sees it, and how it plays ────────────────────────────────────────────────────────


async def _audited(site: Site, recording: UUID) -> list[tuple[str, str]]:
    async with site.pool.connection() as connection:
        rows = await connection.fetch(
            "SELECT actor, action FROM audit WHERE object = $1 ORDER BY id",
            f"recording:{recording}",
        )
    return [(row["actor"], row["action"]) for row in rows]


async def _get(browser: Any, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    async with browser.get(path, headers=headers) as response:
        return response.status, await response.read(), dict(response.headers)


async def test_only_those_it_belongs_to_see_a_recording_and_every_view_is_noted(
    studio: Studio,
) -> None:
    recording = await studio.ready()
    site = studio.site
    page, film = f"/recordings/{recording}", f"/recordings/{recording}/media/main/1"
    for login, status in (
        ("lead", 200),
        ("admin", 200),
        ("far-admin", 200),  # that school's class took part
        ("other", 403),
        ("helper", 403),
        ("near-admin", 403),
        ("bureau", 200),  # who may observe the lesson
        ("observer", 200),
        ("guest", 403),  # not invited to observe
    ):
        async with site.browser() as browser:
            await sign_in(browser, login)
            for path in (page, film, f"{page}/poster", f"{page}/chapters/0"):
                found, body, _ = await _get(browser, path)
                assert found == status, (login, path, body[:200])
            _, body, _ = await _get(browser, "/api/v1/recordings/" + str(recording))
    async with site.browser() as browser:
        assert (await _get(browser, film))[0] == 401
    async with site.browser() as screen:
        await pair_room(site, screen, f"{FAR}-R1", "DDDD5555")
        assert (await _get(screen, film))[0] == 403
    viewed = [actor for actor, action in await _audited(site, recording) if "viewed" in action]
    assert len(viewed) == 5
    assert len(set(viewed)) == 5


async def test_a_player_gets_the_ranges_it_asks_for(studio: Studio) -> None:
    recording = await studio.ready()
    row = await studio.row(recording)
    assert row.storage_key is not None
    data = (await studio.store.fetch(row.storage_key, studio.segments)).read_bytes()
    path = f"/recordings/{recording}/media/main/1"
    size = len(data)
    async with studio.site.browser() as browser:
        await sign_in(browser, "lead")
        status, body, headers = await _get(browser, path)
        assert (status, body, headers["Content-Type"]) == (200, data, "video/webm")
        assert headers["Accept-Ranges"] == "bytes"
        assert headers["Cache-Control"] == "private, no-store"
        for asked, start, end in (
            ("bytes=0-", 0, size),
            ("bytes=0-0", 0, 1),
            ("bytes=100-1999", 100, 2000),
            (f"bytes={size - 5}-{size + 100}", size - 5, size),
            ("bytes=-10", size - 10, size),
            (f"bytes=-{size + 10}", 0, size),
        ):
            status, body, headers = await _get(browser, path, Range=asked)
            assert (status, body) == (206, data[start:end]), asked
            assert headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        for asked in ("pages=1-2", "items=0-2", "bytes=0-1,4-5"):
            status, body, headers = await _get(browser, path, Range=asked)
            assert (status, body) == (200, data), asked
            assert "Content-Range" not in headers
        for asked in (f"bytes={size}-", "bytes=-0", "bytes=-", "bytes=9-3", "bytes=a-b"):
            status, _, headers = await _get(browser, path, Range=asked)
            assert status == 416, asked
            assert headers["Content-Range"] == f"bytes */{size}"
        for ranged in ({}, {"Range": "bytes=0-0"}):  # which is defined for GET alone
            async with browser.head(path, headers=ranged) as response:
                assert (response.status, response.content_length) == (200, size)
        assert (await _get(browser, path.replace("/1", "/2")))[0] == 404


async def test_pages_list_what_there_is_with_its_state_and_cause(studio: Studio) -> None:
    failed = await studio.begin()
    await studio.stop(failed)
    await studio.tend()
    ready = await studio.ready()
    async with studio.site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "lead")
        status, body, _ = await _get(browser, "/recordings")
        text = body.decode()
        assert status == 200
        assert f"/recordings/{ready}" in text
        assert "the teacher sent no picture and no sound while it was on" in text
        _, body, _ = await _get(browser, f"/recordings/{ready}")
        assert f'"/recordings/{ready}/media/main/1"' in body.decode()
        async with browser.get("/api/v1/recordings") as response:
            found = (await response.json())["recordings"]
        assert [(r["id"], r["state"], r["cause"]) for r in found] == [
            (str(ready), "ready", None),
            (str(failed), "failed", "no_media"),
        ]
    async with studio.site.browser() as browser:
        await sign_in(browser, "other")
        async with browser.get("/api/v1/recordings") as response:
            assert (await response.json())["recordings"] == []


@pytest.mark.parametrize("codec", [Codec.VP8, Codec.H264])
async def test_a_teacher_cuts_start_and_end_off(studio: Studio, codec: Codec) -> None:
    recording = await studio.ready(25, codec)
    before = studio.kept()
    async with studio.site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "lead")}
        path = f"/api/v1/recordings/{recording}/cut"
        wish = {"from_seconds": 3, "to_seconds": 20}
        async with browser.post(path, json=wish, headers=headers) as response:
            assert response.status == 204, await response.text()
        wish = {"from_seconds": 24, "to_seconds": 1}
        async with browser.post(path, json=wish, headers=headers) as response:
            assert response.status == 422
    row = await studio.row(recording)
    assert row.duration_ms is not None
    assert 6_500 <= row.duration_ms <= 17_000
    assert row.storage_key is not None
    film = played(await studio.store.fetch(row.storage_key, studio.segments))
    assert abs(film.seconds * 1000 - row.duration_ms) < 100
    assert not set(before) & set(studio.kept())
    assert len(studio.kept()) == 3
    assert (await _audited(studio.site, recording))[-1][1] == "recording_cut"


async def test_a_shared_screen_keeps_its_place_when_the_start_is_cut(studio: Studio) -> None:
    recording = await studio.begin()
    stage = staged(studio.recorder, str(recording), recording=str(recording))
    stage.enter(Codec.VP8, "a>")
    await stage.play(2)
    stage.enter(Codec.VP8, "s>", source=Source.SCREEN, ssrc=20)
    await stage.play(20)
    await studio.recorder.end(str(recording))
    await studio.courier.deliver()
    await studio.stop(recording)
    await studio.tend()
    async with studio.site.pool.connection() as connection:
        main, screen = await recordings.parts_of(connection, recording)
    assert main.starts_ms == 0
    assert abs(screen.starts_ms - 2000) < 150
    async with studio.site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "lead")}
        path = f"/api/v1/recordings/{recording}/cut"
        wish = {"from_seconds": 1, "to_seconds": 22}
        async with browser.post(path, json=wish, headers=headers) as response:
            assert response.status == 204, await response.text()
    async with studio.site.pool.connection() as connection:
        main, screen = await recordings.parts_of(connection, recording)
    assert main.starts_ms == 0
    assert main.duration_ms > 10_000
    assert 0 <= screen.starts_ms <= 11_000  # from a key frame of its own
    assert abs(screen.starts_ms + screen.duration_ms - main.duration_ms) < 300


async def test_publishing_keeps_a_recording_for_the_school_year(studio: Studio) -> None:
    recording = await studio.ready()
    async with studio.site.pool.connection() as connection:
        await connection.execute("UPDATE terms SET ends_on = current_date + 90")
    raw = (await studio.row(recording)).delete_after
    async with studio.site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "lead")}
        path = f"/api/v1/recordings/{recording}/publication"
        for published in (True, False):
            wish = {"published": published}
            async with browser.post(path, json=wish, headers=headers) as response:
                assert response.status == 204, await response.text()
            row = await studio.row(recording)
            assert row.published is published
            assert row.delete_after is not None
            assert raw is not None
            assert (row.delete_after > raw + timedelta(days=30)) is published
    assert [a for _, a in await _audited(studio.site, recording)] == [
        "recording_published",
        "recording_withdrawn",
    ]


async def test_a_teacher_deletes_a_recording_and_nobody_elses(studio: Studio) -> None:
    recording = await studio.ready()
    path = f"/api/v1/recordings/{recording}"
    async with studio.site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "other")}
        async with browser.delete(path, headers=headers) as response:
            assert response.status == 403
    async with studio.site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "lead")}
        async with browser.delete(path, headers=headers) as response:
            assert response.status == 204
        async with browser.delete(path, headers=headers) as response:
            assert response.status == 409
        assert (await _get(browser, f"/recordings/{recording}/media/main/1"))[0] == 409
        assert (await _get(browser, f"/recordings/{recording}"))[0] == 200  # that it was
    assert studio.kept() == []
    assert (await studio.row(recording)).state is RecordingState.DELETED


async def test_two_pieces_of_work_do_not_disturb_each_other(studio: Studio) -> None:
    recording = await studio.ready(12)
    async with studio.site.browser() as browser:
        headers = {"X-CSRF-Token": await sign_in(browser, "lead")}
        path = f"/api/v1/recordings/{recording}/cut"

        async def cut(until: int) -> int:
            wish = {"from_seconds": 0, "to_seconds": until}
            async with browser.post(path, json=wish, headers=headers) as response:
                return int(response.status)

        assert await asyncio.gather(cut(10), cut(8)) == [204, 204]
    row = await studio.row(recording)
    assert row.duration_ms is not None
    assert row.duration_ms <= 10_000
    assert len(studio.kept()) == 3
