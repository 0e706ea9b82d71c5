"""How a peer asks a system under test for a connection: WHIP and WHEP, or Janus' HTTP API."""

import asyncio
import itertools
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from media.bench import sdp
from media.bench.connection import Connection
from media.bench.scenarios import Publisher, Subscriber
from media.bench.sdp import SignallingFailed
from media.bench.sender import ssrc_of

_TIMEOUT = aiohttp.ClientTimeout(total=30)


class Signalling(Protocol):
    """Connects peers. Both raise SignallingFailed."""

    async def publish(self, publisher: Publisher, connection: Connection) -> None:
        """Connect a publisher of one audio and one video."""

    async def play(self, subscriber: Subscriber, connection: Connection) -> None:
        """Connect a subscriber that is to receive all it watches."""

    async def close(self) -> None:
        """Let the HTTP connections go."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a system under test listens. `token` of a WHIP/WHEP server may hold `{room}`,
    `{participant}` and `{role}`, which are filled in."""

    kind: str  # "whip" or "janus"
    url: str
    token: str = ""

    def signalling(self) -> Signalling:
        """A client for it; inside a running event loop."""
        return WhipWhep(self.url, self.token) if self.kind == "whip" else Janus(self.url)


class WhipWhep:
    """RFC 9725 and the WHEP draft, as far as a peer that never moves needs them."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT)

    async def publish(self, publisher: Publisher, connection: Connection) -> None:
        kinds = ("audio", "video")
        ssrcs = {kind: ssrc_of(publisher.number, kind) for kind in kinds}
        offer = sdp.publish_offer(connection.local, ssrcs, f"bench-{publisher.number}")
        path = f"/whip/{publisher.room}/{publisher.participant}"
        role = "lead" if publisher.lead else "receiving"
        await self._post(path, offer, publisher.room, publisher.participant, role, connection)

    async def play(self, subscriber: Subscriber, connection: Connection) -> None:
        offer = sdp.play_offer(connection.local, len(subscriber.watches))
        room, participant = subscriber.room, subscriber.participant
        await self._post(f"/whep/{room}", offer, room, participant, "receiving", connection)

    async def _post(
        self,
        path: str,
        offer: str,
        room: str,
        participant: str,
        role: str,
        connection: Connection,
    ) -> None:
        token = self._token.format(room=room, participant=participant, role=role)
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"}
        async with self._http.post(self._url + path, data=offer, headers=headers) as response:
            text = await response.text()
            if response.status != 201:
                raise SignallingFailed(f"POST {path}: {response.status} {text[:200]}")
        await connection.connect(sdp.remote(text, answered=True))

    async def close(self) -> None:
        await self._http.close()


class Janus:
    """The videoroom plugin over the long-poll HTTP API; one session, a handle for each peer."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        connector = aiohttp.TCPConnector(limit=0)
        self._http = aiohttp.ClientSession(timeout=_TIMEOUT, connector=connector)
        self._session: str | None = None
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._poll: asyncio.Task[None] | None = None
        self._rooms: set[int] = set()
        self._opening = asyncio.Lock()

    async def publish(self, publisher: Publisher, connection: Connection) -> None:
        handle, room = await self._attach(publisher.room)
        await self._message(
            handle, {"request": "join", "ptype": "publisher", "room": room, "id": _feed(publisher)}
        )
        kinds = ("audio", "video")
        ssrcs = {kind: ssrc_of(publisher.number, kind) for kind in kinds}
        offer = sdp.publish_offer(connection.local, ssrcs, f"bench-{publisher.number}")
        jsep = {"type": "offer", "sdp": offer}
        event = await self._message(handle, {"request": "publish", "bitrate": 0}, jsep)
        await connection.connect(sdp.remote(event["jsep"]["sdp"], answered=True))

    async def play(self, subscriber: Subscriber, connection: Connection) -> None:
        handle, room = await self._attach(subscriber.room)
        feeds = [{"feed": number + 1} for number in subscriber.watches]
        event = await self._message(
            handle, {"request": "join", "ptype": "subscriber", "room": room, "streams": feeds}
        )
        offer = event["jsep"]["sdp"]
        answer = sdp.play_answer(connection.local, offer)
        await self._message(handle, {"request": "start"}, {"type": "answer", "sdp": answer})
        await connection.connect(sdp.remote(offer, answered=False))

    async def close(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            with suppress(asyncio.CancelledError):
                await self._poll
        await self._http.close()

    async def _attach(self, room_name: str) -> tuple[str, int]:
        async with self._opening:
            if self._session is None:
                created = await self._request("", {"janus": "create"})
                self._session = f"/{created['data']['id']}"
                self._poll = asyncio.create_task(self._events())
        plugin = {"janus": "attach", "plugin": "janus.plugin.videoroom"}
        attached = await self._request(self._session, plugin)
        handle = f"{self._session}/{attached['data']['id']}"
        room = zlib.crc32(room_name.encode())
        if room not in self._rooms:
            self._rooms.add(room)
            body = {
                "request": "create",
                "room": room,
                "publishers": 100,
                "bitrate": 0,
                "audiocodec": "opus",
                "videocodec": "vp8",
            }
            # Another worker may have made it already, which is as good.
            await self._request(handle, {"janus": "message", "body": body})
        return handle, room

    async def _request(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        request = {**request, "transaction": request.get("transaction", str(next(self._ids)))}
        async with self._http.post(self._url + path, json=request) as response:
            reply: dict[str, Any] = await response.json(content_type=None)
        if reply.get("janus") not in ("success", "ack"):
            raise SignallingFailed(f"Janus answers {request} with {reply}")
        return reply

    async def _message(
        self, handle: str, body: dict[str, Any], jsep: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Send to the plugin and wait for its event. Raises SignallingFailed."""
        transaction = str(next(self._ids))
        future = asyncio.get_running_loop().create_future()
        self._waiting[transaction] = future
        request: dict[str, Any] = {"janus": "message", "body": body, "transaction": transaction}
        if jsep is not None:
            request["jsep"] = jsep
        try:
            await self._request(handle, request)
            async with asyncio.timeout(15):
                event: dict[str, Any] = await future
        except TimeoutError:
            raise SignallingFailed(f"Janus is silent on {body}") from None
        finally:
            del self._waiting[transaction]
        data = event.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise SignallingFailed(f"Janus answers {body} with {data['error']}")
        return event

    async def _events(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        while True:
            url = f"{self._url}{self._session}?maxev=20"
            async with self._http.get(url, timeout=timeout) as response:
                events = await response.json(content_type=None)
            for event in events if isinstance(events, list) else [events]:
                future = self._waiting.get(event.get("transaction", ""))
                if future is not None and not future.done():
                    future.set_result(event)


def _feed(publisher: Publisher) -> int:
    """Janus wants numbers above zero, unique within a room."""
    return publisher.number + 1
