"""Where recordings are kept: the same of a folder and of a bucket on a real S3 server."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from classroom_sync.playback import send
from classroom_sync.recording_keeper import LEFT_STAYS
from classroom_sync.store import BucketStore, FolderStore, Store, StoreError, store_at
from tests.e2e.running import free_port
from tests.http.conftest import Site
from tests.http.studios import studio_of
from tests.media.stages import played

DATA = os.urandom(12_000_000)  # more than one part of an upload


@pytest.fixture(scope="module")
async def bucket() -> AsyncIterator[str]:
    """The URL of a server's new bucket; its address and keys are in the environment meanwhile."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "moto.server",
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    given = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
    }
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        async with aiohttp.ClientSession() as http, asyncio.timeout(60):
            while True:
                try:
                    async with http.put(f"{given['AWS_ENDPOINT_URL']}/city") as response:
                        assert response.status == 200
                        break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.1)  # it has no event for its listening
        yield "s3://city/recordings"
    finally:
        process.terminate()
        await process.wait()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, bucket: str, tmp_path: Path) -> Store:
    place = str(tmp_path / "kept") if request.param == "folder" else bucket
    return store_at(place, tmp_path)


def _file(directory: Path, data: bytes = DATA) -> Path:
    path = directory / "made.webm"
    path.write_bytes(data)
    return path


async def _read(store: Store, key: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in store.read(key, start, end)])


async def test_a_file_is_taken_over_and_read_by_ranges(store: Store, tmp_path: Path) -> None:
    path = _file(tmp_path)
    await store.put_file("a/film.webm", path)
    assert not path.exists()
    assert await store.size("a/film.webm") == len(DATA)
    assert await _read(store, "a/film.webm", 0, len(DATA)) == DATA
    assert await _read(store, "a/film.webm", 999, 5_000_001) == DATA[999:5_000_001]
    assert await _read(store, "a/film.webm", len(DATA) - 1, len(DATA)) == DATA[-1:]
    assert (await store.fetch("a/film.webm", tmp_path)).read_bytes() == DATA


async def test_what_is_put_again_takes_the_place_of_what_was_there(
    store: Store, tmp_path: Path
) -> None:
    for data in (b"one", b"two and more"):
        await store.put_file("b/x", _file(tmp_path, data))
    assert await _read(store, "b/x", 0, 12) == b"two and more"


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(
    store: Store, tmp_path: Path
) -> None:
    await store.put_file("c/x", _file(tmp_path, b"x"))
    await store.put_file("c/y", _file(tmp_path, b"y"))
    for _ in range(2):
        await store.delete("c/x")
    assert await store.size("c/x") is None
    assert await store.size("c/y") == 1
    with pytest.raises(StoreError):
        await _read(store, "c/x", 0, 1)
    with pytest.raises(StoreError):
        await store.fetch("c/x", tmp_path)


@pytest.mark.network  # mounting needs root
async def test_a_folder_that_is_full_takes_nothing_by_halves_and_takes_it_once_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    store, file, filling = FolderStore(small_disk), tmp_path / "lesson.webm", small_disk / "others"
    filling.write_bytes(b"x" * 1_500_000)
    file.write_bytes(DATA[:1_000_000])
    with pytest.raises(StoreError, match="No space left"):
        await store.put_file("a/lesson.webm", file)
    assert file.read_bytes() == DATA[:1_000_000]
    assert [p for p in small_disk.rglob("*") if p.is_file()] == [filling]
    filling.unlink()
    await store.put_file("a/lesson.webm", file)
    assert await store.size("a/lesson.webm") == 1_000_000
    assert not file.exists()


async def test_a_store_that_is_away_is_an_error_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    away = BucketStore("s3://city/recordings")
    path = _file(tmp_path, b"x")
    with pytest.raises(StoreError, match="can't be kept"):
        await away.put_file("x", path)
    assert path.exists()  # it can be tried again
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="can't be kept"):
        await FolderStore(tmp_path / "file").put_file("x", path)
    assert path.exists()


async def test_a_recording_in_a_bucket_is_joined_played_by_ranges_cut_and_deleted(
    site: Site, bucket: str, tmp_path: Path
) -> None:
    store = BucketStore(bucket)
    async with studio_of(site, tmp_path, store) as studio:
        recording = await studio.ready(12)
        ready = await studio.row(recording)
        assert ready.storage_key is not None
        whole = (await store.fetch(ready.storage_key, tmp_path)).read_bytes()

        async def film(request: web.Request) -> web.StreamResponse:
            return await send(request, store, str(ready.storage_key), "video/webm")

        app = web.Application()
        app.router.add_get("/film", film)
        async with TestServer(app) as server, aiohttp.ClientSession() as http:
            url = server.make_url("/film")
            async with http.get(url, headers={"Range": "bytes=1000-4999"}) as response:
                assert response.status == 206
                assert await response.read() == whole[1000:5000]
            async with http.get(url) as response:
                assert await response.read() == whole

        await studio.works.cut(ready, 0, 8_000, "account:lead")
        cut = await studio.row(recording)
        assert cut.storage_key is not None
        assert abs(played(await store.fetch(cut.storage_key, tmp_path)).seconds - 8) < 0.3
        await studio.tend(LEFT_STAYS)
        assert await store.size(ready.storage_key) is None
        await studio.works.delete(cut, "account:lead")
        assert await store.size(cut.storage_key) is None
        listing = f"{os.environ['AWS_ENDPOINT_URL']}/city?list-type=2"
        async with aiohttp.ClientSession() as http, http.get(listing) as listed:
            assert str(recording) not in await listed.text()
