"""A node over real sockets: WHIP and WHEP by HTTP, ICE, DTLS and SRTP by peers of our own."""

import asyncio
import gc
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest
from aiohttp import web
from aiortc.codecs.base import Decoder, Encoder
from aiortc.rtcdtlstransport import RTCCertificate

from media import rtp
from media.admission import Limits
from media.bench import sdp
from media.bench.connection import Connection
from media.evidence import Evidence
from media.grant import Grant
from media.http import Forbidden, Unauthorized, routes
from media.node import MediaNode
from media.node_events import ParticipantConnected, ParticipantGone, Publishing
from media.rtp import Protocol, demux
from media.sdp import parse_fragment
from tests.media.checks import check_is_answered
from tests.media.offers import CHROMIUM_PUBLISH
from tests.media.packets import packet, vp8_payload

OFFER = Path(__file__).parent.parent / "e2e" / "play_offer.sdp"
NO_CODEC = OFFER.read_text().replace("recvonly", "sendonly").replace("a=rtpmap", "a=x")
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


@dataclass
class Running:
    """A node with its HTTP face; tokens are `participant`, the lead's is `lead`."""

    node: MediaNode
    url: str
    http: aiohttp.ClientSession
    events: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    evidence: list[Evidence] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    async def event(self, kind: type, within: float = 10.0, **values: object) -> Any:
        """The next event of a kind with these values; others are passed over."""
        async with asyncio.timeout(within):
            while True:
                found = await self.events.get()
                if isinstance(found, kind) and all(
                    getattr(found, name) == value for name, value in values.items()
                ):
                    return found

    async def send(
        self, method: str, path: str, who: str = "lead", **how: Any
    ) -> aiohttp.ClientResponse:
        headers = {"Authorization": f"Bearer {who}", **how.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        response = await self.http.request(method, self.url + path, headers=headers, **how)
        await response.read()
        return response


@pytest.fixture
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    """Parametrize it with `Limits` for another node than usual."""
    events: asyncio.Queue[Any] = asyncio.Queue()
    evidence: list[Evidence] = []
    node = MediaNode(
        host="127.0.0.1",
        udp_port=0,
        public_address=None,
        on_evidence=evidence.append,
        on_event=events.put_nowait,
        limits=getattr(request, "param", None),
    )
    await node.start()

    async def authorize(token: str, direction: str, room: str, who: str | None) -> Grant:
        if token == "expired":
            raise Unauthorized("the token has expired")
        if who is not None and who != token:
            raise Forbidden("the token is for another participant")
        role = "lead" if token == "lead" else "receiving"
        return Grant(room, token, direction, role, holder=f"holder of {token}")

    app = web.Application()
    app.add_routes(routes(node, authorize))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started = Running(node, url, http, events, evidence)
        yield started
    for connection in started.connections:
        connection.close()
    await node.stop()
    await runner.cleanup()


@dataclass
class Peer:
    """A connected publisher or player."""

    connection: Connection
    location: str
    etag: str
    answer: str

    def send(self, data: bytes) -> None:
        self.connection.socket.send(self.connection.send.protect(data))

    async def receive(self, count: int, within: float = 5.0) -> list[bytes]:
        """The next RTP packets, decrypted."""
        loop = asyncio.get_running_loop()
        found: list[bytes] = []
        async with asyncio.timeout(within):
            while len(found) < count:
                data = await loop.sock_recv(self.connection.socket, 2048)
                if demux(data) is Protocol.RTP:
                    found.append(self.connection.receive.unprotect(data))
        return found


async def connect(
    running: Running, direction: str, who: str, *, fingerprint: str | None = None
) -> Peer:
    """POST an offer and, where it is answered 201, connect."""
    connection = Connection(RTCCertificate.generateCertificate(), "gcm")
    running.connections.append(connection)
    offer = (
        sdp.publish_offer(connection.local, {"audio": 1, "video": 2}, "x")
        if direction == "publish"
        else sdp.play_offer(connection.local, 1)
    )
    if fingerprint is not None:
        offer = offer.replace(connection.local.fingerprint, fingerprint)
    path = f"/whip/r/{who}" if direction == "publish" else "/whep/r"
    response = await running.send("POST", path, who, data=offer, headers=SDP)
    answer = await response.text()
    assert response.status == 201, answer
    await connection.connect(sdp.remote(answer, answered=True))
    return Peer(connection, response.headers["Location"], response.headers["ETag"], answer)


def video(number: int, *, key: bool, body: bytes) -> bytes:
    return packet(
        vp8_payload(number, number, key=key, body=body),
        sequence=number,
        timestamp=3000 * number,
        ssrc=2,
        payload_type=sdp.VP8,
        marker=True,
    )


async def lesson(running: Running) -> tuple[Peer, Peer]:
    """A lead who sends, and a room that receives, past the first key frame."""
    lead = await connect(running, "publish", "lead")
    await running.event(ParticipantConnected, participant="lead")
    lead.send(video(0, key=True, body=b"first"))
    await running.event(Publishing, participant="lead", live=True)
    room = await connect(running, "subscribe", "room")
    await running.event(ParticipantConnected, participant="room")
    lead.send(video(1, key=True, body=b"second"))
    await room.receive(1)
    return lead, room


async def test_the_payload_bytes_that_leave_are_those_that_came(running: Running) -> None:
    lead, room = await lesson(running)
    numbers = random.Random(1)
    bodies = [numbers.randbytes(numbers.randint(1, 1100)) for _ in range(200)]
    sent = [video(2 + n, key=n % 50 == 0, body=body) for n, body in enumerate(bodies)]
    arrived: list[bytes] = []
    for start in range(0, len(sent), 20):
        for data in sent[start : start + 20]:
            lead.send(data)
        arrived += await room.receive(20)
    payloads = [data[rtp.parse(data).payload_start :] for data in arrived]
    assert payloads == [data[rtp.parse(data).payload_start :] for data in sent]
    headers = [rtp.parse(data) for data in arrived]
    assert {h.ssrc for h in headers} != {2}  # under the slot's own numbers
    assert [h.sequence - headers[0].sequence for h in headers] == list(range(200))


async def test_nothing_that_encodes_or_decodes_is_ever_made(running: Running) -> None:
    lead, room = await lesson(running)
    for number in range(2, 30):
        lead.send(video(number, key=False, body=b"picture"))
    await room.receive(28)
    assert running.node.forwarded >= 29
    codecs = (Encoder, Decoder, av.CodecContext, av.container.Container)
    assert [type(o) for o in gc.get_objects() if isinstance(o, codecs)] == []


async def test_a_forged_and_a_replayed_packet_are_not_forwarded(running: Running) -> None:
    lead, room = await lesson(running)
    genuine = lead.connection.send.protect(video(2, key=False, body=b"genuine"))
    forged = genuine[:-1] + bytes([genuine[-1] ^ 1])
    for data in (forged, genuine, genuine, genuine):
        lead.connection.socket.send(data)
    lead.send(video(3, key=False, body=b"next"))
    arrived = await room.receive(2)
    assert [data.endswith((b"genuine", b"next")) for data in arrived] == [True, True]
    assert running.node.received == 4  # two of the lesson, and these two


async def test_an_address_without_consent_is_not_heard(running: Running) -> None:
    lead, room = await lesson(running)
    before = running.node.received
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(("127.0.0.1", running.node.udp_port))
        for _ in range(50):
            stranger.send(lead.connection.send.protect(video(9, key=True, body=b"spoofed")))
    lead.send(video(2, key=False, body=b"genuine"))
    assert (await room.receive(1))[0].endswith(b"genuine")
    assert running.node.received == before + 1


async def test_a_silent_peer_is_lost_within_seconds(running: Running) -> None:
    lead, _room = await lesson(running)
    lead.connection.close()
    gone = await running.event(ParticipantGone, within=12, participant="lead")
    assert gone.reason == "lost"


async def test_a_wrong_fingerprint_never_connects(running: Running) -> None:
    await connect(running, "publish", "lead", fingerprint=":".join(["AB"] * 32))
    async with asyncio.timeout(5):
        while running.node.snapshot()["resources"]:
            await asyncio.sleep(0.01)  # a connection that never was is no event
    assert running.node.snapshot()["rooms"] == 0
    assert running.events.empty()


async def test_delete_frees_at_once_and_the_second_is_404(running: Running) -> None:
    lead, _room = await lesson(running)
    assert (await running.send("DELETE", lead.location)).status == 200
    gone = await running.event(ParticipantGone, within=1, participant="lead")
    assert gone.reason == "left"
    assert (await running.send("DELETE", lead.location)).status == 404
    assert [e.reason for e in running.evidence if e.participant == "lead"][-1] == "left"


async def test_publishing_again_replaces_what_was_before(running: Running) -> None:
    await lesson(running)
    await connect(running, "publish", "lead")
    gone = await running.event(ParticipantGone, participant="lead")
    assert gone.reason == "replaced"


async def test_what_a_holder_has_published_ends_when_the_holder_is_withdrawn(
    running: Running,
) -> None:
    lead, room = await lesson(running)
    running.node.withdraw({"", "holder of somebody else"})
    assert running.node.snapshot()["rooms"] == 1
    running.node.withdraw({"holder of lead"})
    gone = await running.event(ParticipantGone, within=1, participant="lead")
    assert gone.reason == "stopped"
    assert (await running.send("DELETE", lead.location)).status == 404
    assert (await running.send("DELETE", room.location, "room")).status == 200


async def test_closing_a_room_ends_everybody_in_it(running: Running) -> None:
    await lesson(running)
    running.node.close_room("r")
    for who in ("lead", "room"):
        assert (await running.event(ParticipantGone, participant=who)).reason == "ended"
    assert running.node.snapshot()["resources"] == 0


async def test_a_room_that_fails_in_its_own_time_is_begun_anew(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure is made: no way is known to bring one about."""
    await lesson(running)
    failing = running.node._rooms["r"]

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(failing, "tick", fail)
    await running.event(ParticipantGone, reason="stopped", participant="lead")
    await running.event(ParticipantGone, reason="stopped", participant="room")
    await lesson(running)
    assert running.node._rooms["r"] is not failing


async def test_the_answer_is_what_whip_asks_for(running: Running) -> None:
    lead, room = await lesson(running)
    assert "a=recvonly" in lead.answer
    assert "a=sendonly" in room.answer
    for answer in (lead.answer, room.answer):
        assert "a=ice-lite" in answer
        assert "a=end-of-candidates" in answer
        assert "a=setup:passive" in answer
        assert answer.count("a=fingerprint:sha-256") == answer.count("m=")
        assert "sha-384" not in answer
    assert lead.etag.startswith('"')
    assert lead.etag.endswith('"')
    assert lead.etag != room.etag


@pytest.mark.parametrize(
    ("path", "how", "status"),
    [
        ("/whip/r/lead", {"data": "v=0", "headers": {"Content-Type": "text/plain"}}, 415),
        ("/whip/r/lead", {"data": "hello", "headers": SDP}, 400),
        ("/whip/r/lead", {"data": b"\xff\xfe", "headers": SDP}, 400),
        ("/whip/r/lead", {"data": "v=0\r\nm=audio", "headers": SDP}, 400),
        ("/whip/r/lead", {"data": "v=0\r\na=group:BUNDLE\r\nm=", "headers": SDP}, 400),
        ("/whip/r/lead", {"data": "v=0" + "x" * 140_000, "headers": SDP}, 413),
        ("/whip/r/lead", {"data": OFFER.read_text(), "headers": SDP}, 422),
        ("/whip/r/lead", {"data": "v=0", "headers": SDP | {"Authorization": None}}, 401),
        ("/whip/r/lead", {"data": "v=0", "who": "expired", "headers": SDP}, 401),
        ("/whip/r/lead", {"data": "v=0", "who": "room", "headers": SDP}, 403),
        ("/whep/r", {"data": OFFER.read_text(), "who": "room", "headers": SDP}, 409),
        ("/whip/r/lead", {"data": NO_CODEC, "headers": SDP}, 422),
        ("/media/none", {"data": "v=0", "headers": SDP}, 405),
    ],
)
async def test_what_is_refused_and_how(
    running: Running, path: str, how: dict[str, Any], status: int
) -> None:
    who = how.pop("who", "lead")
    response = await running.send("POST", path, who, **how)
    assert response.status == status
    problem = await response.json()
    assert response.content_type == "application/problem+json"
    assert (problem["status"], len(problem["detail"]) > 10) == (status, True)
    if status in (401, 403):
        told = {"expired": "invalid_token", "room": "insufficient_scope"}.get(who)
        challenge = 'Bearer realm="media"' + (f', error="{told}"' if told else "")
        assert response.headers["WWW-Authenticate"] == challenge
    if status == 409:
        assert int(response.headers["Retry-After"]) > 0


async def test_a_player_may_wait_for_the_lead(running: Running) -> None:
    waiting = asyncio.create_task(
        running.send(
            "POST", "/whep/r", "room", data=OFFER.read_text(), headers=SDP | {"Prefer": "wait=10"}
        )
    )
    await connect(running, "publish", "lead")
    assert (await asyncio.wait_for(waiting, 5)).status == 201


async def test_a_player_without_the_lessons_codec_gets_406(running: Running) -> None:
    await connect(running, "publish", "lead")
    await running.event(ParticipantConnected, participant="lead")
    player = Connection(RTCCertificate.generateCertificate(), "gcm")
    running.connections.append(player)
    offer = sdp.play_offer(player.local, 1)
    lines = [line for line in offer.split("\r\n") if "audio" not in line]
    only_video = "\r\n".join(lines).replace("VP8/90000", "H265/90000")
    response = await running.send("POST", "/whep/r", "room", data=only_video, headers=SDP)
    assert response.status in (400, 406)


async def test_trickle_and_restart(running: Running) -> None:
    lead, room = await lesson(running)
    trickle = "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
    own = trickle.format(lead.connection.local.ufrag, lead.connection.local.password)

    async def patch(body: str, etag: str | None, **headers: str) -> aiohttp.ClientResponse:
        return await running.send(
            "PATCH", lead.location, data=body, headers=FRAGMENT | {"If-Match": etag} | headers
        )

    assert (await patch(own, None)).status == 428
    assert (await patch(own, '"another"')).status == 412
    assert (await patch(own, f"W/{lead.etag}")).status == 412
    assert (await patch("hello", lead.etag)).status == 400
    assert (await patch(own, lead.etag, **{"Content-Type": "text/plain"})).status == 415
    trickled = await patch(own, lead.etag)
    assert (trickled.status, await trickled.read()) == (204, b"")
    assert "ETag" not in trickled.headers
    restarted = await patch(trickle.format("fresh1", "f" * 24), "*")
    assert restarted.status == 200
    assert restarted.content_type == "application/trickle-ice-sdpfrag"
    assert restarted.headers["ETag"] not in (lead.etag, "")
    assert "a=ice-ufrag:" in await restarted.text()
    assert (await patch(own, lead.etag)).status == 412  # of the old ICE session
    lead.send(video(2, key=False, body=b"goes on"))
    assert (await room.receive(1))[0].endswith(b"goes on")


async def test_a_client_checks_on_with_old_credentials_until_it_has_the_new_ones(
    running: Running,
) -> None:
    lead, room = await lesson(running)
    connection = lead.connection
    body = "a=ice-ufrag:fresh1\r\na=ice-pwd:" + "f" * 24 + "\r\n"
    restarted = await running.send(
        "PATCH", lead.location, data=body, headers=FRAGMENT | {"If-Match": "*"}
    )
    fresh = parse_fragment(await restarted.text())
    first = sdp.remote(lead.answer, answered=True)
    old, new = (first.ufrag, first.password), (fresh.ufrag, fresh.password)
    assert await check_is_answered(connection.socket, old, "x")  # the answer may not have come yet
    assert await check_is_answered(connection.socket, new, "fresh1")
    assert not await check_is_answered(connection.socket, old, "x", within=0.5)  # it has
    lead.send(video(2, key=False, body=b"goes on"))
    assert (await room.receive(1))[0].endswith(b"goes on")


async def test_a_failed_restart_keeps_the_ice_session(running: Running) -> None:
    lead, _room = await lesson(running)
    broken = "a=ice-ufrag:fresh1\r\na=ice-pwd:short\r\n"
    headers = FRAGMENT | {"If-Match": "*"}
    assert (await running.send("PATCH", lead.location, data=broken, headers=headers)).status == 400
    first, local = sdp.remote(lead.answer, answered=True), lead.connection.local
    assert await check_is_answered(lead.connection.socket, (first.ufrag, first.password), "x")
    own = f"a=ice-ufrag:{local.ufrag}\r\na=ice-pwd:{local.password}\r\n"
    headers = FRAGMENT | {"If-Match": lead.etag}
    assert (await running.send("PATCH", lead.location, data=own, headers=headers)).status == 204


async def test_a_node_that_stops_takes_nobody_more(running: Running) -> None:
    await running.node.stop()
    response = await running.send("POST", "/whip/r/lead", data=CHROMIUM_PUBLISH, headers=SDP)
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize("running", [Limits(of_node=1)], indirect=True)
async def test_a_full_node_asks_to_come_again(running: Running) -> None:
    await connect(running, "publish", "lead")
    response = await running.send(
        "POST", "/whip/r/room", "room", data=CHROMIUM_PUBLISH, headers=SDP
    )
    assert response.status == 503
    assert int(response.headers["Retry-After"]) > 0


@pytest.mark.parametrize("wait", ["soon", "²", "-1", "", "1e9"])
async def test_a_wait_that_is_no_number_is_none(running: Running, wait: str) -> None:
    headers = SDP | {"Prefer": f"wait={wait}"}
    response = await running.send(
        "POST", "/whep/r", "room", data=OFFER.read_text(), headers=headers
    )
    assert response.status == 409


async def test_a_player_that_could_have_sound_but_no_picture_gets_406(running: Running) -> None:
    await lesson(running)
    offer = OFFER.read_text()
    for codec in ("VP8", "VP9", "AV1"):
        offer = offer.replace(f"{codec}/90000", "H265/90000")
    response = await running.send("POST", "/whep/r", "room", data=offer, headers=SDP)
    assert response.status == 406
    assert "VP8" in (await response.json())["detail"]


async def test_options_and_reserved_methods(running: Running) -> None:
    response = await running.send("OPTIONS", "/whip/r/lead")
    assert response.status == 200
    assert response.headers["Accept-Post"] == "application/sdp"
    assert "ETag" in response.headers["Access-Control-Expose-Headers"]
    assert "Link" not in response.headers
    for method in ("GET", "HEAD"):
        for path, content_type in (
            ("/whep/r", "application/sdp"),
            ("/whip/r/lead", "application/octet-stream"),
            ("/media/x", "application/octet-stream"),
        ):
            response = await running.send(method, path)
            assert 200 <= response.status < 300
            assert response.content_type == content_type
            assert await response.read() == b""
    for path, allowed in (("/whep/r", "POST"), ("/media/x", "PATCH")):
        response = await running.send("PUT", path)
        assert response.status == 405
        assert response.headers["Allow"].startswith(allowed)


async def test_after_the_peers_own_goodbye_one_delete_is_answered_as_done(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions: list[Any] = []
    monkeypatch.setattr(
        "media.bench.connection._Dtls.detach", lambda session: sessions.append(session)
    )
    lead = await connect(running, "publish", "lead")
    await running.event(ParticipantConnected, participant="lead")
    await sessions[0].stop()  # close_notify
    assert (await running.event(ParticipantGone, participant="lead")).reason == "left"
    assert (await running.send("DELETE", lead.location)).status == 200
    assert (await running.send("DELETE", lead.location)).status == 404


async def test_a_mid_too_long_for_a_header_extension_is_refused(running: Running) -> None:
    offer = CHROMIUM_PUBLISH.replace("a=mid:0", "a=mid:" + "m" * 33)
    offer = offer.replace("a=group:BUNDLE 0", "a=group:BUNDLE " + "m" * 33)
    response = await running.send("POST", "/whip/r/lead", data=offer, headers=SDP)
    assert response.status == 400
    assert "a=mid" in (await response.json())["detail"]
    longest = offer.replace("m" * 33, "m" * 32)
    response = await running.send("POST", "/whip/r/lead", data=longest, headers=SDP)
    assert response.status == 201


async def test_an_impatient_player_robs_a_patient_one_of_nothing(running: Running) -> None:
    async def ask(who: str, seconds: int) -> int:
        headers = SDP | {"Prefer": f"wait={seconds}"}
        offer = OFFER.read_text()
        return (await running.send("POST", "/whep/r", who, data=offer, headers=headers)).status

    patient = asyncio.create_task(ask("patient", 10))
    async with asyncio.timeout(5):
        while not running.node._lead_published:
            await asyncio.sleep(0.01)  # its request is on its way
    assert await ask("hasty", 0) == 409
    await connect(running, "publish", "lead")
    assert await asyncio.wait_for(patient, 5) == 201


async def test_floor_and_mute_hold_for_those_who_come_later(running: Running) -> None:
    node = running.node
    node.set_floor("r", "lead")
    node.set_muted("r", "lead", muted=True)
    for _ in range(2):  # the second time after the room has been empty
        lead, room = await lesson(running)
        held = node._rooms["r"]
        assert (held._floor, held._muted) == ("lead", {"lead"})
        for who, peer in (("lead", lead), ("room", room)):
            assert (await running.send("DELETE", peer.location, who)).status == 200
        assert "r" not in node._rooms
    await lesson(running)
    node.close_room("r", "ended")
    await lesson(running)
    assert (node._rooms["r"]._floor, node._rooms["r"]._muted) == (None, set())
