"""Where recordings are kept: a folder, or a bucket of an S3-compatible store.

Keys are slash-separated names. Credentials of a bucket come from the environment, by the names
that AWS's own tools read (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL,
and AWS_ALLOW_HTTP for an endpoint without TLS).
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

_CHUNK = 256 * 1024  # bytes
_LARGEST_CHUNK = 4 * 1024 * 1024
_CONCURRENT = 4  # parts of one upload


class StoreError(Exception):
    """The store can't be reached, or refuses; the message says which key and why."""


class Store(Protocol):
    """What recordings need of a store. Each call may raise StoreError."""

    async def put_file(self, key: str, path: Path) -> None:
        """Take a file over: afterwards it is under the key, and `path` is gone."""

    async def fetch(self, key: str, directory: Path) -> Path:
        """The object as a file to read, which may be in `directory`; leave it as it is."""

    async def size(self, key: str) -> int | None:
        """In bytes; None where there is no such object."""

    def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` (excluded), in pieces."""

    async def delete(self, key: str) -> None:
        """Nothing is under the key any more; there may not have been anything."""


class FolderStore:
    """A folder of this machine, or one that all machines share."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, key: str) -> Path:
        assert ".." not in key.split("/"), "keys are made by the server"
        return self._root / key

    async def put_file(self, key: str, path: Path) -> None:
        await asyncio.to_thread(self._take, path, self._path(key))

    def _take(self, path: Path, target: Path) -> None:
        """Rename, or on another file system copy; either way it appears whole or not at all."""
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.rename(target)
            except OSError:
                part = target.with_name(f".{uuid4().hex}")
                try:
                    with path.open("rb") as source, part.open("wb") as copy:
                        shutil.copyfileobj(source, copy, _LARGEST_CHUNK)
                        copy.flush()
                        os.fsync(copy.fileno())
                    part.rename(target)
                finally:
                    part.unlink(missing_ok=True)
                path.unlink()
        except OSError as error:
            raise StoreError(f"{target.name} can't be kept: {error}") from error

    async def fetch(self, key: str, directory: Path) -> Path:
        path = self._path(key)
        if not await asyncio.to_thread(path.is_file):
            raise StoreError(f"{key} is not there")
        return path

    async def size(self, key: str) -> int | None:
        try:
            return (await asyncio.to_thread(self._path(key).stat)).st_size
        except OSError:
            return None

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
            try:
                await asyncio.to_thread(file.seek, start)
                while start < end:
                    piece = await asyncio.to_thread(file.read, min(_CHUNK, end - start))
                    if not piece:
                        raise StoreError(f"{key} is shorter than it was")
                    start += len(piece)
                    yield piece
            finally:
                await asyncio.to_thread(file.close)
        except OSError as error:
            raise StoreError(f"{key} can't be read: {error}") from error

    async def delete(self, key: str) -> None:
        def remove() -> None:
            path = self._path(key)
            path.unlink(missing_ok=True)
            if path.parent != self._root and not any(path.parent.iterdir()):
                path.parent.rmdir()

        try:
            await asyncio.to_thread(remove)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{key} can't be deleted: {error}") from error


class BucketStore:
    """A bucket, `url` such as s3://recordings/city."""

    def __init__(self, url: str) -> None:
        try:
            self._store = S3Store.from_url(url)
        except BaseError as error:
            raise StoreError(f"{url} can't be used: {error}") from error

    async def put_file(self, key: str, path: Path) -> None:
        try:
            await obstore.put_async(self._store, key, path, max_concurrency=_CONCURRENT)
            await asyncio.to_thread(path.unlink)
        except (BaseError, OSError) as error:
            raise StoreError(f"{key} can't be kept: {error}") from error

    async def fetch(self, key: str, directory: Path) -> Path:
        path = directory / uuid4().hex
        size = await self.size(key)
        if size is None:
            raise StoreError(f"{key} is not there")
        try:
            file = await asyncio.to_thread(path.open, "wb")
            try:
                async for piece in self.read(key, 0, size):
                    await asyncio.to_thread(file.write, piece)
            finally:
                await asyncio.to_thread(file.close)
        except OSError as error:
            raise StoreError(f"{key} can't be fetched: {error}") from error
        return path

    async def size(self, key: str) -> int | None:
        try:
            return int((await obstore.head_async(self._store, key))["size"])
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise StoreError(f"{key} can't be looked at: {error}") from error

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        if start >= end:
            return
        try:
            found = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for piece in found.stream(min_chunk_size=_CHUNK):
                yield bytes(piece)
        except (BaseError, FileNotFoundError) as error:
            raise StoreError(f"{key} can't be read: {error}") from error

    async def delete(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise StoreError(f"{key} can't be deleted: {error}") from error


def store_at(place: str | None, data_dir: Path) -> Store:
    """The store at `place`: an s3:// URL, a folder, or (None) a folder of the data directory."""
    if place is None:
        return FolderStore(data_dir / "recordings")
    if place.startswith("s3://"):
        return BucketStore(place)
    return FolderStore(Path(place))
