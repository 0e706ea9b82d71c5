"""Two control processes, three media nodes and a database with a standby, each on its own host."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiortc.rtcdtlstransport import RTCCertificate

from db.errors import Unreachable
from tests.clients import ffmpeg
from tests.hosts.city import LESSONS, PASSWORD, Held
from tests.hosts.cluster import Cluster
from tests.hosts.peers import PICTURE, Lead, Room, running

pytestmark = pytest.mark.network

_WITHIN = 60.0  # seconds
_UNSEEN = 3.0  # seconds: less than a lease, and than whoever has lost its node is without a picture


@asynccontextmanager
async def lesson(city: Cluster, *sessions: Held) -> AsyncIterator[tuple[Room, ...]]:
    """The leads publish and the rooms play, until each has seen pictures."""
    certificate = RTCCertificate.generateCertificate()
    async with aiohttp.ClientSession() as http:
        leads = [Lead(city.whip(s, s.lead), http, certificate) for s in sessions]
        rooms = tuple(
            Room(city.whep(s, r), http, certificate) for s in sessions for r in s.receiving
        )
        async with running(*leads, *rooms):
            await asyncio.gather(*(room.sees() for room in rooms))
            yield rooms


async def test_lessons_are_placed_by_load(city: Cluster) -> None:
    placed = [await city.node_hosts(held) for held in city.sessions[:LESSONS]]
    assert sorted(filter(None, placed)) == sorted(host.address for host in city.nodes)


async def test_ffmpeg_follows_to_the_node_and_every_control_process_says_so(city: Cluster) -> None:
    held = city.sessions[0]
    address = await city.node_hosts(held)
    door = city.whip(held, held.lead)
    async with ffmpeg.whip(city.proxy.namespace, door.url(), door.token) as publishing:
        for number in range(len(city.controls)):
            async with page(city.url_of(number), held, 1) as told:
                while not _of(await told(), held.lead)["publishing"]:
                    assert publishing.process.returncode is None, publishing.said[-5:]
        assert any(f"//{address}:" in line for line in publishing.said)


async def test_a_teacher_at_one_control_process_mutes_for_a_page_at_the_other(
    city: Cluster,
) -> None:
    held = city.sessions[0]
    far = held.receiving[0]
    async with (
        lesson(city, held),
        page(city.url_of(0), held, 1) as told_here,
        page(city.url_of(1), held, 1) as told_there,
    ):
        for muted in (True, False):
            await told_here.do("mute", participant=str(far), muted=muted)
            while _of(await told_there(), far)["muted"] is not muted:
                pass
        await told_there.do("floor", participant=str(far))
        while (await told_here())["floor"] != str(far):
            pass
        await told_here.do("floor", participant=None)
        while (await told_there())["floor"] is not None:
            pass


async def test_the_loss_of_a_control_host_is_not_seen_by_a_lesson(
    city: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    leader = next(n for n in (0, 1) if "leading the clock" in city.log(f"control-{n}"))
    async with lesson(city, *city.sessions[:LESSONS]) as rooms:
        lost = time.time()
        await asyncio.to_thread(city.controls[leader].kill)
        await city.ready(city.url)
        pages = time.time() - lost
        async with asyncio.timeout(_WITHIN):
            while "leading the clock" not in city.log(f"control-{1 - leader}"):
                await asyncio.sleep(0.05)  # another process says it in its log
        led = time.time() - lost
        until = time.time()
        dark = [room.dark(lost, until) for room in rooms]
    _print(capsys, "host of the leading control process lost", dark)
    with capsys.disabled():
        print(f"  pages again after {pages:.1f} s, the clock led after {led:.1f} s")
    assert max(dark) < _UNSEEN, "media does not pass through control processes"
    city.controls[leader].mend()
    await city.start_control(leader)
    await city.ready(city.url_of(leader))


async def test_the_loss_of_a_media_host_moves_its_lesson_alone(
    city: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = city.sessions[:LESSONS]
    address = await city.node_hosts(sessions[0])
    host = next(h for h in city.nodes if h.address == address)
    async with lesson(city, *sessions) as rooms:
        lost = time.time()
        await asyncio.to_thread(host.kill)
        await asyncio.gather(*(room.sees(20, 60) for room in rooms))
        until = time.time()
        moved, others = rooms[: len(sessions[0].receiving)], rooms[len(sessions[0].receiving) :]
        for room in moved:
            await room.sees()
        dark = [room.dark(lost, until + 1) for room in moved]
        _print(capsys, "host of a media node lost", dark)
        assert max(room.dark(lost, until) for room in others) < _UNSEEN
        assert await city.node_hosts(sessions[0]) not in (address, None)
        await presence(city, capsys, rooms, sessions, lost, crashed=True)
    host.mend()
    await city.start_node(city.nodes.index(host))
    async with asyncio.timeout(_WITHIN):
        while await city.living_nodes() < len(city.nodes):
            await asyncio.sleep(0.1)


async def test_a_database_that_fails_over_costs_a_lesson_nothing(
    city: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = city.sessions[:LESSONS]
    placed = [await city.node_hosts(held) for held in sessions]
    async with lesson(city, *sessions) as rooms:
        async with page(city.url_of(0), sessions[0], 1) as told:
            lost = time.time()
            await asyncio.to_thread(city.primary.host.kill)
            await asyncio.sleep(5)  # the time in which somebody, or something, decides to promote
            far = sessions[0].receiving[0]
            await told.do("mute", participant=str(far), muted=True)
            while not _of(await told(), far)["muted"]:
                pass
            promoted = time.time()
            await asyncio.to_thread(city.standby.promote)
            async with asyncio.timeout(60):
                while not await _written_since(city, promoted):
                    await asyncio.sleep(0.1)
            again = time.time() - promoted
            for number in range(len(city.controls)):
                await city.ready(city.url_of(number))
            pages = time.time() - promoted
            async with page(city.url_of(1), sessions[0], 1) as there:
                while not _of(await there(), far)["muted"]:
                    pass
        until = time.time()
        dark = [room.dark(lost, until) for room in rooms]
        _print(capsys, "host of the primary database lost, standby promoted after 5 s", dark)
        with capsys.disabled():
            print(f"  evidence written {again:.1f} s, pages ready {pages:.1f} s after that")
        assert max(dark) < _UNSEEN, [room.refused for room in rooms]
        assert [await city.node_hosts(held) for held in sessions] == placed
        await presence(city, capsys, rooms, sessions, lost)


async def _written_since(city: Cluster, moment: float) -> bool:
    query = "SELECT EXISTS (SELECT FROM evidence WHERE written_at > to_timestamp($1))"
    try:
        async with city.pool.connection() as connection:
            return bool(await connection.fetchval(query, moment))
    except Unreachable:
        return False


async def _told_until(city: Cluster, participants: Sequence[UUID], moment: float) -> bool:
    """Whether what is written of each reaches to a moment."""
    query = (
        "SELECT count(DISTINCT participant_id) FROM evidence "
        "WHERE participant_id = ANY($1) AND to_at > to_timestamp($2)"
    )
    async with city.pool.connection() as connection:
        return bool(await connection.fetchval(query, participants, moment) == len(participants))


async def presence(
    city: Cluster,
    capsys: pytest.CaptureFixture[str],
    rooms: Sequence[Room],
    sessions: Sequence[Held],
    since: float,
    *,
    crashed: bool = False,
) -> None:
    """Print, and judge, what is written of the rooms against what they really saw; a node that
    crashed takes with it what nobody had confirmed yet."""
    until = time.time()
    participants = [r for s in sessions for r in s.receiving]
    async with asyncio.timeout(_WITHIN):
        while not await _told_until(city, participants, until):
            await asyncio.sleep(0.2)
    lost, doubled = [], []
    for room, participant in zip(rooms, participants, strict=True):
        async with city.pool.connection() as connection:
            rows = await connection.fetch(
                "SELECT extract(epoch FROM from_at)::float8 AS a, "
                "extract(epoch FROM to_at)::float8 AS b FROM evidence "
                "WHERE participant_id = $1 AND received_decodable "
                "AND to_at > to_timestamp($2) AND from_at < to_timestamp($3)",
                participant,
                since,
                until,
            )
        slices = merged([(max(r["a"], since), min(r["b"], until)) for r in rows])
        saw = merged(
            [(at, at + 4 * PICTURE) for at, _ in room.pictures if since <= at < until - 4 * PICTURE]
        )
        doubled.append(sum(min(r["b"], until) - max(r["a"], since) for r in rows) - length(slices))
        lost.append(length(saw) - length(common(saw, slices)))
    with capsys.disabled():
        print(
            f"  presence of {len(rooms)} rooms in {until - since:.0f} s: lost at most "
            f"{max(lost):.2f} s, counted twice {max(doubled):.2f} s"
        )
    assert max(doubled) < 0.01
    assert max(lost) < (4.0 if crashed else 1.0)


def _print(capsys: pytest.CaptureFixture[str], what: str, dark: Sequence[float]) -> None:
    with capsys.disabled():
        print(f"\n{what}: dark for {min(dark):.2f} to {max(dark):.2f} s")


def _of(state: dict[str, Any], participant: object) -> dict[str, Any]:
    [found] = [p for p in state["participants"] if p["id"] == str(participant)]
    return dict(found)


@dataclass(frozen=True)
class Told:
    """A page's socket: each call is the next state."""

    socket: aiohttp.ClientWebSocketResponse

    async def __call__(self) -> dict[str, Any]:
        async with asyncio.timeout(_WITHIN):
            while (state := await self.socket.receive_json())["type"] != "state":
                pass
        return dict(state)

    async def do(self, what: str, **values: Any) -> None:
        await self.socket.send_json({"do": what, **values})


@asynccontextmanager
async def page(url: str, held: Held, teacher: int) -> AsyncIterator[Told]:
    """The lead teacher's page of a lesson."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(url, cookie_jar=jar) as browser:
        body = {"login": f"lead-{teacher}", "password": PASSWORD}
        async with browser.post("/api/v1/sign-in", json=body) as response:
            assert response.status == 200, await response.text()
        async with browser.ws_connect(f"/ws/sessions/{held.id}") as socket:
            yield Told(socket)


Span = tuple[float, float]


def merged(spans: Sequence[Span]) -> list[Span]:
    """The union of spans, in order."""
    found: list[Span] = []
    for a, b in sorted(spans):
        if found and a <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], b))
        else:
            found.append((a, b))
    return found


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """What two unions of spans have in common."""
    return [(max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) < min(b, d)]


def length(spans: Sequence[Span]) -> float:
    return sum(b - a for a, b in spans)
