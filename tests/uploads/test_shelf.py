"""The folder in which uploads grow: what a writer that is ended leaves behind, on a slow disk."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from classroom_sync.uploads.shelf import Busy, Shelf

MIB = 1024 * 1024
CONTENT = os.urandom(3 * MIB)


class SlowDisk:
    """Calls of the operating system that end when the test says so."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._goes_on = threading.Event()

    def hold(self, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
        real = getattr(os, call)

        def slow(*asked: object) -> object:
            self._reached.set()
            assert self._goes_on.wait(20)
            return real(*asked)

        monkeypatch.setattr(os, call, slow)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._reached.wait, 20)

    def go_on(self) -> None:
        self._goes_on.set()


@pytest.fixture
def disk() -> Iterator[SlowDisk]:
    disk = SlowDisk()
    yield disk
    disk.go_on()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def pieces(*content: bytes, then: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece
    if then is not None:
        await then.wait()


def begun(shelf: Shelf) -> UUID:
    upload = uuid4()
    shelf.begin(upload)
    return upload


@pytest.mark.parametrize("call", ["write", "fsync"])
async def test_nobody_else_writes_before_an_ended_writer_is_done(
    shelf: Shelf, disk: SlowDisk, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    upload = begun(shelf)
    disk.hold(monkeypatch, call)
    writer = asyncio.create_task(shelf.append(upload, 0, len(CONTENT), pieces(CONTENT[:5000])))
    await disk.reached()
    for _ in range(3):  # its client went, a newer request came, the server closes
        writer.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not writer.done()
    with pytest.raises(Busy):
        await shelf.append(upload, 0, len(CONTENT), pieces(CONTENT))
    disk.go_on()
    with pytest.raises(asyncio.CancelledError):
        await writer
    assert await shelf.append(upload, 5000, len(CONTENT), pieces(CONTENT[5000:])) == len(CONTENT)
    assert shelf.part(upload).read_bytes() == CONTENT


async def test_what_was_being_written_is_written_once(
    shelf: Shelf, disk: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(shelf)
    disk.hold(monkeypatch, "write")
    coming = pieces(CONTENT[:MIB], CONTENT[MIB : 2 * MIB], then=asyncio.Event())
    writer = asyncio.create_task(shelf.append(upload, 0, len(CONTENT), coming))
    await disk.reached()
    writer.cancel()
    await asyncio.sleep(0)
    disk.go_on()
    with pytest.raises(asyncio.CancelledError):
        await writer
    assert shelf.part(upload).read_bytes() == CONTENT[:MIB]
