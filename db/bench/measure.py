"""What is measured: reports and lists as the application reads them, and evidence coming in."""

import os
import resource
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import psutil

from db import presence, rollups
from db.bench.generate import Size, terms
from db.indicators import report, rows_behind
from db.pool import Connection, Pool
from db.queries import named
from media.evidence import Evidence
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Cut, Dimension, Side

_sql = named("bench")
_RULES = AttendanceRules()
_D = Dimension

#: Makes something of a report of a cut as of an instant: a page's values, a file.
Output: TypeAlias = Callable[[Connection, Cut, datetime], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds on the clock: the first time, and then the median and the worst of some more; and of
    processor time, here and in the database, the median."""

    first: float
    median: float
    worst: float
    cpu: float


async def reports(
    pool: Pool,
    size: Size,
    repeats: int,
    database: psutil.Process,
    outputs: Mapping[str, Output],
) -> dict[str, Timed]:
    """What a bureau opens: a term's dashboard and others, a list, the intervals of a link; and what
    is made of a report, `outputs` by name, of all years.

    `database` is the server's first process.
    """
    term, first = terms(size)[-1], terms(size)[0]
    as_of = datetime.combine(term.ends_on, datetime.min.time(), UTC) + timedelta(days=40)
    this_term, all_years = Cut(term.starts_on, term.ends_on), Cut(first.starts_on, term.ends_on)
    school = Cut(term.starts_on, term.ends_on, _D.SCHOOL, "2132000002")
    async with pool.connection() as connection:
        link = await _sql.a_link(connection, since=term.starts_on, until=term.ends_on)

    def of(cut: Cut, *breakdowns: Dimension) -> Callable[[], Awaitable[object]]:
        async def read() -> object:
            async with pool.connection() as connection:
                return await report(connection, cut, as_of, _RULES, breakdowns)

        return read

    async def mid_term() -> object:
        """As it stood in the middle of a week: that week is no roll-up yet."""
        async with pool.connection() as connection:
            then = datetime.combine(term.ends_on, datetime.min.time(), UTC) - timedelta(days=9)
            cut = Cut(term.starts_on, then.date())
            return await report(connection, cut, then, _RULES, (_D.SCHOOL,))

    def made(output: Output) -> Callable[[], Awaitable[object]]:
        async def make() -> object:
            async with pool.connection() as connection:
                return await output(connection, all_years, as_of)

        return make

    async def links() -> object:
        async with pool.connection() as connection:
            return await rows_behind(
                connection, this_term, as_of, 4, "delivery", Side.DENOMINATOR, limit=100
            )

    async def intervals() -> object:
        async with pool.connection() as connection:
            return await presence.attendance_of(connection, link["participant_id"])

    return {
        "dashboard, term": await _timed(database, of(this_term, _D.SCHOOL), repeats),
        "dashboard, mid-term": await _timed(database, mid_term, repeats),
        "dashboard, all years": await _timed(database, of(all_years, _D.SCHOOL), repeats),
        "one school, term": await _timed(database, of(school, _D.SUBJECT), repeats),
        "export, term, all breakdowns": await _timed(database, of(this_term, *_D), 2),
        "list of due links": await _timed(database, links, repeats),
        "intervals of a link": await _timed(database, intervals, repeats),
        **{
            f"{name}, all years": await _timed(database, made(output), 2)
            for name, output in outputs.items()
        },
    }


async def rolling(pool: Pool, size: Size) -> dict[str, float]:
    """Seconds to roll up a week, and to derive it again and compare."""
    monday = terms(size)[-1].week1_monday + timedelta(weeks=1)
    async with pool.transaction() as connection:
        began = time.perf_counter()
        await rollups.roll_up(connection, monday)
        rolled = time.perf_counter()
        differences = await rollups.check_rollups(connection, monday, monday + timedelta(days=6))
        checked = time.perf_counter()
    assert differences == (), "what was generated and rolled up agrees with its sources"
    return {"roll up a week": rolled - began, "check a week": checked - rolled}


async def ingest(pool: Pool, size: Size, rows: int) -> dict[str, float]:
    """Evidence as nodes write it, in batches of 2,000 on one connection."""
    term = terms(size)[-1]
    async with pool.connection() as connection:
        link = await _sql.a_link(connection, since=term.starts_on, until=term.ends_on)
        backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
        start = datetime.combine(term.ends_on, datetime.min.time(), UTC)
        pieces = [
            (n, _piece(link["session_id"], link["participant_id"], start, n)) for n in range(rows)
        ]
        node = uuid4()
        before, own = backend.cpu_times(), time.process_time()
        began = time.perf_counter()
        for at in range(0, rows, 2000):
            async with connection.transaction():
                await presence.add_evidence(connection, node, pieces[at : at + 2000])
        took = time.perf_counter() - began
        after, own_after = backend.cpu_times(), time.process_time()
    server = after.user + after.system - before.user - before.system
    return {
        "rows_per_second": rows / took,
        "server_cpu_us_per_row": server / rows * 1e6,
        "client_cpu_us_per_row": (own_after - own) / rows * 1e6,
    }


def _piece(session: UUID, participant: UUID, start: datetime, n: int) -> Evidence:
    at = start + timedelta(seconds=5 * n)
    return Evidence(
        str(session),
        str(participant),
        at,
        at + timedelta(seconds=5),
        sent_decodable=True,
        received_decodable=True,
        packets_in=500,
        bytes_in=500_000,
        packets_out=900,
        bytes_out=900_000,
        lost_in=1,
        lost_out=2,
        jitter_ms=3.5,
        rtt_ms=40.0,
        reason=None,
    )


def memory_mb(database: psutil.Process) -> dict[str, float]:
    """The most that this process has held, the most that one that it started for a file has, and
    what the database's processes hold of their own."""
    held = sum(p.memory_full_info().uss for p in (database, *database.children()))
    return {
        "process_peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "started_peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "postgres_own": held / 1e6,
    }


async def sizes(pool: Pool) -> dict[str, Any]:
    """Rows of what was made, and bytes of all of it."""
    async with pool.connection() as connection:
        return dict(await _sql.sizes(connection))


async def _timed(
    database: psutil.Process, read: Callable[[], Awaitable[object]], repeats: int
) -> Timed:
    times, cpu = [], []
    for _ in range(repeats + 1):
        began, spent = time.perf_counter(), _spent(database)
        await read()
        times.append(time.perf_counter() - began)
        cpu.append(_spent(database) - spent)
    return Timed(times[0], statistics.median(times[1:]), max(times[1:]), statistics.median(cpu[1:]))


def _spent(database: psutil.Process) -> float:
    """Processor seconds of this process, of those it started and saw end, and of the database's
    that are there."""
    own = os.times()
    times = [p.cpu_times() for p in (database, *database.children())]
    return (
        time.process_time()
        + own.children_user
        + own.children_system
        + sum(t.user + t.system for t in times)
    )
