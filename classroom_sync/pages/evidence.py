"""Evidence by the minute: what a person can read of a lesson's many rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from db.presence import EvidenceRow

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Minute:
    """The rows that begin in one minute, added up; `rtt_ms` is the least and the most measured."""

    starts_at: datetime
    rows: int
    sent: float  # seconds in which the room sent something decodable
    received: float  # seconds in which the lesson reached it
    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int
    lost_in: int
    lost_out: int
    rtt_ms: tuple[float, float] | None

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + MINUTE


def by_minute(rows: Iterable[EvidenceRow]) -> tuple[Minute, ...]:
    """Rows in order of time, by the minute.

    A row repeats the last round trip until there is a new one: only changes count as measured.
    """
    groups: dict[datetime, list[EvidenceRow]] = {}
    fresh: dict[datetime, list[float]] = {}
    last: dict[UUID, float | None] = {}
    for row in rows:
        minute = row.from_at.replace(second=0, microsecond=0)
        groups.setdefault(minute, []).append(row)
        if row.rtt_ms is not None and row.rtt_ms != last.get(row.node_id):
            fresh.setdefault(minute, []).append(row.rtt_ms)
        last[row.node_id] = row.rtt_ms
    return tuple(_added(minute, group, fresh.get(minute, [])) for minute, group in groups.items())


def _added(minute: datetime, rows: list[EvidenceRow], rtt_ms: list[float]) -> Minute:
    def seconds(those: Iterable[EvidenceRow]) -> float:
        return sum((r.to_at - r.from_at).total_seconds() for r in those)

    return Minute(
        starts_at=minute,
        rows=len(rows),
        sent=seconds(r for r in rows if r.sent_decodable),
        received=seconds(r for r in rows if r.received_decodable),
        packets_in=sum(r.packets_in for r in rows),
        bytes_in=sum(r.bytes_in for r in rows),
        packets_out=sum(r.packets_out for r in rows),
        bytes_out=sum(r.bytes_out for r in rows),
        lost_in=sum(r.lost_in for r in rows),
        lost_out=sum(r.lost_out for r in rows),
        rtt_ms=(min(rtt_ms), max(rtt_ms)) if rtt_ms else None,
    )
