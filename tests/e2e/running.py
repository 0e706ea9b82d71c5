"""A server as an operator would start it, and browsers as people would open them."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

import classroom_sync

CHROMIUM = "/usr/bin/chromium"
LAPTOP = ViewportSize(width=1366, height=768)
PHONE = ViewportSize(width=390, height=844)
FLAGS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
)
_START = 60.0  # seconds
#: Pictures that journeys leave behind, for whoever looks at a CI run.
PICTURES = Path(__file__).parents[2] / "artifacts" / "pictures"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


@dataclass
class RunningDemo:
    process: asyncio.subprocess.Process
    data_dir: Path
    content: dict[str, Any]  # of demo.json

    @property
    def url(self) -> str:
        return str(self.content["base_url"])

    @property
    def dsn(self) -> str:
        """The embedded database, as its owner; line 5 of postmaster.pid is its socket directory."""
        lines = (self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
        return f"postgresql://postgres@/postgres?host={lines[4]}"

    async def kill(self) -> None:
        """SIGKILL, as the power switch would."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


async def run(*arguments: str) -> tuple[int, str]:
    """Run the command line to its end: exit code, and everything it said."""
    process = await asyncio.create_subprocess_exec(
        *_command(*arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), _START)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None, "it has ended"
    return process.returncode, said.decode()


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "classroom_sync", *arguments)


@asynccontextmanager
async def demo(data_dir: Path, *arguments: str) -> AsyncIterator[RunningDemo]:
    """`classroom-sync demo`, from its start until it has stopped."""
    file = data_dir / "demo.json"
    before = file.stat().st_mtime_ns if file.exists() else 0
    process = await asyncio.create_subprocess_exec(
        *_command("demo", "--data-dir", str(data_dir), "--nodes", "1", *arguments),
        env={**os.environ, "CLASSROOM_SYNC_LOG_FORMAT": "json"},
    )
    try:
        async with asyncio.timeout(_START):
            while not file.exists() or file.stat().st_mtime_ns == before:
                assert process.returncode is None, "the server ended instead of starting"
                await asyncio.sleep(0.05)  # there is no event for a file made by another process
        running = RunningDemo(process, data_dir, json.loads(file.read_text()))
        await ready(running)
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def ready(running: RunningDemo) -> None:
    """Until /readyz says that lessons can be held."""
    import aiohttp

    async with aiohttp.ClientSession() as http, asyncio.timeout(_START):
        while True:
            try:
                async with http.get(running.url + "/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass  # not listening yet
            await asyncio.sleep(0.05)


@asynccontextmanager
async def browser(*more: str, without: tuple[str, ...] = ()) -> AsyncIterator[Browser]:
    """A headless Chromium with a camera and a microphone that aren't real; `more` flags, and
    `without` some of the usual ones."""
    flags = [*(flag for flag in FLAGS if flag not in without), *more]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield chromium
        finally:
            await chromium.close()


@asynccontextmanager
async def serving_static() -> AsyncIterator[str]:
    """The address of an empty page beside the static files, for what needs no server."""

    async def blank(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html>", content_type="text/html")

    app = web.Application()
    app.router.add_static("/static", Path(classroom_sync.__file__).parent / "static")
    app.router.add_get("/", blank)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def new_page(chromium: Browser, locale: str = "zh-CN") -> Page:
    """A page of somebody else: its own cookies. A script error in it fails the test."""
    context = await chromium.new_context(viewport=LAPTOP, locale=locale)
    page = await context.new_page()
    page.on("pageerror", lambda error: print("script error:", error, file=sys.stderr))
    return page


#: What moves on a page without anybody's doing, as Layout Instability has it: how far, and what.
_SHIFTS = """window.shifts = [];
new PerformanceObserver(list => {
    for (const each of list.getEntries()) {
        if (each.hadRecentInput) continue;
        const names = each.sources.map(({ node }) => node?.id || node?.className || node?.nodeName);
        window.shifts.push([each.value, names.join(" ")]);
    }
}).observe({ type: "layout-shift", buffered: true });"""


async def watch_shifts(page: Page) -> None:
    """Note from the next page on what moves by itself."""
    await page.add_init_script(_SHIFTS)


async def shifts(page: Page) -> tuple[float, list[str]]:
    """The sum of what has moved by itself since the page was opened, and what it was."""
    found: list[tuple[float, str]] = await page.evaluate("window.shifts")
    return sum(value for value, _ in found), [f"{value:.3f} {what}" for value, what in found]


async def keep(page: Page, name: str) -> None:
    """Leave a picture of the page among the artefacts of the run."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png")


async def sign_in(page: Page, running: RunningDemo, role: str) -> None:
    account = running.content["accounts"][role]
    await enter(page, running.url, account["login"], account["password"])


async def enter(page: Page, url: str, login: str, password: str) -> None:
    """Sign in with a name and a password, until the front door is open."""
    await page.goto(url.rstrip("/") + "/login")
    await page.fill("#login", login)
    await page.fill("#password", password)
    await page.click("main form button")
    await page.wait_for_url(lambda url: not url.endswith("/login"))


async def pair(page: Page, running: RunningDemo, index: int) -> None:
    await page.goto(running.url + "/pair")
    await page.fill("#code", running.content["rooms"][index]["pairing_code"])
    await page.click("main form button")
    await page.wait_for_url("**/room")


async def frames(page: Page, selector: str) -> int:
    """Frames decoded so far by the video elements that match."""
    script = """selector => [...document.querySelectorAll(selector)]
        .reduce((sum, v) => sum + v.getVideoPlaybackQuality().totalVideoFrames, 0)"""
    return int(await page.evaluate(script, selector))


async def sees(page: Page, selector: str, count: int = 1, timeout: float = 30.0) -> None:
    """Until `count` video elements that match have decoded several frames more than now."""
    script = """([selector, count]) => {
        const videos = [...document.querySelectorAll(selector)];
        window.seen ??= new Map();
        const growing = videos.filter(v => {
            const now = v.getVideoPlaybackQuality().totalVideoFrames;
            if (!window.seen.has(v)) window.seen.set(v, now);
            return now >= window.seen.get(v) + 5;
        });
        return growing.length >= count;
    }"""
    await page.evaluate("() => { window.seen = undefined; }")
    await page.wait_for_function(script, arg=[selector, count], timeout=timeout * 1000)


async def hears(page: Page, timeout: float = 30.0) -> None:
    """Until sound with energy in it is played by an audio element of the page."""
    script = """async () => {
        const audio = [...document.querySelectorAll('audio')].filter(a => a.srcObject);
        for (const each of audio) {
            const context = new AudioContext();
            const analyser = context.createAnalyser();
            context.createMediaStreamSource(each.srcObject).connect(analyser);
            const samples = new Float32Array(analyser.fftSize);
            for (let n = 0; n < 30; n += 1) {
                await new Promise(done => setTimeout(done, 100));
                analyser.getFloatTimeDomainData(samples);
                if (samples.some(x => Math.abs(x) > 0.001)) { context.close(); return true; }
            }
            context.close();
        }
        return false;
    }"""
    await page.wait_for_function(script, timeout=timeout * 1000)
