"""Recordings as a teacher sees them: private, played by ranges, cut, published, deleted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from classroom_sync.recording_keeper import LEFT_STAYS
from db import recordings
from media.specs import Codec, Source
from scheduler.recording import RecordingState
from tests.http.conftest import Site, pair_room, sign_in
from tests.http.studios import Studio, studio_of
from tests.media.stages import played, staged
from tests.worlds import FAR


@pytest.fixture
async def studio(site: Site, tmp_path: Path) -> AsyncIterator[Studio]:
    async with studio_of(site, tmp_path) as made:
        yield made


# ── who sees it, and how it plays ────────────────────────────────────────────────────────


async def audited(site: Site, recording: UUID) -> list[tuple[str, str]]:
    async with site.pool.connection() as connection:
        rows = await connection.fetch(
            "SELECT actor, action FROM audit WHERE object = $1 ORDER BY id",
            f"recording:{recording}",
        )
    return [(row["actor"], row["action"]) for row in rows]


async def get(browser: Any, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
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
                found, body, _ = await get(browser, path)
                assert found == status, (login, path, body[:200])
            _, body, _ = await get(browser, "/api/v1/recordings/" + str(recording))
    async with site.browser() as browser:
        assert (await get(browser, film))[0] == 401
    async with site.browser() as screen:
        await pair_room(site, screen, f"{FAR}-R1", "DDDD5555")
        assert (await get(screen, film))[0] == 403
    viewed = [actor for actor, action in await audited(site, recording) if "viewed" in action]
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
        status, body, headers = await get(browser, path)
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
            status, body, headers = await get(browser, path, Range=asked)
            assert (status, body) == (206, data[start:end]), asked
            assert headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        for asked in ("pages=1-2", "items=0-2", "bytes=0-1,4-5"):
            status, body, headers = await get(browser, path, Range=asked)
            assert (status, body) == (200, data), asked
            assert "Content-Range" not in headers
        for asked in (f"bytes={size}-", "bytes=-0", "bytes=-", "bytes=9-3", "bytes=a-b"):
            status, _, headers = await get(browser, path, Range=asked)
            assert status == 416, asked
            assert headers["Content-Range"] == f"bytes */{size}"
        for ranged in ({}, {"Range": "bytes=0-0"}):  # which is defined for GET alone
            async with browser.head(path, headers=ranged) as response:
                assert (response.status, response.content_length) == (200, size)
        assert (await get(browser, path.replace("/1", "/2")))[0] == 404


async def test_pages_list_what_there_is_with_its_state_and_cause(studio: Studio) -> None:
    failed = await studio.begin()
    await studio.stop(failed)
    await studio.tend()
    ready = await studio.ready()
    async with studio.site.browser(**{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "lead")
        status, body, _ = await get(browser, "/recordings")
        text = body.decode()
        assert status == 200
        assert f"/recordings/{ready}" in text
        assert "the teacher sent no picture and no sound while it was on" in text
        _, body, _ = await get(browser, f"/recordings/{ready}")
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
    await studio.tend(LEFT_STAYS)
    assert not set(before) & set(studio.kept())
    assert len(studio.kept()) == 3
    assert (await audited(studio.site, recording))[-1][1] == "recording_cut"


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
    assert [a for _, a in await audited(studio.site, recording)] == [
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
        assert (await get(browser, f"/recordings/{recording}/media/main/1"))[0] == 409
        assert (await get(browser, f"/recordings/{recording}"))[0] == 200  # that it was
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
    await studio.tend(LEFT_STAYS)
    assert len(studio.kept()) == 3
