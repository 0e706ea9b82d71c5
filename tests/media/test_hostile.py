"""A lesson over real sockets, while others do what they can to disturb it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from media import node as media_node
from media import rtcp, rtp
from media.admission import Limits
from media.bench import arrivals, sdp
from media.bench.connection import Connection
from media.feedback import TransportFeedback
from media.grant import Grant
from media.node_events import ParticipantConnected, ParticipantGone
from media.rtp import Protocol, demux
from tests.media.halls import CERTIFICATE, VIDEO_SSRC, Hall, Peer, hall, video
from tests.media.packets import packet

HELLO = bytes.fromhex(
    "16fefd0000000000000000009e010000920000000000000092fefd27384987cda797b77221e9b7ba"
) + bytes(131)
BURST = 100  # datagrams, which the smallest receive buffer takes


@pytest.fixture
async def school() -> AsyncIterator[Hall]:
    async with hall() as made:
        yield made


@pytest.fixture
def stranger(school: Hall) -> Iterator[socket.socket]:
    """A socket that no peer owns, connected to the node."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setblocking(False)
        made.connect(("127.0.0.1", school.node.udp_port))
        yield made


def _is_silent(sock: socket.socket) -> bool:
    """Whether the node has answered nothing to a socket."""
    try:
        sock.recv(2048)
    except BlockingIOError:
        return True
    return False


async def _sees(player: Peer, body: bytes) -> None:
    """The next frame is the one with this body: none before it is missing or added."""
    assert (await player.arrivals(Protocol.RTP)).endswith(body)


FLOODS = {
    "noise": lambda n, _lead: n.to_bytes(4, "big") * 30,
    "DTLS ClientHello": lambda n, _lead: HELLO[:27] + n.to_bytes(4, "big") + HELLO[31:],
    "check of nobody": lambda n, lead: lead.check()[:28] + b"nobody" + n.to_bytes(80, "big"),
    "check that is forged": lambda n, lead: lead.check()[:-28] + n.to_bytes(28, "big"),
    "RTP that is forged": lambda n, _lead: video(n & 0xFFFF, body=bytes(500)),
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_from_strangers_costs_a_lesson_no_packet(
    school: Hall, stranger: socket.socket, kind: str
) -> None:
    """Ten thousand datagrams of each kind, with a frame of the lesson after every hundred."""
    lead, [player] = await school.lesson()
    made = [FLOODS[kind](n, lead) for n in range(BURST)]
    for number in range(10_000 // BURST):
        for data in made:
            stranger.send(data)
        lead.send(video(2 + number, body=b"frame %d" % number))
        await _sees(player, b"frame %d" % number)
    assert _is_silent(stranger)
    assert school.node.snapshot()["resources"] == 2
    assert school.node.received == 2 + 10_000 // BURST


@pytest.mark.parametrize("kind", ["noise", "DTLS ClientHello", "RTP that is forged"])
async def test_a_flood_under_the_address_of_a_peer_costs_it_no_packet(
    school: Hall, kind: str
) -> None:
    """Whoever can write a peer's address on a datagram still has none of its keys."""
    lead, [player] = await school.lesson()
    made = [FLOODS[kind](n, lead) for n in range(BURST)]
    for number in range(20):
        for data in made:
            lead.connection.socket.send(data)
            player.connection.socket.send(data)
        lead.send(video(2 + number, body=b"frame %d" % number))
        await _sees(player, b"frame %d" % number)
    assert school.node.snapshot()["resources"] == 2
    assert school.node.received == 22


async def test_a_copied_check_draws_no_media_to_another_address(
    school: Hall, stranger: socket.socket
) -> None:
    lead, [player] = await school.lesson()
    check = player.check()
    player.connection.socket.send(check)
    lead.send(video(2, body=b"before"))
    await _sees(player, b"before")
    stranger.send(check)
    lead.send(video(3, body=b"after a copy"))
    await _sees(player, b"after a copy")
    assert _is_silent(stranger)
    stranger.send(player.check())  # one the node has not seen: it was kept from it
    lead.send(video(4, body=b"after one that was kept back"))
    await _sees(player, b"after one that was kept back")
    while not _is_silent(stranger):  # answered, perhaps asked; but no media
        pass
    for number in range(5, 10):
        lead.send(video(number, body=b"frame %d" % number))
        await _sees(player, b"frame %d" % number)
    assert _is_silent(stranger)


async def test_media_follows_a_player_whose_own_address_changes(school: Hall) -> None:
    lead, [player] = await school.lesson()
    connection, loop = player.connection, asyncio.get_running_loop()
    with connection.socket:  # as a NAT that forgot would have it
        connection.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connection.socket.setblocking(False)
    connection.socket.connect(("127.0.0.1", school.node.udp_port))
    connection.socket.send(player.check())
    number = 2
    async with asyncio.timeout(5):
        while demux(data := await loop.sock_recv(connection.socket, 2048)) is not Protocol.RTP:
            connection.answer_check(data)
            lead.send(video(number, body=b"frame %d" % number))
            number += 1
    assert b"frame" in connection.receive.unprotect(data)


async def test_an_address_in_use_is_not_taken_by_another_participant(school: Hall) -> None:
    lead, [player] = await school.lesson()
    mallory = await school.join("subscribe", "mallory")
    lead.connection.socket.send(mallory.check())  # as if from the lead's address
    for number in range(2, 7):
        lead.send(video(number, body=b"frame %d" % number))
        await _sees(player, b"frame %d" % number)


async def test_replayed_media_is_forwarded_once_and_counted_once(school: Hall) -> None:
    lead, [player] = await school.lesson()
    recorded = [lead.send(video(2 + n, body=b"frame %d" % n)) for n in range(20)]
    for _ in range(20):
        for data in recorded:
            lead.connection.socket.send(data)
    lead.send(video(22, body=b"the last"))
    for n in range(20):
        await _sees(player, b"frame %d" % n)
    await _sees(player, b"the last")
    assert school.node.received == 23
    school.node.close_room("r")
    await school.event(ParticipantGone, participant="lead")
    assert sum(e.packets_in for e in school.evidence if e.participant == "lead") == 23


async def test_streams_nobody_offered_take_no_place_from_those_that_were(school: Hall) -> None:
    lead, [player] = await school.lesson()
    for ssrc in range(1000, 1500):
        lead.send(video(ssrc, key=True, ssrc=ssrc))
    lead.send(video(2, body=b"the lesson"))
    await _sees(player, b"the lesson")


async def test_a_wrong_fingerprint_ends_its_own_resource_only(school: Hall) -> None:
    lead, [player] = await school.lesson()
    wrong = ":".join(["AB"] * 32)
    joining = asyncio.create_task(school.join("subscribe", "impostor", fingerprint=wrong))
    number = 2
    while school.node.snapshot()["resources"] == 2 and not joining.done():
        await asyncio.sleep(0)
    while school.node.snapshot()["resources"] > 2:
        lead.send(video(number, body=b"frame %d" % number))
        await _sees(player, b"frame %d" % number)
        number += 1
    await joining
    connected = [school.events.get_nowait() for _ in range(school.events.qsize())]
    assert not [
        e for e in connected if isinstance(e, ParticipantConnected) and e.participant == "impostor"
    ]
    assert number > 2


async def test_forty_who_connect_at_once_cost_a_lesson_no_packet(school: Hall) -> None:
    lead, [player] = await school.lesson()
    joining = [
        asyncio.create_task(school.join("subscribe", f"late {n}", room="elsewhere"))
        for n in range(40)
    ]
    other = await school.join("publish", "lead", room="elsewhere")
    number = 2
    while not all(task.done() for task in joining):
        lead.send(video(number, body=b"frame %d" % number))
        await _sees(player, b"frame %d" % number)
        number += 1
    for task in joining:
        assert task.result().connection.send
    other.send(video(0, key=True))
    assert school.node.snapshot()["resources"] == 43


async def test_who_never_reads_and_who_is_not_there_delay_nobody(school: Hall) -> None:
    lead, players = await school.lesson(players=4)
    deaf, gone, *others = players
    deaf.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    school.silent.add(gone.resource_id)
    gone.connection.close()  # its host answers that the port is unreachable
    began = time.monotonic()
    number = 2
    while time.monotonic() - began < 1.0 or number < 500:
        body = b"frame %d " % number + bytes(1000)
        lead.send(video(number, body=body))
        for player in others:
            await _sees(player, body)
        number += 1
    assert school.node.snapshot()["resources"] == 5
    assert len(deaf.waiting(Protocol.RTP)) < number - 2  # its buffer had room for some
    lost = await school.event(ParticipantGone, participant="room 1", within=20)
    assert lost.reason == "lost"


async def test_floods_of_nacks_and_picture_requests_are_answered_a_few_times(
    school: Hall,
) -> None:
    lead, [greedy, calm] = await school.lesson(players=2)
    lead.send(video(2, body=b"wanted again"))
    for player in (greedy, calm):
        await _sees(player, b"wanted again")
    lead.send(video(3, body=b"to know the numbers by"))
    sent = await greedy.arrivals(Protocol.RTP)
    await _sees(calm, b"to know the numbers by")
    ssrc, sequence = int.from_bytes(sent[8:12], "big"), int.from_bytes(sent[2:4], "big")
    lead.waiting(Protocol.RTCP)
    began = time.monotonic()
    everything = tuple((sequence - 299 + n) & 0xFFFF for n in range(300))
    number = 0
    while (passed := time.monotonic() - began) < 1.2 or number < 300:
        greedy.report(
            rtcp.build(
                [
                    rtcp.ReceiverReport(1),
                    *[rtcp.Pli(1, ssrc)] * 20,
                    rtcp.Fir(1, ((ssrc, number & 255),) * 20),
                    rtcp.Nack(1, ssrc, everything),
                ]
            )
        )
        lead.send(video(4 + number, body=b"frame %d" % number))
        await _sees(calm, b"frame %d" % number)
        number += 1
    asked = [r for data in lead.waiting(Protocol.RTCP) for r in rtcp.parse(data)]
    requests = [r for r in asked if isinstance(r, rtcp.Pli | rtcp.Fir) and _names_video(r)]
    assert 1 <= len(requests) <= 1 + passed / 0.4
    again = [d for d in greedy.datagrams() if d[2:4] == sent[2:4] and demux(d) is Protocol.RTP]
    assert 1 <= len(again) <= 1 + passed / 0.02


def _names_video(request: rtcp.Pli | rtcp.Fir) -> bool:
    named = (
        [request.media] if isinstance(request, rtcp.Pli) else [ssrc for ssrc, _ in request.entries]
    )
    return VIDEO_SSRC in named


async def test_many_resources_opened_and_abandoned_are_freed(
    school: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_node, "CONNECT_TIMEOUT", 0.5)
    lead, [player] = await school.lesson()
    connection = Connection(CERTIFICATE, "gcm")
    offer = sdp.play_offer(connection.local, 3)
    tasks = len(asyncio.all_tasks())
    for number in range(100):
        await school.node.subscribe(Grant("r", f"{number}", "subscribe", "receiving"), offer)
        lead.send(video(2 + number, body=b"frame %d" % number))
        await _sees(player, b"frame %d" % number)
    assert school.node.snapshot()["resources"] > 2
    async with asyncio.timeout(10):
        while school.node.snapshot()["resources"] > 2 or len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.01)  # a connection that never was is no event
    connection.close()


async def test_a_participant_pays_itself_for_what_it_leaves_half_open(school: Hall) -> None:
    lead, [player] = await school.lesson()
    connection = Connection(CERTIFICATE, "gcm")
    offer = sdp.play_offer(connection.local, 3)
    for number in range(200):
        await school.node.subscribe(Grant("r", "greedy", "subscribe", "receiving"), offer)
        lead.send(video(2 + number, body=b"frame %d" % number))
        await _sees(player, b"frame %d" % number)
    assert school.node.snapshot()["resources"] == 2 + Limits().waiting_of_participant
    connection.close()


async def test_a_broken_client_hello_ends_its_own_resource_only(school: Hall) -> None:
    lead, [player] = await school.lesson()
    half_open = Connection(CERTIFICATE, "gcm")
    answer = await school.node.subscribe(
        Grant("r", "half", "subscribe", "receiving"), sdp.play_offer(half_open.local, 1)
    )
    peer = Peer(half_open, answer.resource_id, sdp.remote(answer.sdp, answered=True))
    half_open.socket.connect(("127.0.0.1", school.node.udp_port))
    half_open.socket.send(peer.check())
    half_open.socket.send(HELLO)
    number = 2
    async with asyncio.timeout(12):
        while school.node.snapshot()["resources"] > 2 or number < 20:
            lead.send(video(number, body=b"frame %d" % number))
            await _sees(player, b"frame %d" % number)
            number += 1
    half_open.close()


async def test_transport_wide_numbers_far_apart_stop_no_lesson(school: Hall) -> None:
    lead, [player] = await school.lesson()
    connection = Connection(CERTIFICATE, "gcm")
    wide = f"a=extmap:5 {arrivals.URI}\r\na=rtcp-fb:{sdp.VP8} transport-cc\r\n"
    offer = sdp.publish_offer(connection.local, {"audio": 1, "video": VIDEO_SSRC}, "x")
    offer = offer.replace("a=mid:1\r\n", "a=mid:1\r\n" + wide)
    answer = await school.node.publish(Grant("r", "guest", "publish", "receiving"), offer)
    guest = Peer(connection, answer.resource_id, sdp.remote(answer.sdp, answered=True))
    school.peers.append(guest)
    await connection.connect(guest.remote)
    await school.event(ParticipantConnected, participant="guest")
    for count in range(150):  # all within a tick, or nearly
        block = rtp.extension_block([(5, (count * 501 & 0xFFFF).to_bytes(2, "big"))])
        guest.send(
            packet(
                b"\x10\x01picture",
                sequence=count,
                timestamp=3000 * count,
                ssrc=VIDEO_SSRC,
                payload_type=sdp.VP8,
                block=block,
            )
        )
    told = 0
    while told < 2:
        compound = rtcp.parse(await guest.arrivals(Protocol.RTCP))
        told += any(isinstance(each, TransportFeedback) for each in compound)
    lead.send(video(2, body=b"goes on"))
    await _sees(player, b"goes on")
