"""What RFC 9725 and the WHEP draft ask of a server, asked over HTTP and UDP of any server.

    pytest tests/conformance                                     a demo server of our own
    pytest tests/conformance --base-url http://192.0.2.1:8080 \\
        --whip-url /whip/1 --whip-token … --whep-url /whep/1 --whep-token …

The WHEP URL plays what the WHIP URL publishes. Nothing else may publish there meanwhile.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import urljoin

import aiohttp
import pytest

from tests.conformance.client import Client, Door, Server
from tests.conformance.peers import Peer

TURN = "turn:turn.example.cn?transport=udp"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "the WHIP and WHEP server to test")
    group.addoption("--base-url", help="of the server; without it, one of our own is started")
    for face in ("whip", "whep"):
        group.addoption(f"--{face}-url", default=f"/{face}", help="of the endpoint, from the base")
        group.addoption(f"--{face}-token", default="", help="a token for it")


@pytest.fixture(scope="session")
async def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """The server that the command line names, or one of our own."""
    option = request.config.getoption
    base = option("--base-url", default=None)
    if base is not None:
        doors = {
            face: Door(urljoin(base, option(f"--{face}-url")), option(f"--{face}-token"))
            for face in ("whip", "whep")
        }
        yield Server(doors["whip"], doors["whep"])
        return
    from tests.e2e.running import demo

    directory = tmp_path_factory.mktemp("conformance")
    async with AsyncExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("CLASSROOM_SYNC_ICE_SERVERS", f"stun:stun.example.cn {TURN}")
            environment.setenv("CLASSROOM_SYNC_TURN_SECRET", "shared with nobody")
            starting = demo(directory, "--port", "0", "--udp-port", "0")
            running = await stack.enter_async_context(starting)
        session = running.content["live_session"]
        roles = {p["id"]: p["role"] for p in session["participants"]}

        def door(face: str, role: str, skip: int = 0) -> Door:
            found = [g for g in session[face] if roles[g["participant"]] == role]
            return Door(urljoin(running.url, found[skip]["url"]), found[skip]["token"])

        yield Server(
            door("whip", "lead"),
            door("whep", "receiving"),
            other=door("whip", "receiving"),
            spare=door("whip", "receiving", 1),
            ice_servers=("stun:stun.example.cn", TURN),
        )


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    """An HTTP client that deletes at the end what it made."""
    async with aiohttp.ClientSession() as http:
        made = Client(server, http)
        try:
            yield made
        finally:
            await made.clean_up()


@pytest.fixture
async def hub(client: Client) -> AsyncIterator[Peer]:
    """A connected publisher: what the WHEP endpoint plays."""
    async with Peer.publisher(client) as peer:
        yield peer
