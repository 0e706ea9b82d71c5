"""Evidence as it comes in, and what is derived from it: attendance and presence intervals."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from media.evidence import Evidence
from scheduler.makeups import MakeUp
from scheduler.model import Attendance, EvidenceSlice, PresenceInterval

_sql = named("presence")


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One stored slice: the bottom of every figure."""

    node_id: UUID
    seq: int
    session_id: UUID
    participant_id: UUID
    from_at: datetime
    to_at: datetime
    sent_decodable: bool
    received_decodable: bool
    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int
    lost_in: int
    lost_out: int
    jitter_ms: float
    rtt_ms: float | None
    reason: str | None


async def add_evidence(
    connection: Connection, node_id: UUID, rows: Sequence[tuple[int, Evidence]]
) -> None:
    """Write slices; those of the same node and sequence number are written once, however often.

    An `Evidence`'s room and participant are a session's and a participant's id as text.
    """
    evidence = [each for _, each in rows]
    await _sql.add_evidence(
        connection,
        node_id=node_id,
        seqs=[seq for seq, _ in rows],
        sessions=[UUID(e.room) for e in evidence],
        participants=[UUID(e.participant) for e in evidence],
        from_ats=[e.from_at for e in evidence],
        to_ats=[e.to_at for e in evidence],
        sents=[e.sent_decodable for e in evidence],
        receiveds=[e.received_decodable for e in evidence],
        packets_in=[e.packets_in for e in evidence],
        bytes_in=[e.bytes_in for e in evidence],
        packets_out=[e.packets_out for e in evidence],
        bytes_out=[e.bytes_out for e in evidence],
        lost_in=[e.lost_in for e in evidence],
        lost_out=[e.lost_out for e in evidence],
        jitters=[e.jitter_ms for e in evidence],
        rtts=[e.rtt_ms for e in evidence],
        reasons=[e.reason for e in evidence],
    )


async def slices_of_session(connection: Connection, session_id: UUID) -> list[EvidenceSlice]:
    found = _sql.slices_of_session(connection, session_id=session_id)
    return [value(EvidenceSlice, row) async for row in found]


async def evidence_between(
    connection: Connection, participant_id: UUID, since: datetime, until: datetime
) -> list[EvidenceRow]:
    """The rows under an interval."""
    found = _sql.evidence_between(
        connection, participant_id=participant_id, since=since, until=until
    )
    return [value(EvidenceRow, row) async for row in found]


async def add_attendance(connection: Connection, attendance: Attendance) -> int:
    """Write a new revision with its intervals; the revision's number."""
    revision: int = await _sql.add_attendance(
        connection,
        participant_id=attendance.participant_id,
        session_id=attendance.session_id,
        status=attendance.status,
        valid=attendance.valid,
        seconds=attendance.seconds,
        planned_seconds=attendance.planned_seconds,
        interruptions=attendance.interruptions,
        expected=attendance.expected,
        present=attendance.present,
        took_floor=attendance.took_floor,
        cause=attendance.cause,
        rules_version=attendance.rules_version,
        makeup_due_on=attendance.makeup_due_on,
        made_up_on=attendance.made_up_on,
        made_up_by=attendance.made_up_by,
        delay_p95_ms=attendance.delay_p95_ms,
        loss_p95=attendance.loss_p95,
        evidence_seen=attendance.evidence_seen,
        counts_seen=attendance.counts_seen,
    )
    for interval in attendance.intervals:
        await _sql.add_interval(
            connection,
            participant_id=attendance.participant_id,
            revision=revision,
            from_at=interval.from_at,
            to_at=interval.to_at,
            reason=interval.reason,
        )
    return revision


async def attendance_of_session(connection: Connection, session_id: UUID) -> list[Attendance]:
    """The newest revision of each link, without intervals."""
    found = _sql.attendance_of_session(connection, session_id=session_id)
    return [value(Attendance, row) async for row in found]


async def attendance_of(connection: Connection, participant_id: UUID) -> Attendance | None:
    """The newest revision of one link, with its intervals."""
    row = await _sql.attendance_of(connection, participant_id=participant_id)
    if row is None:
        return None
    found = _sql.intervals_of(connection, participant_id=participant_id, revision=row["revision"])
    return value(
        Attendance,
        row,
        intervals=tuple([value(PresenceInterval, interval) async for interval in found]),
    )


async def hold(connection: Connection, session_id: UUID) -> None:
    """Let nobody else derive a session's attendance until this transaction ends."""
    await _sql.hold_session(connection, session_id=session_id)


async def made_up_for(connection: Connection, session_id: UUID) -> list[UUID]:
    """The sessions that a session's links make up for, and those that these make up for, each after
    all that make up for it."""
    found = _sql.made_up_for(connection, session_id=session_id)
    return [row["session_id"] async for row in found]


async def makeups(connection: Connection, session_id: UUID, zone: str) -> dict[UUID, list[MakeUp]]:
    """Participant → what its class was given in place of its link; days are those of `zone`."""
    found: dict[UUID, list[MakeUp]] = defaultdict(list)
    async for row in _sql.makeups(connection, session_id=session_id, zone=zone):
        found[row["participant_id"]].append(value(MakeUp, row))
    return found


async def stale_sessions(connection: Connection, since: datetime, until: datetime) -> list[UUID]:
    """Sessions that ended in (since, until] and whose attendance is missing, or has not seen all
    evidence, head counts and make-ups there are. Looks at every session in that time."""
    found = _sql.stale_sessions(connection, since=since, until=until)
    return [row["id"] async for row in found]


async def newly_stale_sessions(
    connection: Connection, since: datetime, changed_since: datetime
) -> list[UUID]:
    """The same of sessions that ended after `since`, looking only at those that something was
    written about after `changed_since` by the database's clock."""
    found = _sql.newly_stale_sessions(connection, since=since, changed_since=changed_since)
    return [row["id"] async for row in found]
