"""The nginx configuration as it ships, with ports and a certificate of the test's own."""

import asyncio
import io
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.deploy.certificates import certify
from tests.e2e.running import free_port
from tests.http.conftest import PASSWORD, Site

pytestmark = pytest.mark.system

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx" / "classroom-sync.conf"


@dataclass(frozen=True)
class Proxy:
    http: str
    https: str
    trusted: ssl.SSLContext


@asynccontextmanager
async def _proxy(directory: Path, upstream: str) -> AsyncIterator[Proxy]:
    """nginx in front of `upstream`, for as long as this lasts."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    assert program is not None, "tests/setup-system.sh installs nginx"
    trusted = certify(directory)
    plain, secure = free_port(), free_port()
    text = CONFIGURATION.read_text()
    for shipped, here in (
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{secure} ssl"),
        ("/etc/classroom-sync/tls", str(directory)),
        ("server 127.0.0.1:8080", f"server {upstream.removeprefix('http://')}"),
        ("school.example.cn", "localhost"),
    ):
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    (directory / "site.conf").write_text(text)
    main = directory / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = " ".join(
        f"{kind}_temp_path {directory}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main.write_text(
        f"{user} daemon off; worker_processes 1; pid {directory}/pid; error_log stderr;"
        f"events {{}} http {{ access_log off; {temporary} include {directory}/site.conf; }}"
    )
    tested = await asyncio.to_thread(
        subprocess.run, [program, "-t", "-c", str(main)], capture_output=True, text=True
    )
    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr
    process = await asyncio.create_subprocess_exec(program, "-c", str(main))
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", secure)
                    break
                except ConnectionRefusedError:
                    assert process.returncode is None, "nginx ended instead of starting"
                    await asyncio.sleep(0.05)
        writer.close()
        yield Proxy(f"http://localhost:{plain}", f"https://localhost:{secure}", trusted)
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
async def proxy(site: Site, tmp_path: Path) -> AsyncIterator[Proxy]:
    directory = tmp_path / "nginx"
    directory.mkdir()
    async with _proxy(directory, site.url) as found:
        yield found


async def test_a_teacher_signs_in_and_a_lessons_socket_opens_through_tls(
    site: Site, proxy: Proxy
) -> None:
    connector = aiohttp.TCPConnector(ssl=proxy.trusted)
    async with aiohttp.ClientSession(proxy.https, connector=connector) as browser:
        body = {"login": "lead", "password": PASSWORD}
        async with browser.post("/api/v1/sign-in", json=body) as response:
            assert response.status == 200, await response.text()
            assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        async with browser.get("/teacher") as response:
            assert response.status == 200
        path = f"/ws/sessions/{site.planned.session_id}"
        origin = {"Origin": proxy.https}
        async with browser.ws_connect(path, headers=origin) as socket:
            async with asyncio.timeout(20):
                assert (await socket.receive()).type is aiohttp.WSMsgType.TEXT
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await browser.ws_connect(path, headers={"Origin": "https://elsewhere.example"})


async def test_plain_http_is_sent_on_to_https(proxy: Proxy) -> None:
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(proxy.http + "/login?lang=en", allow_redirects=False) as response,
    ):
        assert response.status == 308
        assert response.headers["Location"] == "https://localhost/login?lang=en"


async def test_bodies_are_bounded_but_for_uploads(proxy: Proxy) -> None:
    connector = aiohttp.TCPConnector(ssl=proxy.trusted)
    large = b"x" * (7 * 2**20)  # more than the largest spreadsheet
    async with aiohttp.ClientSession(proxy.https, connector=connector) as browser:
        async with browser.post("/admin/import", data=io.BytesIO(large)) as response:
            assert response.status == 413
            assert "nginx" in await response.text()
        async with browser.patch("/uploads/1", data=io.BytesIO(large)) as response:
            assert response.status == 401


async def test_old_protocols_are_refused(proxy: Proxy) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    port = int(proxy.https.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
    writer.close()
    old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect", f"127.0.0.1:{port}"]
    done = await asyncio.to_thread(
        subprocess.run, ["openssl", "s_client", *old], input=b"", capture_output=True, timeout=30
    )
    assert b"alert protocol version" in done.stderr
