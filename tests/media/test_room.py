"""A room with simulated peers: seeded loss, virtual time, no sockets."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from media import codecs, rtcp, rtp
from media.events import MappingChanged, PublisherLive, SendRtcp, SendRtp
from media.evidence import Evidence
from media.fastpath import CompiledPlane
from media.plane import Plane
from media.publisher import KEYFRAME_INTERVAL
from media.room import Room
from media.specs import Codec, Source
from tests.media.packets import Camera, Microphone, packet, publisher, subscriber, vp8_payload

WALL = 1_800_000_000.0  # Unix seconds of virtual time 0


class World:
    """A room and its clock; `seen` is what reached each player, `asked` what each publisher was
    asked by RTCP. `lose(data)` decides whether a packet on its way to the room is lost."""

    def __init__(self, plane: Plane) -> None:
        self.room = Room("r", random=random.Random(7), plane=plane)
        self.now = 100.0
        self.cameras: dict[str, Camera] = {}
        self.microphones: dict[str, Microphone] = {}
        self.seen: dict[str, list[bytes]] = defaultdict(list)
        self.asked: dict[str, list[tuple[float, rtcp.Packet]]] = defaultdict(list)
        self.reports: dict[str, list[rtcp.Packet]] = defaultdict(list)
        self.evidence: list[Evidence] = []
        self.events: list[PublisherLive | MappingChanged] = []
        self.lose = lambda _: False
        self.report_to_room = True
        self.obey_keyframes = True
        self.down = False  # the line to the players, without their noticing
        self.sent: dict[int, bytes] = {}  # for retransmission, by (16-bit) sequence
        self._want_key: set[str] = set()

    @property
    def wall(self) -> float:
        return WALL + self.now - 100.0

    def publish(self, name: str, *, lead: bool = False, level: int | None = None) -> None:
        number = len(self.cameras) + len(self.microphones) + 1
        self.cameras[name] = Camera(number * 11, picture_id=number * 1000, tl0=number * 20)
        if level is not None:
            self.microphones[name] = Microphone(number * 11 + 1, level)
        spec = publisher(
            name,
            video=number * 11,
            audio=number * 11 + 1 if level is not None else None,
            lead=lead,
        )
        self.room.add_publisher(spec, self.now, self.wall)
        self._want_key.add(name)
        self.drain()

    def play(self, name: str, **options) -> None:
        self.room.add_subscriber(subscriber(name, **options), self.now, self.wall)
        self.drain()

    def drain(self) -> None:
        while self.room.outputs:
            output = self.room.outputs.popleft()
            if isinstance(output, SendRtp):
                if not self.down:
                    self.seen[output.resource_id].append(output.data)
            elif isinstance(output, SendRtcp):
                self._rtcp(output)
            elif isinstance(output, Evidence):
                self.evidence.append(output)
            else:
                self.events.append(output)

    def _rtcp(self, output: SendRtcp) -> None:
        reports = rtcp.parse(output.data)
        if output.resource_id.startswith(">"):
            self.reports[output.resource_id] += reports
            return
        name = output.resource_id[:-1]
        for report in reports:
            self.asked[name].append((self.now, report))
            if isinstance(report, rtcp.Pli) and self.obey_keyframes:
                self._want_key.add(name)
            elif isinstance(report, rtcp.Nack):
                for sequence in report.sequences:
                    if (data := self.sent.get(sequence)) is not None:
                        self._send(name, data)

    def _send(self, name: str, data: bytes) -> None:
        if not self.lose(data):
            self.room.on_rtp(f"{name}>", data, self.now)

    def run(self, seconds: float, *, silent: frozenset[str] = frozenset()) -> None:
        """Cameras send 25 frames a second, microphones 50 packets, players report each second."""
        for _ in range(round(seconds * 25)):
            self.now = round(self.now + 0.04, 6)
            for name, camera in self.cameras.items():
                if name in silent:
                    continue
                for data in camera.frame(key=name in self._want_key):
                    self.sent[rtp.parse(data).sequence] = data
                    self._send(name, data)
                self._want_key.discard(name)
                if name in self.microphones:
                    for _ in range(2):
                        self._send(name, self.microphones[name].next())
                self.drain()
            self.room.tick(self.now, self.wall)
            self.drain()
            if self.report_to_room and round(self.now * 25) % 25 == 0:
                self.report()

    def report(self) -> None:
        for resource, packets in list(self.seen.items()):
            numbers: dict[int, list[int]] = defaultdict(list)
            for data in packets:
                header = rtp.parse(data)
                numbers[header.ssrc].append(header.sequence)
            blocks = tuple(
                rtcp.ReportBlock(s, 0, n[-1] - n[0] + 1 - len(n), n[-1], 0)
                for s, n in numbers.items()
            )
            data = rtcp.build([rtcp.ReceiverReport(1, blocks)])
            self.room.on_rtcp(resource, data, self.now, self.wall)
        self.drain()

    def received(self, name: str, ssrc: int) -> list[bytes]:
        return [data for data in self.seen[f">{name}"] if rtp.parse(data).ssrc == ssrc]

    def pictures(self, name: str, ssrc: int = 5100) -> list[codecs.Picture]:
        return [
            codecs.read(Codec.VP8, d, rtp.parse(d).payload_start, len(d))
            for d in self.received(name, ssrc)
        ]


def consecutive(packets: list[bytes]) -> bool:
    numbers = [rtp.parse(each).sequence for each in packets]
    return all((b - a) & 0xFFFF == 1 for a, b in pairwise(numbers))


@pytest.fixture(params=["python", "compiled"])
def world(request) -> World:
    """The rules, over numbers in Python and over those of the compiled fast path."""
    return World(Plane() if request.param == "python" else CompiledPlane((0, 0)))


def test_payload_reaches_the_player_byte_for_byte_under_its_own_numbers(world):
    world.publish("hub", lead=True, level=30)
    world.play("room")
    world.run(2)
    video = world.received("room", 5100)
    assert len(video) == 150
    came = {bytes(d[rtp.parse(d).payload_start :]) for d in world.sent.values()}
    assert all(d[rtp.parse(d).payload_start :] in came for d in video)
    assert {rtp.parse(d).payload_type for d in video} == {102}
    assert consecutive(video)
    audio = world.received("room", 5000)
    assert {rtp.parse(d).payload_type for d in audio} == {109}
    assert [d[-6:-2] for d in audio] == [b"opus"] * 100
    assert consecutive(audio)


def test_nobody_receives_their_own_media(world):
    world.publish("hub", lead=True, level=30)
    world.publish("room", level=30)
    world.play("room", videos=3, audios=3)
    world.run(1)
    ids = {
        p.picture_id // 1000 for ssrc in (5100, 5101, 5102) for p in world.pictures("room", ssrc)
    }
    assert ids == {1}
    (mapping,) = [e for e in world.events if isinstance(e, MappingChanged)][-1:]
    assert {shown.participant for shown in mapping.slots} == {"hub", None}


def test_a_late_joiner_begins_with_a_keyframe_within_one_request(world):
    world.publish("hub", lead=True)
    world.run(5)
    world.asked.clear()
    joined = world.now
    world.play("room")
    assert [r for _, r in world.asked["hub"] if isinstance(r, rtcp.Pli)] != []
    world.run(0.2)
    pictures = world.pictures("room")
    assert pictures[0].key_start
    assert world.now - joined < 0.3


def test_many_joiners_at_once_make_one_keyframe_request(world):
    world.publish("hub", lead=True)
    world.run(3)
    world.asked.clear()
    for number in range(47):
        world.play(f"room{number}", ssrc=10_000 * (number + 1))
    assert sum(isinstance(r, rtcp.Pli) for _, r in world.asked["hub"]) == 1


def test_an_unanswered_keyframe_request_is_repeated_but_throttled(world):
    world.publish("hub", lead=True)
    world.run(1)
    world.asked.clear()
    world.obey_keyframes = False
    world.play("room")
    world.run(5)
    times = [at for at, r in world.asked["hub"] if isinstance(r, rtcp.Pli)]
    assert 5 <= len(times) <= 11
    assert all(b - a >= KEYFRAME_INTERVAL - 1e-6 for a, b in pairwise(times))
    assert world.pictures("room") == []


def test_loss_towards_the_room_is_asked_for_again_and_repaired(world):
    chance = random.Random(3)
    world.publish("hub", lead=True)
    world.play("room")
    world.run(0.4)
    world.lose = lambda _: chance.random() < 0.05
    world.run(8)
    world.lose = lambda _: False
    world.run(1)
    numbers = sorted({rtp.parse(d).sequence for d in world.received("room", 5100)})
    assert numbers[-1] - numbers[0] + 1 == len(numbers)
    assert any(isinstance(r, rtcp.Nack) for _, r in world.asked["hub"])


@pytest.mark.parametrize("rtx", [False, True])
def test_a_nack_of_a_player_is_answered(world, rtx):
    world.publish("hub", lead=True)
    world.play("room", rtx=rtx)
    world.run(1)
    lost = world.received("room", 5100)[40:45]
    world.seen.clear()
    nack = rtcp.Nack(1, 5100, tuple(rtp.parse(d).sequence for d in lost))
    world.room.on_rtcp(">room", rtcp.build([nack]), world.now, world.wall)
    world.drain()
    answers = world.seen[">room"]
    if not rtx:
        assert answers == lost
        return
    assert [rtp.parse(a).ssrc for a in answers] == [5200] * 5
    assert [rtp.parse(a).payload_type for a in answers] == [103] * 5
    assert consecutive(answers)
    assert [a[12:14] + a[14:] for a in answers] == [d[2:4] + d[12:] for d in lost]


def test_the_floor_moves_the_main_picture_without_a_seam(world):
    world.publish("hub", lead=True)
    world.publish("guest")
    world.play("room")
    world.run(2)
    world.room.set_floor("guest", world.now)
    world.drain()
    world.run(2)
    world.room.set_floor(None, world.now)
    world.drain()
    world.run(2)
    packets, pictures = world.received("room", 5100), world.pictures("room")
    assert consecutive(packets)
    assert len(packets) >= 6 * 75 - 20  # no switch took longer than its keyframe
    ssrc = [11 if b"11/" in d else 22 for d in packets]
    changes = [i for i in range(1, len(ssrc)) if ssrc[i] != ssrc[i - 1]]
    assert [ssrc[0], *(ssrc[i] for i in changes)] == [11, 22, 11]
    assert all(pictures[i].key_start for i in changes)
    stamps = [rtp.parse(d).timestamp for d in packets[::3]]
    steps = [(b - a) & 0xFFFFFFFF for a, b in pairwise(stamps)]
    assert all(0 < step <= 9000 for step in steps)
    ids = [p.picture_id for p in pictures[::3]]
    assert all((b - a) & 0x7FFF == 1 for a, b in pairwise(ids))


def test_the_loudest_are_heard_and_always_the_lead(world):
    world.publish("hub", lead=True, level=90)
    for name, level in (("quiet", 70), ("loud", 20), ("louder", 10), ("mid", 40)):
        world.publish(name, level=level)
    world.play("room", audios=3, videos=1)
    world.run(4)
    heard = [e for e in world.events if isinstance(e, MappingChanged)][-1]
    names = {s.participant for s in heard.slots if s.mid.startswith("a")}
    assert names == {"hub", "loud", "louder"}


def test_a_muted_participant_is_not_heard(world):
    world.publish("hub", lead=True, level=30)
    world.play("room")
    world.run(1)
    world.room.set_muted("hub", True, world.now)
    world.seen.clear()
    world.run(1)
    assert world.received("room", 5000) == []
    assert world.received("room", 5100) != []
    world.room.set_muted("hub", False, world.now)
    world.run(1)
    assert world.received("room", 5000) != []


def test_each_slot_holds_another_participant_and_keeps_it(world):
    for number in range(12):
        world.publish(f"p{number:02}", lead=number == 0)
    world.play("wall", videos=9, audios=3)
    world.run(1)
    first = [e for e in world.events if isinstance(e, MappingChanged)][-1].slots
    shown = [s.participant for s in first if s.mid.startswith("v")]
    assert len(set(shown)) == 9
    assert shown[0] == "p00"
    world.room.remove(f"{shown[4]}>", "left", world.now, world.wall)
    world.drain()
    del world.cameras[shown[4]]
    world.run(1)
    after = [e for e in world.events if isinstance(e, MappingChanged)][-1].slots
    now_shown = [s.participant for s in after if s.mid.startswith("v")]
    assert [a for i, a in enumerate(now_shown) if i != 4] == [
        a for i, a in enumerate(shown) if i != 4
    ]
    assert now_shown[4] not in shown


def test_players_get_sender_reports_on_one_clock(world):
    world.publish("hub", lead=True, level=30)
    world.play("room")
    world.run(2)
    for ssrc, stamp in ((11, 0), (12, 0)):
        report = rtcp.SenderReport(ssrc, (3_900_000_000 << 32), stamp, 1, 1)
        world.room.on_rtcp("hub>", rtcp.build([report]), world.now, world.wall)
    world.run(2)
    found = [r for r in world.reports[">room"] if isinstance(r, rtcp.SenderReport)]
    latest = {r.ssrc: r for r in found}
    assert set(latest) == {5000, 5100}
    audio, video = latest[5000], latest[5100]
    # Both timestamps name the same instant of the publisher, two seconds after its report.
    audio_shift = rtp.parse(world.received("room", 5000)[0]).timestamp
    assert audio.ntp == video.ntp
    elapsed = (audio.timestamp - audio_shift) / 48_000
    video_first = rtp.parse(world.received("room", 5100)[0]).timestamp - 90_000
    assert (video.timestamp - video_first) / 90_000 == pytest.approx(elapsed, abs=0.002)
    assert {r.cname for r in world.reports[">room"] if isinstance(r, rtcp.Description)} == {
        "cname-room"
    }


def slices(world: World, participant: str) -> list[Evidence]:
    return [e for e in world.evidence if e.participant == participant]


def seconds(found: list[Evidence], field: str) -> float:
    return sum((e.to_at - e.from_at).total_seconds() for e in found if getattr(e, field))


def test_evidence_is_contiguous_and_at_most_five_seconds(world):
    world.publish("hub", lead=True, level=30)
    world.play("room")
    world.run(23)
    for resource, reason in ((">room", "left"), ("hub>", "ended")):
        world.room.remove(resource, reason, world.now, world.wall)
        world.drain()
    for name, reason, field in (
        ("hub", "ended", "sent_decodable"),
        ("room", "left", "received_decodable"),
    ):
        found = slices(world, name)
        assert found[0].from_at == datetime.fromtimestamp(WALL, UTC)
        assert found[-1].to_at == datetime.fromtimestamp(world.wall, UTC)
        assert all(a.to_at == b.from_at for a, b in pairwise(found))
        assert all(e.to_at - e.from_at <= timedelta(seconds=5) for e in found)
        assert [e.reason for e in found] == [None] * (len(found) - 1) + [reason]
        assert 20 <= seconds(found, field) <= 23
    assert sum(e.packets_in for e in slices(world, "hub")) == 23 * 125
    assert sum(e.packets_out for e in slices(world, "room")) == len(world.seen[">room"])


def test_a_line_that_was_down_adds_no_presence(world):
    """4 of 20 s nothing reached the player, who then reports a higher number and what it lost."""
    world.publish("lead", lead=True)
    world.play("far")
    world.run(8)
    world.down = True
    world.run(4)
    world.down = False
    world.run(8)
    world.room.remove(">far", "left", world.now, world.wall)
    world.drain()
    credited = seconds(slices(world, "far"), "received_decodable")
    assert 12.0 <= credited <= 16.0


def test_silence_is_no_evidence(world):
    world.publish("hub", lead=True)
    world.play("room")
    world.run(10)
    world.run(20, silent=frozenset({"hub"}))
    for resource in (">room", "hub>"):
        world.room.remove(resource, "lost", world.now, world.wall)
        world.drain()
    assert 9 <= seconds(slices(world, "hub"), "sent_decodable") <= 11
    assert 8 <= seconds(slices(world, "room"), "received_decodable") <= 11


def test_what_no_report_confirms_was_not_received(world):
    world.publish("hub", lead=True)
    world.play("room")
    world.run(10)
    world.report_to_room = False
    world.run(20)
    world.room.remove(">room", "lost", world.now, world.wall)
    world.drain()
    assert 8 <= seconds(slices(world, "room"), "received_decodable") <= 11


def known_until(world: World, participant: str, field: str) -> float:
    """Until when a note of what is unfinished says this, in seconds before now."""
    found = [e for e in world.room.unfinished() if e.participant == participant]
    last = max(e.to_at for e in found if getattr(e, field))
    return world.wall - last.timestamp()


def test_what_is_told_and_what_is_unfinished_leave_nothing_out(world):
    world.publish("hub", lead=True)
    world.play("room")
    since = datetime.fromtimestamp(WALL + 2, UTC)
    for _ in range(200):
        world.run(0.04)
        known = [*world.evidence, *world.room.unfinished()]
        found = [e for e in known if e.participant == "room" and e.received_decodable]
        until = since
        for each in sorted(found, key=lambda e: e.from_at):
            assert each.from_at <= max(until, since)
            until = max(until, each.to_at)


def test_what_is_unfinished_reaches_to_the_last_report(world):
    world.publish("hub", lead=True)
    world.play("room")
    for _ in range(10):
        world.run(1.16)
        since = world.now % 1.0  # the last report came so long ago
        assert since <= known_until(world, "room", "received_decodable") <= since + 0.3
        assert 0 <= known_until(world, "hub", "sent_decodable") <= 0.3
    world.down = True
    world.run(4)
    assert 4 <= known_until(world, "room", "received_decodable") <= 5.3
    assert 0 <= known_until(world, "hub", "sent_decodable") <= 0.3


def test_without_a_keyframe_nothing_decodable_was_sent(world):
    world.publish("hub", lead=True)
    world.obey_keyframes = False
    world._want_key.clear()
    world.run(6)
    world.room.remove("hub>", "left", world.now, world.wall)
    world.drain()
    assert seconds(slices(world, "hub"), "sent_decodable") == 0
    assert sum(e.packets_in for e in slices(world, "hub")) > 0


def test_a_player_gets_only_codecs_it_negotiated(world):
    world.publish("hub", lead=True, level=30)
    spec = subscriber("room", videos=0)
    world.room.add_subscriber(spec, world.now, world.wall)
    world.run(1)
    assert {rtp.parse(d).ssrc for d in world.seen[">room"]} == {5000}


def test_live_is_told_once_and_withdrawn_after_silence(world):
    world.publish("hub", lead=True)
    world.run(2)
    world.run(5, silent=frozenset({"hub"}))
    lives = [e for e in world.events if isinstance(e, PublisherLive)]
    assert lives == [
        PublisherLive("hub", Source.CAMERA, live=True),
        PublisherLive("hub", Source.CAMERA, live=False),
    ]


def test_rubbish_and_strangers_change_nothing(world):
    world.publish("hub", lead=True)
    world.play("room")
    chance = random.Random(1)
    for size in range(200):
        data = chance.randbytes(size)
        for resource in ("hub>", ">room", "nobody"):
            world.room.on_rtp(resource, data, world.now)
            world.room.on_rtcp(resource, data, world.now, world.wall)
            header = bytes((0x80, 96)) + data
            world.room.on_rtp(resource, header, world.now)
    world.drain()
    world.seen.clear()
    world.run(1)
    assert len(world.received("room", 5100)) >= 60


def test_a_nack_repeated_at_once_is_answered_once(world):
    world.publish("hub", lead=True)
    world.play("room")
    world.run(3)
    last = rtp.parse(world.received("room", 5100)[-1]).sequence
    world.seen.clear()
    nack = rtcp.build([rtcp.Nack(1, 5100, tuple((last - 16 + i) & 0xFFFF for i in range(17)))])
    for _ in range(60):
        world.room.on_rtcp(">room", nack, world.now, world.wall)
    world.drain()
    assert len(world.seen[">room"]) == 17
    world.now += 0.5  # asked again later, it was lost again
    world.room.on_rtcp(">room", nack, world.now, world.wall)
    world.drain()
    assert len(world.seen[">room"]) == 34


def test_a_packet_of_another_codec_never_reaches_a_player_unannounced(world):
    world.publish("hub", lead=True)
    world.play("room")
    world.run(1)
    world.seen.clear()
    stray = packet(vp8_payload(1, 1, key=True), sequence=5, timestamp=5, ssrc=11, payload_type=120)
    world.room.on_rtp("hub>", stray, world.now)
    world.drain()
    assert world.seen[">room"] == []


def test_where_nobody_leads_the_loudest_are_seen_and_nobody_moves_without_need(world):
    for number in range(5):
        world.publish(f"p{number}", level=30 + number)
    world.publish("quiet", level=90)
    world.play("wall", videos=4, audios=3)
    world.play("plain", videos=1, audios=1)

    def shown(player: str) -> list[str | None]:
        told = [e for e in world.events if isinstance(e, MappingChanged) if e.resource_id == player]
        return [s.participant for s in told[-1].slots if s.mid.startswith("v")]

    world.run(3)
    before = shown(">wall")
    assert None not in before
    assert "quiet" not in before
    world.microphones["quiet"].level = 5
    world.run(3)
    after = shown(">wall")
    assert "quiet" in after
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    assert shown(">plain") == ["quiet"]
    world.room.set_floor("p0", world.now)
    world.run(1)
    assert shown(">wall")[0] == "p0"
    assert shown(">plain") == ["p0"]
    world.room.set_floor(None, world.now)
    world.run(1)
    assert shown(">wall")[0] == "p0"  # who was large stays so while they are seen
