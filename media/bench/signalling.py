"""How a peer asks a system under test for a connection: WHIP and WHEP, or Janus' HTTP API."""

from dataclasses import dataclass
from typing import Protocol

from media.bench.connection import Connection
from media.bench.janus import Janus
from media.bench.scenarios import Publisher, Subscriber
from media.bench.whip import Lessons, OneLesson, WhipWhep


class Signalling(Protocol):
    """Connects peers. Both raise SignallingFailed."""

    async def publish(self, publisher: Publisher, connection: Connection) -> object:
        """Connect a publisher of one audio and one video."""

    async def play(self, subscriber: Subscriber, connection: Connection) -> object:
        """Connect a subscriber that is to receive all it watches."""

    async def close(self) -> None:
        """Let the HTTP connections go."""


@dataclass(frozen=True, slots=True)
class JanusApi:
    """Where Janus listens."""

    url: str


Target = Lessons | OneLesson | JanusApi


def client(target: Target, *, transport_cc: bool) -> Signalling:
    """A client for it, inside a running event loop. `transport_cc` is what viewers offer by WHEP;
    Janus offers itself, and its offer is taken without."""
    if isinstance(target, JanusApi):
        return Janus(target.url)
    return WhipWhep(target, transport_cc=transport_cc)
