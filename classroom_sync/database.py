"""The configured database, or the embedded one for as long as it is wanted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from classroom_sync.duties import running
from classroom_sync.settings import Settings
from db.embedded import EmbeddedPostgres
from db.errors import Unreachable

log = structlog.get_logger()

_REVIVE = 0.5  # seconds between two looks whether the embedded database lives
_REVIVE_AGAIN = 5.0


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """The DSN of the configured database, or of the embedded one while this lasts."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    embedded = EmbeddedPostgres(settings.data_dir)
    await asyncio.to_thread(embedded.start)
    try:
        async with running(_keep_alive(embedded)):
            yield embedded.dsn
    finally:
        await asyncio.to_thread(embedded.stop)


async def _keep_alive(embedded: EmbeddedPostgres) -> None:
    """For ever: start the embedded database again when it has died."""
    while True:
        await asyncio.sleep(_REVIVE)
        if not embedded.running:
            log.error("PostgreSQL has died: starting it again")
            try:
                await asyncio.to_thread(embedded.revive)
                log.info("PostgreSQL is back")
            except Unreachable as error:
                log.error("PostgreSQL does not start", cause=str(error))  # noqa: TRY400 - said by it
                await asyncio.sleep(_REVIVE_AGAIN)
