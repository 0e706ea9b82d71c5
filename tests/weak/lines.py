"""Lines between a server and the hosts around it: how fast, how far, and how lossy each is.

Every network is the same to those inside: the server is 10.77.0.1, the first host 10.77.0.2 and so
on, one point-to-point device each. Nothing of it is visible outside its namespaces.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.weak.namespaces import Namespace, command, namespaces

SERVER = "10.77.0.1"

_QUEUE = 300  # milliseconds of queue before the slow end, as in a household router
_BURST = 3200  # bytes; two full packets


@dataclass(frozen=True)
class _Side:
    namespace: Namespace
    device: str

    def set_rate(self, bits_per_second: int | None) -> None:
        name, device = self.namespace.name, self.device
        queue = "pfifo limit 1000"
        if bits_per_second is not None:
            queue = f"tbf rate {bits_per_second}bit burst {_BURST} latency {_QUEUE}ms"
        command("tc", "-n", name, *f"qdisc replace dev {device} root {queue}".split())

    def set_loss(self, percent: float) -> None:
        """Of what arrives here. Dropped at the receiver, the sender is told nothing, as it is by
        a real line."""
        rule = (
            f"iifname {self.device} numgen random mod 10000 < {round(percent * 100)} drop"
            if percent
            else ""
        )
        table = f"inet loss_{self.device}"
        rules = (
            f"table {table} {{ }}\ndelete table {table}\ntable {table} {{\n chain in {{\n"
            f"  type filter hook prerouting priority -300\n  {rule}\n }}\n}}\n"
        )
        command(*self.namespace.command("nft", "-f", "-"), said=rules)


@dataclass(frozen=True)
class Line:
    """From the server (down) to a host and back (up); as good as veth is until it is changed."""

    server: _Side
    host: _Side

    def set_rate(self, down: int | None, up: int | None) -> None:
        """Bits per second; None: no limit. What is queued stays queued."""
        self.server.set_rate(down)
        self.host.set_rate(up)

    def set_loss(self, down: float, up: float) -> None:
        """Percent of the packets, each lost independently of the others."""
        self.host.set_loss(down)
        self.server.set_loss(up)


@dataclass(frozen=True)
class Host:
    """A namespace with a line to the server."""

    namespace: Namespace
    address: str
    line: Line


@dataclass(frozen=True)
class Network:
    """A server's namespace and the hosts in the order in which they were named."""

    server: Namespace
    hosts: tuple[Host, ...]


@contextmanager
def network(**hosts: float) -> Iterator[Network]:
    """Each host by name, with the milliseconds that a packet travels to it and back.

    Raises NoNamespaces.
    """
    with namespaces("server", *hosts) as (server, *rest), ExitStack() as stack:
        made = []
        for number, (namespace, round_trip) in enumerate(
            zip(rest, hosts.values(), strict=True), start=2
        ):
            sides = _Side(server, f"line{number}"), _Side(namespace, "line")
            if round_trip:
                stack.enter_context(_relayed(*sides, round_trip / 2))
            else:
                command(
                    *f"ip link add {sides[0].device} netns {server.name} type veth".split(),
                    *f"peer name {sides[1].device} netns {namespace.name}".split(),
                )
            address = f"10.77.0.{number}"
            _address(sides[0], SERVER, address)
            _address(sides[1], address, SERVER)
            # Browsers look for their own address along the default route.
            command("ip", "-n", namespace.name, "route", "add", "default", "dev", sides[1].device)
            made.append(Host(namespace, address, Line(*sides)))
        yield Network(server, tuple(made))


def _address(side: _Side, own: str, peer: str) -> None:
    ip = ("ip", "-n", side.namespace.name)
    command(*ip, "address", "add", own, "peer", peer, "dev", side.device)
    command(*ip, "link", "set", side.device, "up")


@contextmanager
def _relayed(one: _Side, other: _Side, delay: float) -> Iterator[None]:
    """A relay between two devices that it makes; `delay` in milliseconds, each way."""
    ends = (one.namespace.name, one.device, other.namespace.name, other.device)
    with subprocess.Popen(
        (sys.executable, "-m", "tests.weak.relay", *ends, str(delay)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None, "asked for"
        assert process.stdout.readline() == b"ready\n", "the relay did not start"
        try:
            yield
        finally:
            process.terminate()
