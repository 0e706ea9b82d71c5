"""A media node is killed in mid-lesson: how long pages are without sound and picture."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest
from playwright.async_api import Page

from tests.e2e.running import browser, demo, new_page, pair, sees, sign_in

pytestmark = pytest.mark.browser

ASKED = 3.0  # seconds from SIGKILL to the next decoded picture

#: Look at every connection that a page makes, often: when did the first picture and sound of each
#: come out of its decoders? Milliseconds since 1970 by kind, for each connection in its order.
_WATCH = """
window.firsts = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) {
        super(...given);
        const first = {};
        window.firsts.push(first);
        const timer = setInterval(async () => {
            for (const each of (await this.getStats()).values()) {
                if (each.type !== "inbound-rtp") continue;
                const come = each.kind === "video"
                    ? each.framesDecoded : each.totalSamplesReceived - each.concealedSamples;
                if (come > 0) first[each.kind] ??= Date.now();
            }
            if (first.video && first.audio) clearInterval(timer);
        }, 20);
    }
};
"""


async def _since(page: Page, moment: float, within: float) -> dict[str, float]:
    """Seconds from `moment` to the first picture and sound of a connection that is younger."""
    deadline = time.monotonic() + within
    while True:
        for first in await page.evaluate("() => window.firsts"):
            after = {kind: at / 1000 - moment for kind, at in first.items()}
            if set(after) == {"video", "audio"} and min(after.values()) > 0:
                return after
        assert time.monotonic() < deadline, "sound and picture have not come back"
        await asyncio.sleep(0.05)  # the page keeps the time itself


async def _busiest_node(server: int) -> psutil.Process:
    """The media node that forwards the lesson: the only one with work to do."""
    children = psutil.Process(server).children()
    nodes = [child for child in children if "node" in child.cmdline()]
    before = [sum(node.cpu_times()[:2]) for node in nodes]
    await asyncio.sleep(1.0 if len(nodes) > 1 else 0.0)
    spent = [sum(n.cpu_times()[:2]) - b for n, b in zip(nodes, before, strict=True)]
    return nodes[spent.index(max(spent))]


@pytest.mark.parametrize("nodes", [1, 2])
async def test_sound_and_picture_are_back_within_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], nodes: int
) -> None:
    arguments = ("--port", "0", "--udp-port", "0", "--nodes", str(nodes))
    async with demo(tmp_path, *arguments) as running, browser() as chromium:
        teacher, room = await new_page(chromium), await new_page(chromium)
        for page in (teacher, room):
            await page.add_init_script(_WATCH)
        await sign_in(teacher, running, "teacher")
        await pair(room, running, 0)
        await teacher.click(".lesson.open a.button.primary")
        await teacher.click("#start:enabled")
        await sees(room, "#main-picture")
        await sees(teacher, "#tiles video")
        node = await _busiest_node(running.process.pid)
        killed = time.time()
        node.kill()
        in_room, at_teacher = await _since(room, killed, 20), await _since(teacher, killed, 20)
    with capsys.disabled():
        print(f"\nSIGKILL of one of {nodes} nodes: room {_said(in_room)}; hub {_said(at_teacher)}")
    assert max(in_room.values()) < ASKED


def _said(after: dict[str, float]) -> str:
    return ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in after.items())
