"""The contract with aiortc: what media/wire.py uses of it, against the installed version."""

import asyncio
import importlib.metadata
import inspect
import itertools
import tracemalloc
from collections.abc import Callable
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

from media.rtp import MAX_PACKET
from media.wire import MAX_SSRCS, Certificate, HandshakeFailed, Turns, Wire, srtp_functions

CERTIFICATE = Certificate.generateCertificate()


def _fingerprint(value: str = "") -> tuple[tuple[str, str], ...]:
    return (("sha-256", value or CERTIFICATE.fingerprint),)


def pair(
    fingerprint: str = "", passes: Callable[[str, bytes], bool] = lambda _sender, _data: True
) -> tuple[Wire, Wire]:
    """A DTLS server and a client, connected by memory that drops what does not pass."""
    wires: list[Wire] = []

    def serve(data: bytes) -> None:
        if passes("server", data):
            wires[1].datagram(data)

    def ask(data: bytes) -> None:
        if passes("client", data):
            wires[0].datagram(data)

    server = Wire(CERTIFICATE, "passive", _fingerprint(), serve)
    client = Wire(CERTIFICATE, "active", _fingerprint(fingerprint), ask)
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


@pytest.mark.parametrize("size", [1357, 1460, 1500, MAX_PACKET])
async def test_packets_of_any_size_we_read_are_protected(size: int) -> None:
    server, client = pair()
    await asyncio.gather(server.handshake(), client.handshake())
    packet = b"\x80\x60" + bytes(range(256)) * 9
    protected = client.protect_rtp(packet[:size])
    assert server.unprotect_rtp(protected) == packet[:size]
    report = b"\x80\xc9" + (size // 4 - 1).to_bytes(2, "big") + bytes(size // 4 * 4 - 4)
    assert server.unprotect_rtcp(client.protect_rtcp(report)) == report
    for wire in (server, client):
        await wire.close()


@pytest.mark.parametrize("size", [0, 1, 11, 12, 40, 1501, MAX_PACKET, 65_507])
async def test_what_cannot_be_unprotected_is_none(size: int) -> None:
    server, client = pair()
    await asyncio.gather(server.handshake(), client.handshake())
    for first in (b"\x80", b"\xbf", b"\x90"):
        data = (first + b"\x60" + bytes(size))[:size]
        assert server.unprotect_rtp(data) is None
        assert server.unprotect_rtcp(data) is None
    for wire in (server, client):
        await wire.close()


async def test_only_so_many_ssrcs_of_a_peer_are_heard() -> None:
    server, client = pair()
    await asyncio.gather(server.handshake(), client.handshake())

    def rtp(ssrc: int, sequence: int) -> bytes:
        return b"\x80\x60" + sequence.to_bytes(2, "big") + bytes(4) + ssrc.to_bytes(4, "big") + b"x"

    first = [server.unprotect_rtp(client.protect_rtp(rtp(n, 1))) for n in range(MAX_SSRCS - 1)]
    report = b"\x80\xc9\x00\x01" + (7777).to_bytes(4, "big")
    assert None not in [*first, server.unprotect_rtcp(client.protect_rtcp(report))]
    for ssrc in range(5000, 5200):
        refused = client.protect_rtp(rtp(ssrc, 1))
        assert server.unprotect_rtp(refused) is None
        assert server.unprotect_rtp(refused) is None
        session = server._dtls._rx_srtp  # which keeps nothing of it: else this would be a replay
        assert session.unprotect(refused) == rtp(ssrc, 1)
        assert not server.hears(refused[8:12])
    later = client.protect_rtp(rtp(3, 2))
    assert server.unprotect_rtp(later) == rtp(3, 2)
    assert server.unprotect_rtp(later) is None  # what is heard is still guarded against copies
    for wire in (server, client):
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


@pytest.mark.parametrize("lost", ["client", "server"])
async def test_a_lost_first_flight_is_sent_again_as_it_was(lost: str) -> None:
    said: list[bytes] = []

    def passes(sender: str, data: bytes) -> bool:
        if sender != lost:
            return True
        said.append(data)
        return len(said) > 2  # lost twice

    server, client = pair(passes=passes)
    async with asyncio.timeout(10):
        await asyncio.gather(server.handshake(), client.handshake())
    assert said[0] == said[1] == said[2]
    for wire in (server, client):
        await wire.close()


async def test_a_lost_last_flight_is_sent_again_as_it_was() -> None:
    """The server's second: after it the server is connected, and the client can't know."""
    said: list[bytes] = []

    def passes(sender: str, data: bytes) -> bool:
        if sender == "server":
            said.append(data)
        return sender != "server" or len(said) != 2

    server, client = pair(passes=passes)
    async with asyncio.timeout(10):
        await asyncio.gather(server.handshake(), client.handshake())
    assert said[1:3] == [said[1]] * 2
    for wire in (server, client):
        await wire.close()
    after = len(said)
    await asyncio.sleep(0.4)
    assert len(said) == after


@pytest.mark.parametrize("lost", range(5))
async def test_whichever_datagram_is_lost_hands_are_shaken(lost: int) -> None:
    numbers = itertools.count()
    server, client = pair(passes=lambda _sender, _data: next(numbers) != lost)
    async with asyncio.timeout(10):
        await asyncio.gather(server.handshake(), client.handshake())
    packet = b"\x80\x60" + bytes(10) + b"payload"
    assert server.unprotect_rtp(client.protect_rtp(packet)) == packet
    for wire in (server, client):
        await wire.close()


#: An alert that says goodbye (close_notify) or an error, unprotected: anyone could have sent it.
FORGED = [
    bytes.fromhex("15fefd0000000000000009000201") + b"\x00",
    bytes.fromhex("15fefd0000000000000009000202") + b"\x28",
    bytes.fromhex("15fefd0001000000000009000201") + b"\x00",
    bytes.fromhex("16fefd00000000000000090010") + bytes(16),
    bytes.fromhex("17fefd0001000000000009ffff") + bytes(40),
    b"\x14",
    b"\x16" * 1400,
]


async def test_no_forged_record_ends_what_is_connected() -> None:
    server, client = pair()
    await asyncio.gather(server.handshake(), client.handshake())
    for data in FORGED:
        server.datagram(data)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(server.closed(), 0.2)
    packet = b"\x80\x60" + bytes(10) + b"payload"
    assert server.unprotect_rtp(client.protect_rtp(packet)) == packet
    await client.close()
    await asyncio.wait_for(server.closed(), 5)  # a true goodbye is still heard
    await server.close()


async def test_noise_within_a_handshake_does_not_stop_it() -> None:
    """What is no DTLS record of the moment is passed over. A well-formed one could be the peer's
    own: nothing of a handshake is protected yet, and only an address that proved itself is heard.
    """
    server, client = pair()
    shaking = [asyncio.create_task(wire.handshake()) for wire in (server, client)]
    for data in FORGED[4:]:
        server.datagram(data)
    async with asyncio.timeout(10):
        await asyncio.gather(*shaking)
    for wire in (server, client):
        await wire.close()


async def test_a_flood_is_neither_kept_nor_read() -> None:
    server, client = pair()
    await asyncio.gather(server.handshake(), client.handshake())
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(10_000):
            server.datagram(b"\x17" + number.to_bytes(4, "big") + bytes(1000))
        assert tracemalloc.get_traced_memory()[0] - before < 200_000
    finally:
        tracemalloc.stop()
    for wire in (server, client):
        await wire.close()


async def test_one_waiter_goes_on_per_turn_of_the_loop() -> None:
    turns, loop = Turns(), asyncio.get_running_loop()
    turn, went = 0, []

    def count() -> None:
        nonlocal turn
        turn += 1
        if len(went) < 20:
            loop.call_soon(count)

    async def go(number: int) -> None:
        await turns.take()
        went.append((turn, number))

    loop.call_soon(count)
    waiting = [asyncio.create_task(go(number)) for number in range(22)]
    await asyncio.sleep(0)
    for given_up in (waiting.pop(3), waiting.pop(10)):
        given_up.cancel()
    await asyncio.gather(*waiting)
    assert [number for _, number in went] == [n for n in range(22) if n not in (3, 11)]
    assert len({at for at, _ in went}) == 20
    await asyncio.wait_for(turns.take(), 5)  # and later again


async def test_nothing_is_unprotected_before_the_handshake() -> None:
    server, client = pair()
    assert server.unprotect_rtp(b"\x80" * 40) is None
    with pytest.raises(AssertionError):
        client.protect_rtp(b"\x80" * 40)
