"""What handlers are given: typed keys of the application and of a request."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from classroom_sync.settings import Settings
from db.pool import Pool

if TYPE_CHECKING:
    from classroom_sync.auth import Visitor
    from classroom_sync.contents import Contents
    from classroom_sync.identity_provider import IdentityProvider
    from classroom_sync.limits import Limits
    from classroom_sync.live import Live
    from classroom_sync.node_links import NodeLinks
    from classroom_sync.open_sockets import OpenSockets
    from classroom_sync.recording_works import RecordingWorks
    from classroom_sync.solver_runs import SolverRuns
    from classroom_sync.uploads.receiving import Receiving

SETTINGS = web.AppKey("settings", Settings)
POOL = web.AppKey("pool", Pool)
LIVE: "web.AppKey[Live]" = web.AppKey("live")
LINKS: "web.AppKey[NodeLinks]" = web.AppKey("links")
LIMITS: "web.AppKey[Limits]" = web.AppKey("limits")
MEDIA_KEY = web.AppKey("media_key", bytes)  # signs media tokens
NODE_HTTP = web.AppKey("node_http", aiohttp.ClientSession)
IDENTITY: "web.AppKey[IdentityProvider | None]" = web.AppKey("identity")
STOPPING = web.AppKey("stopping", asyncio.Event)  # set once the server was told to stop
NOW: "web.AppKey[Callable[[], datetime]]" = web.AppKey("now")
CONTENTS: "web.AppKey[Contents]" = web.AppKey("contents")
RECEIVING: "web.AppKey[Receiving]" = web.AppKey("receiving")
SOCKETS: "web.AppKey[OpenSockets]" = web.AppKey("sockets")
SOLVER: "web.AppKey[SolverRuns]" = web.AppKey("solver")
WORKS: "web.AppKey[RecordingWorks]" = web.AppKey("works")
ZONE = web.AppKey("zone", str)

VISITOR: "web.RequestKey[Visitor]" = web.RequestKey("visitor")
LOCALE = web.RequestKey("locale", str)
TRANSLATE: "web.RequestKey[Callable[[str], str]]" = web.RequestKey("translate")
