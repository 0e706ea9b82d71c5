"""What became of lessons through a fault: what pages saw, beside what the server wrote down."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import av
from rich.console import Console
from rich.table import Table

from scheduler.attendance import AttendanceRules, presence
from scheduler.model import EvidenceSlice, ParticipantRole
from tests.chaos.pages import Hall, Page

#: What a room's attendance may differ from what its page saw: a second is judged as a whole, and
#: the last ones were not confirmed yet when the lesson ended.
TOLERANCE = 3.0  # seconds
#: What a page goes on to see in a second that is judged by its beginning, or by its end.
EDGE = 2.5  # seconds
#: Of what a node had seen before a fault some may not have been written down: so much earlier is
#: looked at what evidence lacks, from one fault to the next.
BEFORE = 3.0  # seconds
Span = tuple[float, float]  # Unix seconds


@dataclass(frozen=True, slots=True)
class Presence:
    """Of one room, in seconds: counted by the attendance that was derived, and by the same rules
    from what its page received. `evidence` is what the nodes wrote, `times` what the page saw."""

    counted: float
    seen: float
    evidence: list[Span]
    times: list[Span]

    @property
    def lost(self) -> float:
        return max(0.0, self.seen - self.counted)

    @property
    def invented(self) -> float:
        return max(0.0, self.counted - self.seen)

    def between(self, since: float, until: float) -> tuple[float, float]:
        """Seconds that evidence lacks, and that it has too many, in a span of time."""
        there, said = _cut(self.times, since, until), _cut(self.evidence, since, until)
        both = _union([*there, *said])
        return both - _union(said), both - _union(there)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Seconds of a lesson that a room heard while it was recorded, and of sound in the file."""

    heard: float
    kept: float

    @property
    def lost(self) -> float:
        return max(0.0, self.heard - self.kept)


async def presences(dsn: str, hall: Hall) -> list[Presence]:
    """Of the rooms of lessons that have ended."""
    connection = await asyncpg.connect(dsn)
    try:
        return [await _presence(connection, page) for page in hall.rooms]
    finally:
        await connection.close()


async def _presence(connection: asyncpg.Connection, page: Page) -> Presence:
    who = page.seat.participant_id
    session = await connection.fetchrow(
        "SELECT starts_at, least(ends_at, closed_at) AS until FROM sessions WHERE id = $1",
        page.seat.session_id,
    )
    counted = await connection.fetchval(
        "SELECT coalesce(sum(extract(epoch FROM to_at - from_at)), 0) FROM presence WHERE"
        " participant_id = $1 AND revision ="
        " (SELECT max(revision) FROM attendance WHERE participant_id = $1)",
        who,
    )
    stored = await connection.fetch(
        "SELECT from_at, to_at FROM evidence WHERE participant_id = $1 AND received_decodable",
        who,
    )
    slices = [
        EvidenceSlice(who, _at(a), _at(b), sent_decodable=False, received_decodable=True)
        for a, b in page.times
    ]
    seen = presence(
        slices,
        ParticipantRole.RECEIVING,
        interactive=False,
        since=session["starts_at"],
        until=session["until"],
        rules=AttendanceRules(),
    )
    return Presence(
        float(counted),
        sum((i.to_at - i.from_at for i in seen), timedelta()).total_seconds(),
        [(row["from_at"].timestamp(), row["to_at"].timestamp()) for row in stored],
        [(a, b) for a, b in page.times],
    )


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def recorded(dsn: str, store: Path, hall: Hall, within: float = 120.0) -> list[Recorded]:
    """Of each lesson, once all that was written of it is in the store."""
    connection = await asyncpg.connect(dsn)
    try:
        rooms = {page.seat.session_id: page for page in hall.rooms}
        async with asyncio.timeout(within):
            return [await _recorded(connection, store, page) for page in rooms.values()]
    finally:
        await connection.close()


#: The pieces of a lesson's recording, with when each began: its segments, or once they have been
#: joined the parts of the file. Nothing while one is still being written.
_PIECES = """
SELECT r.started_at AS since, r.ended_at AS until, p.storage_key AS key,
       r.started_at + p.starts_ms * interval '1 millisecond' AS began
FROM recordings r JOIN recording_parts p ON p.recording_id = r.id AND p.track = 'main'
WHERE r.session_id = $1 AND r.state = 'ready'
UNION ALL
SELECT r.started_at, r.ended_at, s.storage_key, s.started_at
FROM recordings r JOIN recording_segments s ON s.recording_id = r.id AND s.state = 'stored'
WHERE r.session_id = $1 AND r.state IN ('joining', 'failed') AND NOT EXISTS (
    SELECT FROM recording_segments w WHERE w.recording_id = r.id AND w.state = 'writing')
"""


async def _recorded(connection: asyncpg.Connection, store: Path, page: Page) -> Recorded:
    while True:
        try:
            rows = await connection.fetch(_PIECES, page.seat.session_id)
            spans = [
                span
                for row in rows
                for span in _sound(store / row["key"], row["began"].timestamp())
            ]
            if rows:
                break
        except FileNotFoundError:
            pass  # it has just been joined
        await asyncio.sleep(0.2)
    since, until = rows[0]["since"].timestamp(), rows[0]["until"].timestamp()
    return Recorded(until - since - page.dark(since, until), _union(spans))


def _sound(file: Path, began: float) -> list[Span]:
    """When there is sound in a file."""
    with av.open(str(file)) as opened:
        times = [
            began + float(packet.pts * packet.time_base)
            for packet in opened.demux(audio=0)
            if packet.pts is not None
        ]
    return [(at, at + 0.021) for at in times]


def _cut(spans: Sequence[Span], since: float, until: float) -> list[Span]:
    return [(max(a, since), min(b, until)) for a, b in spans if b > since and a < until]


def _union(spans: Sequence[Span]) -> float:
    total, end = 0.0, 0.0
    for a, b in sorted(spans):
        total += max(0.0, b - max(a, end))
        end = max(end, b)
    return total


@dataclass(frozen=True, slots=True)
class Fault:
    """What happened in [since, until): seconds dark of each room, and until all was as before."""

    what: str
    since: float
    until: float
    dark: list[float]
    normal: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Faults of one lesson time, and what is left of the lessons after them."""

    faults: list[Fault]
    presence: list[Presence]
    recorded: list[Recorded]

    def judge(self) -> None:
        """Nothing invented, nothing counted twice, nothing lost."""
        for each in self.presence:
            assert each.lost <= TOLERANCE + EDGE * len(self.faults), each
            assert each.invented <= TOLERANCE, each
            for fault in self.faults:
                _, invented = each.between(fault.since, fault.until)
                assert invented <= EDGE, (fault, each)
        for recorded in self.recorded:
            assert recorded.lost <= 2.0 * (1 + len(self.faults)), recorded

    def say(self) -> None:
        """Print the table."""
        table = Table(box=None, padding=(0, 2, 0, 0))
        table.add_column("seconds of a room, worst of all rooms")
        for heading in ("dark", "normal after", "evidence lacks", "has too many"):
            table.add_column(heading, justify="right")
        for fault in self.faults:
            since, until = fault.since - BEFORE, fault.until - BEFORE
            beside = [p.between(since, until) for p in self.presence]
            worst = [f"{max(each):.1f}" for each in zip(*beside, strict=True)]
            figures = [f"{max(fault.dark):.1f}", f"{fault.normal:.1f}"]
            table.add_row(fault.what, *figures, *worst)
        console = Console(width=110)
        console.print()
        console.print(table)
        console.print(
            f"attendance of {len(self.presence)} rooms, {self.presence[0].seen:.0f} s: at most "
            f"{max(p.lost for p in self.presence):.1f} s lost, "
            f"{max(p.invented for p in self.presence):.1f} s invented"
        )
        if self.recorded:
            lost = max(r.lost for r in self.recorded)
            console.print(
                f"{len(self.recorded)} recordings of {self.recorded[0].heard:.0f} s: at most "
                f"{lost:.1f} s lost"
            )
