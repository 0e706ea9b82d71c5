"""The lines are what they claim to be, and nothing of them is left behind."""

import asyncio
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.weak.lines import SERVER, Host, Network, network
from tests.weak.namespaces import Namespace, command, missing, namespaces, remove_stale

_PORT = 5005
_IP_AND_UDP = 28  # bytes that go over the line with each payload


@pytest.fixture(scope="module")
def joined() -> Iterator[Network]:
    with network(near=0.0, far=80.0) as made:
        yield made


@dataclass(frozen=True)
class _Burst:
    arrived: int
    seconds: float  # between the first and the last arrival

    def rate(self, size: int) -> float:
        """Bits per second over the line."""
        return (self.arrived - 1) * (size + _IP_AND_UDP) * 8 / self.seconds


async def _burst(
    sender: Namespace, receiver: Namespace, address: str, *, count: int, size: int, pause: float
) -> _Burst:
    """Send `count` datagrams of `size` bytes, `pause` seconds apart, and see what arrives until
    half a second of silence."""

    def opened() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        return sock

    def receive() -> _Burst:
        times = []
        with incoming:
            incoming.settimeout(0.5 + pause * count)
            while True:
                try:
                    incoming.recv(2048)
                except TimeoutError:
                    return _Burst(len(times), times[-1] - times[0])
                times.append(time.monotonic())
                incoming.settimeout(0.5)

    def send() -> None:
        with outgoing:
            for _ in range(count):
                outgoing.sendto(bytes(size), (address, _PORT))
                time.sleep(pause)

    incoming = await receiver.call(opened)
    outgoing = await sender.call(opened)
    incoming.bind((address, _PORT))
    arrived, _ = await asyncio.gather(asyncio.to_thread(receive), asyncio.to_thread(send))
    return arrived


async def _down(joined: Network, host: Host, *, count: int, size: int, pause: float) -> _Burst:
    return await _burst(
        joined.server, host.namespace, host.address, count=count, size=size, pause=pause
    )


async def _up(joined: Network, host: Host, *, count: int, size: int, pause: float) -> _Burst:
    return await _burst(host.namespace, joined.server, SERVER, count=count, size=size, pause=pause)


async def test_an_unshaped_line_loses_nothing(joined: Network) -> None:
    for host in joined.hosts:
        assert (await _down(joined, host, count=500, size=200, pause=0.001)).arrived == 500


async def test_each_direction_loses_its_own_share(joined: Network) -> None:
    for host in joined.hosts:
        host.line.set_loss(down=3.0, up=20.0)
        down, up = (
            await _down(joined, host, count=3000, size=60, pause=0.0002),
            await _up(joined, host, count=1000, size=60, pause=0.0002),
        )
        host.line.set_loss(down=0.0, up=0.0)
        assert 3000 * 0.015 < 3000 - down.arrived < 3000 * 0.045  # 3 %, at five sigma
        assert 1000 * 0.13 < 1000 - up.arrived < 1000 * 0.27  # 20 %
        assert (await _up(joined, host, count=200, size=60, pause=0.0002)).arrived == 200


async def test_the_rate_is_kept_and_can_be_changed(joined: Network) -> None:
    for host in joined.hosts:
        for rate in (5_000_000, 300_000, 5_000_000):
            host.line.set_rate(down=rate, up=None)
            offered = 2 * rate  # bits per second, for half a second
            pause = 1000 * 8 / offered
            burst = await _down(joined, host, count=int(0.5 / pause), size=1000, pause=pause)
            assert burst.rate(1000) == pytest.approx(rate, rel=0.25)
        host.line.set_rate(down=None, up=None)


async def test_the_way_there_and_back_takes_as_long_as_was_asked_for(joined: Network) -> None:
    for host, expected in zip(joined.hosts, (0.0, 80.0), strict=True):
        said = await asyncio.to_thread(
            command, *host.namespace.command("ping", "-c", "20", "-i", "0.02", SERVER)
        )
        times = [float(t) for t in re.findall(r"time=([\d.]+) ms", said)]
        assert len(times) == 20
        assert min(times) >= expected
        assert statistics.median(times) < expected + 20


def test_hosts_see_the_server_and_nothing_else(joined: Network) -> None:
    for other in ("127.0.0.2", "10.77.0.3", "10.78.0.1"):
        said = joined.hosts[0].namespace.command("ping", "-c", "1", "-W", "1", other)
        done = subprocess.run(said, capture_output=True, check=False)
        assert (done.returncode == 0) is other.startswith("127.")


def _names() -> set[str]:
    return {line.split()[0] for line in command("ip", "netns", "list").splitlines()}


def test_leaving_ends_what_runs_inside_and_removes_the_namespace() -> None:
    with namespaces("short") as (short,):
        sleeper = subprocess.Popen(short.command("sleep", "1000"))
        assert short.name in _names()
    assert sleeper.wait(10) == -9
    assert short.name not in _names()


def test_what_a_killed_run_left_is_removed_and_what_a_live_one_uses_is_not() -> None:
    script = "\n".join(
        (
            "import os, signal, subprocess",
            "from tests.weak.namespaces import Namespace",
            "made = Namespace('left')",
            "subprocess.Popen(made.command('sleep', '1000'), stdout=subprocess.DEVNULL)",
            "print(made.name, flush=True)",
            "os.kill(os.getpid(), signal.SIGKILL)",
        )
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        (sys.executable, "-c", script), cwd=root, stdout=subprocess.PIPE, text=True
    )
    left = done.stdout.strip()
    with namespaces("live") as (live,):
        assert left not in _names()
        assert remove_stale() == []
        assert live.name in _names()


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"root": False}, "root"),
        ({"which": lambda tool: None if tool == "nft" else tool}, "nftables"),
        ({"which": lambda tool: None}, "iproute2, nftables"),
        ({"tun": Path("/dev/null/none")}, "tun module"),
    ],
)
def test_what_is_missing_is_said(lacking: dict[str, object], said: str) -> None:
    assert said in (missing(**lacking) or "")


def test_a_thread_that_entered_comes_back_out() -> None:
    here = os.readlink("/proc/thread-self/ns/net")
    with namespaces("aside") as (aside,), aside.entered():
        assert os.readlink("/proc/thread-self/ns/net") != here
    assert os.readlink("/proc/thread-self/ns/net") == here
