"""The connection pool, and what its callers may expect of it.

Connections work as the role `classroom_sync_app`, which may not change what is append-only. An
unreachable database is `Unreachable`, whatever lies underneath.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

import asyncpg

from db.connecting import connect
from db.errors import Unreachable, Unwritable
from db.migrate import migrate

Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

APP_ROLE = "classroom_sync_app"
CONNECT_TIMEOUT = 5.0  # seconds
_STATEMENT_TIMEOUT = 15.0
_IDLE_IN_TRANSACTION = "30s"  # after which a suspended process holds no row locked any more
_SILENCE = 10.0  # seconds without a word after which a leader is taken to be suspended

#: What asyncpg and the sockets below it raise when the database is away, or can't take anything:
#: its disk is full or broken, it has become a standby, it is a replica that nobody has promoted
#: yet, or none of several is the one to write to.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TargetServerAttributeNotMatched,
)


def _unwritable(error: asyncpg.DataError) -> bool:
    """Whether the server, or asyncpg before it, could not take a text for its characters."""
    refused = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
    return isinstance(error, refused) or isinstance(error.__cause__, UnicodeEncodeError)


def place(dsn: str) -> str:
    """Where a DSN points, without its password: for messages. It may name several hosts."""
    parts = urlsplit(dsn)
    hosts = parts.netloc.rpartition("@")[2]
    return hosts or parts.query.partition("host=")[2].partition("&")[0] or "localhost"


async def migrate_database(dsn: str) -> list[str]:
    """Apply missing migrations as the DSN's own user; the names applied.

    Raises Unreachable, SchemaMismatch.
    """
    try:
        connection = await connect(dsn, timeout=CONNECT_TIMEOUT)
    except (*AWAY, asyncpg.PostgresError, ValueError) as error:
        raise _unreachable(dsn, error) from error
    try:
        return await migrate(connection)
    finally:
        await connection.close()


class Pool:
    """Connections to one database, as the application's role."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn

    @classmethod
    async def open(
        cls, dsn: str, *, size: int = 10, patience: float = _STATEMENT_TIMEOUT
    ) -> "Pool":
        """Connect to a migrated database; a statement without an answer is given up after
        `patience` seconds. Raises Unreachable."""
        try:
            pool = await asyncpg.create_pool(
                dsn,
                connect=cast("Any", connect),  # asyncpg's stubs name all its parameters
                min_size=1,
                max_size=size,
                timeout=CONNECT_TIMEOUT,
                command_timeout=patience,
                server_settings={
                    "role": APP_ROLE,
                    "application_name": "classroom-sync",
                    "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION,
                },
                init=_codecs,
            )
        except (*AWAY, asyncpg.PostgresError, ValueError) as error:
            raise _unreachable(dsn, error) from error
        return cls(pool, dsn)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection, without a transaction. Raises Unreachable, inside the block too, and
        Unwritable."""
        try:
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT) as connection:
                try:
                    yield connection
                except AWAY:
                    connection.terminate()  # to be polite to a host that is gone takes long
                    await self.renew()
                    raise
        except AWAY as error:
            raise _unreachable(self._dsn, error) from error
        except asyncpg.DataError as error:
            if _unwritable(error):
                raise Unwritable(str(error)) from error
            raise

    async def renew(self) -> None:
        """Let go of every connection that is made: the server behind them is gone, or is the
        primary no more. Each is made anew when it is next wanted."""
        await self._pool.expire_connections()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One connection in a transaction: committed at the end, rolled back on an error."""
        async with self.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except AWAY:
                raise  # the connection is ended, and so is the transaction
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()

    async def close(self) -> None:
        """Close every connection; those still busy are cut after a moment."""
        try:
            await asyncio.wait_for(self._pool.close(), 3.0)
        except TimeoutError:
            self._pool.terminate()


#: Ends the connection that holds an advisory lock and has been idle for some seconds: a living
#: leader asks something on it every second.
_END_SILENT_LEADER = """
SELECT pg_terminate_backend(a.pid)
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid = CAST(CAST($1 AS bigint) >> 32 AS oid)
  AND l.objid = CAST(CAST($1 AS bigint) & 4294967295 AS oid)
  AND a.state = 'idle' AND a.state_change < now() - make_interval(secs => $2)
"""


class Leadership:
    """An advisory lock on a connection of its own: one process at a time is the leader.

    The lock goes with the connection, so a leader that dies or loses the database leads no more.
    One that is merely suspended keeps its connection, and says nothing on it: whoever waits then
    ends that connection.
    """

    def __init__(self, dsn: str, key: int) -> None:
        self._dsn = dsn
        self._key = key

    async def won(self, retry: float = 1.0) -> "asyncpg.Connection[asyncpg.Record]":
        """Wait until this process leads; the connection that holds the lock."""
        while True:
            connection = None
            try:
                connection = await connect(self._dsn, timeout=CONNECT_TIMEOUT)
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", self._key):
                    return connection
                await connection.execute(_END_SILENT_LEADER, self._key, _SILENCE)
            except (*AWAY, asyncpg.PostgresError):
                pass  # not leading while the database is away; asked again below
            if connection is not None:
                await connection.close()
            await asyncio.sleep(retry)

    async def lost(
        self, connection: "asyncpg.Connection[asyncpg.Record]", interval: float = 1.0
    ) -> None:
        """Return when the lock's connection is gone."""
        while True:
            try:
                await connection.fetchval("SELECT 1", timeout=CONNECT_TIMEOUT)
            except (*AWAY, asyncpg.PostgresError):
                connection.terminate()
                return
            await asyncio.sleep(interval)


async def _codecs(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )


def _unreachable(dsn: str, error: Exception) -> Unreachable:
    if isinstance(error, asyncpg.DiskFullError):
        return Unreachable(
            f"the disk of the database at {place(dsn)} is full ({error}): free some of it; what is "
            "to be written waits meanwhile"
        )
    return Unreachable(
        f"the database at {place(dsn)} can't be reached ({str(error) or type(error).__name__}); "
        "check that PostgreSQL runs there and that --database-url is right"
    )
