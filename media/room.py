"""One room's media, sans I/O: packets and times in, packets and events out.

Ownership: room ⊃ publishers ⊃ streams; room ⊃ subscribers ⊃ slots; a slot points at the stream
behind it, and is told when that ends. Every call may leave outputs: drain `outputs` after each.
`now` is monotonic seconds; `wall` is Unix seconds, for reports and evidence.

The room knows no lessons: participants and resources are opaque names.
"""

import random
from collections import deque
from datetime import UTC, datetime

from media import codecs, rtcp, rtp, slots
from media.delivery import NTP_UNIX, Slot
from media.evidence import Counts, Ledger
from media.members import (
    MappingChanged,
    Output,
    Publisher,
    PublisherLive,
    SendRtcp,
    SendRtp,
    Subscriber,
    Tally,
)
from media.reception import Stream
from media.rewrite import Arrived, Munger, decapsulate_rtx
from media.rtcp import (
    Bye,
    Fir,
    Nack,
    Packet,
    Pli,
    ReceiverReport,
    Remb,
    SenderReport,
)
from media.rtp import MalformedPacket
from media.specs import (
    Codec,
    Extension,
    Kind,
    PayloadSpec,
    PublisherSpec,
    Source,
    SubscriberSpec,
    TrackSpec,
)

REPORT_INTERVAL = 1.0  # seconds between reports, and between judgements of evidence
KEYFRAME_INTERVAL = 0.5  # seconds between requests for a key frame of one stream
PUBLISH_BITRATE = 4_000_000  # bits per second a publisher is allowed by REMB
_STALE = 2.0  # seconds without a packet after which a stream shows nothing
_MAX_STREAMS = 16  # inbound SSRCs of one publisher


class Room:
    """See the module. Not for concurrent use; `random` chooses SSRCs' first numbers."""

    def __init__(self, room_id: str, *, random: random.Random) -> None:
        self.id = room_id
        self.outputs: deque[Output] = deque()
        self._random = random
        self._publishers: dict[str, Publisher] = {}
        self._subscribers: dict[str, Subscriber] = {}
        self._tallies: dict[str, Tally] = {}
        self._floor: str | None = None
        self._muted: set[str] = set()
        self._keys = 0
        self._reported_at = -REPORT_INTERVAL
        self._followers: dict[int, list[Slot]] = {}  # stream key → slots it goes to

    # ── who is here ──────────────────────────────────────────────────────────────────────

    @property
    def empty(self) -> bool:
        return not self._publishers and not self._subscribers

    @property
    def lead_live(self) -> bool:
        """Whether the lead sends something that can be decoded."""
        return any(p.live for p in self._publishers.values() if p.spec.lead)

    @property
    def lead_codecs(self) -> frozenset[Codec] | None:
        """Codecs the lead negotiated; None while it does not publish."""
        found = [p.spec for p in self._publishers.values() if p.spec.lead]
        if not found:
            return None
        return frozenset(x.codec for spec in found for t in spec.tracks for x in t.payloads)

    def resources(self) -> list[tuple[str, str, bool]]:
        """(resource id, participant, publishes) of everyone here."""
        return [(r, p.spec.participant, True) for r, p in self._publishers.items()] + [
            (r, s.spec.participant, False) for r, s in self._subscribers.items()
        ]

    def present(self) -> list[PublisherLive | MappingChanged]:
        """What a newcomer must be told to know how things stand."""
        found: list[PublisherLive | MappingChanged] = [
            PublisherLive(p.spec.participant, p.spec.source, live=True)
            for p in self._publishers.values()
            if p.live
        ]
        for subscriber in self._subscribers.values():
            spec = subscriber.spec
            found.append(MappingChanged(spec.resource_id, spec.participant, subscriber.mapping))
        return found

    def add_publisher(self, spec: PublisherSpec, now: float, wall: float) -> None:
        """A WHIP resource is connected; its streams are found as their packets come."""
        self._publishers[spec.resource_id] = Publisher(spec, self._random.getrandbits(32))
        self._tally(spec.participant, wall)

    def add_subscriber(self, spec: SubscriberSpec, now: float, wall: float) -> None:
        """A WHEP resource is connected: it is given what there is, beginning with key frames."""
        made = [
            Slot(
                slot,
                spec.resource_id,
                Munger(self._random.randrange(1, 1 << 15), self._random.getrandbits(31)),
                self._random.getrandbits(16),
            )
            for slot in spec.slots
        ]
        self._subscribers[spec.resource_id] = Subscriber(spec, made)
        self._tally(spec.participant, wall)
        self._assign(now)

    def remove(self, resource_id: str, reason: str, now: float, wall: float) -> None:
        """A resource ended: left, lost, replaced, ended or stopped. Unknown ones are ignored."""
        self._judge(now, wall)
        gone = self._publishers.pop(resource_id, None)
        left = self._subscribers.pop(resource_id, None)
        if gone is not None:
            if gone.live:
                live = PublisherLive(gone.spec.participant, gone.spec.source, live=False)
                self.outputs.append(live)
            participant = gone.spec.participant
        elif left is not None:
            participant = left.spec.participant
        else:
            return
        self._assign(now)
        if not any(p == participant for _, p, _ in self.resources()):
            tally = self._tallies.pop(participant)
            tally.ledger.close(reason)
            self.outputs.extend(tally.ledger.take())

    def set_floor(self, participant: str | None, now: float) -> None:
        """Give the floor: the main picture and a sure place in the sound."""
        self._floor = participant
        self._assign(now)

    def set_muted(self, participant: str, muted: bool, now: float) -> None:
        """Keep a participant's sound from everyone, or let it through again."""
        if muted:
            self._muted.add(participant)
        else:
            self._muted.discard(participant)
        self._assign(now)

    # ── packets ──────────────────────────────────────────────────────────────────────────

    def on_rtp(self, resource_id: str, data: bytes, now: float) -> None:
        """A decrypted RTP packet of a publisher. Malformed ones are dropped."""
        publisher = self._publishers.get(resource_id)
        if publisher is None:
            return
        try:
            header = rtp.parse(data)
            media_ssrc = publisher.rtx.get(header.ssrc)
            if media_ssrc is not None:
                stream = publisher.streams.get(media_ssrc)
                if stream is None:
                    return
                original = decapsulate_rtx(data, header, media_ssrc, stream.payload.payload_type)
                if original is None:
                    return
                data, header = original, rtp.parse(original)
            else:
                stream = publisher.streams.get(header.ssrc)
                if stream is None:
                    stream = self._discover(publisher, data, header)
                    if stream is None:
                        return
            if header.payload_type != stream.payload.payload_type:
                payload = _payload(stream.track, header.payload_type)
                if payload is None:
                    return
                self._change_payload(stream, payload, now)
            spans = rtp.extensions(data, header) if stream.track.kind is Kind.AUDIO else {}
        except MalformedPacket:
            return
        picture = codecs.read(stream.payload.codec, data, header.payload_start, header.payload_end)
        packet = Arrived(data, header, stream.extend(header.sequence), picture, spans, now)
        if not stream.take(packet):
            return
        if picture.key_start and not stream.keyed:
            stream.keyed = True
            self._begin(publisher)
            self._assign(now)
        if spans:
            self._hear(stream, packet)
        for slot in self._followers.get(stream.key, ()):
            out = slot.forward(packet, stream)
            if out is not None:
                self.outputs.append(SendRtp(slot.resource_id, out))
        if stream.track.kind is Kind.VIDEO and not stream.keyed:
            self._ask_keyframe(publisher, stream, now)

    def _discover(self, publisher: Publisher, data: bytes, header: rtp.RtpHeader) -> Stream | None:
        """The stream a new SSRC belongs to: named in the offer, by mid, or by payload type."""
        if len(publisher.streams) >= _MAX_STREAMS:
            return None
        for track in publisher.spec.tracks:
            payload = _payload(track, header.payload_type)
            if payload is None:
                continue
            if track.ssrcs and header.ssrc not in track.ssrcs:
                continue
            mid = dict(track.extensions).get(Extension.MID)
            span = rtp.extensions(data, header).get(mid) if mid is not None else None
            if span is not None and rtp.text(data, span) != track.mid:
                continue
            self._keys += 1
            stream = Stream(self._keys, header.ssrc, track, payload, publisher.spec.resource_id)
            publisher.streams[header.ssrc] = stream
            return stream
        return None

    def _change_payload(self, stream: Stream, payload: PayloadSpec, now: float) -> None:
        stream.payload = payload
        stream.keyed = False
        for slot in self._followers.get(stream.key, ()):
            slot.put(None)
        self._assign(now)

    def _begin(self, publisher: Publisher) -> None:
        if not publisher.live:
            publisher.live = True
            spec = publisher.spec
            self.outputs.append(PublisherLive(spec.participant, spec.source, live=True))

    def _hear(self, stream: Stream, packet: Arrived) -> None:
        number = dict(stream.track.extensions).get(Extension.AUDIO_LEVEL)
        span = packet.spans.get(number) if number is not None else None
        if span is not None:
            level, _ = rtp.audio_level(packet.data, span)
            stream.level += (level - stream.level) / 16

    def on_rtcp(self, resource_id: str, data: bytes, now: float, wall: float) -> None:
        """A decrypted RTCP packet of anyone. Malformed ones are dropped."""
        try:
            reports = rtcp.parse(data)
        except MalformedPacket:
            return
        publisher = self._publishers.get(resource_id)
        subscriber = self._subscribers.get(resource_id)
        for report in reports:
            if publisher is not None:
                self._from_publisher(publisher, report, now, wall)
            elif subscriber is not None:
                self._from_subscriber(subscriber, report, now)

    def _from_publisher(
        self, publisher: Publisher, report: Packet, now: float, wall: float
    ) -> None:
        if isinstance(report, SenderReport):
            stream = publisher.streams.get(report.ssrc)
            if stream is not None:
                stream.report, stream.report_at = report, now
                offset = wall - (report.ntp / (1 << 32) - NTP_UNIX)
                # The least delayed report comes nearest to the true offset of the two clocks.
                publisher.offset = (
                    offset if publisher.offset is None else min(publisher.offset, offset)
                )
        elif isinstance(report, Bye):
            for ssrc in report.ssrcs:
                stream = publisher.streams.pop(ssrc, None)
                if stream is not None:
                    self._assign(now)

    def _from_subscriber(self, subscriber: Subscriber, report: Packet, now: float) -> None:
        if isinstance(report, Pli | Fir):
            asked = [report.media] if isinstance(report, Pli) else [s for s, _ in report.entries]
            for ssrc in asked:
                slot = subscriber.by_ssrc.get(ssrc)
                if slot is not None and slot.source is not None:
                    self._ask_keyframe(self._publishers[slot.source.publisher], slot.source, now)
        elif isinstance(report, Nack):
            slot = subscriber.by_ssrc.get(report.media)
            if slot is not None and slot.source is not None:
                for sequence in report.sequences:
                    out = slot.repeat(sequence, slot.source, now)
                    if out is not None:
                        self.outputs.append(SendRtp(slot.resource_id, out))
        elif isinstance(report, SenderReport | ReceiverReport):
            ledger = self._tallies[subscriber.spec.participant].ledger
            for block in report.blocks:
                slot = subscriber.by_ssrc.get(block.ssrc)
                if slot is not None:
                    arrived = slot.reported(block, now)
                    if arrived is not None:
                        ledger.confirm(slot.spec.ssrc, *arrived)

    # ── who is shown where ───────────────────────────────────────────────────────────────

    def _candidates(self, kind: Kind, viewer: str) -> list[slots.Candidate]:
        return [
            slots.Candidate(
                stream,
                publisher.spec.participant,
                lead=publisher.spec.lead,
                floor=publisher.spec.participant == self._floor,
                screen=publisher.spec.source is Source.SCREEN,
                muted=publisher.spec.participant in self._muted,
            )
            for publisher in self._publishers.values()
            if publisher.spec.participant != viewer
            for stream in publisher.streams.values()
            if stream.track.kind is kind and stream.keyed
        ]

    def _assign(self, now: float) -> None:
        """Decide every slot anew, and ask for the key frames that this needs."""
        for subscriber in self._subscribers.values():
            viewer = subscriber.spec.participant
            for kind, choose in ((Kind.VIDEO, slots.video), (Kind.AUDIO, slots.audio)):
                of_kind = [s for s in subscriber.slots if s.spec.kind is kind]
                playable = [
                    c
                    for c in self._candidates(kind, viewer)
                    if of_kind and of_kind[0].fitting(c.stream) is not None
                ]
                wanted = choose(playable, [slot.source for slot in of_kind])
                for slot, stream in zip(of_kind, wanted, strict=True):
                    if slot.put(stream) and stream is not None and slot.waits_for_key:
                        self._ask_keyframe(self._publishers[stream.publisher], stream, now)
            self._tell_mapping(subscriber)
        self._followers = {}
        for subscriber in self._subscribers.values():
            for slot in subscriber.slots:
                if slot.source is not None:
                    self._followers.setdefault(slot.source.key, []).append(slot)

    def _tell_mapping(self, subscriber: Subscriber) -> None:
        def shown(slot: Slot) -> tuple[str, Kind, str | None, Source | None]:
            publisher = slot.source and self._publishers.get(slot.source.publisher)
            if not publisher:
                return slot.spec.mid, slot.spec.kind, None, None
            return (
                slot.spec.mid,
                slot.spec.kind,
                publisher.spec.participant,
                publisher.spec.source,
            )

        mapping = tuple(map(shown, subscriber.slots))
        if mapping != subscriber.mapping:
            subscriber.mapping = mapping
            spec = subscriber.spec
            self.outputs.append(MappingChanged(spec.resource_id, spec.participant, mapping))

    def _ask_keyframe(self, publisher: Publisher, stream: Stream, now: float) -> None:
        """Requests of many players become one, and not too often."""
        if stream.track.kind is Kind.AUDIO or now - stream.keyframe_asked_at < KEYFRAME_INTERVAL:
            return
        stream.keyframe_asked_at = now
        data = rtcp.build((ReceiverReport(publisher.ssrc), Pli(publisher.ssrc, stream.ssrc)))
        self.outputs.append(SendRtcp(stream.publisher, data))

    # ── time ─────────────────────────────────────────────────────────────────────────────

    def tick(self, now: float, wall: float) -> None:
        """Everything that time brings; call it about ten times a second."""
        for publisher in self._publishers.values():
            for stream in publisher.streams.values():
                missing = stream.to_ask(now)
                if missing and stream.track.kind is Kind.VIDEO:
                    lost = Nack(publisher.ssrc, stream.ssrc, tuple(missing))
                    data = rtcp.build((ReceiverReport(publisher.ssrc), lost))
                    self.outputs.append(SendRtcp(publisher.spec.resource_id, data))
        for subscriber in self._subscribers.values():
            for slot in subscriber.slots:
                if slot.source is not None and slot.waits_for_key:
                    self._ask_keyframe(self._publishers[slot.source.publisher], slot.source, now)
        if now - self._reported_at >= REPORT_INTERVAL:
            self._reported_at = now
            self._report(now, wall)
            self._judge(now, wall)
            self._assign(now)  # the loudest may have changed

    def _report(self, now: float, wall: float) -> None:
        for publisher in self._publishers.values():
            streams = [s for s in publisher.streams.values() if s.received][:31]
            if streams:
                report = ReceiverReport(publisher.ssrc, tuple(s.block(now) for s in streams))
                allowed = Remb(publisher.ssrc, PUBLISH_BITRATE, tuple(s.ssrc for s in streams))
                data = rtcp.build((report, allowed))
                self.outputs.append(SendRtcp(publisher.spec.resource_id, data))
        for subscriber in self._subscribers.values():
            for slot in subscriber.slots:
                publisher_id = slot.source.publisher if slot.source is not None else ""
                source = self._publishers.get(publisher_id)
                offset = source.offset if source is not None else None
                sent = slot.sender_report(now, wall, offset or 0.0, subscriber.spec.cname)
                if sent is not None:
                    self.outputs.append(SendRtcp(slot.resource_id, sent))

    def _tally(self, participant: str, wall: float) -> None:
        if participant not in self._tallies:
            self._tallies[participant] = Tally(Ledger(self.id, participant), wall)

    def _judge(self, now: float, wall: float) -> None:
        """Close the current second of every participant, with what flowed in it."""
        for participant, tally in self._tallies.items():
            publishers = [p for p in self._publishers.values() if p.spec.participant == participant]
            players = [s for s in self._subscribers.values() if s.spec.participant == participant]
            streams = [s for p in publishers for s in p.streams.values()]
            out = [slot for s in players for slot in s.slots]
            totals = (
                sum(s.received for s in streams),
                sum(s.bytes for s in streams),
                sum(s.packets for s in out),
                sum(s.octets for s in out),
                sum(s.lost for s in streams),
                sum(s.lost for s in out),
            )
            # A resource that ended took its totals along: what is left can't be less than nothing.
            grown = [max(0, new - old) for new, old in zip(totals, tally.totals, strict=True)]
            tally.totals = totals
            rtts = [s.rtt for s in out if s.rtt is not None]
            jitters = [s.jitter / s.payload.clock_rate for s in streams]
            counts = Counts(*grown)
            counts.jitter_ms = max(jitters, default=0.0) * 1000
            counts.rtt_ms = max(rtts) * 1000 if rtts else None
            tally.ledger.second(
                datetime.fromtimestamp(tally.since, UTC),
                datetime.fromtimestamp(wall, UTC),
                sent=any(p.decodable(now) for p in publishers),
                delivered={k: v for s in players for k, v in s.delivering(now).items()},
                counts=counts,
            )
            tally.since = wall
            self.outputs.extend(tally.ledger.take())
        for publisher in self._publishers.values():
            if publisher.live and all(now - s.last_at > _STALE for s in publisher.streams.values()):
                publisher.live = False
                for stream in publisher.streams.values():
                    stream.keyed = False
                live = PublisherLive(publisher.spec.participant, publisher.spec.source, live=False)
                self.outputs.append(live)


def _payload(track: TrackSpec, payload_type: int) -> PayloadSpec | None:
    return next((p for p in track.payloads if p.payload_type == payload_type), None)
