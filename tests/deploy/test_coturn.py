"""The coturn configuration as it ships: taken, answered by, and closed to what is inside.

A lesson through coturn alone is in tests/e2e/test_turn.py.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from classroom_sync.doctor import network
from classroom_sync.doctor.findings import State
from classroom_sync.settings import load
from tests.deploy.certificates import certify
from tests.e2e.running import free_port

pytestmark = pytest.mark.system

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "coturn" / "turnserver.conf"
SECRET = "known to two servers"


@asynccontextmanager
async def _coturn(directory: Path) -> AsyncIterator[tuple[int, int, Path]]:
    """Its plain and its TLS port, and its log."""
    program = shutil.which("turnserver")
    assert program is not None, "tests/setup-system.sh installs coturn"
    certify(directory)
    plain, secure = free_port(), free_port()
    text = CONFIGURATION.read_text()
    for shipped, here in (
        ("listening-port=3478", f"listening-port={plain}"),
        ("tls-listening-port=5349", f"tls-listening-port={secure}"),
        ("/etc/classroom-sync/tls", str(directory)),
        ("external-ip=192.0.2.10", "listening-ip=127.0.0.1\nrelay-ip=127.0.0.1"),
        ("static-auth-secret=.*", f"static-auth-secret={SECRET}"),
    ):
        assert re.search(shipped, text), shipped
        text = re.sub(shipped, here, text)
    (directory / "turnserver.conf").write_text(text)
    log = directory / "log"
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            program,
            *("-c", str(directory / "turnserver.conf"), "--log-file=stdout"),
            *("--simple-log", "--pidfile=", f"--userdb={directory}/db"),
            stdout=said,
            stderr=said,
        )
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", secure)
                    break
                except ConnectionRefusedError:
                    assert process.returncode is None, log.read_text()
                    await asyncio.sleep(0.05)
        writer.close()
        yield plain, secure, log
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def test_it_answers_by_udp_tcp_and_tls_and_relays_to_nothing_inside(tmp_path: Path) -> None:
    async with _coturn(tmp_path) as (plain, secure, log):
        urls = (
            f"turn:127.0.0.1:{plain}?transport=udp",
            f"turn:127.0.0.1:{plain}?transport=tcp",
            f"turns:127.0.0.1:{secure}?transport=tcp",
        )
        found = await network.turn(load(ice_servers=urls, turn_secret=SECRET))
        assert found.state is State.GOOD, found
        client = shutil.which("turnutils_uclient")
        assert client is not None, "tests/setup-system.sh installs coturn"
        asked = await asyncio.create_subprocess_exec(
            client,
            *("-t", "-n", "1", "-m", "1", "-W", SECRET, "-e", "127.0.0.1", "-X"),
            *("-p", str(plain), "127.0.0.1"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(30):
            out, _ = await asked.communicate()
    assert b"403" in out, out.decode()
    assert not re.search("(?i)bad configuration|unknown argument|cannot find", log.read_text())
