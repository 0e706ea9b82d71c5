"""An open lesson for 48 rooms on three nodes: two of them pull it from the third."""

import asyncio
import statistics
import time
from collections.abc import Sequence

import aiohttp
import psutil
import pytest
from aiortc.rtcdtlstransport import RTCCertificate

from tests.hosts.city import OPEN_ROOMS
from tests.hosts.cluster import Cluster
from tests.hosts.lan import Host
from tests.hosts.peers import Lead, Room, running

pytestmark = pytest.mark.network

_MEASURED = 5.0  # seconds


def _cpu(host: Host) -> float:
    """Seconds that the processes of a host have had."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in host.pids())


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


async def test_one_lesson_reaches_48_rooms_over_three_nodes(
    city: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    held = city.sessions[-1]
    hub = await city.node_hosts(held)
    certificate = RTCCertificate.generateCertificate()
    async with aiohttp.ClientSession() as http:
        lead = Lead(city.whip(held, held.lead), http, certificate)
        rooms = [Room(city.whep(held, r), http, certificate) for r in held.receiving]
        async with running(lead, *rooms):
            await asyncio.gather(*(room.sees(within=120) for room in rooms))
            since, before = time.time(), [_cpu(host) for host in city.nodes]
            await asyncio.sleep(_MEASURED)
            until, after = time.time(), [_cpu(host) for host in city.nodes]
            by_node: dict[str, list[Room]] = {host.address: [] for host in city.nodes}
            for room in rooms:
                by_node[room.reached[-1].partition("://")[2].partition(":")[0]].append(room)
            pictures = [len(room.latencies(since, until)) for room in rooms]
            with capsys.disabled():
                print(f"\n1 → {OPEN_ROOMS} over {len(city.nodes)} nodes, {until - since:.1f} s:")
                for host, spent in zip(
                    city.nodes, (b - a for a, b in zip(before, after, strict=True)), strict=True
                ):
                    here = by_node[host.address]
                    took = [t for room in here for t in room.latencies(since, until)]
                    print(
                        f"  {host.address}{' (hub)' if host.address == hub else ''}: "
                        f"{len(here)} rooms, {spent / (until - since):.0%} of a core, a picture "
                        f"takes {statistics.median(took) * 1000:.1f} ms, 95 % within "
                        f"{_percentile(took, 0.95) * 1000:.1f} ms"
                    )
                print(f"  pictures of a room: {min(pictures)} to {max(pictures)}")
            sizes = sorted(len(here) for here in by_node.values())
            assert sum(sizes) == OPEN_ROOMS
            assert sizes[0] >= OPEN_ROOMS // len(city.nodes)
            assert min(pictures) >= 0.9 * max(pictures) > 0, "each room got what any room got"


async def test_a_branch_that_dies_costs_its_own_rooms_seconds_and_the_others_nothing(
    city: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    held = city.sessions[-1]
    hub = await city.node_hosts(held)
    branch = next(host for host in city.nodes if host.address != hub)
    certificate = RTCCertificate.generateCertificate()
    async with aiohttp.ClientSession() as http:
        lead = Lead(city.whip(held, held.lead), http, certificate)
        rooms = [Room(city.whep(held, r), http, certificate) for r in held.receiving]
        async with running(lead, *rooms):
            await asyncio.gather(*(room.sees(within=120) for room in rooms))
            of = [room.reached[-1].partition("://")[2].partition(":")[0] for room in rooms]
            lost = time.time()
            await asyncio.to_thread(branch.kill)
            await asyncio.gather(*(room.sees(20, within=120) for room in rooms))
            until = time.time()
            moved = [
                r.dark(lost, until) for r, on in zip(rooms, of, strict=True) if on == branch.address
            ]
            stayed = [
                r.dark(lost, until) for r, on in zip(rooms, of, strict=True) if on != branch.address
            ]
            with capsys.disabled():
                print(
                    f"\nbranch lost: its {len(moved)} rooms dark for {min(moved):.2f} to "
                    f"{max(moved):.2f} s, the others for {max(stayed):.2f} s at most"
                )
            assert moved, "the branch had rooms"
            assert max(stayed) < 2.0
    branch.mend()
    await city.start_node(city.nodes.index(branch))
