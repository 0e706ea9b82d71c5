"""The videoroom of Janus over its long-poll HTTP API, as a peer uses it."""

import asyncio
import itertools
import zlib
from contextlib import suppress
from typing import Any

import aiohttp

from media.bench import sdp
from media.bench.connection import Connection
from media.bench.scenarios import Publisher, Subscriber
from media.bench.sdp import SignallingFailed
from media.bench.sender import ssrcs

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_NO_SUCH_FEED = 428  # JANUS_VIDEOROOM_ERROR_NO_SUCH_FEED
_ATTEMPTS = 20
_PAUSE = 0.1  # seconds


class _Refused(SignallingFailed):
    def __init__(self, what: str, code: int) -> None:
        super().__init__(what)
        self.code = code


class Janus:
    """One session, a handle for each peer."""

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
        cname = f"bench-{publisher.number}"
        offer = sdp.publish_offer(connection.local, ssrcs(publisher.number), cname)
        jsep = {"type": "offer", "sdp": offer}
        event = await self._message(handle, {"request": "publish", "bitrate": 0}, jsep)
        await connection.connect(sdp.remote(event["jsep"]["sdp"], answered=True))

    async def play(self, subscriber: Subscriber, connection: Connection) -> None:
        handle, room = await self._attach(subscriber.room)
        feeds = [{"feed": number + 1} for number in subscriber.watches]
        join = {"request": "join", "ptype": "subscriber", "room": room, "streams": feeds}
        event = await self._join(handle, join)
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

    async def _join(self, handle: str, join: dict[str, Any]) -> dict[str, Any]:
        """A feed is there a moment after its handshake: ask until it is."""
        for _ in range(_ATTEMPTS):
            try:
                return await self._message(handle, join)
            except _Refused as refused:
                if refused.code != _NO_SUCH_FEED:
                    raise
            await asyncio.sleep(_PAUSE)
        return await self._message(handle, join)

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
            raise _Refused(f"Janus answers {body} with {data['error']}", data["error_code"])
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
