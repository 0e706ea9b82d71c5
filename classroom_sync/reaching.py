"""The server's database from a command, whether the server runs just now or not."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
import uvloop

from classroom_sync.errors import CannotStart, Refused
from classroom_sync.i18n import LOCALES
from db.errors import DatabaseError

if TYPE_CHECKING:
    from classroom_sync.settings import Settings
    from db.pool import Connection, Pool

DONE, PROBLEMS, WRONG_USE = 0, 1, 2  # exit codes

DataDir = Annotated[
    Path | None, typer.Option(help="Data directory whose database is meant; its server may run.")
]
DatabaseUrl = Annotated[str | None, typer.Option(help="PostgreSQL that is meant.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

T = TypeVar("T")


@contextlib.asynccontextmanager
async def reached(settings: "Settings") -> AsyncIterator[str]:
    """The DSN of the database: a running server's own, or of one started for the while.

    Raises DatabaseError.
    """
    from classroom_sync.database import database
    from db.embedded import running_dsn

    running = running_dsn(settings.data_dir) if settings.database_url is None else None
    if running is not None:
        yield running
        return
    async with database(settings) as dsn:
        yield dsn


@contextlib.asynccontextmanager
async def pooled(settings: "Settings") -> AsyncIterator["Pool"]:
    """A small pool on that database, its schema brought up to date. Raises DatabaseError."""
    from db.pool import Pool, migrate_database

    async with reached(settings) as dsn:
        await migrate_database(dsn)
        pool = await Pool.open(dsn, size=2)
        try:
            yield pool
        finally:
            await pool.close()


async def migrate(settings: "Settings") -> None:
    """Bring the schema up to date and say what was done. Raises CannotStart."""
    from db.pool import migrate_database

    try:
        async with reached(settings) as dsn:
            done = await migrate_database(dsn)
    except DatabaseError as error:
        raise CannotStart(str(error)) from error
    typer.echo("applied: " + ", ".join(done) if done else "the schema is up to date")


def settings_of(log_level: str | None = "warning", **flags: object) -> "Settings":
    """The configuration; wrong use where it can't be read. Most commands say little: without a
    `log_level` they log warnings alone."""
    from classroom_sync import logs
    from classroom_sync.settings import BadSettings, load

    try:
        settings = load(**flags, log_level=log_level)
    except BadSettings as error:
        wrong_use(str(error))
    logs.configure(settings.log_format, settings.log_level)
    return settings


def in_transaction(settings: "Settings", work: "Callable[[Connection], Awaitable[T]]") -> T:
    """Do work in one transaction on the migrated database; what goes wrong ends the command."""

    async def run() -> T:
        async with pooled(settings) as pool, pool.transaction() as connection:
            return await work(connection)

    try:
        return uvloop.run(run())
    except Refused as error:
        wrong_use(str(error))
    except (CannotStart, DatabaseError) as error:
        failed(str(error))


def known_language(lang: str) -> None:
    """Wrong use unless the pages and reports exist in this language."""
    if lang not in LOCALES:
        wrong_use(f"--lang is {' or '.join(LOCALES)}, not {lang}")


def wrong_use(sentence: str) -> NoReturn:
    typer.echo(f"classroom-sync: {sentence}", err=True)
    raise typer.Exit(WRONG_USE)


def failed(sentence: str) -> NoReturn:
    typer.echo(f"classroom-sync: {sentence}", err=True)
    raise typer.Exit(PROBLEMS)
