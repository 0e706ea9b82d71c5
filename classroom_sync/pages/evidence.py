"""Evidence by the minute: what a person can read of a lesson's many rows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from db.presence import EvidenceRow

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Minute:
    """The rows that begin in one minute, added up; `rtt_ms` is the least and the most measured.

    Seconds are those within the minute, also of a row that began before it.
    """

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
    sent: defaultdict[datetime, float] = defaultdict(float)
    received: defaultdict[datetime, float] = defaultdict(float)
    for row in rows:
        for minute, seconds in _parts(row):
            sent[minute] += seconds if row.sent_decodable else 0
            received[minute] += seconds if row.received_decodable else 0
        minute = row.from_at.replace(second=0, microsecond=0)
        groups.setdefault(minute, []).append(row)
        if row.rtt_ms is not None and row.rtt_ms != last.get(row.node_id):
            fresh.setdefault(minute, []).append(row.rtt_ms)
        last[row.node_id] = row.rtt_ms
    return tuple(
        _added(
            minute, groups.get(minute, []), sent[minute], received[minute], fresh.get(minute, [])
        )
        for minute in sorted(groups.keys() | sent.keys())
    )


def _parts(row: EvidenceRow) -> Iterator[tuple[datetime, float]]:
    """The minutes a row reaches into, each with how many seconds of it."""
    since = row.from_at
    while since < row.to_at:
        minute = since.replace(second=0, microsecond=0)
        until = min(row.to_at, minute + MINUTE)
        yield minute, (until - since).total_seconds()
        since = until


def _added(
    minute: datetime, rows: list[EvidenceRow], sent: float, received: float, rtt_ms: list[float]
) -> Minute:
    return Minute(
        starts_at=minute,
        rows=len(rows),
        sent=sent,
        received=received,
        packets_in=sum(r.packets_in for r in rows),
        bytes_in=sum(r.bytes_in for r in rows),
        packets_out=sum(r.packets_out for r in rows),
        bytes_out=sum(r.bytes_out for r in rows),
        lost_in=sum(r.lost_in for r in rows),
        lost_out=sum(r.lost_out for r in rows),
        rtt_ms=(min(rtt_ms), max(rtt_ms)) if rtt_ms else None,
    )
