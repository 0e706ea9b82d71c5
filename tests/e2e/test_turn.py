"""A lesson through coturn alone, as behind a firewall that lets nothing else out."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.e2e.running import browser, demo, free_port, new_page, pair, sees, sign_in

pytestmark = pytest.mark.browser

SECRET = "known to two servers"

_RELAY_ONLY = """
const Direct = RTCPeerConnection;
window.connections = [];
window.RTCPeerConnection = class extends Direct {
  constructor(configuration) {
    const iceServers = configuration.iceServers.filter((s) => s.urls.endsWith(TRANSPORT));
    super({ ...configuration, iceServers, iceTransportPolicy: "relay" });
    window.connections.push(this);
  }
};
"""

_RELAYED_BY = """async () => {
    const found = [];
    for (const pc of window.connections) {
        if (pc.connectionState !== "connected") continue;
        const stats = [...(await pc.getStats()).values()];
        const transport = stats.find((s) => s.type === "transport");
        const pair = stats.find((s) => s.id === transport.selectedCandidatePairId);
        const local = stats.find((s) => s.id === pair.localCandidateId);
        found.push(`${local.candidateType} ${local.relayProtocol}`);
    }
    return found;
}"""


@asynccontextmanager
async def coturn() -> AsyncIterator[str]:
    """A TURN server on the loopback, for as long as this lasts: host and port."""
    turnserver = shutil.which("turnserver", path="/usr/bin:/usr/local/bin")
    assert turnserver is not None, "tests/setup-system.sh installs coturn"
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        turnserver,
        *("-n", "--no-cli", "--no-tls", "--no-dtls", "--log-file=stdout", "--simple-log"),
        *("--listening-ip=127.0.0.1", f"--listening-port={port}", "--relay-ip=127.0.0.1"),
        *("--realm=classroom", "--use-auth-secret", f"--static-auth-secret={SECRET}"),
        *("--allow-loopback-peers", "--cli-password=unused", "--pidfile=", "--userdb=:memory:"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=sys.stderr,
    )
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except ConnectionRefusedError:
                    assert process.returncode is None, "coturn ended instead of starting"
                    await asyncio.sleep(0.05)
        writer.close()
        await writer.wait_closed()
        yield f"127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def relayed_page(chromium: Browser, transport: str) -> Page:
    page = await new_page(chromium)
    suffix = json.dumps(f"transport={transport}")
    await page.add_init_script(f"const TRANSPORT = {suffix};\n{_RELAY_ONLY}")
    return page


async def test_pages_get_turn_servers_that_take_their_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with coturn() as turn:
        urls = [f"turn:{turn}?transport={transport}" for transport in ("udp", "tcp")]
        monkeypatch.setenv("CLASSROOM_SYNC_ICE_SERVERS", " ".join(urls))
        monkeypatch.setenv("CLASSROOM_SYNC_TURN_SECRET", SECRET)
        async with (
            demo(tmp_path, "--port", "0", "--udp-port", "0") as running,
            browser() as chromium,
        ):
            teacher = await relayed_page(chromium, "tcp")
            room = await relayed_page(chromium, "udp")
            await sign_in(teacher, running, "teacher")
            await pair(room, running, 0)
            await teacher.click(".lesson.open a.button.primary")
            await teacher.click("#start:enabled")
            await sees(room, "#main-picture")
            await sees(teacher, "#tiles video")
            assert set(await teacher.evaluate(_RELAYED_BY)) == {"relay tcp"}
            assert set(await room.evaluate(_RELAYED_BY)) == {"relay udp"}
