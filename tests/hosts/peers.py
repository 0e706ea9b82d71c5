"""A lead that publishes and rooms that play, light enough for a whole city on one machine.

Each comes by the address of the reverse proxy, follows where it is sent, and comes again by itself
when it hears nothing more, as pages do. A picture is one VP8 key frame that holds the time at which
it was sent, by the one clock of this machine.
"""

import asyncio
import itertools
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin

import aiohttp
from aiortc.rtcdtlstransport import RTCCertificate

from media import rtcp, rtp
from media.bench import sdp
from media.bench.connection import Connection
from media.bench.sdp import SignallingFailed
from media.rtcp import ReceiverReport, ReportBlock
from media.rtp import Protocol, demux
from tests.media.packets import packet, vp8_payload

PICTURE = 0.05  # seconds between two
_SILENCE = 2.5  # seconds without a word after which a peer comes again
_AGAIN = 0.2  # seconds between two tries
_TIME = struct.Struct("!d")
_TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True)
class Door:
    """Where to POST offers, and with which token; `url` is asked anew for each."""

    url: Callable[[], str]
    token: str


@dataclass
class Peer:
    """What a lead and a room have in common: a connection that is made again when it is lost."""

    door: Door
    http: aiohttp.ClientSession
    certificate: RTCCertificate
    reached: list[str] = field(default_factory=list)  # media resources, one after the other
    refused: list[str] = field(default_factory=list)  # why it had to try again
    heard_at: float = 0.0
    connection: Connection | None = None

    async def run(self) -> None:
        """For ever."""
        while True:
            connection = Connection(self.certificate, "gcm")
            try:
                await self._connect(connection)
                self.connection, self.heard_at = connection, time.time()
                await self._stay(connection)
            except (SignallingFailed, aiohttp.ClientError, OSError, TimeoutError) as error:
                self.refused.append(str(error) or type(error).__name__)
            finally:
                self.connection = None
                connection.close()
            await asyncio.sleep(_AGAIN)

    def offer(self, connection: Connection) -> str:
        raise NotImplementedError

    async def _connect(self, connection: Connection) -> None:
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {self.door.token}"}
        url, offer = self.door.url(), self.offer(connection)
        for _ in range(3):  # aiohttp takes the token off where a redirect changes origin
            asked = self.http.post(
                url, data=offer, headers=headers, allow_redirects=False, timeout=_TIMEOUT
            )
            async with asked as response:
                status, text = response.status, await response.text()
                url = urljoin(url, response.headers.get("Location", ""))
            if status != 307:
                break
        if status != 201:
            raise SignallingFailed(f"{status} {text[:120]}")
        self.reached.append(url)
        await connection.connect(sdp.remote(text, answered=True))

    async def _stay(self, connection: Connection) -> None:
        """Until nothing is heard any more."""
        tasks = [
            asyncio.create_task(work(connection))
            for work in (self._read, self._send, self._keep_consent)
        ]
        try:
            while time.time() - self.heard_at < _SILENCE:
                await asyncio.sleep(0.1)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_consent(self, connection: Connection) -> None:
        while True:
            connection.refresh_consent()
            await asyncio.sleep(1.0)

    async def _read(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(ConnectionRefusedError):
                data = await loop.sock_recv(connection.socket, 2048)
                protocol = demux(data)
                if protocol in (Protocol.RTP, Protocol.RTCP):
                    self.take(data, protocol, connection)

    def take(self, data: bytes, protocol: Protocol, connection: Connection) -> None:
        self.heard_at = time.time()

    async def _send(self, connection: Connection) -> None:
        raise NotImplementedError


class Lead(Peer):
    """Publishes one sound and one picture."""

    def offer(self, connection: Connection) -> str:
        return sdp.publish_offer(connection.local, {"audio": 1, "video": 2}, "hosts")

    async def _send(self, connection: Connection) -> None:
        number = 0
        while True:
            body = _TIME.pack(time.time())
            payload = vp8_payload(number & 0x7FFF, number & 255, key=True, body=body)
            with suppress(OSError):
                for payload_type, ssrc, clock, content in (
                    (sdp.VP8, 2, 90_000, payload),
                    (sdp.OPUS, 1, 48_000, b"\xfc" + bytes(20)),
                ):
                    made = packet(
                        content,
                        sequence=number,
                        timestamp=int(number * clock * PICTURE),
                        ssrc=ssrc,
                        payload_type=payload_type,
                        marker=True,
                    )
                    connection.socket.send(connection.send.protect(made))
            number += 1
            await asyncio.sleep(PICTURE)


class Room(Peer):
    """Plays the main picture and sound; says each second what has come (RFC 3550, 6.4)."""

    def __init__(self, door: Door, http: aiohttp.ClientSession, of: RTCCertificate) -> None:
        super().__init__(door, http, of)
        self.pictures: list[tuple[float, float]] = []  # when each came, and how long it took
        self._highest: dict[int, int] = {}

    def offer(self, connection: Connection) -> str:
        return sdp.play_offer(connection.local, 1)

    def take(self, data: bytes, protocol: Protocol, connection: Connection) -> None:
        if protocol is not Protocol.RTP:
            return
        opened: bytes = connection.receive.unprotect(data)
        header = rtp.parse(opened)
        self._highest[header.ssrc] = rtp.unwrap(
            header.sequence, self._highest.get(header.ssrc, header.sequence + 65536)
        )
        self.heard_at = time.time()
        if header.payload_type == sdp.VP8 and len(opened) >= _TIME.size:
            (sent_at,) = _TIME.unpack(opened[-_TIME.size :])
            self.pictures.append((self.heard_at, self.heard_at - sent_at))

    async def _send(self, connection: Connection) -> None:
        self._highest.clear()
        while True:
            await asyncio.sleep(1.0)
            blocks = tuple(
                ReportBlock(ssrc, 0, 0, highest & 0xFFFFFFFF, 0, 0, 0)
                for ssrc, highest in self._highest.items()
            )
            report = rtcp.build([ReceiverReport(7, blocks)])
            with suppress(OSError):
                connection.socket.send(connection.send.protect_rtcp(report))

    def dark(self, since: float, until: float) -> float:
        """The longest time without a picture between two instants, in seconds."""
        came = [since, *(at for at, _ in self.pictures if since < at < until), until]
        return max(b - a for a, b in itertools.pairwise(came))

    def latencies(self, since: float, until: float) -> list[float]:
        """How long each picture took, in seconds."""
        return [took for at, took in self.pictures if since < at < until]

    async def sees(self, more: int = 5, within: float = 30.0) -> None:
        """Until so many more pictures have come."""
        wanted = len(self.pictures) + more
        async with asyncio.timeout(within):
            while len(self.pictures) < wanted:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running(*peers: Peer) -> AsyncIterator[None]:
    """The peers, for as long as this lasts."""
    tasks = [asyncio.create_task(peer.run()) for peer in peers]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
