"""DTLS-SRTP for one peer: the only file that touches private seams of aiortc.

aiortc (pinned exactly) shakes hands and derives keys; media never goes through its receivers and
senders. What is used of it, and kept by tests/media/test_wire.py: `RTCDtlsTransport` asks of its
ICE transport only `role`, `_recv()` and `_send()`; `start()` ends connected, failed or closed;
after it `_rx_srtp` and `_tx_srtp` are libsrtp sessions; `_set_role` fixes the DTLS role,
`_srtp_profiles` what is agreed to. Compiled code calls libsrtp past Python, through the addresses
that pylibsrtp's cffi binding knows. A pylibsrtp session works in a buffer of 1500 bytes, which is
too small for what many encoders send (MTU 1400, and a trailer); here it is given a larger one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import pylibsrtp
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp._binding import ffi, lib

from media.rtp import MAX_PACKET

#: ECDSA and RSA: a peer that is DTLS server may hold either kind of certificate.
_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"
)
#: What is agreed to, best first: the DTLS server picks by its own order. AES-GCM costs half of CM
#: with HMAC; with 256 bits it would cost more and protect no lesson better.
_PROFILES = [p for p in (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80) if p in SRTP_PROFILES]
_TRAILER = 160  # bytes; more than libsrtp ever adds to a packet
_WAITING = 64  # datagrams that may wait to be read; more are dropped
MAX_SSRCS = 64  # heard of one peer, its reports included
_BUDGET = 256  # datagrams read of one peer in its handshake, and as many after it
_HANDSHAKE_TIMEOUT = 15.0  # seconds
_RESEND_FIRST, _RESEND_MOST = 0.05, 0.8  # seconds; doubled each time, as browsers do
_LAST_FLIGHT = (0.05, 0.15, 0.35)  # seconds after it was sent; nobody answers that one


class HandshakeFailed(Exception):
    """DTLS did not come about: a wrong fingerprint, no common profile, or silence."""


def srtp_functions() -> tuple[int, int]:
    """The addresses of libsrtp's (srtp_protect, srtp_unprotect), for compiled code.

    Both are `int f(srtp_ctx_t *session, void *packet, int *size)`: they work in place, `size` is
    read and written, 0 is success; protect needs 144 bytes of room behind the packet.
    """
    return _address(ffi.addressof(lib, "srtp_protect")), _address(
        ffi.addressof(lib, "srtp_unprotect")
    )


def _address(pointer: object) -> int:
    return int(ffi.cast("uintptr_t", pointer))


class Turns:
    """One waiter goes on per turn of the event loop, first come, first served.

    A step of a handshake costs up to half a millisecond of signing and checking. However many
    peers shake hands at once, the packets of live lessons are read between any two steps; and a
    peer that falls silent holds nothing that another waits for.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> asyncio.Future[None]:
        """A place in the queue; done when its turn has come, even if nobody waits for it then."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        if len(self._waiting) == 1:
            loop.call_soon(self._next)
        return turn

    def _next(self) -> None:
        """Let the first go that still waits; it stays listed until the turn after its own."""
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        if self._waiting:
            self._waiting[0].set_result(None)
            asyncio.get_running_loop().call_soon(self._next)


class Certificate(RTCCertificate):
    """The node's certificate with the ciphers above, and what its handshakes share."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, cert: x509.Certificate) -> None:
        super().__init__(key, cert)
        self.turns = Turns()
        self._contexts: dict[tuple[bytes, ...], SSL.Context] = {}

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        """Made once (a quarter of a millisecond): it holds nothing of any one peer."""
        names = tuple(profile.openssl_profile for profile in srtp_profiles)
        if names not in self._contexts:
            context = super()._create_ssl_context(srtp_profiles)
            context.set_cipher_list(_CIPHERS)
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            context.set_options(SSL.OP_NO_RENEGOTIATION)
            self._contexts[names] = context
        return self._contexts[names]

    @property
    def fingerprint(self) -> str:
        """The sha-256 fingerprint, colon-separated; the only one that answers name."""
        return next(f.value for f in self.getFingerprints() if f.algorithm == "sha-256")


class _Datagrams:
    """The ICE transport as RTCDtlsTransport sees it: DTLS datagrams only, bounded.

    The datagram sent last (with our certificate, a whole flight) is sent again, byte for byte,
    until the peer says something new: after 50 ms, then ever more rarely. OpenSSL's own timer
    begins at a whole second (RFC 6347, 4.2.4.1), which whoever loses a packet would wait for, as
    would FFmpeg, which reads the first ClientHello only to learn that it is time to listen. A copy
    too many is dropped by the replay window of DTLS.
    """

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None], turns: Turns) -> None:
        self._send_now = send
        self._turns = turns
        self._waiting: deque[bytes] = deque()
        self._some = asyncio.Event()
        self._left = _BUDGET
        self._flight: bytes | None = None
        self._turn: asyncio.Future[None] | None = None
        self._patience = _RESEND_FIRST
        self._settled = False
        self._repeats: list[asyncio.TimerHandle] = []

    def arrived(self, data: bytes) -> None:
        if len(self._waiting) < _WAITING and self._left > 0:
            self._left -= 1
            self._waiting.append(data)
            self._some.set()

    def settle(self, *, spoke_last: bool) -> None:
        """The handshake is over for this side. Whether the other has heard the last flight nobody
        says, so that is repeated a few times; what arrives from here on is answered by OpenSSL."""
        last, self._flight = self._flight, None
        self._settled, self._left = True, _BUDGET
        if spoke_last and last is not None:
            loop = asyncio.get_running_loop()
            self._repeats = [loop.call_later(after, self._send_now, last) for after in _LAST_FLIGHT]

    def stop(self) -> None:
        for repeat in self._repeats:
            repeat.cancel()

    async def _recv(self) -> bytes:
        """The next datagram. Cancelling this loses none, nor the place in the queue for turns: it
        is cancelled whenever OpenSSL's timer runs out, most of all when there is much to do."""
        while not self._waiting:
            try:
                async with asyncio.timeout(None if self._flight is None else self._patience):
                    await self._some.wait()
            except TimeoutError:
                self._patience = min(2 * self._patience, _RESEND_MOST)
                if self._flight is not None:
                    self._send_now(self._flight)
        if not self._settled:
            self._turn = self._turn or self._turns.take()
            await asyncio.shield(self._turn)
            self._turn = None
        data = self._waiting.popleft()
        if not self._waiting:
            self._some.clear()
        self._patience = _RESEND_FIRST
        return data

    async def _send(self, data: bytes) -> None:
        if not self._settled:
            self._flight = data
        self._send_now(data)


class Wire:
    """One peer's DTLS association and the SRTP sessions under it.

    `send` puts a datagram on its way. `setup` is ours: "passive" (DTLS server) or "active".
    """

    def __init__(
        self,
        certificate: Certificate,
        setup: str,
        fingerprints: tuple[tuple[str, str], ...],
        send: Callable[[bytes], None],
    ) -> None:
        self._datagrams = _Datagrams(send, certificate.turns)
        self._turns = certificate.turns
        self._dtls = RTCDtlsTransport(self._datagrams, [certificate])  # type: ignore[arg-type]  # all it asks of one
        self._dtls._srtp_profiles = _PROFILES
        self._dtls._set_role("server" if setup == "passive" else "client")
        self._remote = RTCDtlsParameters(
            fingerprints=[RTCDtlsFingerprint(algorithm=a, value=v) for a, v in fingerprints]
        )
        self._ssrcs: set[bytes] = set()
        self._receive: pylibsrtp.Session | None = None
        self._send: pylibsrtp.Session | None = None

    def datagram(self, data: bytes) -> None:
        """A DTLS record arrived; during a flood the newest are dropped."""
        self._datagrams.arrived(data)

    async def handshake(self) -> None:
        """Until keys are agreed with a peer whose fingerprint is right. Raises HandshakeFailed."""
        try:
            async with asyncio.timeout(_HANDSHAKE_TIMEOUT):
                await self._turns.take()
                await self._dtls.start(self._remote)
        except (TimeoutError, SSL.Error, ValueError) as error:  # ValueError: a broken certificate
            raise HandshakeFailed(str(error) or "the peer did not finish the handshake") from error
        if self._dtls.state != "connected":
            raise HandshakeFailed(
                "the peer's certificate does not match its fingerprint, or no profile is common"
            )
        self._datagrams.settle(spoke_last=self._dtls._role == "server")  # of a full handshake
        self._receive, self._send = self._dtls._rx_srtp, self._dtls._tx_srtp
        for session in (self._receive, self._send):
            session._cdata = ffi.new("char[]", MAX_PACKET + _TRAILER)
            session._buffer = ffi.buffer(session._cdata)

    @property
    def connected(self) -> bool:
        return self._send is not None

    @property
    def srtp_receive(self) -> int:
        """The address of libsrtp's session for what comes (srtp_ctx_t *); 0 before the handshake
        and after `close`. It stays good while this object is referenced."""
        return 0 if self._receive is None else _address(self._receive._srtp[0])

    @property
    def srtp_send(self) -> int:
        """Likewise for what is sent."""
        return 0 if self._send is None else _address(self._send._srtp[0])

    async def closed(self) -> None:
        """Return when the peer has said goodbye (close_notify) after the handshake."""
        task = self._dtls._task
        if task is not None:
            await asyncio.wait([task])

    def unprotect_rtp(self, data: bytes) -> bytes | None:
        """The RTP packet, or None for what is forged, replayed or not expected yet."""
        if self._receive is None:
            return None
        try:
            packet: bytes = self._receive.unprotect(data)
        except (pylibsrtp.Error, ValueError):
            return None
        return packet if self.hears(packet[8:12]) else None

    def unprotect_rtcp(self, data: bytes) -> bytes | None:
        if self._receive is None:
            return None
        try:
            packet: bytes = self._receive.unprotect_rtcp(data)
        except (pylibsrtp.Error, ValueError):
            return None
        return packet if self.hears(packet[4:8]) else None

    def hears(self, ssrc: bytes) -> bool:
        """Whether what is genuine and came under this SSRC is read: the first MAX_SSRCS are.

        libsrtp keeps a context for each SSRC, and finds it by walking a list of them: a peer that
        changes its own all the time would fill memory and slow down everybody. Compiled code asks
        for the packets that it hands on; those it takes itself are of SSRCs that were asked for.
        """
        if ssrc in self._ssrcs:
            return True
        if len(self._ssrcs) < MAX_SSRCS:
            self._ssrcs.add(ssrc)
            return True
        if self._receive is not None:
            with suppress(pylibsrtp.Error):  # it has been forgotten before
                self._receive.remove_stream(int.from_bytes(ssrc, "big"))
        return False

    def protect_rtp(self, data: bytes) -> bytes:
        assert self._send is not None, "nothing is forwarded before the handshake"
        return self._send.protect(data)

    def protect_rtcp(self, data: bytes) -> bytes | None:
        """The SRTCP packet, or None for one that is too long."""
        assert self._send is not None, "nothing is reported before the handshake"
        try:
            return self._send.protect_rtcp(data)
        except (pylibsrtp.Error, ValueError):
            return None

    async def close(self) -> None:
        """Say goodbye and stop; the second time does nothing."""
        self._datagrams.stop()
        await self._dtls.stop()
        self._receive = self._send = None
