"""A node with peers of our own over real UDP sockets, without HTTP: for what comes as datagrams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate

from media.bench import sdp
from media.bench.connection import Connection
from media.evidence import Evidence
from media.grant import Grant
from media.node import MediaNode
from media.node_events import ParticipantConnected, Publishing
from media.recording.recorder import Recorder
from media.rtp import Protocol, demux
from tests.media.packets import packet, vp8_payload

CERTIFICATE = RTCCertificate.generateCertificate()
VIDEO_SSRC = 2


@dataclass
class Peer:
    """A connected publisher or player."""

    connection: Connection
    resource_id: str
    remote: sdp.Remote

    def send(self, data: bytes) -> bytes:
        """Send RTP protected; returns the datagram."""
        protected = self.connection.send.protect(data)
        self.connection.socket.send(protected)
        return protected

    def report(self, data: bytes) -> None:
        self.connection.socket.send(self.connection.send.protect_rtcp(data))

    async def arrivals(self, protocol: Protocol, within: float = 5.0) -> bytes:
        """The next packet of a protocol, decrypted."""
        loop, keys = asyncio.get_running_loop(), self.connection.receive
        async with asyncio.timeout(within):
            while True:
                data = await loop.sock_recv(self.connection.socket, 2048)
                if demux(data) is protocol:
                    rtcp = protocol is Protocol.RTCP
                    return keys.unprotect_rtcp(data) if rtcp else keys.unprotect(data)

    def datagrams(self) -> list[bytes]:
        """What has arrived by now."""
        found = []
        with suppress(BlockingIOError):
            while True:
                found.append(self.connection.socket.recv(2048))
        return found

    def waiting(self, protocol: Protocol) -> list[bytes]:
        """What has arrived of a protocol by now, decrypted."""
        rtcp, keys = protocol is Protocol.RTCP, self.connection.receive
        decrypt = keys.unprotect_rtcp if rtcp else keys.unprotect
        return [decrypt(data) for data in self.datagrams() if demux(data) is protocol]

    def check(self) -> bytes:
        """A genuine check of this peer, that nominates, not sent."""
        made = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        made.attributes["USERNAME"] = f"{self.remote.ufrag}:{self.connection.local.ufrag}"
        made.attributes["PRIORITY"] = 1
        made.attributes["ICE-CONTROLLING"] = 1
        made.attributes["USE-CANDIDATE"] = None
        made.add_message_integrity(self.remote.password.encode())
        return bytes(made)


@dataclass
class Hall:
    """A node and everybody who is connected to it; their consent is renewed by itself."""

    node: MediaNode
    events: asyncio.Queue[Any]
    evidence: list[Evidence]
    peers: list[Peer] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)  # resource ids that renew nothing

    async def event(self, kind: type, within: float = 10.0, **values: object) -> Any:
        """The next event of a kind with these values; others are passed over."""
        async with asyncio.timeout(within):
            while True:
                found = await self.events.get()
                if isinstance(found, kind) and all(
                    getattr(found, name) == value for name, value in values.items()
                ):
                    return found

    async def join(
        self,
        direction: str,
        who: str,
        *,
        room: str = "r",
        role: str | None = None,
        fingerprint: str | None = None,
    ) -> Peer:
        """Ask for a resource and connect it."""
        connection = Connection(CERTIFICATE, "gcm")
        role = role or ("lead" if direction == "publish" else "receiving")
        grant = Grant(room, who, direction, role)  # type: ignore[arg-type]
        local = connection.local
        if direction == "publish":
            offer = sdp.publish_offer(local, {"audio": 1, "video": VIDEO_SSRC}, "x")
        else:
            offer = sdp.play_offer(local, 1)
        if fingerprint is not None:
            offer = offer.replace(local.fingerprint, fingerprint)
        if direction == "publish":
            answer = await self.node.publish(grant, offer)
        else:
            answer = await self.node.subscribe(grant, offer, wait=5)
        remote = sdp.remote(answer.sdp, answered=True)
        peer = Peer(connection, answer.resource_id, remote)
        self.peers.append(peer)
        await connection.connect(remote)
        return peer

    async def lesson(self, players: int = 1, room: str = "r") -> tuple[Peer, list[Peer]]:
        """A lead who sends, and rooms that receive, past the first key frames."""
        lead = await self.join("publish", "lead", room=room)
        await self.event(ParticipantConnected, participant="lead", room=room)
        lead.send(video(0, key=True))
        await self.event(Publishing, participant="lead", live=True, room=room)
        rooms = []
        for number in range(players):
            rooms.append(await self.join("subscribe", f"room {number}", room=room))
            await self.event(ParticipantConnected, participant=f"room {number}", room=room)
        lead.send(video(1, key=True))
        for player in rooms:
            await player.arrivals(Protocol.RTP)
        return lead, rooms

    async def _renew(self) -> None:
        while True:
            for peer in self.peers:
                if peer.resource_id not in self.silent and hasattr(peer.connection, "send"):
                    peer.connection.refresh_consent()
            await asyncio.sleep(1)


@asynccontextmanager
async def hall(recorder: Recorder | None = None) -> AsyncIterator[Hall]:
    events: asyncio.Queue[Any] = asyncio.Queue()
    evidence: list[Evidence] = []
    node = MediaNode(
        host="127.0.0.1",
        udp_port=0,
        public_address=None,
        on_evidence=evidence.append,
        on_event=events.put_nowait,
        recorder=recorder,
    )
    await node.start()
    made = Hall(node, events, evidence)
    renewing = asyncio.create_task(made._renew())
    try:
        yield made
    finally:
        renewing.cancel()
        for peer in made.peers:
            peer.connection.close()
        await node.stop()


def video(
    number: int, *, key: bool = False, body: bytes = b"picture", ssrc: int = VIDEO_SSRC
) -> bytes:
    """A frame of one packet, the `number`th."""
    return packet(
        vp8_payload(number & 0x7FFF, number & 0xFF, key=key, body=body),
        sequence=number,
        timestamp=3000 * number,
        ssrc=ssrc,
        payload_type=sdp.VP8,
        marker=True,
    )
