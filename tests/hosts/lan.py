"""Hosts on one network: namespaces joined by a bridge, as machines are by a switch.

The tests themselves run on the first host, 10.78.0.1; the others follow in the order in which they
are named. A host can be cut off (its cable) or killed (everything that runs on it, and its cable).
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.weak.namespaces import Namespace, command, namespaces


@dataclass(frozen=True)
class Host:
    """A namespace with an address on the network."""

    namespace: Namespace
    address: str
    switch: Namespace
    port: str  # of the switch

    def cut(self) -> None:
        """Pull the cable: nobody hears a word, and nobody is told so."""
        self._set("down")

    def mend(self) -> None:
        self._set("up")

    def kill(self) -> None:
        """The power goes: all that runs here ends, and the cable is dead."""
        self.cut()
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def pids(self) -> list[int]:
        return [int(p) for p in command("ip", "netns", "pids", self.namespace.name).split()]

    def _set(self, state: str) -> None:
        command("ip", "-n", self.switch.name, "link", "set", self.port, state)


@contextmanager
def lan(*names: str) -> Iterator[tuple[Host, ...]]:
    """Hosts on a network of their own. Raises NoNamespaces."""
    with namespaces("switch", *names) as (switch, *rest):
        inside = ("ip", "-n", switch.name)
        command(*inside, *["link", "add", "bridge", "type", "bridge"])
        command(*inside, *["link", "set", "bridge", "up"])
        hosts = []
        for number, namespace in enumerate(rest, start=1):
            port, address = f"port{number}", f"10.78.0.{number}"
            command(
                *f"ip link add {port} netns {switch.name} type veth".split(),
                *f"peer name cable netns {namespace.name}".split(),
            )
            command(*inside, *f"link set {port} master bridge up".split())
            host = ("ip", "-n", namespace.name)
            command(*host, *f"address add {address}/24 dev cable".split())
            command(*host, *["link", "set", "cable", "up"])
            command(*host, *["route", "add", "default", "dev", "cable"])
            hosts.append(Host(namespace, address, switch, port))
        yield tuple(hosts)
