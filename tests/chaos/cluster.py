"""A server of several processes over one PostgreSQL: control processes, and media nodes beside."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from db.embedded import EmbeddedPostgres
from tests.chaos.held import RECORDED, SETTLED, Held
from tests.chaos.pages import pages
from tests.chaos.school import open_school
from tests.chaos.servers import Process, classroom_sync, ready, serving
from tests.e2e.running import free_port


@dataclass
class Cluster:
    """Its processes, each of which can be started anew in the place of one that ended."""

    stack: AsyncExitStack
    data_dir: Path
    postgres: EmbeddedPostgres
    control: list[Process] = field(default_factory=list)
    nodes: list[Process] = field(default_factory=list)

    async def serve(self, port: int) -> Process:
        arguments = ("--nodes", "0", "--database-url", self.postgres.dsn)
        return await self.stack.enter_async_context(
            serving(self.data_dir, *arguments, port=port, environment=RECORDED)
        )

    async def node(self, udp_port: int) -> Process:
        """A media node, once it is up."""
        command = ("node", "--database-url", self.postgres.dsn, "--udp-port", str(udp_port))
        place = self.data_dir / f"node-{udp_port}"
        # Recordings are where the control processes look for them.
        said = {"CLASSROOM_SYNC_RECORDING_STORE": str(self.data_dir / "recordings")}
        said["CLASSROOM_SYNC_DRAIN_SECONDS"] = "600"  # a machine may be slow to start another
        node = await self.stack.enter_async_context(
            classroom_sync(
                *command,
                *("--data-dir", str(place)),
                environment=said,
            )
        )
        await node.says("media node up")
        return node

    async def leader(self) -> Process:
        """The control process that keeps the clock."""
        async with asyncio.timeout(120):
            while True:
                for each in self.control:
                    if each.process.returncode is None and each.logged("leading the clock"):
                        return each
                await asyncio.sleep(0.1)


@asynccontextmanager
async def cluster_held(
    tmp_path: Path, lessons: int, *, nodes: int = 2, control: int = 2
) -> AsyncIterator[tuple[Held, Cluster]]:
    """`lessons` held by so many control processes and media nodes."""
    async with AsyncExitStack() as stack:
        postgres = EmbeddedPostgres(tmp_path / "database")
        await asyncio.to_thread(postgres.start)
        stack.callback(postgres.stop)
        seats = await open_school(postgres.dsn, lessons)
        cluster = Cluster(stack, tmp_path / "data", postgres)
        for _ in range(nodes):
            cluster.nodes.append(await cluster.node(free_port(socket.SOCK_DGRAM)))
        for _ in range(control):
            cluster.control.append(await cluster.serve(free_port()))
        for each in cluster.control:
            await ready(each.url)
        hall = await stack.enter_async_context(pages([c.url for c in cluster.control], seats))
        await asyncio.sleep(SETTLED)
        first = cluster.control[0]
        yield Held(hall, first, postgres.dsn, tmp_path / "data", postgres, True, _never), cluster


async def _never() -> Process:
    raise AssertionError("a cluster's processes are started by the cluster")
