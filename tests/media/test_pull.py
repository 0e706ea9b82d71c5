"""A node pulls what is published at another, and forwards it to rooms of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pylibsrtp
import pytest
from aiohttp import web

from media import rtcp, rtp
from media.bench import sdp
from media.errors import BadSdp
from media.evidence import Evidence
from media.grant import Grant
from media.http import routes
from media.node import MediaNode
from media.node_events import NodeEvent, ParticipantConnected
from media.rtcp import Nack, Pli, ReceiverReport, ReportBlock
from media.rtp import Protocol, demux
from media.specs import Source
from tests.media.packets import packet, vp8_payload
from tests.media.test_node import Peer, Running, connect

ROOM = "r"


@asynccontextmanager
async def _node() -> AsyncIterator[Running]:
    """A node with its HTTP face; tokens are `participant`, `lead`, or `node:participant`."""
    events: asyncio.Queue[NodeEvent] = asyncio.Queue()
    evidence: list[Evidence] = []
    node = MediaNode(
        host="127.0.0.1",
        udp_port=0,
        public_address=None,
        on_evidence=evidence.append,
        on_event=events.put_nowait,
    )
    await node.start()

    async def authorize(token: str, direction: str, room: str, _who: str | None) -> Grant:
        role, _, participant = token.rpartition(":")
        if not role:
            role = "lead" if token == "lead" else "receiving"
        return Grant(room, participant, direction, role)  # type: ignore[arg-type]

    app = web.Application()
    app.add_routes(routes(node, authorize))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        found = Running(node, url, http, events, evidence)
        yield found
        for connection in found.connections:
            connection.close()
    await node.stop()
    await runner.cleanup()


@asynccontextmanager
async def pulling(
    branch: Running, home: Running, participant: str = "lead", *, lead: bool = True
) -> AsyncIterator[asyncio.Task[None]]:
    async def ask(offer: str) -> str:
        headers = {"Content-Type": "application/sdp"}
        answer = await home.send(
            "POST", f"/whep/{ROOM}", f"node:{participant}", data=offer, headers=headers
        )
        assert answer.status == 201, await answer.text()
        return await answer.text()

    task = asyncio.create_task(
        branch.node.pull(ROOM, participant, Source.CAMERA, lead=lead, ask=ask)
    )
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def two() -> AsyncIterator[tuple[Running, Running]]:
    """Home and branch."""
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(_node()),
            await stack.enter_async_context(_node()),
        )


async def _show(peer: Peer, first: int = 0, *, every_key: bool = True) -> None:
    """Pictures, 50 a second, until cancelled."""
    number = first
    while True:
        payload = vp8_payload(number & 0x7FFF, number & 255, key=every_key, body=b"picture")
        for ssrc, kind, content in ((2, sdp.VP8, payload), (1, sdp.OPUS, b"\xfcsound")):
            peer.send(
                packet(
                    content,
                    sequence=number,
                    timestamp=1800 * number,
                    ssrc=ssrc,
                    payload_type=kind,
                    marker=True,
                )
            )
        number += 1
        await asyncio.sleep(0.02)


async def _play(branch: Running, who: str) -> Peer:
    """A player that waits for the lead."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await connect(branch, "subscribe", who)
            except AssertionError:
                await asyncio.sleep(0.1)  # the lead is not here yet


async def test_a_player_at_another_node_gets_the_leads_picture_and_sound(
    two: tuple[Running, Running],
) -> None:
    home, branch = two
    lead = await connect(home, "publish", "lead")
    showing = asyncio.create_task(_show(lead))
    async with pulling(branch, home):
        far = await _play(branch, "far")
        got = await far.receive(20)
        kinds = {rtp.parse(each).payload_type for each in got}
        assert kinds == {sdp.VP8, sdp.OPUS}
        assert {each[-5:] for each in got} == {b"cture", b"sound"}
        video = [rtp.parse(e).sequence for e in got if rtp.parse(e).payload_type == sdp.VP8]
        assert video == list(range(video[0], video[0] + len(video))), "no gap by the way"
    showing.cancel()


async def test_a_trunk_is_nobody(two: tuple[Running, Running]) -> None:
    """Neither node counts the other, nor what it relays, as a participant that is there."""
    home, branch = two
    lead = await connect(home, "publish", "lead")
    showing = asyncio.create_task(_show(lead))
    async with pulling(branch, home):
        far = await _play(branch, "far")
        await far.receive(100)
        assert [e async for e in _participants(home)] == ["lead"]
        assert [e async for e in _participants(branch)] == ["far"]
        far.connection.close()
        showing.cancel()
    for running, who in ((home, "lead"), (branch, "far")):
        running.node.close_room(ROOM)
        assert {e.participant for e in running.evidence} == {who}


async def _participants(running: Running) -> AsyncIterator[str]:
    for event in running.node.present():
        if isinstance(event, ParticipantConnected):
            yield event.participant


async def test_a_request_for_a_key_frame_is_passed_upward(two: tuple[Running, Running]) -> None:
    home, branch = two
    lead = await connect(home, "publish", "lead")
    showing = asyncio.create_task(_show(lead))
    async with pulling(branch, home):
        far = await _play(branch, "far")
        got = await far.receive(10)
        ssrc = next(h.ssrc for h in map(rtp.parse, got) if h.payload_type == sdp.VP8)
        asked = asyncio.create_task(_asked(lead))
        async with asyncio.timeout(5):
            while not asked.done():
                plea = rtcp.build([ReceiverReport(9), Pli(9, ssrc)])
                far.connection.socket.send(far.connection.send.protect_rtcp(plea))
                await asyncio.sleep(0.2)
        assert await asked == 2, "of the publisher's own stream"
    showing.cancel()


async def _asked(peer: Peer) -> int:
    """The SSRC of the next picture-loss indication."""
    loop = asyncio.get_running_loop()
    while True:
        data = await loop.sock_recv(peer.connection.socket, 2048)
        if demux(data) is Protocol.RTCP:
            for each in rtcp.parse(peer.connection.receive.unprotect_rtcp(data)):
                if isinstance(each, Pli):
                    return each.media


async def test_a_packet_lost_at_the_player_is_had_again_from_its_own_node(
    two: tuple[Running, Running],
) -> None:
    home, branch = two
    lead = await connect(home, "publish", "lead")
    showing = asyncio.create_task(_show(lead))
    async with pulling(branch, home):
        far = await _play(branch, "far")
        got = [e for e in await far.receive(30) if rtp.parse(e).payload_type == sdp.VP8]
        wanted = rtp.parse(got[-3])
        nack = rtcp.build([ReceiverReport(9), Nack(9, wanted.ssrc, (wanted.sequence,))])
        far.connection.socket.send(far.connection.send.protect_rtcp(nack))
        with pytest.raises(pylibsrtp.Error, match="replay"):  # it is the very packet
            await far.receive(200)
    showing.cancel()


async def test_presence_is_written_by_the_node_that_the_room_is_on(
    two: tuple[Running, Running],
) -> None:
    home, branch = two
    lead = await connect(home, "publish", "lead")
    showing = asyncio.create_task(_show(lead))
    async with pulling(branch, home):
        far = await _play(branch, "far")
        highest: dict[int, int] = {}
        async with asyncio.timeout(15):
            while not any(e.received_decodable for e in branch.evidence):
                for each in map(rtp.parse, await far.receive(40)):
                    highest[each.ssrc] = each.sequence
                blocks = tuple(ReportBlock(s, 0, 0, n, 0, 0, 0) for s, n in highest.items())
                report = rtcp.build([ReceiverReport(9, blocks)])
                far.connection.socket.send(far.connection.send.protect_rtcp(report))
        assert {e.participant for e in home.evidence} <= {"lead"}
    showing.cancel()


async def test_a_pull_ends_with_the_node_it_is_from_and_another_takes_its_place(
    two: tuple[Running, Running],
) -> None:
    home, branch = two
    lead = await connect(home, "publish", "lead")
    showing = asyncio.create_task(_show(lead))
    async with pulling(branch, home) as first:
        far = await _play(branch, "far")
        await far.receive(5)
        showing.cancel()
        home.node.close_room(ROOM, "stopped")
        await asyncio.wait_for(first, 10)
    again = await connect(home, "publish", "lead")
    showing = asyncio.create_task(_show(again, 5000))
    async with pulling(branch, home):
        got = await far.receive(20, within=10)
        assert any(e.endswith(b"picture") for e in got), "the player has stayed"
    showing.cancel()


async def test_what_is_no_answer_of_a_node_is_refused(two: tuple[Running, Running]) -> None:
    _, branch = two

    async def nonsense(_offer: str) -> str:
        return "v=0\r\n"

    with pytest.raises(BadSdp):
        await branch.node.pull(ROOM, "lead", Source.CAMERA, lead=True, ask=nonsense)
    assert branch.node.snapshot()["rooms"] == 0


async def test_a_pull_that_nobody_answers_is_given_up(
    two: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, branch = two
    monkeypatch.setattr("media.inflow._CONNECT", 0.3)

    async def elsewhere(offer: str) -> str:
        headers = {"Content-Type": "application/sdp"}
        answer = await home.send("POST", f"/whep/{ROOM}", "node:lead", data=offer, headers=headers)
        return (await answer.text()).replace(f" {home.node.udp_port} typ host", " 9 typ host")

    with pytest.raises(TimeoutError):
        await branch.node.pull(ROOM, "lead", Source.CAMERA, lead=True, ask=elsewhere)
