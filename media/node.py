"""A media node: one UDP socket, many rooms, and the WHIP and WHEP resources in them.

Ownership: node ⊃ rooms (made with their first resource, gone with the last) and node ⊃ peers, one
per resource; a peer's close is idempotent and is always told to its room with a reason. One task
ticks everything; one task per peer shakes hands and waits for its goodbye.
"""

import asyncio
import gc
import random
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Container, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import psutil
import structlog

from media import fastpath, negotiation, sdp
from media.admission import Admission, Limits
from media.answer import LocalSide, play_answer, publish_answer, restart_fragment, tagged
from media.errors import NoSuchResource, NotPublished, Overloaded
from media.events import PublisherLive, Recorded, SendRtcp, SendRtp
from media.evidence import Evidence
from media.fastpath import CompiledPlane, CompiledSocket
from media.grant import Grant
from media.ice import (
    CHECKS_ALONE,
    CONSENT_EXPIRES,
    CONSENT_TIMEOUT,
    IceLiteAgent,
    fresh_credentials,
)
from media.inflow import Inflow
from media.node_events import (
    NodeEvent,
    ParticipantConnected,
    ParticipantGone,
    Recording,
    from_room,
)
from media.peer import Answer, Peer
from media.plane import Plane
from media.recording.recorder import Recorder
from media.resource import IceSession, Patch
from media.room import Room
from media.rtp import Protocol, demux
from media.specs import PublisherSpec, Source, SubscriberSpec
from media.udp import Address, UdpSocket
from media.wall import steady_wall
from media.wire import Certificate, HandshakeFailed, Wire, srtp_functions
from media.wishes import WishBook

log = structlog.get_logger()

TICK = 0.05  # seconds
_PHASES = 5  # into which a tick is divided where there are many rooms
_GOODBYES = 500  # resources remembered that their peers ended by themselves
CONNECT_TIMEOUT = 20.0  # seconds from the answer to the end of the handshake


def _connected(grant: Grant) -> ParticipantConnected:
    return ParticipantConnected(grant.room, grant.participant, grant.direction, grant.unseen)


class MediaNode:
    """See the module. `on_evidence` and `on_event` are called at once and must not block. With a
    `recorder`, which its maker closes after it, rooms can be recorded.

    `host` is what the socket binds; candidates name `public_address`, or else every address the
    socket can be reached at. `compiled` False leaves the compiled fast path out.
    """

    def __init__(
        self,
        *,
        host: str,
        udp_port: int,
        public_address: str | None,
        on_evidence: Callable[[Evidence], None],
        on_event: Callable[[NodeEvent], None],
        compiled: bool = fastpath.AVAILABLE,
        limits: Limits | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._wall = steady_wall()
        self._host = host
        self._port = udp_port
        self._public_address = public_address
        self._on_evidence = on_evidence
        self._on_event = on_event
        self._certificate: Certificate = Certificate.generateCertificate()
        self._agent = IceLiteAgent()
        self._admission = Admission(limits or Limits())
        self._rooms: dict[str, Room] = {}
        self._peers: dict[str, Peer] = {}
        self._lead_published: dict[str, asyncio.Event] = {}
        self._waiting_for: Counter[asyncio.Event] = Counter()
        self._wishes = WishBook()
        self._goodbyes: OrderedDict[str, Grant] = OrderedDict()  # ended by the peer; DELETE follows
        self._random = random.SystemRandom()
        self._compiled = compiled
        self._plane = Plane()
        self._udp: UdpSocket | CompiledSocket | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._inflows: dict[tuple[str, str], Inflow] = {}  # by room and resource
        self._stopping = False
        self._forwarded = 0  # RTP packets, by way of Python
        self._received = 0

    # ── life ─────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Bind the socket and begin to tick. Raises OSError when the port is taken."""
        if self._compiled:
            self._udp = CompiledSocket(
                self._host, self._port, srtp_functions(), self._on_datagram, self._on_rtp
            )
            self._plane = self._udp.plane
        else:
            self._udp = UdpSocket(self._host, self._port, self._on_datagram)
        self._ticker = asyncio.create_task(self._tick_for_ever())

    async def stop(self, reason: str = "stopped") -> None:
        """Close every resource, then the socket, and take no more; the second time does nothing."""
        self._stopping = True
        for published in self._lead_published.values():
            published.set()  # who waits is told to go elsewhere
        for peer in list(self._peers.values()):
            self._close(peer, reason)
        while self._closing:
            await asyncio.wait(self._closing)
        if self._ticker is not None:
            self._ticker.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticker
            self._ticker = None
        if self._udp is not None:
            self._udp.close()
            self._udp = None

    @property
    def udp_port(self) -> int:
        assert self._udp is not None, "started"
        return self._udp.port

    @property
    def forwarded(self) -> int:
        """RTP packets sent, ever."""
        return self._forwarded + (self._udp.forwarded if self._udp else 0)

    @property
    def received(self) -> int:
        """RTP packets that came and were genuine, ever."""
        return self._received + (self._udp.received if self._udp else 0)

    def snapshot(self) -> dict[str, int]:
        """Numbers for load and metrics."""
        return {
            "rooms": len(self._rooms),
            "resources": len(self._peers),
            "received": self.received,
            "forwarded": self.forwarded,
            "dropped": self._udp.dropped if self._udp else 0,
        }

    def present(self) -> Iterator[NodeEvent]:
        """Events that tell a newcomer what is so now."""
        for peer in self._peers.values():
            if peer.in_room and peer.grant.role != "node":
                yield _connected(peer.grant)
        for room in self._rooms.values():
            for output in room.present():
                yield from_room(room.id, output)
        if self._recorder is not None:
            for room_id, recording in self._recorder.under_way():
                yield Recording(room_id, recording, others=self._wishes.of(room_id).others)

    def unfinished(self) -> list[Evidence]:
        """Evidence that will be told when it is whole."""
        return [slice_ for room in self._rooms.values() for slice_ in room.unfinished()]

    # ── WHIP and WHEP ────────────────────────────────────────────────────────────────────

    async def publish(self, grant: Grant, offer: str) -> Answer:
        """Answer a WHIP offer; an earlier resource of the same participant and stream is replaced.

        Raises BadSdp, Unsupported, NoCommonCodec, Overloaded.
        """
        await self._certificate.turns.take()
        parsed = sdp.parse(offer)
        tracks = negotiation.tracks_to_publish(parsed)
        peer = self._make_peer(grant, parsed)
        lead = grant.role == "lead"
        peer.spec = PublisherSpec(peer.resource_id, grant.participant, lead, tracks, grant.stream)
        for other in list(self._peers.values()):
            if other.grant == grant and other is not peer:
                self._close(other, "replaced")
        self._connect(peer, parsed)
        text = publish_answer(parsed, tracks, self._local_side(peer))
        return Answer(peer.resource_id, peer.ice.quoted_etag, text)

    async def subscribe(self, grant: Grant, offer: str, *, wait: float = 0) -> Answer:
        """Answer a WHEP offer; waits up to `wait` seconds for the lead to publish. A member waits
        for nobody: where all are members, nobody leads.

        Raises BadSdp, Unsupported, NoCommonCodec, NotPublished, Overloaded.
        """
        await self._certificate.turns.take()
        parsed = sdp.parse(offer)
        slots = negotiation.slots_to_play(parsed, lambda: self._random.getrandbits(32))
        if grant.role not in ("lead", "member", "node"):
            await self._wait_for_lead(grant.room, wait)
        if grant.room in self._rooms and grant.role != "node":
            negotiation.must_be_playable(slots, self._rooms[grant.room].lead_codecs)
        peer = self._make_peer(grant, parsed)
        cname = secrets.token_hex(8)
        peer.spec = SubscriberSpec(
            peer.resource_id, grant.participant, slots, cname, unseen=grant.unseen
        )
        if grant.role == "node":
            peer.spec = replace(
                peer.spec, participant=peer.resource_id, pulls=(grant.participant, grant.stream)
            )
        self._connect(peer, parsed)
        text = play_answer(parsed, slots, cname, self._local_side(peer))
        return Answer(peer.resource_id, peer.ice.quoted_etag, text)

    async def _wait_for_lead(self, room_id: str, wait: float) -> None:
        room = self._rooms.get(room_id)
        if room is not None and room.lead_codecs is not None:
            return
        published = self._lead_published.setdefault(room_id, asyncio.Event())
        self._waiting_for[published] += 1
        try:
            await asyncio.wait_for(published.wait(), max(wait, 0.001))
        except TimeoutError:
            raise NotPublished("the lead has not published yet: try again in a moment") from None
        finally:
            self._waiting_for[published] -= 1
            if not self._waiting_for[published]:
                del self._waiting_for[published]
                if self._lead_published.get(room_id) is published:
                    del self._lead_published[room_id]

    def patch(self, resource_id: str, if_match: str | None, body: str) -> tuple[str, str] | None:
        """Trickle (None: nothing to say, candidates of the client are found by its checks), or an
        ICE restart: (quoted ETag, sdpfrag).

        Raises NoSuchResource, BadSdp, PreconditionRequired, PreconditionFailed.
        """
        peer = self._peer(resource_id)
        fragment = sdp.parse_fragment(body)
        if peer.ice.judge(if_match, fragment.ufrag, fragment.password) is Patch.TRICKLE:
            return None
        peer.ice = IceSession(fragment.ufrag, fragment.password, secrets.token_hex(8))
        self._agent.restart(peer, fresh_credentials())
        peer.consented_at = time.monotonic()
        return peer.ice.quoted_etag, restart_fragment(self._local_side(peer), peer.bundle)

    def delete(self, resource_id: str) -> None:
        """End a resource as *left*. One that the peer has just ended by itself may be ended once
        more. Raises NoSuchResource."""
        if self._goodbyes.pop(resource_id, None) is None:
            self._close(self._peer(resource_id), "left")

    def grant_of(self, resource_id: str) -> Grant:
        """Whose a resource is. Raises NoSuchResource."""
        return self._goodbyes.get(resource_id) or self._peer(resource_id).grant

    def _peer(self, resource_id: str) -> Peer:
        try:
            return self._peers[resource_id]
        except KeyError:
            raise NoSuchResource(
                "the media resource does not exist or has ended: POST a new offer"
            ) from None

    # ── commands ─────────────────────────────────────────────────────────────────────────

    def close_room(self, room_id: str, reason: str = "ended") -> None:
        if reason == "ended":
            self._wishes.forget(room_id)
        for peer in list(self._peers.values()):
            if peer.grant.room == room_id:
                self._close(peer, reason)
        for inflow in [i for key, i in self._inflows.items() if key[0] == room_id]:
            inflow.stop()

    async def pull(
        self,
        room_id: str,
        participant: str,
        source: Source,
        *,
        lead: bool,
        ask: Callable[[str], Awaitable[str]],
    ) -> None:
        """Have in a room what a participant sends to another node, until that ends. `ask` POSTs an
        offer there and returns the answer. Raises what `ask` does, MediaError, HandshakeFailed and
        TimeoutError."""
        resource_id = secrets.token_urlsafe(24)
        key = room_id, resource_id

        def on_rtp(packet: bytes, now: float) -> None:
            room = self._rooms[room_id]
            plane = self._plane
            if not (isinstance(plane, CompiledPlane) and plane.feed(resource_id, packet, now)):
                room.on_rtp(resource_id, packet, now)

        def on_rtcp(packet: bytes, now: float) -> None:
            self._rooms[room_id].on_rtcp(resource_id, packet, now, self._wall())

        inflow = Inflow(
            self._certificate,
            lambda packet, now: on_rtp(packet, now) if key in self._inflows else None,
            lambda packet, now: on_rtcp(packet, now) if key in self._inflows else None,
            lambda: self._settle(self._rooms[room_id]) if key in self._inflows else None,
        )
        try:
            tracks = inflow.take(await ask(inflow.offer()))
            await inflow.connect()
            spec = PublisherSpec(resource_id, participant, lead, tracks, source, relayed=True)
            self._inflows[key] = inflow
            room = self._room(room_id)
            room.add_publisher(spec, time.monotonic(), self._wall())
            await inflow.ended()
        finally:
            if self._inflows.pop(key, None) is not None:
                room = self._rooms[room_id]
                room.remove(resource_id, "left", time.monotonic(), self._wall())
                self._settle(room)
                if room.empty:
                    del self._rooms[room_id]
            await inflow.close()

    def withdraw(self, holders: Container[str]) -> None:
        """End the resources of those whose grants are good no more."""
        for peer in list(self._peers.values()):
            if peer.grant.holder in holders:
                self._close(peer, "stopped")

    def record(
        self, room_id: str, recording: str, *, others: bool = False, led: bool = True
    ) -> None:
        """Record what the lead of a room sends, or who speaks where it is not `led`, and the
        cameras of the `others`; also when nobody is there yet."""
        assert self._recorder is not None, "whoever gives this command has made a recorder"
        self._recorder.begin(room_id, recording)
        self._set_recorded(room_id, recorded=True, others=others, led=led)
        self._on_event(Recording(room_id, recording, others=others))

    async def end_recording(self, room_id: str) -> None:
        """Record a room no longer; what was written is complete when this returns."""
        self._set_recorded(room_id, recorded=False)
        if self._recorder is not None:
            ended = dict(self._recorder.under_way()).get(room_id)
            await self._recorder.end(room_id)
            if ended is not None:
                self._on_event(Recording(room_id, None, ended))

    def recording_stopped(self, room_id: str, recording: str, cause: str) -> None:
        """The recorder has ended a recording by itself."""
        self._set_recorded(room_id, recorded=False)
        self._on_event(Recording(room_id, None, recording, cause))

    def _set_recorded(
        self, room_id: str, *, recorded: bool, others: bool = False, led: bool = True
    ) -> None:
        wishes = self._wishes.of(room_id)
        wishes.recorded, wishes.others, wishes.led = recorded, others, led
        if room_id in self._rooms:
            room = self._rooms[room_id]
            room.set_recorded(recorded, time.monotonic(), others=others, led=led)
            self._settle(self._rooms[room_id])

    def set_floor(self, room_id: str, participant: str | None) -> None:
        """Give the floor; also in a room where nobody is yet."""
        self._wishes.of(room_id).floor = participant
        if room_id in self._rooms:
            self._rooms[room_id].set_floor(participant, time.monotonic())
            self._settle(self._rooms[room_id])

    def set_muted(self, room_id: str, participant: str, *, muted: bool) -> None:
        """Keep a participant's sound from everyone, or let it through; also before it is there."""
        self._wishes.of(room_id).mute(participant, muted=muted)
        if room_id in self._rooms:
            self._rooms[room_id].set_muted(participant, muted, time.monotonic())
            self._settle(self._rooms[room_id])

    def set_widths(self, room_id: str, participant: str, widths: Mapping[str, int]) -> None:
        """A participant's page shows its video slots (by mid) so many pixels wide."""
        if room_id in self._rooms:
            self._rooms[room_id].set_widths(participant, widths, time.monotonic())
            self._settle(self._rooms[room_id])

    # ── peers ────────────────────────────────────────────────────────────────────────────

    def _make_peer(self, grant: Grant, offer: sdp.Offer) -> Peer:
        if self._stopping:
            raise Overloaded("this media node is being stopped: try again in a moment")
        ice = IceSession(offer.ufrag, offer.password, secrets.token_hex(8))
        peer = Peer(secrets.token_urlsafe(24), grant, ice, fresh_credentials(), self._place)
        peer.setup = negotiation.setup_for(offer)
        peer.bundle = tagged(offer)
        who = (peer.resource_id, grant.room, grant.participant)
        for replaced in self._admission.admit(*who, unseen=grant.unseen):
            self._close(self._peers[replaced], "replaced")
        return peer

    def _local_side(self, peer: Peer) -> LocalSide:
        candidates = tuple((host, self.udp_port) for host in self._addresses())
        return LocalSide(peer.local, self._certificate.fingerprint, peer.setup, candidates)

    def _addresses(self) -> list[str]:
        """Addresses to advertise, those most likely to be right first."""
        if self._public_address is not None:
            return [self._public_address]
        if self._host != "0.0.0.0":  # noqa: S104 - compared, not bound
            return [self._host]
        found = [
            a.address
            for addresses in psutil.net_if_addrs().values()
            for a in addresses
            if a.family.name == "AF_INET"
        ]
        return sorted(found, key=lambda a: a.startswith("127."))[:8]

    def _connect(self, peer: Peer, offer: sdp.Offer) -> None:
        def send(data: bytes) -> None:
            if self._udp is not None and peer.address is not None:
                self._udp.send(data, peer.address)

        peer.wire = Wire(self._certificate, peer.setup, offer.fingerprints, send)
        self._peers[peer.resource_id] = peer
        self._agent.add(peer)
        peer.task = asyncio.create_task(self._live(peer))

    async def _live(self, peer: Peer) -> None:
        """From the answer to the peer's goodbye; consent loss is seen by the tick."""
        assert peer.wire is not None, "made by _connect"
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await peer.checked.wait()
                await peer.wire.handshake()
        except (TimeoutError, HandshakeFailed) as error:
            log.info("connection failed", participant=peer.grant.participant, cause=str(error))
            self._close(peer, "lost")
            return
        if peer.resource_id not in self._peers:
            return  # closed in the very turn in which its handshake was done
        self._admission.connected(peer.resource_id)
        room = self._room(peer.grant.room)
        now, wall = time.monotonic(), self._wall()
        if isinstance(peer.spec, PublisherSpec):
            room.add_publisher(peer.spec, now, wall)
            if peer.spec.lead:
                self._lead_published.pop(room.id, asyncio.Event()).set()
        elif isinstance(peer.spec, SubscriberSpec):
            room.add_subscriber(peer.spec, now, wall)
        peer.in_room = True
        self._place(peer)
        if peer.grant.role != "node":
            self._on_event(_connected(peer.grant))
        self._settle(room)
        await peer.wire.closed()
        if peer.resource_id in self._peers:
            self._goodbyes[peer.resource_id] = peer.grant
            if len(self._goodbyes) > _GOODBYES:
                self._goodbyes.popitem(last=False)
        self._close(peer, "left")

    def _place(self, peer: Peer) -> None:
        """Tell the fast path where a peer in a room is now."""
        plane, wire = self._plane, peer.wire
        if isinstance(plane, CompiledPlane) and peer.in_room and wire and peer.address:
            publishes = isinstance(peer.spec, PublisherSpec)
            plane.at(
                peer.resource_id,
                peer.address,
                wire.srtp_receive if publishes else 0,
                0 if publishes else wire.srtp_send,
            )

    def _room(self, room_id: str) -> Room:
        if room_id not in self._rooms:
            room = Room(room_id, random=self._random, plane=self._plane)
            self._rooms[room_id] = room
            wishes = self._wishes.of(room_id)
            room.set_floor(wishes.floor, time.monotonic())
            for participant in wishes.muted:
                room.set_muted(participant, True, time.monotonic())
            room.set_recorded(
                wishes.recorded, time.monotonic(), others=wishes.others, led=wishes.led
            )
        return self._rooms[room_id]

    def _close(self, peer: Peer, reason: str) -> None:
        if peer.resource_id not in self._peers:
            return
        if peer.in_room:
            room = self._rooms[peer.grant.room]
            room.remove(peer.resource_id, reason, time.monotonic(), self._wall())
            self._settle(room)
            grant = peer.grant
            if grant.role != "node":
                self._on_event(
                    ParticipantGone(
                        grant.room, grant.participant, grant.direction, reason, peer.resource_id
                    )
                )
            if room.empty:
                del self._rooms[room.id]
        del self._peers[peer.resource_id]  # until here it could be told goodbye
        self._agent.remove(peer)
        self._admission.gone(peer.resource_id)
        assert peer.wire is not None, "made by _connect"
        assert peer.task is not None, "made by _connect"
        closing = asyncio.create_task(self._say_goodbye(peer.wire, peer.task))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    @staticmethod
    async def _say_goodbye(wire: Wire, task: asyncio.Task[None]) -> None:
        await wire.close()
        if task is not asyncio.current_task():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    # ── packets ──────────────────────────────────────────────────────────────────────────

    def _on_datagram(self, data: bytes, address: Address) -> None:
        protocol = demux(data)
        now = time.monotonic()
        if protocol is Protocol.STUN:
            answer = self._agent.check(data, address, now)
            if self._udp is not None:
                if answer is not None:
                    self._udp.send(answer, address)
                while self._agent.outputs:
                    self._udp.send(*self._agent.outputs.popleft())
            return
        peer = self._agent.peer_at(address)
        if not isinstance(peer, Peer) or peer.wire is None:
            return
        if protocol is Protocol.DTLS:
            peer.wire.datagram(data)
        elif protocol is Protocol.RTP and peer.in_room:
            packet = peer.wire.unprotect_rtp(data)
            if packet is not None:
                self._received += 1
                self._on_rtp(peer.resource_id, packet, now)
        elif protocol is Protocol.RTCP and peer.in_room:
            packet = peer.wire.unprotect_rtcp(data)
            if packet is not None:
                peer.heard_at = now
                room = self._rooms[peer.grant.room]
                room.on_rtcp(peer.resource_id, packet, now, self._wall())
                self._drain(room)

    def _on_rtp(self, resource_id: str, packet: bytes, now: float) -> None:
        """An unprotected RTP packet that the fast path has not taken."""
        peer = self._peers.get(resource_id)
        if peer and peer.in_room and peer.wire and peer.wire.hears(packet[8:12]):
            room = self._rooms[peer.grant.room]
            room.on_rtp(resource_id, packet, now)
            self._drain(room)

    def _settle(self, room: Room) -> None:
        """Perform a room's outputs, and send at once what they put on its way."""
        self._drain(room)
        if self._udp is not None:
            self._udp.flush()

    def _drain(self, room: Room) -> None:
        """Perform a room's outputs; whoever reads the socket flushes it after the batch."""
        while room.outputs:
            output = room.outputs.popleft()
            if isinstance(output, SendRtp):
                self._send_rtp(output)
            elif isinstance(output, SendRtcp):
                inflow = self._inflows.get((room.id, output.resource_id))
                if inflow is not None:
                    inflow.send_rtcp(output.data)
                    continue
                peer = self._peers.get(output.resource_id)
                if peer and peer.wire and peer.wire.connected and peer.address and self._udp:
                    packet = peer.wire.protect_rtcp(output.data)
                    if packet is not None:
                        self._udp.send(packet, peer.address)
            elif isinstance(output, Evidence):
                self._on_evidence(output)
            elif isinstance(output, Recorded):
                if self._recorder is not None and not self._recorder.put(room.id, output.strands):
                    room.not_recorded()
            elif isinstance(output, PublisherLive) and output.relayed:
                if output.live and room.lead_codecs is not None:
                    self._lead_published.pop(room.id, asyncio.Event()).set()
            else:
                self._on_event(from_room(room.id, output))

    def _send_rtp(self, output: SendRtp) -> None:
        if isinstance(self._plane, CompiledPlane):
            self._plane.send(output.resource_id, output.data)
            return
        peer = self._peers.get(output.resource_id)
        if peer and peer.wire and peer.wire.connected and peer.address and self._udp:
            self._udp.send(peer.wire.protect_rtp(output.data), peer.address)
            self._forwarded += 1

    def _lost(self, peer: Peer, now: float) -> bool:
        """No consent for long (RFC 7675, 5.1), or for a while and nothing authentic either: a check
        is sent once each 4 to 6 s (Firefox, aioice), and may get lost. Who never sends anything
        else (libdatachannel as a player) is only told by its checks, and waited for longer."""
        silent = now - peer.consented_at
        if silent <= CONSENT_TIMEOUT:
            return False
        heard_at = peer.heard_at
        if peer.in_room:
            heard_at = max(heard_at, self._rooms[peer.grant.room].heard_at(peer.resource_id))
        if heard_at == float("-inf"):
            return silent > CHECKS_ALONE
        return silent > CONSENT_EXPIRES or now - heard_at > CONSENT_TIMEOUT

    async def _tick_for_ever(self) -> None:
        """Tick every room each TICK seconds: on a node with many rooms some now and some later, so
        that packets need not wait for all of them."""
        phase = 0
        while True:
            phases = min(_PHASES, 1 + len(self._rooms) // 4)
            phase = (phase + 1) % phases
            now, wall = time.monotonic(), self._wall()
            for peer in list(self._peers.values()):
                if peer.address is not None and self._lost(peer, now):
                    self._close(peer, "lost")
            for room in list(self._rooms.values())[phase::phases]:
                try:
                    room.tick(now, wall)
                    self._drain(room)
                except Exception:
                    log.exception("room failed", room=room.id)
                    self.close_room(room.id, "stopped")  # its pages come again, to a fresh one
            if self._udp is not None:
                self._udp.flush()
            await asyncio.sleep(TICK / phases)


def spare_the_collector() -> None:
    """For a process that is a media node, once it has started: what start-up made stays, so the
    collector need not walk it while packets wait."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
