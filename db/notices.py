"""What the database tells whoever listens (PostgreSQL's NOTIFY), on a connection of its own.

A word is told once its transaction is committed, to those who listen then. Whoever was cut off
meanwhile can't know what it missed: it is told so (`anew`) when it listens again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import asyncpg

from db.connecting import connect
from db.pool import AWAY, CONNECT_TIMEOUT, Connection
from db.queries import named

SESSION_CHANGED = "session_changed"  # with the session's id (migration 0038)
OF_PAGE = "of_page"  # what a page said of its own devices and line: JSON, kept nowhere

_sql = named("notices")

_RETRY = 0.5  # seconds
_PROBE = 1.0  # seconds between two proofs that the connection is alive
_SILENCE = 3.0  # seconds that such a proof may take


async def tell(connection: Connection, channel: str, word: str) -> None:
    """Tell whoever listens to a channel, this process too; a word has less than 8,000 bytes."""
    await _sql.tell(connection, channel=channel, word=word)


async def follow(
    dsn: str, channels: Mapping[str, Callable[[str], None]], anew: Callable[[], Awaitable[None]]
) -> None:
    """For ever: call `channels[channel](word)` for each word, and `anew()` whenever listening has
    begun, the first time too. Neither may take long."""
    while True:
        try:
            await _listen(dsn, channels, anew)
        except (*AWAY, asyncpg.PostgresError):
            await asyncio.sleep(_RETRY)


async def _listen(
    dsn: str, channels: Mapping[str, Callable[[str], None]], anew: Callable[[], Awaitable[None]]
) -> None:
    """Until the connection is gone. Raises what asyncpg raises then."""

    def told(_connection: object, _pid: int, channel: str, word: object) -> None:
        channels[channel](str(word))

    connection = await connect(dsn, timeout=CONNECT_TIMEOUT)
    try:
        for channel in channels:
            await connection.add_listener(channel, told)
        await anew()
        while True:
            await asyncio.sleep(_PROBE)
            await connection.fetchval("SELECT 1", timeout=_SILENCE)
    finally:
        connection.terminate()
