"""Is it up, can it work, and how much does it do."""

import time
from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from classroom_sync.keys import LINKS, LIVE, POOL
from classroom_sync.live import Live
from classroom_sync.node_links import NodeLinks
from db import nodes
from db.errors import Unreachable
from scheduler.model import SessionState

routes = web.RouteTableDef()
_STARTED = time.time()


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


class _Collector:
    """Gauges read when asked."""

    def __init__(self, live: Live, links: NodeLinks) -> None:
        self._live = live
        self._links = links

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
                [state.value], sum(len({p for p, _ in s.publishing}) for s in chosen)
            )
        yield sessions
        yield participants


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Prometheus text."""
    registry = CollectorRegistry()
    registry.register(_Collector(request.app[LIVE], request.app[LINKS]))
    return web.Response(
        body=generate_latest(registry),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )
