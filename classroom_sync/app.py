"""The aiohttp application: middlewares, routes, and what handlers are given."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import aiohttp
from aiohttp import web

from classroom_sync import (
    auth,
    health,
    languages,
    playback,
    problem_details,
    relay,
    session_socket,
)
from classroom_sync.api import registry
from classroom_sync.contents import Contents
from classroom_sync.identity_provider import IdentityProvider
from classroom_sync.keys import (
    CONTENTS,
    IDENTITY,
    LIMITS,
    LINKS,
    LIVE,
    MEDIA_KEY,
    NODE_HTTP,
    NOW,
    POOL,
    RECEIVING,
    SETTINGS,
    SOCKETS,
    SOLVER,
    STOPPING,
    WORKS,
)
from classroom_sync.limits import Limits
from classroom_sync.live import Live
from classroom_sync.node_links import NodeLinks
from classroom_sync.open_sockets import OpenSockets
from classroom_sync.pages import (
    acceptance,
    account,
    admin,
    alerts,
    bells,
    bureau,
    busy,
    calendar,
    changes,
    demands,
    drill_down,
    entrance,
    feeds,
    identity,
    imports,
    meetings,
    needs,
    observe,
    passwords,
    patrol,
    people,
    recordings,
    registers,
    repair,
    room,
    room_sent,
    rooms,
    schools,
    sent,
    shifts,
    teacher,
    timetable,
)
from classroom_sync.recording_access import VIEWS
from classroom_sync.recording_works import RecordingWorks
from classroom_sync.settings import Settings
from classroom_sync.solver_runs import SolverRuns
from classroom_sync.uploads import routes as upload_routes
from classroom_sync.uploads.receiving import Receiving
from classroom_sync.uploads.shelf import Shelf
from db.pool import Pool

_MAX_BODY = 256 * 1024

#: Nothing inline, nothing from elsewhere.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; media-src 'self' blob:; font-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "classroom-sync"  # not of what, in which version, it is made
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.path.startswith("/static/"):
        response.headers.setdefault("Cache-Control", "no-store")


def build(
    settings: Settings,
    pool: Pool,
    live: Live,
    links: NodeLinks,
    media_key: bytes,
    node_http: aiohttp.ClientSession,
    works: RecordingWorks,
    now: Callable[[], datetime],
) -> web.Application:
    """The application, ready to be served; it owns nothing it is given, and its solver runs."""
    app = web.Application(
        middlewares=[languages.localized, problem_details.errors, auth.authenticated],
        client_max_size=_MAX_BODY,
    )
    app[SETTINGS] = settings
    app[POOL] = pool
    app[LIVE] = live
    app[LINKS] = links
    app[LIMITS] = Limits()
    app[MEDIA_KEY] = media_key
    app[NODE_HTTP] = node_http
    app[STOPPING] = asyncio.Event()
    app[NOW] = now
    client = settings.identity_client
    app[IDENTITY] = IdentityProvider(client) if client is not None else None
    app[WORKS] = works
    app[VIEWS] = OrderedDict()
    app[SOCKETS] = sockets = OpenSockets(pool, settings.entry_rules, now)
    app[SOLVER] = runs = SolverRuns(pool, now)
    shelf = Shelf(settings.upload_dir or settings.data_dir / "uploads")
    app[RECEIVING] = receiving = Receiving(pool, shelf, settings.upload_max_bytes, now)

    async def recorded(request: web.Request, key: str, media_type: str) -> web.StreamResponse:
        return await playback.send(request, works.store, key, media_type)

    app[CONTENTS] = Contents(shelf, recorded)

    async def beside(_app: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(w) for w in (receiving.keep_swept(), sockets.run())]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app.cleanup_ctx.append(beside)

    async def close_work(_app: web.Application) -> None:
        await runs.close()
        await receiving.close()

    app.on_shutdown.append(close_work)
    pages = (
        entrance,
        identity,
        teacher,
        room,
        rooms,
        acceptance,
        account,
        admin,
        people,
        alerts,
        patrol,
        timetable,
        changes,
        demands,
        repair,
        shifts,
        calendar,
        bells,
        busy,
        registers,
        needs,
        bureau,
        schools,
        drill_down,
        feeds,
        imports,
        observe,
        meetings,
        passwords,
        recordings,
        sent,
        room_sent,
    )
    for module in (*pages, upload_routes, session_socket, relay, health):
        app.add_routes(module.routes)
    registry.add_routes(app)
    app.router.add_static("/static", Path(__file__).parent / "static", append_version=True)
    app.on_response_prepare.append(_secure)
    app.on_response_prepare.append(upload_routes.speak_tus)
    return app
