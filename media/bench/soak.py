"""Joins and leaves without end, and what the node still holds after them.

One lesson stays; others begin, are watched, and end, some of their peers without a word. After each
round, when the node has buried the last of them, its memory, descriptors, tasks and objects are
read: what grows with the number of joins is a leak.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.table import Table

from media.bench.lesson import PEERS, Lesson, Shared
from media.bench.sdp import SignallingFailed
from media.bench.systems import Running
from media.bench.whip import Lessons, WhipWhep

ROUND = 50  # joins between two samples
_AT_ONCE = 4  # lessons that come and go side by side
_MEDIA = 0.25  # seconds that each of them has media
_SILENT = 20  # of so many lessons one ends without a word
_FOR_EVER = 1e6  # seconds
_BURIED = 20.0  # seconds a node may take to notice who went without a word
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """What a node held after `joins` peers had joined and left: its resident set, open file
    descriptors, asyncio tasks, and Python objects after a garbage collection; `seconds` since the
    soak began. `received` packets had reached those peers by then: they did take part."""

    joins: int
    seconds: float
    rss_mb: float
    descriptors: int
    tasks: int
    objects: int
    received: int


@dataclass(frozen=True, slots=True)
class Soak:
    """The samples in order; the first is of the node with one lesson that stays."""

    system: str
    samples: tuple[Sample, ...]

    def growth(self, what: str) -> float:
        """Of a field of `Sample`, per 100 joins: the slope of the least-squares line through the
        later half of the samples, when the node has done everything before."""
        later = self.samples[len(self.samples) // 2 :]
        assert len(later) > 1, "one round has no slope"
        joins = [sample.joins for sample in later]
        values = [float(getattr(sample, what)) for sample in later]
        middle, mean = sum(joins) / len(joins), sum(values) / len(values)
        both = sum((j - middle) * (v - mean) for j, v in zip(joins, values, strict=True))
        return 100 * both / sum((j - middle) ** 2 for j in joins)


def rounds_for(minutes: float) -> Iterator[int]:
    """Rounds until so much time is over; two at least."""
    end = time.monotonic() + 60 * minutes
    yield ROUND
    yield ROUND
    while time.monotonic() < end:
        yield ROUND


async def soak(
    running: Running, rounds: Iterable[int], progress: Callable[[str], None] = lambda _: None
) -> Soak:
    """As many joins as each of `rounds` says, and a sample after each. Raises SignallingFailed,
    also where the node cannot be asked (`/state` of media.bench.server), does not bury its dead, or
    sends what cannot be read."""
    if not isinstance(running.target, Lessons):
        raise SignallingFailed("a soak needs one media node that can be asked for its state")
    http = WhipWhep(running.target)
    async with aiohttp.ClientSession(running.target.url) as state:
        stays = Lesson(http, Shared(), 0)
        await stays.join()
        staying = asyncio.create_task(stays.hold(_FOR_EVER))
        try:
            watch = _Watch(state, time.monotonic())
            samples = [await watch.sample()]
            for joins in rounds:
                progress(f"{running.name}: {samples[-1].joins} joins and leaves")
                await _round(http, watch, joins)
                samples.append(await watch.sample())
                if staying.done():
                    staying.result()
        finally:
            staying.cancel()
            with suppress(asyncio.CancelledError):
                await staying
            await stays.leave(silent=True)
            await http.close()
    return Soak(running.name, tuple(samples))


class _Watch:
    """Reads the node's state, and keeps the counts of those who came and went."""

    def __init__(self, http: aiohttp.ClientSession, began: float) -> None:
        self._http, self._began = http, began
        self.joins = self.received = 0

    async def sample(self) -> Sample:
        """What the node holds now that only those who stay should be left."""
        deadline = time.monotonic() + _BURIED
        while (state := await self._state())["resources"] != PEERS:
            if time.monotonic() > deadline:
                raise SignallingFailed(f"the node still has {state['resources']} resources")
            await asyncio.sleep(0.1)  # the other process has no event for it
        state = await self._state(objects=True)
        process = Path(f"/proc/{state['pid']}")
        return Sample(
            self.joins,
            time.monotonic() - self._began,
            int((process / "statm").read_text().split()[1]) * _PAGE / 1e6,
            len(list((process / "fd").iterdir())),
            state["tasks"],
            state["objects"],
            self.received,
        )

    async def _state(self, *, objects: bool = False) -> Any:
        async with self._http.get("/state", params={"objects": "1"} if objects else {}) as response:
            if response.status != 200:
                raise SignallingFailed(f"GET /state: {response.status}")
            return await response.json()


async def _round(http: WhipWhep, watch: _Watch, joins: int) -> None:
    shared, limit = Shared(), asyncio.Semaphore(_AT_ONCE)
    failed: list[SignallingFailed] = []

    async def one(number: int) -> None:
        async with limit:
            if failed:
                return
            try:
                got = await _come_and_go(Lesson(http, shared, number), number)
            except SignallingFailed as error:
                failed.append(error)
            else:
                watch.received += got

    async with asyncio.TaskGroup() as lessons:
        for _ in range(joins // PEERS):
            watch.joins += PEERS
            lessons.create_task(one(watch.joins // PEERS))
    if failed:
        raise failed[0]


async def _come_and_go(lesson: Lesson, number: int) -> int:
    """A lesson from its first join to its end; how many packets its viewer got."""
    try:
        await lesson.join()
        got = await lesson.hold(_MEDIA)
    finally:
        await lesson.leave(silent=number % _SILENT == 0)
    if got.unreadable or got.different or not got.received:
        raise SignallingFailed(f"a viewer got {got.received} packets, {got.sampled} opened in vain")
    return got.received


def as_json(found: Soak) -> str:
    """One JSON object: `system`, `samples`, and growth per 100 joins of what a node holds."""
    growth = {what: found.growth(what) for what in ("rss_mb", "descriptors", "tasks", "objects")}
    return json.dumps({**asdict(found), "growth_per_100_joins": growth})


def as_table(found: Soak) -> Table:
    """At most twenty of the samples, and the growth."""
    fields = ("joins", "seconds", "rss_mb", "descriptors", "tasks", "objects", "received")
    table = Table(*fields, title=f"{found.system}: joins and leaves", show_footer=True)
    every = -(-len(found.samples) // 20)
    for sample in (*found.samples[:-1:every], found.samples[-1]):
        table.add_row(*(f"{getattr(sample, name):.4g}".rstrip() for name in fields))
    table.columns[0].footer = "per 100 joins"
    for column, name in zip(table.columns[2:6], fields[2:6], strict=True):
        column.footer = f"{found.growth(name):+.2f}"
    return table
