"""A peer with ICE, DTLS and SRTP of its own: what publishes and plays in these tests.

Its pictures are VP8 key frames that hold a text, so that whoever gets one knows whose it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiortc.rtcdtlstransport import RTCCertificate

from media.bench import sdp
from media.bench.connection import Connection
from media.rtp import Protocol, demux
from tests.conformance.client import Client, Door, Reply
from tests.media.checks import check_is_answered, check_request
from tests.media.packets import packet, vp8_payload

_CONSENT = 1.0  # seconds between checks
_PICTURE = 0.05


def new_connection() -> Connection:
    return Connection(RTCCertificate.generateCertificate(), "gcm")


def publish_offer(connection: Connection) -> str:
    """One Opus and one VP8 track, sendonly."""
    return sdp.publish_offer(connection.local, {"audio": 1, "video": 2}, "conformance")


def play_offer(connection: Connection) -> str:
    """One audio and one video, recvonly: what a plain player offers."""
    return sdp.play_offer(connection.local, 1)


def trickle(ufrag: str, password: str, *candidates: str) -> str:
    """A trickle-ice-sdpfrag of the first m-line (RFC 8840, 9)."""
    lines = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0"]
    lines += [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{password}"]
    lines += [f"a=candidate:{candidate}" for candidate in candidates]
    return "\r\n".join([*lines, "a=end-of-candidates"]) + "\r\n"


@dataclass
class Peer:
    """A connected peer; it keeps its consent fresh until it is silenced."""

    connection: Connection
    reply: Reply
    server: tuple[str, str]  # ufrag and password of the server's side
    client: str  # its own ufrag
    shown: bytes = b"picture"
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def publisher(cls, client: Client) -> AsyncIterator["Peer"]:
        connection = new_connection()
        door = client.server.whip
        async with cls._connected(client, door, connection, publish_offer(connection)) as peer:
            peer._tasks.append(asyncio.create_task(peer._show()))
            yield peer

    @classmethod
    @asynccontextmanager
    async def player(cls, client: Client) -> AsyncIterator["Peer"]:
        connection = new_connection()
        door = client.server.whep
        async with cls._connected(client, door, connection, play_offer(connection)) as peer:
            yield peer

    @classmethod
    @asynccontextmanager
    async def _connected(
        cls, client: Client, door: Door, connection: Connection, offer: str
    ) -> AsyncIterator["Peer"]:
        try:
            reply = await client.post(door, offer)
            assert reply.status == 201, reply.text
            remote = sdp.remote(reply.text, answered=True)
            await connection.connect(remote)
            peer = cls(connection, reply, (remote.ufrag, remote.password), connection.local.ufrag)
            peer._tasks.append(asyncio.create_task(peer._consent()))
            try:
                yield peer
            finally:
                await peer.fall_silent()
        finally:
            connection.close()

    async def fall_silent(self) -> None:
        """Send nothing any more, and say no goodbye, as a peer whose cable is cut."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    async def _consent(self) -> None:
        while True:
            self._send(bytes(check_request(self.server, self.client)))
            await asyncio.sleep(_CONSENT)

    async def _show(self) -> None:
        number = 0
        while True:
            payload = vp8_payload(number, number & 255, key=True, body=self.shown)
            data = packet(
                payload,
                sequence=number & 0xFFFF,
                timestamp=4500 * number,
                ssrc=2,
                payload_type=sdp.VP8,
                marker=True,
            )
            self._send(self.connection.send.protect(data))
            number += 1
            await asyncio.sleep(_PICTURE)

    def _send(self, data: bytes) -> None:
        with suppress(OSError):  # a server that is gone refuses
            self.connection.socket.send(data)

    async def sees(self, text: bytes, within: float = 5.0) -> bool:
        """Whether a picture with this text arrives."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while True:
                    data = await loop.sock_recv(self.connection.socket, 2048)
                    if demux(data) is Protocol.RTP and self._opened(data).endswith(text):
                        return True
        return False

    def _opened(self, data: bytes) -> bytes:
        packet: bytes = self.connection.receive.unprotect(data)
        return packet

    async def check(self, server: tuple[str, str], within: float = 2.0) -> bool:
        """Whether the server answers a check with these credentials of its side."""
        return await check_is_answered(self.connection.socket, server, self.client, within)
