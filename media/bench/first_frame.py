"""How long a viewer waits: from the WHEP POST to the first frame on a page in Chromium.

One page publishes a fake camera by WHIP, another plays it again and again by WHEP, each time over a
new connection; both are in one real browser, against a real server.
"""

import json
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from rich.table import Table

from media.bench.scenarios import one_to_many
from media.bench.sdp import SignallingFailed
from media.bench.systems import Running
from media.bench.whip import Endpoint, Lessons, OneLesson

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_BINARIES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
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
_PAUSE = 2.0  # seconds; viewers that come together share a key frame, and one waits for its turn
_PATIENCE = 30_000.0  # ms for any one thing a page does
_SCRIPT = Path(__file__).with_name("first_frame.js")


@dataclass(frozen=True, slots=True)
class Steps:
    """Milliseconds from the POST: when it was answered, ICE connected, DTLS was done, a packet of
    video had come (seen within 50 ms, as often as the browser counts), and a frame was shown."""

    answered: float
    ice: float
    dtls: float
    packet: float
    frame: float


@dataclass(frozen=True, slots=True)
class FirstFrames:
    """One `Steps` for each time a viewer came to `system`; `browser` is its version."""

    system: str
    browser: str
    runs: tuple[Steps, ...]

    def of(self, step: str) -> tuple[float, float]:
        """Median and p90 of a step, in milliseconds."""
        values = [getattr(run, step) for run in self.runs]
        return median(values), p90(values)


class NoBrowser(Exception):
    """What is missing to start one; the message says what to install."""


def p90(values: Sequence[float]) -> float:
    """The 90th percentile, interpolated; of a single value that value."""
    return quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]


def first_frames(
    running: Running, times: int, progress: Callable[[str], None], pause: float = _PAUSE
) -> FirstFrames:
    """Come to a lesson that is under way `times` times, `pause` seconds after the viewer before has
    left, give or take half of it. Raises NoBrowser, and SignallingFailed where the server does not
    do its part."""
    assert times > 0, "nothing has no median"
    target = running.target
    if not isinstance(target, Lessons | OneLesson):
        raise SignallingFailed("only a WHEP server can be played by a page")
    scenario = one_to_many(1)
    whip, whep = target.whip(scenario.publishers[0]), target.whep(scenario.subscribers[0])
    with _chromium() as browser:
        publisher, viewer = _page(browser, whip), _page(browser, whep)
        _evaluate(publisher, "publish", whip)
        runs, rng = [], random.Random(times)  # noqa: S311 - moments, reproducible
        for number in range(times):
            progress(f"{running.name}: first frame, {number + 1} of {times}")
            time.sleep(pause * rng.uniform(0.5, 1.5))
            runs.append(_played(_evaluate(viewer, "play", whep)))
        return FirstFrames(running.name, browser.version, tuple(runs))


def _played(steps: dict[str, float]) -> Steps:
    # An event may be told after the frame it made possible; what is missing came no later than it.
    return Steps(**{name: steps.get(name, steps["frame"]) for name in Steps.__slots__})


@contextmanager
def _chromium() -> Iterator["Browser"]:
    binary = next(filter(None, map(shutil.which, _BINARIES)), None)
    if binary is None:
        raise NoBrowser("Chromium is missing: apt install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowser("Playwright is missing: pip install 'classroom-sync[dev]'") from None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def _page(browser: "Browser", endpoint: Endpoint) -> "Page":
    """An empty page of the endpoint's origin, which may use its camera."""
    page = browser.new_page()
    page.set_default_timeout(_PATIENCE)
    page.route("**/bench.html", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto("/".join(endpoint.url.split("/")[:3]) + "/bench.html")
    page.add_script_tag(path=_SCRIPT)
    return page


def _evaluate(page: "Page", function: str, endpoint: Endpoint) -> dict[str, float]:
    from playwright.sync_api import Error

    limited = f"""endpoint => Promise.race([{function}(endpoint), new Promise((_, fail) =>
        setTimeout(() => fail(new Error("no picture in {_PATIENCE:.0f} ms")), {_PATIENCE}))])"""
    try:
        found: dict[str, float] = page.evaluate(limited, asdict(endpoint))
    except Error as error:
        raise SignallingFailed(f"{function}: {error.message}") from None
    return found


def as_json(found: FirstFrames) -> str:
    """One JSON object: `system`, `browser`, `runs`, and `median_ms` and `p90_ms` by step."""
    return json.dumps(
        {
            **asdict(found),
            "median_ms": {step: found.of(step)[0] for step in Steps.__slots__},
            "p90_ms": {step: found.of(step)[1] for step in Steps.__slots__},
        }
    )


def as_table(found: FirstFrames) -> Table:
    """A row for each step."""
    title = f"{found.system}: WHEP POST to first frame, Chromium {found.browser}"
    table = Table("ms after the POST", title=title, caption=f"{len(found.runs)} times")
    for heading in ("median", "p90"):
        table.add_column(heading, justify="right")
    names = ("answered", "ICE connected", "DTLS done", "first packet", "first frame")
    for name, step in zip(names, Steps.__slots__, strict=True):
        table.add_row(name, *(f"{value:.0f}" for value in found.of(step)))
    return table
