"""One lesson for every client of a module: the server in a namespace of its own, and a host each
for Chromium, Firefox and programs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from tests.clients.harness import Chromium, Firefox, chromium, firefox
from tests.e2e.running import RunningDemo, demo
from tests.weak.lines import SERVER, Network, network
from tests.weak.namespaces import Namespace, missing

_TRICKLE = "a=ice-ufrag:none\r\na=ice-pwd:nonenonenonenonenonenone\r\n"


@dataclass(frozen=True)
class Lesson:
    """A lesson that is on, and what its participants may do."""

    running: RunningDemo
    server: Namespace

    def publishing(self, participant: int = 0) -> Any:
        """The grant with which a participant publishes; 0 is the hub."""
        return self.running.content["live_session"]["whip"][participant]

    def playing(self, participant: int = 1) -> Any:
        return self.running.content["live_session"]["whep"][participant]

    async def exists(self, resource: str, grant: Any) -> bool:
        """Is the media resource there still? A PATCH without If-Match changes nothing: it is
        refused as 428, or 404."""
        headers = {
            "Authorization": f"Bearer {grant['token']}",
            "Content-Type": "application/trickle-ice-sdpfrag",
        }
        with self.server.entered():
            async with aiohttp.ClientSession() as http:
                asked = http.patch(resource, headers=headers, data=_TRICKLE)
                async with asked as response:
                    assert response.status in (404, 428), await response.text()
                    return response.status == 428


@pytest.fixture(scope="module")
def joined() -> Iterator[Network]:
    lacking = missing()
    if lacking is not None:
        pytest.fail(lacking, pytrace=False)
    with network(chromium=0.0, firefox=0.0, programs=0.0) as made:
        yield made


@pytest.fixture(scope="module")
async def lesson(
    joined: Network, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Lesson]:
    address = ("--host", SERVER, "--port", "0", "--udp-port", "0")
    async with AsyncExitStack() as stack:
        with joined.server.entered():
            started = demo(tmp_path_factory.mktemp("demo"), *address)
            running = await stack.enter_async_context(started)
        yield Lesson(running, joined.server)


@pytest.fixture(scope="module")
async def in_chromium(
    joined: Network, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Chromium]:
    folder = tmp_path_factory.mktemp("chromium")
    async with chromium(joined.hosts[0].namespace, folder) as browser:
        yield browser


@pytest.fixture(scope="module")
async def in_firefox(joined: Network) -> AsyncIterator[Firefox]:
    async with firefox(joined.hosts[1].namespace) as browser:
        yield browser


@pytest.fixture
def programs(joined: Network) -> Namespace:
    """Where programs run that are no browsers."""
    return joined.hosts[2].namespace
