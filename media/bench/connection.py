"""One peer's connection: ICE as a full agent, DTLS and keys by aiortc, then a plain UDP socket.

The aiortc transport is let go as soon as the keys are there: media goes past it.
"""

import asyncio
import secrets
import socket
import time
from contextlib import suppress

from aioice import stun
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsTransport,
)
from pylibsrtp import Session

from media.bench.datagrams import udp_socket
from media.bench.sdp import Local, Remote, SignallingFailed

PROFILES = {"gcm": SRTP_AEAD_AES_128_GCM, "cm": SRTP_AES128_CM_SHA1_80}
_TAG = {"gcm": 16, "cm": 10}  # bytes SRTP adds to a packet
CONNECT_TIMEOUT = 15.0  # seconds
CONSENT = 2_500_000_000  # ns between two checks (RFC 7675, 5.1: 4 to 6 s)
GONE = 5_500_000_000  # ns without an answer: two checks were in vain
_RETRY = 0.1
_PRIORITY = 1_862_270_975  # a peer-reflexive host candidate's (RFC 8445, 7.1.1)


class _Pipe:
    """What RTCDtlsTransport asks of an ICE transport."""

    role = "controlling"

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.received.get()

    async def _send(self, data: bytes) -> None:
        self._sock.send(data)


class _Dtls(RTCDtlsTransport):
    """RTCDtlsTransport that hands its SRTP sessions over."""

    def sessions(self) -> tuple[Session, Session]:
        """(receive, send), once connected."""
        return self._rx_srtp, self._tx_srtp

    def detach(self) -> None:
        """Stop reading: datagrams are the peer's own from now on."""
        if self._task is not None:
            self._task.cancel()


class Connection:
    """Socket, ICE credentials and, after `connect`, SRTP sessions `receive` and `send`. `tag` is
    what SRTP adds to a packet, in bytes; `joined` is of `udp_socket`."""

    receive: Session
    send: Session

    def __init__(self, certificate: RTCCertificate, profile: str, *, joined: bool = False) -> None:
        self.socket = udp_socket(joined=joined)
        self.socket.bind(("", 0))
        self._certificate = certificate
        self._profile = profile
        self.tag = _TAG[profile]
        fingerprints = {f.algorithm: f.value for f in certificate.getFingerprints()}
        self.local = Local(
            secrets.token_hex(4),
            secrets.token_hex(12),
            fingerprints["sha-256"],
            ("127.0.0.1", self.socket.getsockname()[1]),
        )
        self._remote: Remote | None = None
        self._answered_at = 0
        self._tie_breaker = secrets.randbits(64)

    async def connect(self, remote: Remote) -> None:
        """Check the path, nominate it, shake hands. Raises SignallingFailed."""
        loop = asyncio.get_running_loop()
        self._remote = remote
        self.socket.connect(remote.address)
        pipe = _Pipe(self.socket)
        checked = asyncio.Event()
        fd = self.socket.fileno()
        loop.add_reader(fd, self._read, pipe, checked)
        dtls = _Dtls(pipe, [self._certificate])  # type: ignore[arg-type]  # all it asks of one
        dtls._srtp_profiles = [PROFILES[self._profile]]
        dtls._set_role(remote.setup)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                while not checked.is_set():
                    self.refresh_consent()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(checked.wait(), _RETRY)
                await dtls.start(remote.dtls)
        except TimeoutError:
            stage = "DTLS" if checked.is_set() else "ICE"
            raise SignallingFailed(f"{stage} with {remote.address} took too long") from None
        finally:
            loop.remove_reader(fd)
        if dtls.state != "connected":
            raise SignallingFailed(f"DTLS with {remote.address} is {dtls.state}")
        dtls.detach()
        self.receive, self.send = dtls.sessions()

    def refresh_consent(self, _at: int = 0) -> None:
        """Send a check that nominates (RFC 8445, 7.2); consent is kept the same way (RFC 7675).
        `_at`, which a rota says, makes no difference."""
        assert self._remote is not None, "consent is of a remote side"
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self._remote.ufrag}:{self.local.ufrag}"
        request.attributes["PRIORITY"] = _PRIORITY
        request.attributes["ICE-CONTROLLING"] = self._tie_breaker
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self._remote.password.encode())
        with suppress(OSError):
            self.socket.send(bytes(request))

    def answer_check(self, data: bytes) -> bool:
        """Answer a check of a full agent; True where `data` is a success response to ours."""
        assert self._remote is not None, "a connected socket hears its remote side only"
        try:
            message = stun.parse_message(data)
        except ValueError:
            return False
        if message.message_class is stun.Class.REQUEST:
            if message.check_message_integrity(self.local.password.encode()):
                response = stun.Message(
                    stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id
                )
                response.attributes["XOR-MAPPED-ADDRESS"] = self._remote.address
                response.add_message_integrity(self.local.password.encode())
                self.socket.send(bytes(response))
            return False
        if message.message_class is not stun.Class.RESPONSE:
            return False
        self._answered_at = time.monotonic_ns()
        return True

    def gone(self, now: int) -> bool:
        """Whether the other side has stopped answering checks, as of monotonic nanoseconds `now`:
        it has dropped this peer, or hears nothing."""
        return now - self._answered_at > GONE

    def _read(self, pipe: _Pipe, checked: asyncio.Event) -> None:
        with suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                data = self.socket.recv(2048)
                if data[:1] < b"\x04":
                    if self.answer_check(data):
                        checked.set()
                elif b"\x14" <= data[:1] <= b"\x3f":
                    pipe.received.put_nowait(data)

    def close(self) -> None:
        """Let the socket go; the other side learns of it through signalling."""
        self.socket.close()
