"""Simulcast in, the right layer out: what a player gets when its line or its screen is small.

A room in virtual time with a hub that publishes three layers by RID (RFC 8852), over the numbers in
Python and over those of the compiled fast path.
"""

import itertools
import random
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace

import pytest

from media import codecs, rtcp, rtp
from media.events import LayersWanted, MappingChanged, SendRtcp, SendRtp
from media.fastpath import CompiledPlane
from media.plane import Plane
from media.room import REST_AFTER, Room
from media.specs import Codec, Extension, Kind, PayloadSpec, PublisherSpec, Source, TrackSpec
from tests.media.packets import OPUS, VP8, Camera, Microphone, packet, publisher, subscriber

MID, RID, REPAIRED, TWCC, LEVEL = 1, 2, 3, 5, 1
WALL = 1_800_000_000.0
SIZES = {"l": (320, 180), "m": (640, 360), "h": (1280, 720)}


def _sized(data: bytes, rid: str) -> bytes:
    """A VP8 packet whose key frames say the layer's size, with mid and RID in its extensions."""
    header = rtp.parse(data)
    payload = bytearray(data[header.payload_start :])
    at = payload.find(b"\x9d\x01\x2a")
    if at >= 0:
        width, height = SIZES[rid]
        payload[at + 3 : at + 7] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    block = rtp.extension_block([(MID, b"1"), (RID, rid.encode())])
    head = rtp.header_bytes(
        header.marker, header.payload_type, header.sequence, header.timestamp, header.ssrc, block
    )
    return head + bytes(payload)


@dataclass
class Lesson:
    """A hub with layers of 1, 3 and 8 packets a frame, and a microphone; players report."""

    plane: Plane
    now: float = 100.0
    room: Room = field(init=False)
    cameras: dict[str, Camera] = field(default_factory=dict)
    microphone: Microphone = field(default_factory=lambda: Microphone(10))
    seen: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    asked: list[rtcp.Packet] = field(default_factory=list)
    wanted: list[tuple[str, ...]] = field(default_factory=list)
    mappings: list[MappingChanged] = field(default_factory=list)
    told: list[rtcp.Packet] = field(default_factory=list)  # the player, by RTCP
    sends: set[str] = field(default_factory=lambda: set(SIZES))
    remb: int | None = None
    far: Camera | None = None  # of a classroom, in one layer

    def __post_init__(self) -> None:
        self.room = Room("r", random=random.Random(2), plane=self.plane)
        self.cameras = {
            "l": Camera(11, per_frame=1, sequence=65_530),
            "m": Camera(12, per_frame=3),
            "h": Camera(13, per_frame=8, sequence=30_000),
        }
        self.keys = set(SIZES)
        ids = ((Extension.MID, MID), (Extension.RID, RID), (Extension.REPAIRED_RID, REPAIRED))
        video = TrackSpec(
            Kind.VIDEO, "1", (replace(VP8, rtx_payload_type=97),), ids, rids=("h", "m", "l")
        )
        audio = TrackSpec(Kind.AUDIO, "0", (OPUS,), ((Extension.AUDIO_LEVEL, LEVEL),))
        self.room.add_publisher(
            PublisherSpec("hub>", "hub", True, (audio, video)), self.now, WALL + self.now
        )

    def play(self, **how: object) -> None:
        spec = subscriber("room", rtx=True, **how)
        self.room.add_subscriber(spec, self.now, WALL + self.now)
        self.drain()

    def follow(self) -> None:
        """A classroom publishes too."""
        self.far = Camera(21, per_frame=1)
        self.room.add_publisher(publisher("far", video=21), self.now, WALL + self.now)

    def take(self, data: bytes, by: str = "hub>") -> None:
        plane = self.plane
        if not (isinstance(plane, CompiledPlane) and plane.feed(by, data, self.now)):
            self.room.on_rtp(by, data, self.now)
        self.drain()

    def drain(self) -> None:
        if isinstance(self.plane, CompiledPlane):
            for _, data in self.plane.pending():
                self.seen[rtp.parse(data).ssrc].append(data)
        while self.room.outputs:
            output = self.room.outputs.popleft()
            if isinstance(output, SendRtp):
                self.seen[rtp.parse(output.data).ssrc].append(output.data)
            elif isinstance(output, SendRtcp) and output.resource_id == "hub>":
                self.asked += rtcp.parse(output.data)
                pli = {p.media for p in rtcp.parse(output.data) if isinstance(p, rtcp.Pli)}
                self.keys |= {rid for rid, c in self.cameras.items() if c.ssrc in pli}
            elif isinstance(output, SendRtcp):
                self.told += rtcp.parse(output.data)
            elif isinstance(output, LayersWanted):
                self.wanted.append(output.rids)
            elif isinstance(output, MappingChanged):
                self.mappings.append(output)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 25)):
            self.now = round(self.now + 0.04, 6)
            for rid in sorted(self.sends):
                for data in self.cameras[rid].frame(key=rid in self.keys):
                    self.take(_sized(data, rid))
                self.keys.discard(rid)
            if self.far is not None:
                for data in self.far.frame(key=self.far.frames % 25 == 0):
                    self.take(data, "far>")
            for _ in range(2):
                self.take(self.microphone.next())
            self.room.tick(self.now, WALL + self.now)
            self.drain()
            if self.remb is not None and round(self.now * 25) % 12 == 0:
                told = rtcp.build([rtcp.ReceiverReport(9), rtcp.Remb(9, self.remb, (5100,))])
                self.room.on_rtcp(">room", told, self.now, WALL + self.now)
                self.drain()

    def height(self, ssrc: int = 5100) -> int:
        """Of the last picture that could be entered."""
        found = 0
        for data in self.seen[ssrc]:
            header = rtp.parse(data)
            picture = codecs.read(Codec.VP8, data, header.payload_start, header.payload_end)
            if picture.key_start and picture.size:
                found = picture.size[1]
        return found


@pytest.fixture(params=["python", "compiled"])
def lesson(request: pytest.FixtureRequest) -> Lesson:
    return Lesson(Plane() if request.param == "python" else CompiledPlane((0, 0)))


def _layer(data: bytes) -> int:
    """The SSRC under which a picture came."""
    found = re.search(rb"(1[1-3])/\d+/\d+", data)
    assert found, "every packet of a camera says where it is from"
    return int(found[1])


def _continuous(packets: list[bytes]) -> bool:
    numbers = [rtp.parse(data).sequence for data in packets]
    return all((b - a) & 0xFFFF == 1 for a, b in itertools.pairwise(numbers))


def test_three_layers_are_one_picture(lesson: Lesson) -> None:
    lesson.play(videos=4)
    lesson.run(3)
    [mapping] = lesson.mappings[-1:]
    assert [s.participant for s in mapping.slots if s.kind is Kind.VIDEO] == [
        "hub",
        None,
        None,
        None,
    ]
    assert lesson.height() == 720
    assert _continuous(lesson.seen[5100])


def test_a_small_tile_gets_a_small_layer_and_a_large_one_a_large(lesson: Lesson) -> None:
    lesson.play()
    lesson.run(2)
    for width, height in ((300, 180), (1366, 720), (640, 360)):
        lesson.room.set_widths("room", {"v0": width}, lesson.now)
        lesson.drain()
        lesson.run(4)
        assert lesson.height() == height
    assert _continuous(lesson.seen[5100])
    stamps = [rtp.parse(data).timestamp for data in lesson.seen[5100]]
    assert all(rtp.signed(b - a) >= 0 for a, b in itertools.pairwise(stamps))


def test_a_layer_begins_with_a_key_frame(lesson: Lesson) -> None:
    lesson.play()
    lesson.run(2)
    before = len(lesson.seen[5100])
    lesson.room.set_widths("room", {"v0": 300}, lesson.now)
    lesson.drain()
    lesson.run(2)
    names = [_layer(data) for data in lesson.seen[5100][before - 1 :]]
    turn = next(n for n, (a, b) in enumerate(itertools.pairwise(names)) if a != b)
    first = lesson.seen[5100][before + turn]
    header = rtp.parse(first)
    assert codecs.read(Codec.VP8, first, header.payload_start, header.payload_end).key_start
    assert set(names[turn + 1 :]) == {11}


def test_a_weak_line_gets_less_and_a_weaker_one_only_sound(lesson: Lesson) -> None:
    lesson.play()
    lesson.remb = 5_000_000
    lesson.run(3)
    assert lesson.height() == 720
    lesson.remb = 100_000
    lesson.run(4)
    assert lesson.height() < 720
    lesson.remb = 10_000
    lesson.run(5)
    assert lesson.mappings[-1].slots[-1].dark
    pictures, sounds = len(lesson.seen[5100]), len(lesson.seen[5000])
    lesson.run(2)
    assert len(lesson.seen[5100]) == pictures
    assert len(lesson.seen[5000]) == sounds + 100
    lesson.remb = 5_000_000
    lesson.run(10)
    assert not lesson.mappings[-1].slots[-1].dark
    assert lesson.height() == 720
    assert _continuous(lesson.seen[5100])


def test_the_largest_picture_is_the_last_to_go_dark(lesson: Lesson) -> None:
    lesson.follow()
    lesson.play(videos=2)
    lesson.room.set_floor("far", lesson.now)
    for widths, lit in (({"v0": 300, "v1": 1000}, "hub"), ({"v0": 1000, "v1": 300}, "far")):
        lesson.room.set_widths("room", widths, lesson.now)
        lesson.remb = 5_000_000
        lesson.run(20)
        pictures = [s for s in lesson.mappings[-1].slots if s.kind is Kind.VIDEO]
        assert [(s.participant, s.dark) for s in pictures] == [("far", False), ("hub", False)]
        lesson.remb = 38_000  # enough for one of them
        lesson.run(6)
        pictures = [s for s in lesson.mappings[-1].slots if s.kind is Kind.VIDEO]
        assert [s.participant for s in pictures if not s.dark] == [lit]


def test_layers_that_nobody_watches_rest_until_they_are_wanted(lesson: Lesson) -> None:
    lesson.play()
    lesson.run(2)
    lesson.room.set_widths("room", {"v0": 300}, lesson.now)
    lesson.run(REST_AFTER + 3)
    assert lesson.wanted[-1] == ("l",)
    lesson.sends = {"l"}
    lesson.run(5)
    lesson.room.set_widths("room", {"v0": 1280}, lesson.now)
    lesson.drain()
    assert "h" in lesson.wanted[-1]
    lesson.sends = set(lesson.wanted[-1])
    lesson.run(2)
    assert lesson.height() == 720


def test_a_layer_that_never_came_is_not_put_to_rest(lesson: Lesson) -> None:
    lesson.sends = {"l", "m"}
    lesson.play()
    lesson.run(REST_AFTER + 3)
    assert all("h" in rids for rids in lesson.wanted)
    lesson.sends.add("h")
    lesson.run(3)
    assert lesson.height() == 720


def test_a_layer_that_stops_is_replaced_by_the_next(lesson: Lesson) -> None:
    lesson.play()
    lesson.run(3)
    assert lesson.height() == 720
    lesson.sends = {"l", "m"}
    lesson.run(5)
    assert lesson.height() == 360


def test_a_camera_that_stops_leaves_its_slot_while_its_sound_goes_on(lesson: Lesson) -> None:
    lesson.play()
    lesson.run(2)
    lesson.sends = set()
    lesson.run(4)
    [mapping] = lesson.mappings[-1:]
    assert [s.participant for s in mapping.slots] == ["hub", None]


def test_what_is_missing_is_asked_for_at_once(lesson: Lesson) -> None:
    lesson.play()
    lesson.run(1)
    lesson.asked.clear()
    camera = lesson.cameras["h"]
    lost, *rest = camera.frame()
    for data in rest[:1]:
        lesson.take(_sized(data, "h"))
    [nack] = [p for p in lesson.asked if isinstance(p, rtcp.Nack)]
    assert (nack.media, nack.sequences) == (13, (rtp.parse(lost).sequence,))


def test_a_retransmission_is_known_by_its_repaired_rid(lesson: Lesson) -> None:
    lesson.play()
    lesson.run(1)
    before = len(lesson.seen[5100])
    lost, following = lesson.cameras["h"].frame()[:2]
    lesson.take(_sized(following, "h"))
    header = rtp.parse(lost)
    block = rtp.extension_block([(MID, b"1"), (REPAIRED, b"h")])
    again = rtp.header_bytes(False, 97, 1, header.timestamp, 999, block)
    lesson.take(again + header.sequence.to_bytes(2, "big") + lost[header.payload_start :])
    assert len(lesson.seen[5100]) == before + 2
    numbers = [rtp.parse(data).sequence for data in lesson.seen[5100][-3:]]
    assert [(n - numbers[0]) & 0xFFFF for n in numbers] == [0, 2, 1]


def test_a_publisher_that_begins_anew_under_another_ssrc_keeps_one_slot(lesson: Lesson) -> None:
    lesson.play(videos=4)
    lesson.run(2)
    lesson.cameras["h"] = Camera(77, per_frame=8)
    lesson.keys.add("h")
    lesson.run(3)
    [mapping] = lesson.mappings[-1:]
    assert [s.participant for s in mapping.slots if s.kind is Kind.VIDEO].count("hub") == 1
    assert lesson.height() == 720
    assert _continuous(lesson.seen[5100])


def test_a_player_that_leaves_is_told_goodbye(lesson: Lesson) -> None:
    lesson.play()
    lesson.run(1)
    lesson.room.remove(">room", "ended", lesson.now, WALL + lesson.now)
    lesson.drain()
    [bye] = [p for p in lesson.told if isinstance(p, rtcp.Bye)]
    assert set(bye.ssrcs) == {5000, 5100}


# ── sound ────────────────────────────────────────────────────────────────────────────────

RED = PayloadSpec(Codec.RED, 63, 48_000, channels=2, fmtp="109/109")


def _with_red(lesson: Lesson) -> None:
    spec = subscriber("room")
    slots = tuple(
        replace(s, payloads=(*s.payloads, RED)) if s.kind is Kind.AUDIO else s for s in spec.slots
    )
    lesson.room.add_subscriber(replace(spec, slots=slots), lesson.now, WALL + lesson.now)
    lesson.drain()


def _report(lesson: Lesson, fraction_lost: int) -> None:
    highest = rtp.parse(lesson.seen[5000][-1]).sequence
    block = rtcp.ReportBlock(5000, fraction_lost, 0, highest, 0)
    told = rtcp.build([rtcp.ReceiverReport(9, (block,))])
    lesson.room.on_rtcp(">room", told, lesson.now, WALL + lesson.now)
    lesson.drain()


def test_sound_goes_out_twice_to_a_player_that_loses_some_of_it(lesson: Lesson) -> None:
    _with_red(lesson)
    lesson.run(31)
    assert rtp.parse(lesson.seen[5000][-1]).payload_type == 63  # it has not said what it loses
    _report(lesson, 0)
    lesson.run(1)
    assert rtp.parse(lesson.seen[5000][-1]).payload_type == 109
    _report(lesson, 8)  # 3 %
    before = len(lesson.seen[5000])
    lesson.run(1)
    for plain, data in zip(
        lesson.seen[5000][before - 1 :], lesson.seen[5000][before:], strict=False
    ):
        header = rtp.parse(data)
        assert header.payload_type == 63
        payload = data[header.payload_start :]
        assert payload[0] == 0x80 | 109
        apart, length = payload[1] << 6 | payload[2] >> 2, (payload[2] & 3) << 8 | payload[3]
        assert (apart, payload[4]) == (960, 109)
        assert plain.endswith(payload[5 : 5 + length])  # the packet before, whole
    assert _continuous(lesson.seen[5000])
    lesson.run(31)
    _report(lesson, 0)
    lesson.run(0.2)
    assert rtp.parse(lesson.seen[5000][-1]).payload_type == 109


def test_sound_published_in_red_reaches_a_player_without_it_as_opus() -> None:
    room = Room("r", random=random.Random(1))
    red = PayloadSpec(Codec.RED, 63, 48_000, channels=2, fmtp="111/111")
    track = TrackSpec(Kind.AUDIO, "0", (red, OPUS), ssrcs=(10,))
    room.add_publisher(PublisherSpec("hub>", "hub", True, (track,), Source.CAMERA), 1.0, WALL)
    room.add_subscriber(subscriber("room", videos=0), 1.0, WALL)
    sent = []
    for number in range(5):
        payload = codecs.red_before(111, b"before", 960) + b"now %d" % number
        data = packet(payload, sequence=number, timestamp=960 * number, ssrc=10, payload_type=63)
        room.on_rtp("hub>", data, 1.0 + number / 50)
        sent += [o.data for o in room.outputs if isinstance(o, SendRtp)]
        room.outputs.clear()
    assert [rtp.parse(d).payload_type for d in sent] == [109] * 5
    assert [d[rtp.parse(d).payload_start :] for d in sent] == [b"now %d" % n for n in range(5)]


def test_a_publisher_is_told_when_its_packets_came() -> None:
    room = Room("r", random=random.Random(1))
    track = TrackSpec(Kind.AUDIO, "0", (OPUS,), ((Extension.TRANSPORT_CC, TWCC),), ssrcs=(10,))
    room.add_publisher(PublisherSpec("hub>", "hub", True, (track,)), 1.0, WALL)
    for number in (65_534, 65_535, 1):
        block = rtp.extension_block([(TWCC, number.to_bytes(2, "big"))])
        data = packet(b"opus", sequence=number, timestamp=1, ssrc=10, payload_type=111, block=block)
        room.on_rtp("hub>", data, 1.0 + (number & 3) / 100)
    room.outputs.clear()
    room.tick(1.1, WALL)
    told = [p for o in room.outputs if isinstance(o, SendRtcp) for p in rtcp.parse(o.data)]
    [feedback] = [p for p in told if isinstance(p, rtcp.TransportFeedback)]
    assert feedback.base == 65_534
    assert [a is not None for a in feedback.arrivals] == [True, True, False, True]


def test_a_player_that_asks_for_ever_gets_few_key_frames(lesson: Lesson) -> None:
    lesson.play()
    lesson.run(2)
    lesson.asked.clear()
    for _ in range(20):
        for _ in range(10):
            plea = rtcp.build([rtcp.ReceiverReport(9), rtcp.Pli(9, 5100)])
            lesson.room.on_rtcp(">room", plea, lesson.now, WALL + lesson.now)
        lesson.run(1)
    assert 8 <= sum(isinstance(p, rtcp.Pli) for p in lesson.asked) <= 16


def test_lips_follow_a_publisher_whose_clock_was_set_back(lesson: Lesson) -> None:
    """Sound and picture keep one clock, which is the newest minute's."""
    lesson.play()
    lesson.run(1)

    def report(clock: float) -> None:
        stamp = int((clock + 2_208_988_800) * (1 << 32))
        told = [rtcp.SenderReport(ssrc, stamp, 0, 1, 1) for ssrc in (10, 13)]
        lesson.room.on_rtcp("hub>", rtcp.build(told), lesson.now, WALL + lesson.now)

    report(WALL + lesson.now)
    lesson.run(1)
    for _ in range(65):
        report(WALL + lesson.now - 100)
        lesson.run(1)
    publisher = lesson.room._publishers["hub>"]
    assert publisher.offset == pytest.approx(100, abs=0.1)
