"""Eight machines: a reverse proxy, two control processes, three media nodes, a PostgreSQL and its
standby; and the tests themselves on the first."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import aiohttp

from classroom_sync import tokens
from classroom_sync.secrets import MEDIA_KEY, shared_secret
from classroom_sync.tokens import MediaToken
from db import nodes
from db.pool import Pool, migrate_database
from tests.hosts.city import Held, build
from tests.hosts.lan import Host, lan
from tests.hosts.peers import Door
from tests.hosts.postgres import Server, servers

NGINX = Path(__file__).parents[2] / "deploy" / "nginx" / "classroom-sync.conf"
PORT = 8080
_START = 120.0  # seconds


@dataclass
class Cluster:
    """All of it. `sessions` are tests/hosts/city.py's."""

    proxy: Host
    controls: tuple[Host, Host]
    nodes: tuple[Host, ...]
    primary: Server
    standby: Server
    dsn: str
    pool: Pool
    sessions: list[Held]
    media_key: bytes
    directory: Path
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{self.proxy.address}:{PORT}"

    def url_of(self, control: int) -> str:
        return f"http://{self.controls[control].address}:{PORT}"

    def token(self, held: Held, participant: UUID, direction: tokens.Direction) -> str:
        role = "lead" if participant == held.lead else "receiving"
        token = MediaToken(held.id, participant, direction, role)  # type: ignore[arg-type]
        return tokens.issue(self.media_key, token, datetime.now(UTC))

    def whip(self, held: Held, participant: UUID) -> Door:
        url = f"{self.url}/whip/{held.id}/{participant}"
        return Door(lambda: url, self.token(held, participant, "publish"))

    def whep(self, held: Held, participant: UUID) -> Door:
        url = f"{self.url}/whep/{held.id}"
        return Door(lambda: url, self.token(held, participant, "subscribe"))

    async def start(self, name: str, host: Host, *arguments: str) -> None:
        """Run the command line on a host, with a data directory of the host's own."""
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                *host.namespace.command(sys.executable, "-m", "classroom_sync", *arguments),
                *("--host", host.address, "--port", str(PORT)),
                *("--data-dir", str(self.directory / name)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "CLASSROOM_SYNC_DATABASE_URL": self.dsn,
                    "CLASSROOM_SYNC_LOG_FORMAT": "json",
                    "CLASSROOM_SYNC_TRUSTED_PROXIES": self.proxy.address,
                    "CLASSROOM_SYNC_ROOMS_PER_NODE": "16",
                },
            )

    async def start_control(self, number: int) -> None:
        await self.start(f"control-{number}", self.controls[number], "serve", "--nodes", "0")

    async def start_node(self, number: int) -> None:
        host = self.nodes[number]
        url = f"http://{host.address}:{PORT}"
        await self.start(f"node-{number}", host, "node", "--udp-port", "8189", "--node-url", url)

    async def ready(self, url: str, within: float = _START) -> None:
        """Until lessons can be held by way of this URL."""
        async with aiohttp.ClientSession() as http, asyncio.timeout(within):
            while True:
                try:
                    async with http.get(url + "/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass  # not listening yet
                await asyncio.sleep(0.05)

    async def node_hosts(self, held: Held) -> str | None:
        """The address of the node that holds a session."""
        async with self.pool.connection() as connection:
            found: str | None = await connection.fetchval(
                "SELECT http_url FROM sessions s JOIN media_nodes n ON n.id = s.node_id "
                "WHERE s.id = $1",
                held.id,
            )
        return found.partition("://")[2].partition(":")[0] if found else None

    async def living_nodes(self) -> int:
        async with self.pool.connection() as connection:
            return len(await nodes.live(connection))

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()


@asynccontextmanager
async def cluster(directory: Path) -> AsyncIterator[Cluster]:
    """Running and ready, with sessions that are open and placed."""
    names = ("here", "proxy", "ca", "cb", "n1", "n2", "n3", "db1", "db2")
    async with AsyncExitStack() as stack:
        here, proxy, *rest = stack.enter_context(lan(*names))
        controls, media, (first, second) = (rest[0], rest[1]), tuple(rest[2:5]), rest[5:7]
        stack.enter_context(here.namespace.entered())
        primary, standby = stack.enter_context(servers(first, second))
        dsn = (
            f"postgresql://postgres@{first.address}:5432,{second.address}:5432/postgres"
            "?target_session_attrs=read-write"
        )
        await migrate_database(dsn)
        pool = await Pool.open(dsn)
        stack.push_async_callback(pool.close)
        async with pool.transaction() as connection:
            sessions = await build(connection)
            key = await shared_secret(connection, MEDIA_KEY)
        made = Cluster(
            proxy, controls, media, primary, standby, dsn, pool, sessions, key, directory
        )
        stack.push_async_callback(_end, made)
        for number in range(len(media)):
            await made.start_node(number)
        for number in range(len(controls)):
            await made.start_control(number)
        await _start_nginx(made, [c.address for c in controls])
        await made.ready(made.url)
        for number in range(len(controls)):
            await made.ready(made.url_of(number))
        async with asyncio.timeout(_START):
            for held in sessions:
                while await made.node_hosts(held) is None:
                    await asyncio.sleep(0.1)
        yield made


async def _end(made: Cluster) -> None:
    for process in made.processes.values():
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _start_nginx(made: Cluster, upstreams: Sequence[str]) -> None:
    """The configuration as it ships, with both control processes and without TLS."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    assert program is not None, "tests/setup-system.sh installs nginx"
    text = NGINX.read_text()
    options = "max_fails=1 fail_timeout=2s;"
    servers_here = "\n".join(f"    server {u}:{PORT} {options}" for u in upstreams)
    secure = text[text.index("    listen 443 ssl") : text.index("    add_header Strict")]
    for shipped, here in (
        (secure, f"    listen {PORT};\n"),
        ("    listen [::]:80;\n", ""),
        (f"    server 127.0.0.1:8080 {options}", servers_here),
    ):
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    directory = made.directory / "nginx"
    directory.mkdir()
    (directory / "site.conf").write_text(text)
    temporary = " ".join(
        f"{kind}_temp_path {directory}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = directory / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    main.write_text(
        f"{user} daemon off; worker_processes 1; pid {directory}/pid; error_log stderr;"
        f"events {{}} http {{ access_log off; {temporary} include {directory}/site.conf; }}"
    )
    with (made.directory / "nginx.log").open("ab") as log:
        made.processes["nginx"] = await asyncio.create_subprocess_exec(
            *made.proxy.namespace.command(program, "-c", str(main)), stdout=log, stderr=log
        )
