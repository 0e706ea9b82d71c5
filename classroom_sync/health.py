"""Is it up, can it work, and how much does it do."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from classroom_sync.keys import LINKS, LIVE, NOW, POOL
from classroom_sync.live import Live
from classroom_sync.node_links import NodeLinks
from db import checks, nodes
from db.checks import Lessons, Recordings
from db.errors import Unreachable
from db.nodes import MediaNodeRow
from db.pool import Pool
from scheduler.model import SessionState

routes = web.RouteTableDef()
_STARTED = time.time()
_DAY = timedelta(days=1)
_LATE = timedelta(hours=1)  # by then a recording is joined


@routes.get("/healthz")
async def healthz(_request: web.Request) -> web.Response:
    """The process answers."""
    return web.json_response({"status": "up"})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """The database can be reached and a media node is alive; otherwise 503 says which is not."""
    found = {"database": False, "media_node": False}
    try:
        async with request.app[POOL].connection() as connection:
            living = await nodes.live(connection)
        found["database"] = True
        found["media_node"] = bool(request.app[LINKS].connected & {row.id for row in living})
    except Unreachable:
        pass  # said by what is false
    return web.json_response(found, status=200 if all(found.values()) else 503)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the database says, all processes together."""

    living: list[MediaNodeRow]
    backup: datetime | None
    recordings: Recordings
    lessons: Lessons


async def _stored(pool: Pool, now: datetime) -> _Stored | None:
    """None while the database is away."""
    try:
        async with pool.connection() as connection:
            return _Stored(
                await nodes.live(connection),
                await checks.last_backup(connection),
                await checks.recordings(connection, now - timedelta(days=7), now - _LATE),
                await checks.lessons(connection, now - _DAY, now + _DAY, now),
            )
    except Unreachable:
        return None


class _Collector:
    """Gauges read when asked."""

    def __init__(self, live: Live, links: NodeLinks, stored: _Stored | None) -> None:
        self._live = live
        self._links = links
        self._stored = stored

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "classroom_sync_started_time_seconds", "When this process started.", _STARTED
        )
        yield GaugeMetricFamily(
            "classroom_sync_media_nodes", "Media nodes linked.", len(self._links.connected)
        )
        sessions = GaugeMetricFamily(
            "classroom_sync_sessions", "Sessions under way, by state.", labels=["state"]
        )
        participants = GaugeMetricFamily(
            "classroom_sync_participants",
            "Participants that send, by session state.",
            labels=["state"],
        )
        for state in (SessionState.OPEN, SessionState.LIVE):
            chosen = [s for s in self._live.under_way() if s.session.state is state]
            sessions.add_metric([state.value], len(chosen))
            participants.add_metric(
                [state.value], sum(len({p for p, _ in s.told.publishing}) for s in chosen)
            )
        yield sessions
        yield participants
        yield GaugeMetricFamily(
            "classroom_sync_database_up",
            "Whether the database can be reached.",
            int(self._stored is not None),
        )
        if self._stored is not None:
            yield from _of_database(self._stored)


def _of_database(stored: _Stored) -> Iterator[Metric]:
    load = GaugeMetricFamily(
        "classroom_sync_node_packets_per_second",
        "Packets that a media node forwards, as it last said.",
        labels=["node", "host"],
    )
    for node in stored.living:
        load.add_metric([str(node.id), node.host], node.load)
    yield load
    yield GaugeMetricFamily(
        "classroom_sync_last_backup_time_seconds",
        "When the last backup was made; 0: never.",
        stored.backup.timestamp() if stored.backup is not None else 0,
    )
    yield GaugeMetricFamily(
        "classroom_sync_recordings_failed", "Of the last week.", stored.recordings.failed
    )
    yield GaugeMetricFamily(
        "classroom_sync_recordings_late",
        "Over for an hour and more, and not joined.",
        stored.recordings.late,
    )
    yield GaugeMetricFamily(
        "classroom_sync_lessons_overdue",
        "Of the last day: past their start and never opened.",
        stored.lessons.overdue,
    )


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Prometheus text."""
    registry = CollectorRegistry()
    stored = await _stored(request.app[POOL], request.app[NOW]())
    registry.register(_Collector(request.app[LIVE], request.app[LINKS], stored))
    ProcessCollector(registry=registry)
    return web.Response(
        body=generate_latest(registry),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )
