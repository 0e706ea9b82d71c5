"""A cable between a browser and a server, which can be cut and mended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Cable:
    """Bytes both ways; while it is cut, connections break and new ones are refused."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self.let_down = -1  # bytes from the server until it cuts itself; -1: without end
        self.let_up = -1  # and to the server

    def cut(self) -> None:
        self._cut = True
        for writer in list(self._open):
            writer.transport.abort()

    def mend(self) -> None:
        self._cut = False
        self.let_down = self.let_up = -1

    async def joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from the browser's side."""
        if self._cut:
            writer.transport.abort()
            return
        there, here = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._open |= {writer, here}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, here, "let_up"))
                group.create_task(self._pass(there, writer, "let_down"))
        finally:
            self._open -= {writer, here}

    async def _pass(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, limit: str
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while content := await source.read(65536):
                left = getattr(self, limit)
                if left >= 0:
                    setattr(self, limit, left - len(content))
                    if left < len(content):
                        self.cut()
                        return
                to.write(content)
                await to.drain()
        with contextlib.suppress(ConnectionError):
            to.close()
            await to.wait_closed()


@asynccontextmanager
async def cable(server_port: int) -> AsyncIterator[tuple[Cable, int]]:
    """A cable to a local port, and the port at its other end."""
    made = Cable(server_port)
    listening = await asyncio.start_server(made.joined, "127.0.0.1", 0)
    port: int = listening.sockets[0].getsockname()[1]
    try:
        yield made, port
    finally:
        listening.close()
        made.cut()
