"""A room behind a weak line: 3 % of the packets lost each way, 80 ms there and back, and a rate
that falls from 5 Mbit/s to 300 kbit/s and rises again. The hub's line is good.

What the room's Chromium says of itself is printed step by step, whether the test passes or not.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.clients import ffmpeg
from tests.clients.harness import ChromiumTab, chromium, plays
from tests.e2e.running import demo
from tests.weak.lines import SERVER, network
from tests.weak.record import Phase, Sample, phase, sample

pytestmark = [pytest.mark.browser, pytest.mark.network]

FULL, WEAK = 5_000_000, 300_000  # bits per second
LOSS = 3.0  # percent
ROUND_TRIP = 80.0  # milliseconds
LAYERS = [
    {"rid": "l", "scaleResolutionDownBy": 4, "maxBitrate": 150_000},
    {"rid": "m", "scaleResolutionDownBy": 2, "maxBitrate": 500_000},
    {"rid": "h", "scaleResolutionDownBy": 1, "maxBitrate": 1_500_000},
]
HIGH = 720  # height of the high layer in pixels
AS_IT_IS = {"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False}

PICTURE_WITHIN = 3.0  # seconds after each step
HIGH_WITHIN = 15.0  # seconds after the line is good again
CONCEALED = 0.01  # of the sound
STANDSTILL = 2.0  # seconds without a new picture; what is shorter is a freeze, which is printed


async def _samples(viewer: ChromiumTab) -> list[Sample]:
    found = [sample(kept) for kept in await viewer.call("recorded")]
    return [s for s in found if s is not None]


async def test_sound_goes_on_and_the_picture_comes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture, sound = await ffmpeg.film(tmp_path)
    files = (
        f"--use-file-for-fake-video-capture={picture}",
        f"--use-file-for-fake-audio-capture={sound}",
    )
    async with AsyncExitStack() as stack:
        joined = stack.enter_context(network(hub=0.0, room=ROUND_TRIP))
        hub_host, room_host = joined.hosts
        with joined.server.entered():
            started = demo(tmp_path, "--host", SERVER, "--port", "0", "--udp-port", "0")
            live = (await stack.enter_async_context(started)).content["live_session"]
        enter = stack.enter_async_context
        hub = await (await enter(chromium(hub_host.namespace, tmp_path, *files))).tab("plain")
        room = await (await enter(chromium(room_host.namespace, tmp_path))).tab("plain")
        room_host.line.set_loss(down=LOSS, up=LOSS)
        room_host.line.set_rate(down=FULL, up=FULL)
        asked = {"encodings": LAYERS, "video": {"width": 1280, "height": 720}, "audio": AS_IT_IS}
        await hub.call("publish", live["whip"][0], asked)
        await room.call("play", live["whep"][1])
        await plays(room)
        await room.call("record", 200)
        moments = [time.time()]
        for rate, seconds in ((FULL, 20), (WEAK, 20), (FULL, 25)):
            room_host.line.set_rate(down=rate, up=rate)
            await asyncio.sleep(seconds)  # it is what happens meanwhile that is looked at
            moments.append(time.time())
        samples = await _samples(room)
    begin, falls, rises, end = moments
    phases = {
        "good": phase(samples, begin, falls),
        "weak": phase(samples, falls, rises),
        "good again": phase(samples, rises, end),
    }
    with capsys.disabled():
        print("\n" + "\n".join(f"{name}: {each}" for name, each in phases.items()))
    _judge(phases["weak"], phases["good again"])
    assert phase(samples, begin + 5, end).concealed < CONCEALED  # both steps are in it


def _judge(weak: Phase, again: Phase) -> None:
    """From three seconds after each step on the picture is there to stay; and the high layer comes
    back in time."""
    for each in (weak, again):
        assert each.settled_after(STANDSTILL) < PICTURE_WITHIN
    reached = again.reached_after(HIGH)
    assert reached is not None
    assert reached < HIGH_WITHIN
