"""Recording with a full or slow disk, and after the death of each process: what is left plays."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import av
import psutil
import pytest

from media.recording.news import News, RecordingStopped, SegmentBegun
from media.recording.recorder import BACKLOG, Recorder
from media.recording.strand import Strand
from media.recording.writer import Writer
from media.specs import Codec, Source
from tests.media.encoded import Voice
from tests.media.stages import NODE, closed, played, staged


async def test_too_little_free_space_ends_the_recording_and_says_so(
    news: list[News], tmp_path: Path
) -> None:
    free = shutil.disk_usage(tmp_path).free
    recorder = Recorder(tmp_path, NODE, news.append, floor=free * 2)
    stage = staged(recorder)
    stage.enter()
    await stage.play(1)
    async with asyncio.timeout(5):
        while not any(isinstance(n, RecordingStopped) for n in news):
            await stage.play(0.2)
            await asyncio.sleep(0.05)
    [stopped] = [n for n in news if isinstance(n, RecordingStopped)]
    assert stopped == RecordingStopped("r", stage.recording, "disk_full")
    await stage.play(1)  # the room goes on
    await recorder.close()
    for file in closed(news, tmp_path):
        played(file)


@pytest.mark.network  # mounting needs root
async def test_a_full_disk_ends_the_recording_and_what_was_written_plays(
    news: list[News], small_disk: Path
) -> None:
    recorder = Recorder(small_disk, NODE, news.append, floor=0)
    stage = staged(recorder)
    stage.enter()
    async with asyncio.timeout(30):
        while not any(isinstance(n, RecordingStopped) for n in news):
            await stage.play(0.2)
            await asyncio.sleep(0)
    await recorder.close()
    [stopped] = [n for n in news if isinstance(n, RecordingStopped)]
    assert stopped.cause == "disk_full"
    [file] = closed(news, small_disk)
    assert played(file).frames > 50


async def test_a_disk_that_is_too_slow_costs_frames_and_holds_up_nobody(
    recorder: Recorder,
) -> None:
    recorder.begin("r", str(uuid4()))
    packet = bytes(1 << 20)
    strand = Strand(Source.CAMERA, "p", 1, Codec.VP8, 90_000, ((0, packet),), (0, 1.0), None)
    taken = 0
    while recorder.put("r", [strand]):  # faster than any thread takes it: nothing awaits here
        taken += 1
        assert taken < 10_000
    assert taken >= BACKLOG // len(packet) - 1


_WRITER = """
import asyncio, sys, time
from pathlib import Path
from media.recording.recorder import Recorder
from tests.media.stages import NODE, staged

async def main():
    recorder = Recorder(Path(sys.argv[1]), NODE, lambda news: None, floor=0)
    stage = staged(recorder)
    stage.enter()
    began = time.monotonic()
    while True:
        await stage.play(0.04)
        played = stage.now - 100
        print(f"{played:.2f}", flush=True)
        await asyncio.sleep(max(0, began + played - time.monotonic()))

asyncio.run(main())
"""


def _writers() -> list[psutil.Process]:
    """The recorders' processes under this one."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE
        and "media.recording.writer" in process.cmdline()
    ]


@asynccontextmanager
async def _node_in_a_process(directory: Path) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """A process that records a lesson as it goes; says after how many seconds of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITER, str(directory), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    stdout, said = process.stdout, 0.0
    async with asyncio.timeout(60):
        while said < 7:
            said = float(await stdout.readline())

    async def kill() -> float:
        process.kill()
        await process.wait()
        rest = (await stdout.read()).split()
        return float(rest[-1]) if rest else said

    [child] = psutil.Process(process.pid).children()
    try:
        yield kill
    finally:
        if process.returncode is None:
            await kill()
        await asyncio.to_thread(child.wait, 10)


async def test_when_all_is_killed_at_once_all_but_the_last_two_seconds_play(
    tmp_path: Path,
) -> None:
    async with _node_in_a_process(tmp_path) as kill:
        [writer] = _writers()
        writer.suspend()  # so that it can't complete anything
        said = await kill()
        writer.kill()
    [file] = tmp_path.iterdir()
    found = played(file)
    assert found.seconds > said - 2
    assert found.frames > (said - 2) * 25
    assert found.sounds > (said - 2) * 50


async def test_when_a_node_is_killed_its_recorder_completes_what_it_has(tmp_path: Path) -> None:
    async with _node_in_a_process(tmp_path) as kill:
        said = await kill()
    [file] = tmp_path.iterdir()
    found = played(file)
    assert found.seconds > said - 0.7
    with av.open(str(file)) as container:
        assert container.duration is not None  # it has its index


async def test_when_its_recorder_is_killed_a_node_goes_on_in_a_new_segment(
    recorder: Recorder, news: list[News], tmp_path: Path
) -> None:
    stage = staged(recorder)
    stage.enter()
    await stage.play(2)
    while not news:
        await asyncio.sleep(0.02)  # the other process has begun, but what has it written?
    [writer] = _writers()
    writer.kill()
    while len(news) < 2:
        await stage.play(0.2)
        await asyncio.sleep(0.02)
    await stage.play(3)
    await recorder.end("r")
    files = closed(news, tmp_path)
    assert sum(played(file).frames for file in files) > 60
    assert len(list(tmp_path.iterdir())) == len(files) + 1  # and what the other had written


def test_a_clock_that_is_set_in_the_lesson_does_not_tear_it_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that begin before and after keep their places to each other."""
    news: list[News] = []
    wall = time.time()
    monkeypatch.setattr(time, "time", lambda: wall)
    writer = Writer(tmp_path, NODE, 0, news.append)
    writer.begin("r", str(uuid4()))
    for number, (guest, step) in enumerate((("", 0.0), (str(uuid4()), 3600.0), (NODE, -9000.0))):
        wall += step
        voice = Voice(10 + number)
        packets = tuple((n, voice.next()) for n in range(100))  # two seconds
        newest = (voice.timestamp, 100.0 + 3 * number)
        writer.put(
            "r",
            [Strand(Source.CAMERA, "p", number, Codec.OPUS, 48_000, packets, newest, None, guest)],
        )
    writer.close()
    first, *others = [n.name.started_ms for n in news if isinstance(n, SegmentBegun)]
    assert [round((ms - first) / 1000) for ms in others] == [3, 6]


async def test_a_recorder_that_dies_again_and_again_is_given_up_and_says_so(
    recorder: Recorder, news: list[News]
) -> None:
    stage = staged(recorder)
    stage.enter()
    async with asyncio.timeout(60):
        while not any(isinstance(n, RecordingStopped) for n in news):
            await stage.play(0.2)
            for writer in _writers():
                writer.kill()
            await asyncio.sleep(0.05)
    assert news[-1] == RecordingStopped("r", stage.recording, "storage")
    assert recorder.under_way() == []


class _Here:
    """A writer in this process, as a stage takes it."""

    backlog = 0

    def __init__(self, writer: Writer) -> None:
        self.begin = writer.begin
        self._writer = writer

    def put(self, room: str, strands: list[Strand]) -> bool:
        self._writer.put(room, strands)
        return True


async def test_what_was_written_is_brought_onto_the_disk_within_two_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[float, int]] = []
    sync = os.fdatasync

    def watched(descriptor: int) -> None:
        sync(descriptor)
        synced.append((time.monotonic(), os.fstat(descriptor).st_size))

    monkeypatch.setattr(os, "fdatasync", watched)
    writer = Writer(tmp_path, NODE, 0, lambda _: None)
    stage = staged(_Here(writer))
    stage.enter()
    began = time.monotonic()
    while time.monotonic() - began < 5:
        await stage.play(0.04)
        await asyncio.sleep(0.04)
    writer.close()
    assert len(synced) >= 3
    assert [size for _, size in synced] == sorted({size for _, size in synced})
    times = [began, *(at for at, _ in synced)]
    assert max(b - a for a, b in pairwise(times)) < 2


async def test_a_writer_that_cannot_be_started_ends_its_recordings_and_holds_up_nobody(
    recorder: Recorder, news: list[News], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/program")
    recorder.begin("kept", "1")
    recorder.begin("ended", "2")
    async with asyncio.timeout(20):
        await recorder.end("ended")
        while recorder.under_way():
            await asyncio.sleep(0.05)
    assert news == [RecordingStopped("kept", "1", "storage")]
