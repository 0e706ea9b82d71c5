"""The control process, from nothing to serving and back: composition only.

Order of starting: TCP port, database, schema, media nodes, links, clock, pages. Stopping goes the
other way round, so that evidence is written before the database stops.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import aiohttp
import structlog
from aiohttp import web

from classroom_sync import __version__
from classroom_sync import app as application
from classroom_sync.adoption import adopt, kinship
from classroom_sync.database import database
from classroom_sync.duties import LEADER, again, first_of, running
from classroom_sync.errors import CannotStart
from classroom_sync.handover import hand_over
from classroom_sync.keys import STOPPING
from classroom_sync.listening import bind_tcp, url_of
from classroom_sync.live import Live
from classroom_sync.node_links import NodeAddress, NodeLinks
from classroom_sync.planning import plan_sessions
from classroom_sync.recording_control import RecordingRules
from classroom_sync.recording_keeper import RecordingKeeper
from classroom_sync.recording_works import RecordingWorks
from classroom_sync.secrets import CONTROL_KEY, MEDIA_KEY, shared_secret
from classroom_sync.sending import send_by_rule
from classroom_sync.settings import ENV_PREFIX, Settings
from classroom_sync.store import StoreError, store_at
from classroom_sync.supervisor import NodeSupervisor
from classroom_sync.watch import watch
from db import nodes, notices, partitions, rollups, sessions
from db.errors import DatabaseError, Unreachable
from db.pool import Leadership, Pool, migrate_database
from scheduler.clock import SessionClock
from scheduler.indicators.values import IndicatorRules

log = structlog.get_logger()

_PLAN_EVERY = 600.0  # seconds
_TEND_EVERY = 0.5
_DERIVE_EVERY = 5.0
_KEEP_EVERY = 2.0
_VISITS_EVERY = 5.0
_LATE = timedelta(days=30)  # how long late evidence is looked for

Prepare = Callable[[Pool, Live], Awaitable[None]]
Announce = Callable[[str], None]


def _now() -> datetime:
    return datetime.now(UTC)


async def serve(settings: Settings, announce: Announce, prepare: Prepare | None = None) -> None:
    """Run until SIGTERM or Ctrl-C: then lessons are handed over to other machines' nodes, if there
    are any; a second one stops at once. `prepare` is called before the clock starts, `announce`
    with the URL once pages are served. Raises CannotStart."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def told() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told)
    bound = bind_tcp(settings.host, settings.port)
    try:
        async with contextlib.AsyncExitStack() as stack:
            dsn = await stack.enter_async_context(database(settings))
            await migrate_database(dsn)
            pool = await Pool.open(dsn)
            stack.push_async_callback(pool.close)
            async with pool.connection() as connection:
                media_key = await shared_secret(connection, MEDIA_KEY)
                control_key = (await shared_secret(connection, CONTROL_KEY)).hex()
            links, live = _join(pool, control_key, media_key, settings)

            async def on_death(node_id: UUID) -> None:
                await _bury(pool, live, links, node_id)

            commands = _commands(settings, dsn, control_key)
            adopted = await adopt(
                settings.data_dir / "nodes", [command[-1] for command in commands], control_key
            )
            async with pool.connection() as connection:
                for node in adopted.values():  # its lease may have lapsed with the database
                    await nodes.renew(connection, node.node_id, nodes.LEASE, 0.0)
            environment = {
                ENV_PREFIX + "DATABASE_URL": dsn,
                ENV_PREFIX + "DRAIN_SECONDS": str(settings.drain_seconds),
            }
            supervisor = NodeSupervisor(
                commands, environment, on_death, settings.drain_seconds, adopted
            )
            await stack.enter_async_context(running(supervisor.run()))
            await stack.enter_async_context(running(links.run()))
            await stack.enter_async_context(running(live.notices.run()))
            await stack.enter_async_context(running(_listen(dsn, pool, live)))
            if prepare is not None:
                await prepare(pool, live)
            store = store_at(settings.recording_store, settings.data_dir)
            works = RecordingWorks(pool, store, settings.data_dir / "joining", _now)
            keeper = RecordingKeeper(pool, works, _now)
            await stack.enter_async_context(
                running(_lead(dsn, pool, live, links, keeper, settings))
            )
            http = await stack.enter_async_context(aiohttp.ClientSession())
            app = application.build(settings, pool, live, links, media_key, http, works, _now)
            app[STOPPING] = stop
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.SockSite(runner, bound).start()
            announce(url_of(bound))
            await stop.wait()
            log.info("stopping")
            await first_of(_drain(pool, supervisor), hurry.wait())
    except (DatabaseError, StoreError) as error:
        raise CannotStart(str(error)) from error
    finally:
        bound.close()


async def _listen(dsn: str, pool: Pool, live: Live) -> None:
    """For ever: hear what other processes write. When the connection for it had to be made anew,
    the pool's may lead to a server that is gone."""

    async def anew() -> None:
        await pool.renew()
        live.notices.anew()

    told = {notices.SESSION_CHANGED: live.notices.told, notices.OF_PAGE: live.said_of_page}
    await notices.follow(dsn, told, anew)


async def _bury(pool: Pool, live: Live, links: NodeLinks, node_id: UUID) -> None:
    """End a dead node's lease and place its sessions anew, as far as there is a node for them."""
    try:
        async with pool.connection() as connection:
            await nodes.leave(connection, node_id)
        links.look_again()
        await live.place_again()
    except Unreachable as error:
        log.warning("lease left to lapse", node=str(node_id), cause=str(error))


async def _drain(pool: Pool, supervisor: NodeSupervisor) -> None:
    """Empty the nodes while all else still works; none of them takes what another hands over."""
    with contextlib.suppress(Unreachable):
        async with pool.connection() as connection:
            await nodes.drain(connection, supervisor.node_ids.values())
    await supervisor.drain()


def _commands(settings: Settings, dsn: str, control_key: str) -> list[list[str]]:
    """What starts each media node; the last word of it is the node's kinship."""
    commands = []
    for index in range(settings.nodes):
        udp_port = settings.udp_port + index if settings.udp_port else 0
        command = ["node", "--udp-port", str(udp_port), "--host", settings.host]
        command += ["--data-dir", str(settings.data_dir), "--log-format", settings.log_format]
        command += ["--log-level", settings.log_level]
        if settings.public_address is not None:
            command += ["--public-address", settings.public_address]
        kin = kinship(control_key, settings, __version__, dsn, command)
        commands.append([*command, "--parent", kin])
    return commands


def _join(
    pool: Pool, control_key: str, media_key: bytes, settings: Settings
) -> tuple[NodeLinks, Live]:
    async def living() -> list[NodeAddress]:
        async with pool.connection() as connection:
            return [
                NodeAddress(row.id, row.http_url, row.public_url)
                for row in await nodes.live(connection)
            ]

    async def on_event(node_id: object, message: dict[str, object]) -> None:
        await live.on_node_event(node_id, message)  # type: ignore[arg-type]  # as NodeLinks gives it

    links = NodeLinks(control_key, living, on_event)
    recording = RecordingRules(
        settings.record_lessons, settings.record_rooms, timedelta(days=settings.recording_days)
    )
    live = Live(
        pool,
        links,
        _now,
        settings.attendance_rules,
        recording=recording,
        media_key=media_key,
        rooms_per_node=settings.rooms_per_node,
    )
    return links, live


async def _lead(
    dsn: str,
    pool: Pool,
    live: Live,
    links: NodeLinks,
    keeper: RecordingKeeper,
    settings: Settings,
) -> None:
    """For ever: wait to be the leader, then keep the clock until leadership is lost."""
    leadership = Leadership(dsn, LEADER)

    async def unfinished(until: datetime) -> list[object]:
        async with pool.connection() as connection:
            return list(await sessions.unfinished(connection, until))

    while True:
        held = await leadership.won()
        log.info("leading the clock")
        clock = SessionClock(unfinished, live.perform, _now)  # type: ignore[arg-type]  # list[Session]
        clock.start()
        try:
            async with asyncio.TaskGroup() as group:
                duties = [
                    group.create_task(duty)
                    for duty in (
                        again("plan", partial(_plan, pool, clock, settings), _PLAN_EVERY),
                        again("place", partial(_place, live), _TEND_EVERY),
                        again("hand over", lambda: hand_over(pool, live, links), _TEND_EVERY),
                        again("derive", lambda: live.derive_late(_now() - _LATE), _DERIVE_EVERY),
                        again("keep recordings", keeper.tend, _KEEP_EVERY),
                        again("keep visits", live.keep_visits, _VISITS_EVERY),
                        watch(pool, settings, _now),
                    )
                ]
                await leadership.lost(held)
                for duty in duties:
                    duty.cancel()
        finally:
            clock.stop()
            if not held.is_closed():
                await held.close()


async def _plan(pool: Pool, clock: SessionClock, settings: Settings) -> None:
    async with pool.transaction() as connection:
        await plan_sessions(connection, _now())
    await clock.refresh()
    async with pool.transaction() as connection:
        await partitions.tend(connection, _now(), settings.evidence_days)
    await _roll_up(pool, settings.indicator_rules)
    async with pool.transaction() as connection:
        await send_by_rule(connection, _now(), settings.attendance_rules, settings.watched_share)


async def _place(live: Live) -> None:
    """What must be seen to at once: homeless sessions and unwritten states."""
    await live.place_again()
    await live.settle_live()


async def _roll_up(pool: Pool, choices: IndicatorRules) -> None:
    """Add up the weeks before this one that have changed, each by itself."""
    async with pool.connection() as connection:
        weeks = await rollups.changed(connection, _now().date(), choices)
    for monday in weeks:
        async with pool.transaction() as connection:
            await rollups.roll_up(connection, monday, choices)
    async with pool.transaction() as connection:
        await rollups.roll_up_blocks(connection, _now().date())
