"""Light pages: what a teacher's or a room's page does, without a browser and without decoding.

A page follows its session's WebSocket, asks for a token, publishes real VP8 and Opus (a lead) or
plays (a room), and rejoins as classroom_sync/static/media_resource.js does: at once when the
session is on another node, with longer and longer pauses when something is refused, and after some
seconds without an answer to its checks. It writes down when media really came.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pylibsrtp
from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket

from media.bench import sdp
from media.bench.connection import CONSENT, GONE, Connection
from media.bench.lesson import Shared
from media.bench.receiver import Receiver
from media.bench.rota import Rota
from media.bench.sdp import OPUS, VP8, SignallingFailed
from media.bench.sender import SECOND
from media.specs import Codec
from tests.chaos.school import Seat
from tests.media.encoded import Film, Voice

_STEP = 0.02  # seconds between two looks at a socket
_PICTURES = 5  # a second
_SIZE = (160, 120)
_FIRST_PAUSE, _LAST_PAUSE = 0.3, 5.0  # seconds, as media_resource.js
_AGAIN = 1.0  # as session.js
_GAP = 0.3  # seconds without a packet that are not one stream any more
_NEVER = 1 << 30
_FOR_EVER = 1e6  # seconds
_HTTP = aiohttp.ClientTimeout(total=30)


class Refused(Exception):
    """A request was answered otherwise than hoped for; `retry` in seconds."""

    def __init__(self, status: int, text: str, retry: float = 0.0) -> None:
        super().__init__(f"{status} {text[:200]}")
        self.retry = retry


class Speaker:
    """What a lead sends: real pictures, few and small, and real sound."""

    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        ssrc = 0x10000 + 2 * number
        self.ssrcs = {"audio": ssrc, "video": ssrc + 1}
        self._voice = Voice(ssrc, OPUS)
        self._film = Film(Codec.VP8, ssrc + 1, VP8, clock=90_000 // _PICTURES, size=_SIZE)
        self._key = True

    def send_audio(self, _at: int) -> None:
        self._send(self._voice.next())

    def send_video(self, _at: int) -> None:
        key, self._key = self._key, False
        for packet in self._film.frame(key=key):
            self._send(packet)

    def _send(self, packet: bytes) -> None:
        with suppress(OSError):
            self.connection.socket.send(self.connection.send.protect(packet))

    def read(self) -> bool:
        """Take what has come; whether anything of it was media's (feedback)."""
        heard = False
        while True:
            try:
                data = self.connection.socket.recv(2048)
            except OSError:
                return heard
            if data[:1] < b"\x04":
                self.connection.answer_check(data)
            elif data[:1] >= b"\x80":
                with suppress(pylibsrtp.Error, ValueError):
                    feedback = self.connection.receive.unprotect_rtcp(data)
                    heard = True
                    for packet in RtcpPacket.parse(feedback):
                        if isinstance(packet, RtcpPsfbPacket) and packet.fmt in (1, 4):
                            self._key = True


@dataclass
class Page:
    """One participant's page; `times` are the intervals in which its media flowed (what a lead
    sent, what a room received), Unix seconds."""

    seat: Seat
    number: int
    urls: list[str]  # of control processes; the next is asked where one does not answer
    shared: Shared
    state: dict[str, Any] = field(default_factory=dict)
    times: list[list[float]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    moves: int = 0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: aiohttp.ClientWebSocketResponse | None = None
    _grant: dict[str, str] | None = None
    _dark: bool = True

    @property
    def url(self) -> str:
        return self.urls[0]

    def _next_url(self) -> None:
        self.urls = [*self.urls[1:], self.urls[0]]

    @property
    def connected(self) -> bool:
        """Whether media flows just now."""
        return bool(self.times) and time.time() - self.times[-1][1] < _GAP

    def dark(self, since: float, until: float) -> float:
        """Seconds of [since, until) without media."""
        there = sum(max(0.0, min(b, until) - max(a, since)) for a, b in self.times)
        return until - since - there

    def settled(self, since: float) -> float:
        """When, from `since` on, the media began to flow that flows now."""
        return max(since, self.times[-1][0]) if self.times else time.time()

    async def run(self) -> None:
        """Until its lesson has ended, or it is cancelled."""
        cookies = {"session": self.seat.cookie}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookies=cookies, cookie_jar=jar, timeout=_HTTP) as http:
            following = asyncio.create_task(self._follow(http))
            taking_part = asyncio.create_task(self._take_part(http))
            try:
                await self.until("state", "ended", _FOR_EVER)
                taking_part.cancel()
                await following
            finally:
                await _ended(following, taking_part)

    # ── its session ──────────────────────────────────────────────────────────────────────

    async def _follow(self, http: aiohttp.ClientSession) -> None:
        while True:
            address = urljoin(self.url, f"/ws/sessions/{self.seat.session_id}")
            try:
                async with http.ws_connect(address, heartbeat=5.0) as socket:
                    self._socket = socket
                    async for message in socket:
                        self._told(json.loads(message.data))
            except (aiohttp.ClientError, OSError, TimeoutError):
                self._next_url()  # as a load balancer would
            finally:
                self._socket = None
            await asyncio.sleep(_AGAIN)

    def _told(self, message: dict[str, Any]) -> None:
        if message["type"] != "state":
            self.refusals.append(message["detail"])
            return
        before, self.state = self.state.get("node"), message
        if before is not None and message["node"] != before:
            self.moves += 1
            self._moved.set()
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, name: str, value: object, within: float = 60.0) -> None:
        """Until the session's state has this value under this name."""
        async with asyncio.timeout(within):
            while self.state.get(name) != value:
                changed = self._changed
                await changed.wait()

    async def end(self, within: float = 120.0) -> None:
        """End the lesson, as a teacher who presses the button until it is over."""
        async with asyncio.timeout(within):
            while self.state.get("state") != "ended":
                if self._socket is not None:
                    with suppress(ConnectionError):
                        await self.do(do="end")
                with suppress(TimeoutError):
                    await self.until("state", "ended", _AGAIN)

    async def do(self, **wish: object) -> None:
        """Ask for something over the WebSocket."""
        assert self._socket is not None, "the page is linked"
        await self._socket.send_json(wish)

    # ── its media ────────────────────────────────────────────────────────────────────────

    async def _take_part(self, http: aiohttp.ClientSession) -> None:
        pause = _FIRST_PAUSE
        while True:
            least = 0.0
            self._moved.clear()
            connection = Connection(self.shared.certificate, "gcm", joined=True)
            try:
                await self._connect(http, connection)
                pause = _FIRST_PAUSE
                await self._flow(connection)
            except Refused as error:
                self.refusals.append(str(error))
                least = error.retry
            except (SignallingFailed, aiohttp.ClientError, OSError, TimeoutError) as error:
                self.refusals.append(repr(error)[:200])
            finally:
                connection.close()
            if not self._moved.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._moved.wait(), max(least, pause))
                pause = min(pause * 2, _LAST_PAUSE)

    async def _connect(self, http: aiohttp.ClientSession, connection: Connection) -> None:
        grant = await self._granted(http)
        if self.seat.leads:
            ssrcs = Speaker(connection, self.number).ssrcs
            offer = sdp.publish_offer(connection.local, ssrcs, f"page-{self.number}")
        else:
            offer = sdp.play_offer(connection.local, 1)
        headers = {
            "Content-Type": "application/sdp",
            "Authorization": f"Bearer {grant['token']}",
            "Prefer": "wait=20",
            "Origin": self.url.rstrip("/"),
        }
        url = urljoin(self.url, grant["url"])
        connecting = asyncio.ensure_future(self._post(http, url, offer, headers))
        moved = asyncio.ensure_future(self._moved.wait())
        try:
            await asyncio.wait([connecting, moved], return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                raise TimeoutError("moved meanwhile")
            await connection.connect(sdp.remote(connecting.result(), answered=True))
        finally:
            for each in (connecting, moved):
                each.cancel()

    @staticmethod
    async def _post(
        http: aiohttp.ClientSession, url: str, offer: str, headers: dict[str, str]
    ) -> str:
        async with http.post(url, data=offer, headers=headers) as response:
            text = await response.text()
            if response.status != 201:
                retry = float(response.headers.get("Retry-After", 0))
                raise Refused(response.status, text, retry)
            return text

    async def _granted(self, http: aiohttp.ClientSession) -> dict[str, str]:
        """A token; where none can be had just now, the last one, which is good for the lesson."""
        address = urljoin(self.url, f"/api/v1/sessions/{self.seat.session_id}/tokens")
        wish = {"direction": "publish" if self.seat.leads else "subscribe", "stream": "camera"}
        headers = {"X-CSRF-Token": self.seat.csrf}
        try:
            async with http.post(address, json=wish, headers=headers) as response:
                if response.status != 200:
                    raise Refused(response.status, await response.text())
                self._grant = await response.json()
        except (Refused, aiohttp.ClientError, OSError, TimeoutError):
            if self._grant is None:
                raise
        assert self._grant is not None, "had, or raised"
        return self._grant

    async def _flow(self, connection: Connection) -> None:
        """Send or receive until the connection is gone, or the session is elsewhere. It is gone, as
        for a browser, where checks are not answered and nothing else comes either."""
        now = heard_at = time.monotonic_ns()
        rotas = [Rota(CONSENT)]
        rotas[0].add(now, connection.refresh_consent)
        if self.seat.leads:
            speaker = Speaker(connection, self.number)
            for interval, action in (
                (SECOND // 50, speaker.send_audio),
                (SECOND // _PICTURES, speaker.send_video),
            ):
                rotas.append(Rota(interval))
                rotas[-1].add(now, action)
            came = speaker.read
        else:
            receiver = Receiver(
                connection, self.shared.pool, self.shared.into, self.shared.into_buffer, seed=1
            )
            receiver.begin(_NEVER)
            rotas.append(Rota(SECOND))
            rotas[-1].add(now, receiver.report)
            came = self._come_to(receiver)
        self._look(time.time(), came=False)  # it was without for as long as connecting took
        while not self._moved.is_set():
            now = time.monotonic_ns()
            for rota in rotas:
                rota.run(now)
            if came():
                heard_at = now
            gone = connection.gone(now) and now - heard_at > GONE
            self._look(time.time(), came=not gone if self.seat.leads else heard_at == now)
            if gone:
                return
            await asyncio.sleep(_STEP)

    @staticmethod
    def _come_to(receiver: Receiver) -> Callable[[], bool]:
        """Reads, and says whether media came since it was asked last."""

        def came() -> bool:
            before = receiver.received
            receiver.read()
            return receiver.received > before

        return came

    def _look(self, now: float, *, came: bool) -> None:
        """Only who looked, and found that nothing came, has seen darkness: a machine that lets the
        pages wait makes none."""
        if not came:
            self._dark = self._dark or not self.times or now - self.times[-1][1] > _GAP
        elif self._dark:
            self.times.append([now, now])
            self._dark = False
        else:
            self.times[-1][1] = now


@dataclass
class Hall:
    """The pages of all seats."""

    pages: list[Page]

    @property
    def leads(self) -> list[Page]:
        return [p for p in self.pages if p.seat.leads]

    @property
    def rooms(self) -> list[Page]:
        return [p for p in self.pages if not p.seat.leads]

    def lead_of(self, page: Page) -> Page:
        return next(p for p in self.leads if p.seat.session_id == page.seat.session_id)

    async def watch_all(self, within: float = 180.0) -> float:
        """Until every room has media; when that was."""
        async with asyncio.timeout(within):
            while not all(page.connected for page in self.rooms):
                await asyncio.sleep(_STEP)
        return time.time()

    async def end(self) -> None:
        """The leads end their lessons."""
        for lead in self.leads:
            await lead.end()


@asynccontextmanager
async def pages(urls: Sequence[str], seats: Sequence[Seat]) -> AsyncIterator[Hall]:
    """A page for each seat, by turns at each control process; all have media once this is
    entered."""
    shared = Shared(certificate=RTCCertificate.generateCertificate())
    turns = [[*urls[n:], *urls[:n]] for n in range(len(urls))]
    hall = Hall([Page(s, n, turns[n % len(urls)], shared) for n, s in enumerate(seats)])
    tasks = [asyncio.create_task(page.run()) for page in hall.pages]
    try:
        with _said(hall):
            await hall.watch_all()
            yield hall
    finally:
        await _ended(*tasks)


async def _ended(*tasks: asyncio.Task[None]) -> None:
    """Cancel until all have ended: a cancellation may get lost in `wait_for` (Python before 3.12),
    or in aiortc's handshake."""
    while not all(task.done() for task in tasks):
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1.0)


@contextmanager
def _said(hall: Hall) -> Iterator[None]:
    """A time-out tells what was refused."""
    try:
        yield
    except TimeoutError as error:
        raise AssertionError([(p.number, p.refusals[-3:]) for p in hall.pages]) from error
