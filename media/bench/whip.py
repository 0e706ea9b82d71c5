"""RFC 9725 and the WHEP draft, as far as a peer that never moves needs them."""

from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp

from media.bench import sdp
from media.bench.connection import Connection
from media.bench.scenarios import Publisher, Subscriber
from media.bench.sdp import SignallingFailed
from media.bench.sender import ssrcs

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to POST an offer, and with which Bearer token."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Lessons:
    """Endpoints of a server where every room may be: `token` may hold `{room}`, `{participant}`
    and `{role}`."""

    url: str
    token: str

    def whip(self, publisher: Publisher) -> Endpoint:
        """Where a publisher publishes."""
        room, participant = publisher.room, publisher.participant
        role = "lead" if publisher.lead else "receiving"
        return self._endpoint(f"/whip/{room}/{participant}", room, participant, role)

    def whep(self, subscriber: Subscriber) -> Endpoint:
        """Where a subscriber plays."""
        room = subscriber.room
        return self._endpoint(f"/whep/{room}", room, subscriber.participant, "receiving")

    def _endpoint(self, path: str, room: str, participant: str, role: str) -> Endpoint:
        token = self.token.format(room=room, participant=participant, role=role)
        return Endpoint(self.url.rstrip("/") + path, token)


@dataclass(frozen=True, slots=True)
class OneLesson:
    """Endpoints of a server with a single lesson, whose lead publishes and whose rooms play."""

    lead: Endpoint
    rooms: tuple[Endpoint, ...]

    def whip(self, publisher: Publisher) -> Endpoint:
        """The lead's. Raises SignallingFailed for anyone else."""
        if not publisher.lead:
            raise SignallingFailed("there is one lesson here, and one publishes in it")
        return self.lead

    def whep(self, subscriber: Subscriber) -> Endpoint:
        """A room's; rooms are taken in turn."""
        return self.rooms[subscriber.number % len(self.rooms)]


class WhipWhep:
    """Publishes and plays, offering `transport_cc` as a viewer or not; follows a redirect to a
    room's media node (RFC 9725, 4.6)."""

    def __init__(self, endpoints: Lessons | OneLesson, *, transport_cc: bool = False) -> None:
        self._endpoints, self._transport_cc = endpoints, transport_cc
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT)

    async def publish(self, publisher: Publisher, connection: Connection) -> Endpoint:
        """Connect a publisher; its resource. Raises SignallingFailed."""
        cname = f"bench-{publisher.number}"
        offer = sdp.publish_offer(connection.local, ssrcs(publisher.number), cname)
        return await self._post(self._endpoints.whip(publisher), offer, connection)

    async def play(self, subscriber: Subscriber, connection: Connection) -> Endpoint:
        """Connect a subscriber; its resource. Raises SignallingFailed."""
        slots = len(subscriber.watches)
        offer = sdp.play_offer(connection.local, slots, transport_cc=self._transport_cc)
        return await self._post(self._endpoints.whep(subscriber), offer, connection)

    async def leave(self, resource: Endpoint) -> None:
        """DELETE a resource. Raises SignallingFailed."""
        headers = {"Authorization": f"Bearer {resource.token}"}
        async with self._http.delete(resource.url, headers=headers) as response:
            if response.status != 200:
                raise SignallingFailed(f"DELETE {resource.url}: {response.status}")

    async def _post(self, endpoint: Endpoint, offer: str, connection: Connection) -> Endpoint:
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {endpoint.token}"}
        url = endpoint.url
        for _ in range(_REDIRECTS):
            # Followed by hand: aiohttp takes the token off where the redirect changes origin.
            request = self._http.post(url, data=offer, headers=headers, allow_redirects=False)
            async with request as response:
                text = await response.text()
                status, location = response.status, response.headers.get("Location", "")
            url = urljoin(url, location)
            if status != 307:
                break
        if status != 201:
            raise SignallingFailed(f"POST {endpoint.url}: {status} {text[:200]}")
        await connection.connect(sdp.remote(text, answered=True))
        return Endpoint(url, endpoint.token)

    async def close(self) -> None:
        """Let the HTTP connections go."""
        await self._http.close()
