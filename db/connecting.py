"""A connection to the database, which may be one of several servers.

A DSN may name several hosts (`postgresql://user@a:5432,b:5432/db?target_session_attrs=read-write`):
a primary and its standbys. All are tried at once, and the first that will do is taken: one that
has gone without a word would otherwise use up the time in which another could have answered.
"""

import asyncio
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg

Owned: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def hosts_of(dsn: str) -> list[tuple[str, int]]:
    """Host and port of each server that a DSN names before its path."""
    found = []
    for each in urlsplit(dsn).netloc.rpartition("@")[2].split(","):
        host, _, port = each.rpartition(":") if not each.endswith("]") else (each, "", "")
        if host or port:
            found.append(((host or port).strip("[]"), int(port) if host and port else 5432))
    return found


async def connect(dsn: str, **options: Any) -> Owned:
    """As asyncpg.connect, which says what it raises."""
    hosts = hosts_of(dsn)
    if len(hosts) < 2:
        return await asyncpg.connect(dsn, **options)
    tries: list[asyncio.Task[Owned]] = [
        asyncio.create_task(asyncpg.connect(dsn, **options, host=host, port=port))
        for host, port in hosts
    ]
    failed: BaseException | None = None
    chosen: asyncio.Task[Owned] | None = None
    try:
        waiting = set(tries)
        while waiting and chosen is None:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                failed = each.exception() or failed
                if each.exception() is None:
                    chosen = chosen or each
    finally:
        for each in tries:
            each.cancel()
        ended = await asyncio.gather(*tries, return_exceptions=True)
        for each, result in zip(tries, ended, strict=True):
            if each is not chosen and isinstance(result, asyncpg.Connection):
                result.terminate()
    if chosen is None:
        assert failed is not None, "none was chosen because each has failed"
        raise failed
    return chosen.result()
