"""Is it up, can it work, and how much does it do."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from classroom_sync.keys import LINKS, LIVE, NOW, POOL, SETTINGS, STOPPING
from classroom_sync.live import Live
from classroom_sync.node_links import NodeLinks
from classroom_sync.sending import today
from classroom_sync.settings import Settings
from db import checks, nodes
from db.checks import Lessons, Recordings
from db.errors import Unreachable
from db.nodes import MediaNodeRow
from db.pool import Pool
from scheduler.model import SessionState
from scheduler.recording import RecordingState

routes = web.RouteTableDef()
_STARTED = time.time()
_DAY = timedelta(days=1)
_LATE = timedelta(hours=1)  # by then a recording is joined
_STATES = {
    "recordings": ("Recordings, by state.", tuple(state.value for state in RecordingState)),
    "uploads": ("Uploads, by state.", ("receiving", "ready", "refused", "deleted")),
    "pushes": ("Classes that have not watched what they were sent.", ("due", "overdue")),
}


@routes.get("/healthz")
async def healthz(_request: web.Request) -> web.Response:
    """The process answers."""
    return web.json_response({"status": "up"})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """The database can be reached, a media node is alive, and nobody has told this process to stop:
    otherwise 503 says which is not, so that a load balancer sends nobody here any more."""
    found = {"database": False, "media_node": False}
    draining = request.app[STOPPING].is_set()
    try:
        async with request.app[POOL].connection() as connection:
            living = await nodes.live(connection)
        found["database"] = True
        found["media_node"] = bool(request.app[LINKS].connected & {row.id for row in living})
    except Unreachable:
        pass  # said by what is false
    ready = all(found.values()) and not draining
    return web.json_response(found | {"draining": draining}, status=200 if ready else 503)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the database says, all processes together."""

    living: list[MediaNodeRow]
    backup: datetime | None
    recordings: Recordings
    lessons: Lessons
    states: dict[tuple[str, str], int]  # by what and state


async def _stored(pool: Pool, now: datetime) -> _Stored | None:
    """None while the database is away."""
    try:
        async with pool.connection() as connection:
            return _Stored(
                await nodes.live(connection),
                await checks.last_backup(connection),
                await checks.recordings(connection, now - timedelta(days=7), now - _LATE),
                await checks.lessons(connection, now - _DAY, now + _DAY, now),
                await checks.states(connection, today(None, now)),
            )
    except Unreachable:
        return None


def _disks(settings: Settings) -> dict[str, tuple[int, int]]:
    """Bytes free, and in all, where this machine keeps what: as far as that is on a disk of it."""
    places = {
        "data": settings.data_dir,
        "uploads": settings.upload_dir or settings.data_dir / "uploads",
    }
    store = settings.recording_store
    if store is None or not store.startswith("s3://"):
        places["recordings"] = Path(store) if store else settings.data_dir / "recordings"
    found = {}
    for what, path in places.items():
        there = next((p for p in (path, *path.absolute().parents) if p.exists()), None)
        if there is not None:
            usage = shutil.disk_usage(there)
            found[what] = (usage.free, usage.total)
    return found


class _Collector:
    """Gauges read when asked."""

    def __init__(
        self,
        live: Live,
        links: NodeLinks,
        stored: _Stored | None,
        disks: dict[str, tuple[int, int]],
    ) -> None:
        self._live = live
        self._links = links
        self._stored = stored
        self._disks = disks

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
            participants.add_metric([state.value], sum(len(s.sending) for s in chosen))
        yield sessions
        yield participants
        yield GaugeMetricFamily(
            "classroom_sync_database_up",
            "Whether the database can be reached.",
            int(self._stored is not None),
        )
        free = GaugeMetricFamily(
            "classroom_sync_disk_free_bytes", "Free where this machine keeps what.", labels=["of"]
        )
        size = GaugeMetricFamily(
            "classroom_sync_disk_size_bytes", "In all, free or not.", labels=["of"]
        )
        for what, (left, whole) in self._disks.items():
            free.add_metric([what], left)
            size.add_metric([what], whole)
        yield free
        yield size
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
    for what, (meaning, states) in _STATES.items():
        gauge = GaugeMetricFamily(f"classroom_sync_{what}", meaning, labels=["state"])
        for state in states:
            gauge.add_metric([state], stored.states.get((what, state), 0))
        yield gauge
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
    disks = await asyncio.to_thread(_disks, request.app[SETTINGS])
    registry.register(_Collector(request.app[LIVE], request.app[LINKS], stored, disks))
    ProcessCollector(registry=registry)
    return web.Response(
        body=generate_latest(registry),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )
