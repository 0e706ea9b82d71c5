"""`classroom-sync drain`: empty media nodes in the middle of lessons, before they are stopped."""

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
import uvloop

from classroom_sync.reaching import (
    DONE,
    PROBLEMS,
    DatabaseUrl,
    DataDir,
    failed,
    pooled,
    settings_of,
)
from db.errors import DatabaseError

if TYPE_CHECKING:
    from classroom_sync.settings import Settings
    from db.nodes import MediaNodeRow

app = typer.Typer()

_LOOK = 0.5  # seconds


@app.command(epilog="Example: classroom-sync drain --host media-3 --wait 1800")
def drain(
    node: Annotated[
        list[UUID] | None, typer.Option(help="Id of a media node.  [default: all of the host]")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Host whose media nodes are meant.  [default: this one]")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait until no lesson is left on them.")
    ] = 60,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Let media nodes take no lesson any more, and hand over those they have; then stop them.

    Ends with 1 where lessons are left: there is no other node, or they take longer.
    """
    settings = settings_of(data_dir=data_dir, database_url=database_url)
    chosen = set(node or ())
    try:
        left = uvloop.run(_drain(settings, chosen, host or socket.gethostname(), wait))
    except DatabaseError as error:
        failed(str(error))
    raise typer.Exit(PROBLEMS if left else DONE)


async def _drain(settings: "Settings", chosen: set[UUID], host: str, wait: float) -> int:
    """How many lessons are left on the nodes."""
    from db import nodes

    async with pooled(settings) as pool:
        async with pool.connection() as connection:
            meant = [n for n in await nodes.live(connection) if _meant(n, chosen, host)]
            await nodes.drain(connection, [n.id for n in meant])
        for each in meant:
            typer.echo(f"{each.id} on {each.host}, UDP port {each.udp_port}, takes no lesson more")
        if not meant:
            typer.echo("no media node is running there")
        deadline = time.monotonic() + wait
        while True:
            async with pool.connection() as connection:
                left = _left(await nodes.to_hand_over(connection), [n.id for n in meant])
            if not left or time.monotonic() >= deadline:
                typer.echo(f"lessons left on them: {left}")
                return left
            await asyncio.sleep(_LOOK)


def _meant(node: "MediaNodeRow", chosen: set[UUID], host: str) -> bool:
    return node.id in chosen if chosen else node.host == host


def _left(waiting: Sequence[tuple[UUID, UUID]], of: Sequence[UUID]) -> int:
    return sum(node_id in of for _, node_id in waiting)
