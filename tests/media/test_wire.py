"""The contract with aiortc: what media/wire.py uses of it, against the installed version."""

import asyncio
import importlib.metadata
import inspect
from pathlib import Path

import pylibsrtp
import pytest
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from pylibsrtp._binding import ffi

from media.wire import Certificate, HandshakeFailed, Wire, srtp_functions

CERTIFICATE = Certificate.generateCertificate()


def _fingerprint(value: str = "") -> tuple[tuple[str, str], ...]:
    return (("sha-256", value or CERTIFICATE.fingerprint),)


def pair(fingerprint: str = "") -> tuple[Wire, Wire]:
    """A DTLS server and a client, connected by memory."""
    wires: list[Wire] = []
    server = Wire(CERTIFICATE, "passive", _fingerprint(), lambda d: wires[1].datagram(d))
    client = Wire(CERTIFICATE, "active", _fingerprint(fingerprint), lambda d: wires[0].datagram(d))
    wires += [server, client]
    return server, client


def test_aiortc_is_pinned_to_the_version_that_is_installed() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'"aiortc=={importlib.metadata.version("aiortc")}"' in project


def test_the_seams_are_where_they_were() -> None:
    source = inspect.getsource(RTCDtlsTransport)
    asked = {name for name in ("_recv", "_send", "role") if f"self.transport.{name}" in source}
    assert asked == {"_recv", "_send", "role"}
    parameters = list(inspect.signature(RTCDtlsTransport._set_role).parameters)
    assert parameters == ["self", "role"]
    attributes = set(vars(RTCDtlsTransport(_Ice(), [CERTIFICATE])))
    assert {"_rx_srtp", "_tx_srtp", "_task", "_srtp_profiles"} <= attributes


class _Ice:
    role = "controlled"


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        (SRTP_PROFILES, SRTP_AEAD_AES_128_GCM),
        (SRTP_PROFILES[::-1], SRTP_AEAD_AES_128_GCM),
        ([SRTP_AES128_CM_SHA1_80], SRTP_AES128_CM_SHA1_80),
    ],
)
async def test_aes_gcm_is_preferred_whatever_the_peers_order(
    offered: list[SRTPProtectionProfile], agreed: SRTPProtectionProfile
) -> None:
    server, client = pair()
    client._dtls._srtp_profiles = offered
    await asyncio.gather(server.handshake(), client.handshake())
    for wire in (server, client):
        assert wire._dtls._ssl is not None
        assert wire._dtls._ssl.get_selected_srtp_profile() == agreed.openssl_profile
        await wire.close()


def _in_place(function: int, session: int, packet: bytes) -> bytes:
    """What compiled code does with the addresses it is given."""
    call = ffi.cast("int (*)(void *, void *, int *)", function)
    room = ffi.new("char[]", 2048)
    size = ffi.new("int *", len(packet))
    ffi.memmove(room, packet, len(packet))
    assert call(ffi.cast("void *", session), room, size) == 0
    return bytes(ffi.buffer(room, size[0]))


async def test_compiled_code_protects_through_addresses_as_python_does() -> None:
    server, client = pair()
    assert (client.srtp_send, client.srtp_receive) == (0, 0)
    await asyncio.gather(server.handshake(), client.handshake())
    protect, unprotect = srtp_functions()
    for size in (0, 1, 160, 1200):
        packet = b"\x80\x60" + size.to_bytes(2, "big") + bytes(8) + bytes(range(256)) * 5
        packet = packet[: 12 + size]
        protected = _in_place(protect, client.srtp_send, packet)
        assert protected == client.protect_rtp(packet)
        assert _in_place(unprotect, server.srtp_receive, protected) == packet
        assert server.unprotect_rtp(protected) is None  # one session: it was seen through C
    for wire in (server, client):
        await wire.close()
        assert (wire.srtp_send, wire.srtp_receive) == (0, 0)


async def test_two_wires_shake_hands_and_protect_for_each_other() -> None:
    server, client = pair()
    await asyncio.gather(server.handshake(), client.handshake())
    packet = b"\x80\x60" + bytes(10) + b"payload"
    assert server.unprotect_rtp(client.protect_rtp(packet)) == packet
    assert client.unprotect_rtp(server.protect_rtp(packet)) == packet
    report = b"\x80\xc9\x00\x01" + bytes(4)
    assert server.unprotect_rtcp(client.protect_rtcp(report)) == report
    for wire in (server, client):
        assert isinstance(wire._dtls._tx_srtp, pylibsrtp.Session)
        await wire.close()


async def test_a_goodbye_is_heard() -> None:
    server, client = pair()
    await asyncio.gather(server.handshake(), client.handshake())
    await client.close()
    await asyncio.wait_for(server.closed(), 5)
    await server.close()


async def test_a_wrong_fingerprint_is_refused() -> None:
    server, client = pair(":".join(["AB"] * 32))
    done = await asyncio.gather(server.handshake(), client.handshake(), return_exceptions=True)
    assert isinstance(done[1], HandshakeFailed)
    assert not client.connected
    for wire in (server, client):
        await wire.close()


async def test_nothing_is_unprotected_before_the_handshake() -> None:
    server, client = pair()
    assert server.unprotect_rtp(b"\x80" * 40) is None
    with pytest.raises(AssertionError):
        client.protect_rtp(b"\x80" * 40)
