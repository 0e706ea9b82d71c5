"""Lessons that are held on a real server while something happens to it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from classroom_sync.adoption import left_in
from db.embedded import EmbeddedPostgres
from tests.chaos.measured import Fault, Measured, presences, recorded
from tests.chaos.pages import Hall, pages
from tests.chaos.school import MINUTES, open_school
from tests.chaos.servers import Process, ready, serving
from tests.e2e.running import free_port

SETTLED = 6.0  # seconds of a lesson before the first thing happens: by then evidence is written
AFTER = 4.0  # and after each
RECORDED = {"CLASSROOM_SYNC_RECORD_LESSONS": "true"}


@dataclass
class Held:
    """Lessons under way: the pages of all who take part, the server, and its database."""

    hall: Hall
    server: Process
    dsn: str
    data_dir: Path
    postgres: EmbeddedPostgres | None  # of a process of its own
    recorded: bool
    _serve: Callable[[Mapping[str, str]], Awaitable[Process]]
    faults: list[Fault] = field(default_factory=list)

    @property
    def postmaster(self) -> int:
        """The process id of the server's own PostgreSQL."""
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])

    @property
    def nodes(self) -> list[int]:
        """The process ids of the server's own media nodes, whichever control process started
        them."""
        return [said["pid"] for _, said in left_in(self.data_dir / "nodes")]

    async def start_again(self, **settings: str) -> None:
        """The control process, at the same address, as systemd would; with other settings."""
        said = {f"CLASSROOM_SYNC_{name.upper()}": value for name, value in settings.items()}
        self.server = await self._serve(said)

    async def busy_node(self) -> psutil.Process:
        """The media node with most lessons."""
        connection = await asyncpg.connect(self.dsn)
        try:
            port = await connection.fetchval(
                "SELECT n.udp_port FROM media_nodes n JOIN sessions s ON s.node_id = n.id"
                " WHERE s.state = 'live' GROUP BY n.id ORDER BY count(*) DESC, n.id LIMIT 1"
            )
        finally:
            await connection.close()
        return self.server.node_at(port)

    async def through(
        self,
        what: str,
        happens: Callable[[], Awaitable[None]],
        *,
        within: float = 180.0,
    ) -> None:
        """Let something happen, and wait until all is as before."""
        since = time.time()
        await happens()
        await asyncio.sleep(1.0)  # until then a page that hears nothing more looks well
        asked = time.time()
        up = await ready(self.server.url, within)
        await self.hall.watch_all(within)
        await asyncio.sleep(AFTER)
        await self.hall.watch_all(within)
        until = time.time()
        normal = max(page.settled(since) for page in self.hall.rooms)
        if up - asked > 0.5:  # else it was up all the time
            normal = max(normal, up)
        dark = [page.dark(since, until) for page in self.hall.rooms]
        self.faults.append(Fault(what, since, until, dark, normal - since))
        print(self.faults[-1])  # seen where the test fails later

    async def end(self) -> Measured:
        """End the lessons, and look what is left of them."""
        await self.hall.end()
        recordings = self.data_dir / "recordings"
        return Measured(
            self.faults,
            await presences(self.dsn, self.hall),
            await recorded(self.dsn, recordings, self.hall) if self.recorded else [],
        )


@asynccontextmanager
async def lessons_held(
    tmp_path: Path,
    count: int,
    *,
    nodes: int = 1,
    listening: int = 1,
    embedded: bool = False,
    record: bool = True,
    minutes: int = MINUTES,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Held]:
    """`count` lessons on a server, by a PostgreSQL of its own process or by the server's own."""
    data_dir = tmp_path / "data"
    async with AsyncExitStack() as stack:
        postgres = EmbeddedPostgres(data_dir if embedded else tmp_path / "database")
        await asyncio.to_thread(postgres.start)
        dsn, arguments = postgres.dsn, ["--nodes", str(nodes)]
        seats = await open_school(dsn, count, listening=listening, minutes=minutes)
        if embedded:
            await asyncio.to_thread(postgres.stop)
        else:
            stack.callback(postgres.stop)
            arguments += ["--database-url", dsn]
        said = RECORDED if record else {}
        port, udp_port = free_port(), free_port(socket.SOCK_DGRAM)

        async def serve(changed: Mapping[str, str]) -> Process:
            return await stack.enter_async_context(
                serving(
                    data_dir,
                    *arguments,
                    port=port,
                    udp_port=udp_port,
                    environment={**said, **(environment or {}), **changed},
                )
            )

        server = await serve({})
        hall = await stack.enter_async_context(pages([server.url], seats))
        await asyncio.sleep(SETTLED)
        yield Held(hall, server, dsn, data_dir, None if embedded else postgres, record, serve)
