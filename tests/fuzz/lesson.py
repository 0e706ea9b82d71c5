"""A whole node with a lead who publishes and a room that plays, behind its own UDP socket.

The first byte of an input says who sends the rest and how; a lesson survives all of them.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

import pylibsrtp
from aiortc.rtcdtlstransport import RTCCertificate

from media.bench import sdp
from media.bench.connection import Connection
from media.grant import Grant
from media.ice import CONSENT_TIMEOUT
from media.node import MediaNode
from tests.media.packets import Microphone, packet, vp8_payload

_MARGIN = 160  # bytes that protection may add


class Lesson:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._raised: list[dict[str, Any]] = []
        self._loop.set_exception_handler(lambda _loop, context: self._raised.append(context))
        self._sequence = 0
        self._renewed_at = time.monotonic()
        self._loop.run_until_complete(self._start())

    async def _start(self) -> None:
        self._node = MediaNode(
            host="127.0.0.1",
            udp_port=0,
            public_address=None,
            on_evidence=lambda _evidence: None,
            on_event=lambda _event: None,
        )
        await self._node.start()
        certificate = RTCCertificate.generateCertificate()
        self._lead = Connection(certificate, "gcm")
        offer = sdp.publish_offer(self._lead.local, {"audio": 1, "video": 2}, "x")
        answer = await self._node.publish(Grant("r", "lead", "publish", "lead"), offer)
        await self._lead.connect(sdp.remote(answer.sdp, answered=True))
        self._room = Connection(certificate, "gcm")
        offer = sdp.play_offer(self._room.local, 1)
        answer = await self._node.subscribe(
            Grant("r", "room", "subscribe", "receiving"), offer, wait=5
        )
        await self._room.connect(sdp.remote(answer.sdp, answered=True))
        self._stranger = Connection(certificate, "gcm")
        self._stranger.socket.connect(("127.0.0.1", self._node.udp_port))

    @property
    def forgotten(self) -> bool:
        """Whether the node may have lost the peers, while nothing let them renew consent."""
        return time.monotonic() - self._renewed_at > CONSENT_TIMEOUT / 2

    def take(self, data: bytes) -> None:
        """Send one datagram as its first byte says, and wait until the node has read it."""
        if data:
            self._send(data[0] % 6, data[1:])
        self._loop.run_until_complete(self._has_read())
        assert not self._raised, self._raised
        assert self._node.snapshot()["resources"] == 2

    def _send(self, how: int, data: bytes) -> None:
        sender = (self._lead, self._room, self._stranger)[how % 3]
        if how < 3:
            sender.socket.send(data)
        elif 12 <= len(data) < 1500 - _MARGIN:
            keys = (self._room if how == 4 else self._lead).send
            self._sequence = (self._sequence + 1) & 0xFFFF
            first = bytes((data[0] & 0x3F | 0x80,))  # version 2
            with suppress(pylibsrtp.Error):  # libsrtp does not protect what it can't read
                if 192 <= data[1] <= 223:
                    sender.socket.send(keys.protect_rtcp(first + data[1:]))
                else:
                    sequence = self._sequence.to_bytes(2, "big")  # a new one, or it is a replay
                    sender.socket.send(keys.protect(first + data[1:2] + sequence + data[4:]))

    async def _has_read(self) -> None:
        """Renew both consents: the answer to a check comes after what was sent before it."""
        for peer in (self._lead, self._room):
            peer.refresh_consent()
            async with asyncio.timeout(2):
                while not peer.answer_check(await self._loop.sock_recv(peer.socket, 2048)):
                    pass
        self._renewed_at = time.monotonic()

    def end(self) -> None:
        self._loop.run_until_complete(self._node.stop())
        for peer in (self._lead, self._room, self._stranger):
            peer.close()
        self._loop.close()


_running: list[Lesson] = []


def take(data: bytes) -> None:
    """Hand an input to the one lesson of this process."""
    if _running and _running[0].forgotten:
        end()
    if not _running:
        _running.append(Lesson())
    _running[0].take(data)


def end() -> None:
    """End the lesson, if there is one."""
    while _running:
        _running.pop().end()


def seeds() -> list[bytes]:
    """Of each sender: STUN, DTLS, RTP and RTCP; the protected ones reach the room."""
    key = packet(vp8_payload(1, 1, key=True), sequence=1, timestamp=1, ssrc=2, payload_type=sdp.VP8)
    plain = [
        bytes.fromhex("000100002112a442") + bytes(12),
        bytes.fromhex("16fefd0000000000000000000c010000000000000000000000"),
        key,
        Microphone(1, payload_type=sdp.OPUS).next(),
        b"\x81\xc9\x00\x07" + bytes(28),
        b"\x81\xcd\x00\x03" + bytes(8) + b"\x00\x01\xff\xff",
        b"\x81\xce\x00\x02" + bytes(8),
    ]
    large = [b"\x80\x60" + bytes(1600), b"\x81\xc9" + bytes(2000)]  # larger than an Ethernet frame
    return [bytes([how]) + data for how in range(6) for data in [*plain, *large]]
