"""Media nodes: their leases and their load."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value

_sql = named("nodes")

LEASE = timedelta(seconds=4)


@dataclass(frozen=True, slots=True)
class MediaNodeRow:
    id: UUID
    host: str
    http_url: str
    public_url: str | None
    udp_port: int
    load: float = 0.0  # forwarded packets per second
    draining: bool = False  # takes no lesson any more, and hands over those it has


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


async def renew(
    connection: Connection,
    node_id: UUID,
    lease: timedelta,
    load: float,
    *,
    draining: bool = False,
) -> bool | None:
    """Extend a lease: whether the node is being drained; None when it is no longer known."""
    found: bool | None = await _sql.renew(
        connection, id=node_id, lease=lease, load=load, draining=draining
    )
    return found


async def drain(connection: Connection, node_ids: Iterable[UUID]) -> None:
    """Let nodes take no lesson any more; those they have go to others, if there are any."""
    await _sql.drain(connection, ids=list(node_ids))


async def others_take(connection: Connection, node_id: UUID) -> bool:
    """Whether another node lives that takes lessons."""
    return bool(await _sql.others_take(connection, id=node_id))


async def to_hand_over(connection: Connection) -> list[tuple[UUID, UUID]]:
    """(session, node) of sessions under way on nodes that are being drained."""
    return [(row["id"], row["node_id"]) async for row in _sql.to_hand_over(connection)]


async def leave(connection: Connection, node_id: UUID) -> None:
    """Give the lease back: the node takes no more sessions."""
    await _sql.leave(connection, id=node_id)


async def live(connection: Connection) -> list[MediaNodeRow]:
    """Nodes whose lease holds."""
    return [value(MediaNodeRow, row) async for row in _sql.live(connection)]


async def by_load(connection: Connection) -> list[UUID]:
    """Living nodes, that with the least to do first."""
    return [row["id"] async for row in _sql.least_loaded(connection)]


async def least_loaded(connection: Connection) -> UUID | None:
    return next(iter(await by_load(connection)), None)


async def unplaced_sessions(connection: Connection, answering: Iterable[UUID]) -> list[UUID]:
    """Open and live sessions that have no living node: one whose lease holds, or that is
    `answering` though the database could not hear it."""
    found = _sql.unplaced_sessions(connection, answering=list(answering))
    return [row["id"] async for row in found]


async def unplaced_branches(connection: Connection, answering: Iterable[UUID]) -> list[UUID]:
    """Open and live sessions some of whose rooms are on a node that is gone."""
    found = _sql.unplaced_branches(connection, answering=list(answering))
    return [row["id"] async for row in found]
