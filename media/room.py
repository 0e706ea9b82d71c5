"""One room's media, sans I/O: packets and times in, packets and events out.

Ownership: room ⊃ publishers ⊃ feeds ⊃ streams; room ⊃ players ⊃ slots; a slot points at the feed
in it and at the layer it is to show, and is told when that ends. Every call may leave outputs:
drain `outputs` after each. `now` is monotonic seconds; `wall` is Unix seconds, for reports and
evidence.

The room knows no lessons: participants and resources are opaque names.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from media import rtcp, slots
from media.delivery import Slot
from media.events import (
    LayersWanted,
    MappingChanged,
    Output,
    PublisherLive,
    Recorded,
    SendRtcp,
    SendRtp,
)
from media.evidence import Evidence
from media.feeds import SILENCE, STALE, Feed
from media.plane import Plane
from media.player import Player
from media.publisher import Keys, Publisher
from media.reception import Stream
from media.recording.spotlight import Spotlight
from media.recording.tap import Tap
from media.rtcp import Bye, Fir, Nack, Packet, Pli, ReceiverReport, SenderReport
from media.rtp import MalformedPacket
from media.seconds import Tally
from media.specs import Codec, Kind, PublisherSpec, SubscriberSpec
from media.trunk import Trunk

REPORT_INTERVAL = 1.0  # seconds between reports, and between judgements of evidence
MEASURE_INTERVAL = 0.5  # seconds between measurements of bitrates
LOOK_INTERVAL = 0.25  # seconds between looks at the second that is not judged yet
REST_AFTER = 5.0  # seconds without a viewer after which a layer may rest


class Room:
    """See the module. Not for concurrent use; `random` chooses SSRCs' first numbers."""

    def __init__(self, room_id: str, *, random: Random, plane: Plane | None = None) -> None:
        self.id = room_id
        self.outputs: deque[Output] = deque()
        self._random = random
        self._plane = plane or Plane()
        self._keys = Keys()
        self._publishers: dict[str, Publisher] = {}
        self._players: dict[str, Player] = {}
        self._tallies: dict[str, Tally] = {}
        self._floor: str | None = None
        self._muted: set[str] = set()
        self._tap: Tap | None = None  # while it is recorded
        self._reported_at = -REPORT_INTERVAL
        self._measured_at: float | None = None
        self._looked_at = -LOOK_INTERVAL
        self._followers: dict[int, list[Slot]] = {}  # stream key → slots it goes to
        self._watched_at: dict[tuple[int, str], float] = {}  # feed key, RID → last had a viewer

    # ── who is here ──────────────────────────────────────────────────────────────────────

    @property
    def empty(self) -> bool:
        return not self._publishers and not self._players

    @property
    def lead_codecs(self) -> frozenset[Codec] | None:
        """Codecs the lead negotiated; None while it does not publish."""
        found = [
            p.spec
            for p in self._publishers.values()
            if p.spec.lead and (p.live or not p.spec.relayed)
        ]
        if not found:
            return None
        return frozenset(x.codec for spec in found for t in spec.tracks for x in t.payloads)

    def resources(self) -> list[tuple[str, str, bool]]:
        """(resource id, participant, publishes) of everyone here."""
        return [(r, p.spec.participant, True) for r, p in self._publishers.items()] + [
            (r, s.spec.participant, False) for r, s in self._players.items()
        ]

    def heard_at(self, resource_id: str) -> float:
        """When a publisher's media came last."""
        publisher = self._publishers.get(resource_id)
        streams = publisher.streams.values() if publisher is not None else ()
        return max((s.state.last_at for s in streams), default=float("-inf"))

    def present(self) -> Iterator[PublisherLive | MappingChanged | LayersWanted]:
        """What a newcomer must be told to know how things stand."""
        for publisher in self._publishers.values():
            spec = publisher.spec
            if publisher.live and not spec.relayed:
                yield PublisherLive(spec.participant, spec.source, live=True)
            for feed in publisher.feeds:
                if feed.resting:
                    yield LayersWanted(feed.participant, feed.shows, _awake(feed))
        for player in self._players.values():
            if player.spec.pulls is not None:
                continue
            yield MappingChanged(player.spec.resource_id, player.spec.participant, player.mapping)

    def unfinished(self) -> list[Evidence]:
        """What is known beyond the slices that are made."""
        return [e for tally in self._tallies.values() for e in tally.ledger.unfinished]

    def add_publisher(self, spec: PublisherSpec, now: float, wall: float) -> None:
        """A WHIP resource is connected; its streams are found as their packets come."""
        ssrc = self._random.getrandbits(32)
        self._publishers[spec.resource_id] = Publisher(spec, self._plane, ssrc, self._keys)
        if not spec.relayed:  # its evidence is made where it is
            self._tally(spec.participant, now, wall)

    def add_subscriber(self, spec: SubscriberSpec, now: float, wall: float) -> None:
        """A WHEP resource is connected: it is given what there is, beginning with key frames."""
        kind: type[Player] = Player if spec.pulls is None else Trunk
        self._players[spec.resource_id] = kind(spec, self._plane, self._random, now)
        if spec.pulls is None and not spec.unseen:
            self._tally(spec.participant, now, wall)
        self._assign(now)

    def _tally(self, participant: str, now: float, wall: float) -> None:
        self._tallies.setdefault(participant, Tally(self.id, participant, wall, now))

    def remove(self, resource_id: str, reason: str, now: float, wall: float) -> None:
        """A resource ended: left, lost, replaced, ended or stopped. Unknown ones are ignored."""
        self._judge(now, wall)
        self._record(now)
        gone = self._publishers.pop(resource_id, None)
        left = self._players.pop(resource_id, None)
        ended = gone or left
        if ended is None:
            return
        if gone is not None:
            if gone.live:
                self._tell_live(gone, live=False)
            gone.close()
        else:
            assert left is not None, "one of the two ended"
            ssrcs = tuple(slot.spec.ssrc for slot in left.slots if slot.munger.started)
            if ssrcs:
                self._tell(resource_id, [ReceiverReport(ssrcs[0]), Bye(ssrcs)])
        self._assign(now)
        self._plane.end(resource_id)
        participant = ended.spec.participant
        here = [p.spec.participant for p in self._publishers.values() if not p.spec.relayed]
        here += [p.spec.participant for p in self._players.values()]
        tally = self._tallies.get(participant)
        if tally is not None and participant not in here:
            self.outputs.extend(tally.close(reason))
            del self._tallies[participant]

    # ── what people wish ─────────────────────────────────────────────────────────────────

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

    def set_recorded(
        self, recorded: bool, now: float, *, others: bool = False, led: bool = True
    ) -> None:
        """Read what the lead sends, its best layers, for a recording; or no longer. `others`: and
        what everybody else's camera sends, as it comes. Not `led`: whoever speaks is the lead."""
        if not recorded:
            self._record(now)
            self._tap = None
        elif self._tap is None:
            self._tap = Tap(self._plane, others, None if led else Spotlight())
            self._record(now)

    def not_recorded(self) -> None:
        """What was read last was not taken."""
        if self._tap is not None:
            self._tap.lose()

    def set_widths(self, participant: str, widths: Mapping[str, int], now: float) -> None:
        """A participant's page shows its video slots (by mid) so many pixels wide."""
        for player in self._players.values():
            if player.spec.participant == participant:
                player.show_at(widths)
                self._choose(player, now)

    # ── packets ──────────────────────────────────────────────────────────────────────────

    def on_rtp(self, resource_id: str, data: bytes, now: float) -> None:
        """A decrypted RTP packet of a publisher. Malformed ones are dropped."""
        publisher = self._publishers.get(resource_id)
        if publisher is None:
            return
        known = len(publisher.streams)
        try:
            taken = publisher.take(data, now)
        except MalformedPacket:
            return
        if taken is None:
            return
        stream, packet = taken
        if len(publisher.streams) != known:
            self._assign(now)
        if packet.picture.key_start and not stream.keyed:
            stream.keyed = True
            self._begin(publisher)
            self._assign(now)
        if stream.missing:
            self._tell(resource_id, publisher.retransmission_request(stream, now))
        moved = False
        for slot in self._followers.get(stream.key, ()):
            before = slot.munger.stream
            out = slot.forward(packet, stream)
            moved = moved or slot.munger.stream != before
            if out is not None:
                self.outputs.append(SendRtp(slot.resource_id, out))
        if moved:
            self._follow()
        elif not stream.state.fast:
            self._settle(stream)
        if not stream.keyed:
            self._tell(resource_id, publisher.keyframe_request(stream, now))

    def _begin(self, publisher: Publisher) -> None:
        if not publisher.live:
            publisher.live = True
            self._tell_live(publisher, live=True)

    def _tell_live(self, publisher: Publisher, *, live: bool) -> None:
        spec = publisher.spec
        self.outputs.append(PublisherLive(spec.participant, spec.source, live, spec.relayed))

    def on_rtcp(self, resource_id: str, data: bytes, now: float, wall: float) -> None:
        """A decrypted RTCP packet of anyone. Malformed ones are dropped."""
        try:
            reports = rtcp.parse(data)
        except MalformedPacket:
            return
        publisher = self._publishers.get(resource_id)
        player = self._players.get(resource_id)
        for report in reports:
            if publisher is not None:
                if publisher.heard(report, now, wall):
                    self._assign(now)
            elif player is not None:
                player.heard(report, now)
                self._from_player(player, report, now)

    def _from_player(self, player: Player, report: Packet, now: float) -> None:
        if isinstance(report, Pli | Fir):
            asked = [report.media] if isinstance(report, Pli) else [s for s, _ in report.entries]
            for ssrc in asked:
                slot = player.by_ssrc.get(ssrc)
                if slot is not None and slot.target is not None:
                    publisher = self._publishers[slot.target.publisher]
                    if publisher.may_ask(slot.target, now) and slot.pleas.take(1, now):
                        self._ask_keyframe(slot, now, again=True)
        elif isinstance(report, Nack):
            if report.media in player.by_ssrc:
                slot = player.by_ssrc[report.media]
                for data in player.repeat(slot, report.sequences, now):
                    self.outputs.append(SendRtp(slot.resource_id, data))
        elif isinstance(report, SenderReport | ReceiverReport):
            tally = self._tallies.get(player.spec.participant)  # another node has none
            for block in report.blocks:
                if block.ssrc in player.by_ssrc:
                    arrived = player.by_ssrc[block.ssrc].reported(block, now)
                    if arrived is not None and tally is not None:
                        tally.ledger.confirm(block.ssrc, *arrived)

    def _tell(self, resource_id: str, packets: Sequence[Packet]) -> None:
        if packets:
            self.outputs.append(SendRtcp(resource_id, rtcp.build(packets)))

    def _ask_keyframe(self, slot: Slot, now: float, *, again: bool = False) -> None:
        """Ask the publisher for what the slot waits for; `again`: for what it shows already."""
        stream, feed = slot.target, slot.source
        if stream is None or feed is None or not (again or slot.waits_for_key):
            return
        if stream.rid in feed.resting:
            self._watched_at[feed.key, stream.rid] = now
            self._rest_layers(feed, now)
        publisher = self._publishers[stream.publisher]
        self._tell(stream.publisher, publisher.keyframe_request(stream, now))

    # ── who is shown where ───────────────────────────────────────────────────────────────

    def _candidates(self, kind: Kind, viewer: str, now: float) -> list[slots.Candidate]:
        feeds = [
            feed
            for publisher in self._publishers.values()
            if publisher.spec.participant != viewer
            for feed in publisher.feeds
        ]
        loud = {
            feed.participant: feed.level
            for feed in feeds
            if feed.kind is Kind.AUDIO and feed.participant not in self._muted
        }
        return [
            slots.Candidate(
                feed,
                feed.level if kind is Kind.AUDIO else loud.get(feed.participant, SILENCE),
                floor=feed.participant == self._floor,
                muted=feed.participant in self._muted,
            )
            for feed in feeds
            if feed.kind is kind and feed.flowing(now)
        ]

    def _assign(self, now: float) -> None:
        """Decide every slot anew, and ask for the key frames that this needs."""
        for player in self._players.values():
            if isinstance(player, Trunk):
                player.carry(f for p in self._publishers.values() for f in p.feeds)
                player.choose(now)
                for slot in player.videos:
                    self._ask_keyframe(slot, now)
                continue
            viewer = player.spec.participant
            for of_kind, kind, choose in (
                (player.videos, Kind.VIDEO, slots.video),
                (player.audios, Kind.AUDIO, slots.audio),
            ):
                playable = [
                    c
                    for c in self._candidates(kind, viewer, now)
                    if of_kind and _can_play(of_kind[0], c.feed)
                ]
                wanted = choose(playable, [slot.source for slot in of_kind])
                for slot, feed in zip(of_kind, wanted, strict=True):
                    slot.put(feed)
            player.choose(now)
            for slot in player.videos:
                self._ask_keyframe(slot, now)
            self._tell_mapping(player)
        self._follow()

    def _choose(self, player: Player, now: float) -> None:
        """Decide the layers of one player anew."""
        changed = player.choose(now)
        if changed:
            for slot in changed:
                self._ask_keyframe(slot, now)
            if player.spec.pulls is None:
                self._tell_mapping(player)
            self._follow()

    def _follow(self) -> None:
        """Note to which slots each stream goes."""
        self._followers = {}
        for player in self._players.values():
            for slot in player.slots:
                streams = slot.source.streams if slot.source is not None else ()
                taken = [stream.key for stream in streams if slot.takes(stream)]
                for key in taken:
                    self._followers.setdefault(key, []).append(slot)
                if slot.munger.stream not in taken:
                    slot.munger.stop()
        for publisher in self._publishers.values():
            for stream in publisher.streams.values():
                followers = self._followers.get(stream.key, ())
                self._plane.follow(stream.state, [slot.state for slot in followers])
                self._settle(stream)

    def _settle(self, stream: Stream) -> None:
        """Whether packets in order may take the fast path from now on."""
        followers = self._followers.get(stream.key, ())
        stream.state.fast = int(stream.keyed and all(slot.plain(stream) for slot in followers))

    def _tell_mapping(self, player: Player) -> None:
        mapping = player.shown()
        if mapping != player.mapping:
            player.mapping = mapping
            spec = player.spec
            self.outputs.append(MappingChanged(spec.resource_id, spec.participant, mapping))

    # ── time ─────────────────────────────────────────────────────────────────────────────

    def tick(self, now: float, wall: float) -> None:
        """Everything that time brings; call it about twenty times a second."""
        for resource_id, publisher in self._publishers.items():
            for stream in publisher.streams.values():
                if stream.missing:
                    self._tell(resource_id, publisher.retransmission_request(stream, now))
            for compound in publisher.transport_feedback():
                self._tell(resource_id, compound)
        self._record(now)
        self._measure(now)
        for player in self._players.values():
            if player.due(now):
                self._choose(player, now)
            for slot in player.videos:
                self._ask_keyframe(slot, now)
            for data in player.padding(now):
                self.outputs.append(SendRtp(player.spec.resource_id, data))
        if now - self._reported_at >= REPORT_INTERVAL:
            self._reported_at = now
            self._report(now, wall)
            self._judge(now, wall)
            self._looked_at = now
            self._rest(now)
            self._assign(now)  # the loudest may have changed, a camera may have stopped
        elif now - self._looked_at >= LOOK_INTERVAL:
            self._looked_at = now
            for tally, publishers, players in self._tallied():
                tally.look(publishers, players, now, wall)

    def _record(self, now: float) -> None:
        """Read for the recording, and ask for the key frames it waits for."""
        if self._tap is None:
            return
        if self._tap.spotlight is not None:
            pictures, sounds = (
                self._candidates(kind, "", now) for kind in (Kind.VIDEO, Kind.AUDIO)
            )
            self._tap.spotlight.choose(pictures, sounds, now)
        strands = self._tap.read(self._publishers.values(), self._muted, now)
        if strands:
            self.outputs.append(Recorded(tuple(strands)))
        for stream in self._tap.wants(now):
            publisher = self._publishers[stream.publisher]
            self._tell(stream.publisher, publisher.keyframe_request(stream, now))

    def _measure(self, now: float) -> None:
        if self._measured_at is None:
            self._measured_at = now
        elif now - self._measured_at >= MEASURE_INTERVAL:
            for publisher in self._publishers.values():
                for stream in publisher.streams.values():
                    stream.measure_bitrate(now - self._measured_at)
            self._measured_at = now

    def _report(self, now: float, wall: float) -> None:
        for resource_id, publisher in self._publishers.items():
            self._tell(resource_id, publisher.report(now))
        for player in self._players.values():
            for slot in player.slots:
                publisher_id = slot.source.publisher if slot.source is not None else ""
                source = self._publishers.get(publisher_id)
                offset = source.offset if source is not None else None
                sent = slot.sender_report(now, wall, offset or 0.0, player.spec.cname)
                if sent is not None:
                    self.outputs.append(SendRtcp(slot.resource_id, sent))

    def _judge(self, now: float, wall: float) -> None:
        """Close the current second of every participant, with what flowed in it."""
        for tally, publishers, players in self._tallied():
            self.outputs.extend(tally.judge(publishers, players, now, wall))
        for publisher in self._publishers.values():
            if publisher.live and publisher.silent(now, STALE):
                publisher.live = False
                for stream in publisher.streams.values():
                    stream.keyed = False
                self._tell_live(publisher, live=False)

    def _tallied(self) -> Iterator[tuple[Tally, list[Publisher], list[Player]]]:
        """Each tally, with what its participant has here."""
        publishers: defaultdict[str, list[Publisher]] = defaultdict(list)
        for publisher in self._publishers.values():
            publishers[publisher.spec.participant].append(publisher)
        players: defaultdict[str, list[Player]] = defaultdict(list)
        for player in self._players.values():
            players[player.spec.participant].append(player)
        for participant, tally in self._tallies.items():
            yield tally, publishers[participant], players[participant]

    def _rest(self, now: float) -> None:
        """Tell publishers which of their layers nobody has watched for a while."""
        for publisher in self._publishers.values():
            for feed in publisher.feeds:
                if len(feed.track.rids) > 1:
                    self._rest_layers(feed, now)
        feeds = {f.key for p in self._publishers.values() for f in p.feeds}
        self._watched_at = {k: at for k, at in self._watched_at.items() if k[0] in feeds}

    def _rest_layers(self, feed: Feed, now: float) -> None:
        layers = feed.layers(now)
        kept = layers[:1]
        if self._tap is not None and self._tap.holds(feed):
            kept = [layers[0], layers[-1]] if layers else []
        idle = {s.rid for s in feed.streams if s not in kept and not self._followers.get(s.key)}
        for rid in feed.track.rids:
            if rid not in idle:  # watched, or not seen yet: nobody can watch what never came
                self._watched_at[feed.key, rid] = now
            self._watched_at.setdefault((feed.key, rid), now)
        resting = frozenset(
            rid for rid in feed.track.rids if now - self._watched_at[feed.key, rid] >= REST_AFTER
        )
        for rid in feed.resting - resting:
            feed.wanted_at[rid] = now
        for rid in resting:
            feed.wanted_at.pop(rid, None)
        if resting != feed.resting:
            feed.resting = resting
            self.outputs.append(LayersWanted(feed.participant, feed.shows, _awake(feed)))


def _awake(feed: Feed) -> tuple[str, ...]:
    return tuple(rid for rid in feed.track.rids if rid not in feed.resting)


def _can_play(slot: Slot, feed: Feed) -> bool:
    return any(slot.fitting(stream.payload) is not None for stream in feed.streams)
