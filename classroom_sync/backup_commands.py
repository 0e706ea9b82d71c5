"""`classroom-sync backup` and `classroom-sync restore`."""

import asyncio
import json
import signal
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from classroom_sync.errors import CannotStart
from classroom_sync.reaching import (
    DatabaseUrl,
    DataDir,
    Json,
    failed,
    reached,
    settings_of,
    wrong_use,
)
from db.errors import DatabaseError

app = typer.Typer()


@app.command(
    "backup", epilog="Example: classroom-sync backup /mnt/nas/classroom-sync --follow --keep 14"
)
def backup(
    directory: Annotated[Path, typer.Argument(help="Where to; best on another machine.")],
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on: keep every commit until stopped.")
    ] = False,
    keep: Annotated[int, typer.Option(min=1, help="Days that a backup is kept.")] = 14,
    every: Annotated[int, typer.Option(min=1, help="With --follow: hours between bases.")] = 24,
    as_json: Json = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Copy database, recordings and uploads while lessons run.

    With --follow any time since then can be restored, to the second; without it, the time of each
    backup.
    """
    settings = settings_of(data_dir=data_dir, database_url=database_url)
    if settings.database_url is None and not (settings.data_dir / "postgres").is_dir():
        failed(f"there is no database in {settings.data_dir}: name the server's --data-dir")

    async def run() -> None:
        from classroom_sync import backup as work

        async with reached(settings) as dsn:
            if follow:
                stop = asyncio.Event()
                for number in (signal.SIGTERM, signal.SIGINT):
                    asyncio.get_running_loop().add_signal_handler(number, stop.set)
                await work.follow(
                    settings,
                    dsn,
                    directory,
                    timedelta(days=keep),
                    timedelta(hours=every),
                    stop,
                    typer.echo,
                )
                return
            made = await work.back_up(
                settings, dsn, directory, timedelta(days=keep), lambda: datetime.now(UTC)
            )
            typer.echo(json.dumps(asdict(made)) if as_json else f"backup {made.name}")

    try:
        uvloop.run(run())
    except (CannotStart, DatabaseError, OSError) as error:
        failed(str(error))


@app.command(
    "restore",
    epilog="Example: classroom-sync restore /mnt/nas/classroom-sync --at 2026-11-02T09:30:00+08:00 "
    "--data-dir /var/lib/classroom-sync",
)
def restore(
    directory: Annotated[Path, typer.Argument(help="Directory of a backup.")],
    at: Annotated[
        str | None, typer.Option(help="As it was then, with a zone.  [default: the latest]")
    ] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a data directory anew from a backup; it must not hold a database yet."""
    if not directory.is_dir():
        wrong_use(f"there is no directory {directory}")
    try:
        moment = datetime.fromisoformat(at) if at is not None else None
    except ValueError:
        wrong_use(f"--at is a time with a zone, 2026-11-02T09:30:00+08:00, not {at}")
    if moment is not None and moment.tzinfo is None:
        wrong_use("--at needs a zone: 2026-11-02T09:30:00+08:00")
    settings = settings_of(data_dir=data_dir, database_url=database_url)

    async def run() -> None:
        from classroom_sync import backup as work

        used = await work.restore(settings, directory, moment)
        said = {"base": used.name, "at": moment.isoformat() if moment else "the latest"}
        typer.echo(json.dumps(said) if as_json else f"restored from {used.name}: {said['at']}")

    try:
        uvloop.run(run())
    except (CannotStart, DatabaseError, OSError) as error:
        failed(str(error))
