"""Acceptance tests of rooms: who asked for them, what was measured, what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from media.evidence import Evidence
from scheduler.acceptance import NodeSlice, Transfer

_sql = named("acceptance")


@dataclass(frozen=True, slots=True)
class AcceptanceTest:
    """One test; until the room's screen has taken it up `begun_at` is None, until it has a result
    everything after that."""

    id: UUID
    room_id: str
    asked_by: str
    asked_at: datetime
    node_id: UUID | None
    begun_at: datetime | None
    finished_at: datetime | None
    passed: bool | None
    certificate: str | None  # canonical JSON
    signature: str | None  # JWS
    key_id: str | None


async def ask(
    connection: Connection,
    test_id: UUID,
    room_id: str,
    asked_by: str,
    asked_at: datetime,
    node_id: UUID | None,
) -> None:
    await _sql.ask(
        connection,
        id=test_id,
        room_id=room_id,
        asked_by=asked_by,
        asked_at=asked_at,
        node_id=node_id,
    )


async def read(connection: Connection, test_id: UUID) -> AcceptanceTest | None:
    row = await _sql.test(connection, id=test_id)
    return None if row is None else value(AcceptanceTest, row)


async def of_room(connection: Connection, room_id: str, most: int = 20) -> list[AcceptanceTest]:
    """Newest first."""
    found = _sql.tests_of_room(connection, room_id=room_id, most=most)
    return [value(AcceptanceTest, row) async for row in found]


async def waiting(connection: Connection, room_id: str, since: datetime) -> AcceptanceTest | None:
    """The newest test that was asked for after `since` and that the room has not taken up."""
    row = await _sql.waiting(connection, room_id=room_id, since=since)
    return None if row is None else value(AcceptanceTest, row)


async def begin(connection: Connection, test_id: UUID, begun_at: datetime, begun_by: str) -> bool:
    """The room's screen takes a test up; False: it has been taken up before."""
    return bool(await _sql.begin(connection, test_id=test_id, begun_at=begun_at, begun_by=begun_by))


async def add_transfer(connection: Connection, test_id: UUID, transfer: Transfer) -> None:
    await _sql.add_transfer(
        connection,
        test_id=test_id,
        direction=transfer.direction,
        bytes=transfer.bytes,
        from_at=transfer.from_at,
        to_at=transfer.to_at,
    )


async def transfer_count(connection: Connection, test_id: UUID) -> int:
    count: int = await _sql.transfer_count(connection, test_id=test_id)
    return count


async def transfers(connection: Connection, test_id: UUID) -> list[Transfer]:
    return [value(Transfer, row) async for row in _sql.transfers(connection, test_id=test_id)]


async def add_evidence(
    connection: Connection, node_id: UUID, rows: Sequence[tuple[int, UUID, Evidence]]
) -> None:
    """Write (sequence number, test, slice); those of the same node and number are written once."""
    evidence = [each for _, _, each in rows]
    await _sql.add_evidence(
        connection,
        node_id=node_id,
        seqs=[seq for seq, _, _ in rows],
        tests=[test_id for _, test_id, _ in rows],
        participants=[UUID(e.participant) for e in evidence],
        from_ats=[e.from_at for e in evidence],
        to_ats=[e.to_at for e in evidence],
        sents=[e.sent_decodable for e in evidence],
        receiveds=[e.received_decodable for e in evidence],
        packets_in=[e.packets_in for e in evidence],
        packets_out=[e.packets_out for e in evidence],
        lost_in=[e.lost_in for e in evidence],
        lost_out=[e.lost_out for e in evidence],
        jitters=[e.jitter_ms for e in evidence],
        rtts=[e.rtt_ms for e in evidence],
    )


async def evidence(connection: Connection, test_id: UUID) -> list[NodeSlice]:
    """What the media node saw of a test."""
    return [value(NodeSlice, row) async for row in _sql.evidence(connection, test_id=test_id)]


async def finish(
    connection: Connection,
    test_id: UUID,
    finished_at: datetime,
    *,
    passed: bool,
    certificate: str,
    signature: str,
    key_id: str,
) -> bool:
    """Write the result; False: the test has one already, which stays."""
    return bool(
        await _sql.finish(
            connection,
            test_id=test_id,
            finished_at=finished_at,
            passed=passed,
            certificate=certificate,
            signature=signature,
            key_id=key_id,
        )
    )
