"""Media nodes: their leases and their load."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("nodes")


@dataclass(frozen=True, slots=True)
class MediaNodeRow:
    id: UUID
    host: str
    http_url: str
    public_url: str | None
    udp_port: int
    load: float = 0.0  # forwarded packets per second


async def register(connection: Connection, node: MediaNodeRow, lease: timedelta) -> None:
    await _sql.register(
        connection,
        id=node.id,
        host=node.host,
        http_url=node.http_url,
        public_url=node.public_url,
        udp_port=node.udp_port,
        lease=lease,
    )


async def renew(connection: Connection, node_id: UUID, lease: timedelta, load: float) -> bool:
    """Extend a lease; False when the node is no longer known."""
    return bool(await _sql.renew(connection, id=node_id, lease=lease, load=load))


async def leave(connection: Connection, node_id: UUID) -> None:
    """Give the lease back: the node takes no more sessions."""
    await _sql.leave(connection, id=node_id)


async def live(connection: Connection) -> list[MediaNodeRow]:
    """Nodes whose lease holds."""
    return [value(MediaNodeRow, row) async for row in _sql.live(connection)]


async def least_loaded(connection: Connection) -> UUID | None:
    node_id: UUID | None = await _sql.least_loaded(connection)
    return node_id


async def unplaced_sessions(connection: Connection, answering: Iterable[UUID]) -> list[UUID]:
    """Open and live sessions that have no living node: one whose lease holds, or that is
    `answering` though the database could not hear it."""
    found = _sql.unplaced_sessions(connection, answering=list(answering))
    return [row["id"] async for row in found]
