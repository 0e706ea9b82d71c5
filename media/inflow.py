"""The pulling end of a trunk: a WHEP client in a node, with a socket of its own.

It is the controlling ICE agent and DTLS client of an ICE-lite server, which is what every node is.
A socket of its own, because between two nodes there may be many trunks, both ways, and a node knows
its peers by their addresses. What comes is unprotected and handed on; nothing is decoded.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from media import negotiation, sdp, stun
from media.errors import BadSdp
from media.ice import fresh_credentials
from media.rtp import Protocol, demux
from media.specs import MAX_LAYERS, Kind, TrackSpec
from media.udp import Address, UdpSocket
from media.wire import Certificate, Wire

_CHECK_FIRST, _CHECK_EVERY = 0.05, 1.0  # seconds between checks, until one is answered and after
_CONSENT = 4.0  # seconds without an answer after which the other node is gone
_CONNECT = 8.0  # seconds for checks and handshake
_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ ([0-9.]+) (\d+) typ host\s*$", re.MULTILINE)

#: What can be forwarded, as any publisher may send it: payload type, name, format parameters.
_VIDEO = (
    (96, "VP8/90000", ""),
    (98, "H264/90000", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    (100, "H264/90000", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"),
    (102, "H264/90000", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f"),
    (104, "VP9/90000", "profile-id=0"),
    (106, "AV1/90000", ""),
)
_AUDIO = ((111, "opus/48000/2", "minptime=10;useinbandfec=1"), (63, "red/48000/2", "111/111"))


class Inflow:
    """See the module. `on_rtp` and `on_rtcp` are given unprotected packets, `on_idle` is called
    when those that came together have been handed on."""

    def __init__(
        self,
        certificate: Certificate,
        on_rtp: Callable[[bytes, float], None],
        on_rtcp: Callable[[bytes, float], None],
        on_idle: Callable[[], None],
    ) -> None:
        self._certificate = certificate
        self._on_rtp, self._on_rtcp, self._on_idle = on_rtp, on_rtcp, on_idle
        self._local = fresh_credentials()
        self._remote: sdp.Offer | None = None
        self._address: Address = ("0.0.0.0", 9)  # noqa: S104 - until the answer names one
        self._wire: Wire | None = None
        self._udp = UdpSocket("0.0.0.0", 0, self._on_datagram)  # noqa: S104 - a client's
        self._transactions: dict[bytes, float] = {}  # of checks not answered yet
        self._tie_breaker = secrets.randbits(64)
        self._answered = asyncio.Event()
        self._answered_at = 0.0
        self._idle_asked = False
        self._checking: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    def offer(self) -> str:
        """One audio, and as many videos as a picture can have layers."""
        kinds = [Kind.AUDIO] + [Kind.VIDEO] * MAX_LAYERS
        lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
        lines.append("a=group:BUNDLE " + " ".join(str(n) for n in range(len(kinds))))
        for mid, kind in enumerate(kinds):
            lines += self._section(kind, mid)
        return "\r\n".join(lines) + "\r\n"

    def _section(self, kind: Kind, mid: int) -> list[str]:
        audio = kind is Kind.AUDIO
        payloads = _AUDIO if audio else _VIDEO
        numbers = [n for number, _, _ in payloads for n in ((number,) if audio else _pair(number))]
        lines = [
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{mid}",
            f"a=ice-ufrag:{self._local.ufrag}",
            f"a=ice-pwd:{self._local.password}",
            f"a=fingerprint:sha-256 {self._certificate.fingerprint}",
            "a=setup:active",
            "a=rtcp-mux",
            "a=recvonly",
        ]
        for number, name, parameters in payloads:
            lines.append(f"a=rtpmap:{number} {name}")
            if parameters:
                lines.append(f"a=fmtp:{number} {parameters}")
            lines.append(f"a=rtcp-fb:{number} nack")
            if not audio:
                repair = _pair(number)[1]
                lines.append(f"a=rtcp-fb:{number} nack pli")
                lines += [f"a=rtpmap:{repair} rtx/90000", f"a=fmtp:{repair} apt={number}"]
        return lines

    def take(self, answer: str) -> tuple[TrackSpec, ...]:
        """Read the answer: what will come, as the tracks of a publisher. Raises BadSdp, and
        Unsupported and NoCommonCodec where it is no node's."""
        self._remote = remote = sdp.parse(answer)
        candidate = _CANDIDATE.search(answer)
        if candidate is None:
            raise BadSdp("the answer names no address")
        self._address = candidate[1], int(candidate[2])
        return tuple(
            _track(kind, sections)
            for kind in Kind
            if (sections := [s for s in remote.sections if s.active and s.kind == kind])
        )

    async def connect(self) -> None:
        """Find the way and shake hands. Raises HandshakeFailed, TimeoutError."""
        assert self._remote is not None, "the answer has been taken"
        self._checking = asyncio.create_task(self._check())
        self._wire = Wire(self._certificate, "active", self._remote.fingerprints, self._send)
        async with asyncio.timeout(_CONNECT):
            await self._answered.wait()
            await self._wire.handshake()

    async def ended(self) -> None:
        """Return when the other side has said goodbye or fallen silent, or `stop` was called."""
        assert self._wire is not None, "it is connected"
        waiting = {
            asyncio.create_task(self._wire.closed()),
            asyncio.create_task(self._stopped.wait()),
        }
        try:
            while time.monotonic() - self._answered_at < _CONSENT:
                done, _ = await asyncio.wait(
                    waiting, timeout=_CHECK_EVERY, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    return
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def stop(self) -> None:
        """Let `ended` return."""
        self._stopped.set()

    def send_rtcp(self, data: bytes) -> None:
        if self._wire is not None and self._wire.connected:
            packet = self._wire.protect_rtcp(data)
            if packet is not None:
                self._send(packet)

    async def close(self) -> None:
        """Say goodbye and let the socket go."""
        if self._checking is not None:
            self._checking.cancel()
            with suppress(asyncio.CancelledError):
                await self._checking
        if self._wire is not None:
            await self._wire.close()
        self._udp.close()

    # ── packets ──────────────────────────────────────────────────────────────────────────

    def _send(self, data: bytes) -> None:
        self._udp.send(data, self._address)

    async def _check(self) -> None:
        """For ever: nominate the way, and keep the other side's consent (RFC 7675)."""
        assert self._remote is not None, "the answer has been taken"
        username = f"{self._remote.ufrag}:{self._local.ufrag}"
        while True:
            transaction = secrets.token_bytes(12)
            now = time.monotonic()
            self._transactions = {
                t: at for t, at in self._transactions.items() if now - at < _CONSENT
            } | {transaction: now}
            self._send(
                stun.request(
                    transaction, username, self._tie_breaker, self._remote.password, nominate=True
                )
            )
            await asyncio.sleep(_CHECK_EVERY if self._answered.is_set() else _CHECK_FIRST)

    def _on_datagram(self, data: bytes, address: Address) -> None:
        if address != self._address:
            return
        now, protocol = time.monotonic(), demux(data)
        if protocol is Protocol.STUN:
            self._on_stun(data, now)
        elif self._wire is None:
            return
        elif protocol is Protocol.DTLS:
            self._wire.datagram(data)
        elif protocol is Protocol.RTP:
            packet = self._wire.unprotect_rtp(data)
            if packet is not None:
                self._on_rtp(packet, now)
                self._tell_idle()
        elif protocol is Protocol.RTCP:
            packet = self._wire.unprotect_rtcp(data)
            if packet is not None:
                self._on_rtcp(packet, now)
                self._tell_idle()

    def _on_stun(self, data: bytes, now: float) -> None:
        """An answer to a check of ours, if it proves to be one; a lite agent does not ask."""
        message = stun.parse(data)
        if message is None or message.kind != stun.SUCCESS or self._remote is None:
            return
        if message.transaction not in self._transactions:
            return
        if stun.authentic(data, message, self._remote.password):
            del self._transactions[message.transaction]
            self._answered_at = now
            self._answered.set()

    def _tell_idle(self) -> None:
        """Once for all datagrams that are read together."""
        if not self._idle_asked:
            self._idle_asked = True
            asyncio.get_running_loop().call_soon(self._idle)

    def _idle(self) -> None:
        self._idle_asked = False
        self._on_idle()


def _pair(number: int) -> tuple[int, int]:
    """A payload type and that of its retransmissions."""
    return number, number + 1


def _track(kind: Kind, sections: Sequence[sdp.Section]) -> TrackSpec:
    """The m-lines of one kind as one track: each brings one layer under an SSRC of its own."""
    repairs = [pair for section in sections for pair in section.rtx_ssrcs]
    repairing = {repair for _, repair in repairs}
    ssrcs = [s for section in sections for s in section.ssrcs if s not in repairing]
    chosen = negotiation.payloads(sections[0], wide=False)
    return TrackSpec(kind, sections[0].mid, chosen, (), tuple(ssrcs), tuple(repairs))
