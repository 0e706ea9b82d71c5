"""The compiled fast path does what the rules in Python do, to the byte and to the number."""

import random
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import rtp
from media.events import SendRtp
from media.fastpath import CompiledPlane
from media.plane import Plane, SlotState, StreamState
from media.room import Room
from media.specs import Codec, Extension, Kind, PayloadSpec, SlotSpec, SubscriberSpec
from tests.media.packets import VIDEO_FEEDBACK, Camera, Microphone, publisher

TWCC_ID = 5
STATE = tuple(
    f.name for f in fields(StreamState) if f.name not in ("source", "kept", "level_id", "twcc_id")
)
SLOT = tuple(f.name for f in fields(SlotState) if f.name not in ("link", "twcc_at"))


def with_number(data: bytes, number: int, level: int | None) -> bytes:
    """The packet with a transport-wide number in its extensions, beside its audio level."""
    header = rtp.parse(data)
    elements = [] if level is None else [(1, bytes((0x80 | level,)))]
    block = rtp.extension_block([*elements, (TWCC_ID, number.to_bytes(2, "big"))])
    head = rtp.header_bytes(
        header.marker,
        header.payload_type,
        header.sequence,
        header.timestamp,
        header.ssrc,
        block,
    )
    return head + data[header.payload_start :]


class Side:
    """A room over one plane: two publishers, two players. What is ordinary goes by the fast path,
    where there is one; `sent` is what each player was sent, in order."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.room = Room("r", random=random.Random(3), plane=plane)
        self.sent: dict[str, list[bytes]] = {">wall": [], ">plain": []}
        self.fast = 0
        for name, ssrc, lead in (("hub", 11, True), ("guest", 21, False)):
            spec = publisher(name, video=ssrc, audio=ssrc + 1, lead=lead)
            tracks = tuple(
                replace(t, extensions=(*t.extensions, (Extension.TRANSPORT_CC, TWCC_ID)))
                for t in spec.tracks
            )
            self.room.add_publisher(replace(spec, tracks=tracks), 0.0, 1e9)
        vp8 = PayloadSpec(Codec.VP8, 102, 90_000, feedback=VIDEO_FEEDBACK, rtx_payload_type=103)
        opus = PayloadSpec(Codec.OPUS, 109, 48_000, channels=2)
        red = PayloadSpec(Codec.RED, 63, 48_000, channels=2, fmtp="109/109")
        ids = ((Extension.MID, 4), (Extension.TRANSPORT_CC, 2))
        wall = [
            SlotSpec(Kind.AUDIO, "a0", (opus, red), 5000, None, ids),
            SlotSpec(Kind.AUDIO, "a1", (opus,), 5001, None, ids),
            SlotSpec(Kind.VIDEO, "v0", (vp8,), 5100, 5200, ids),
            SlotSpec(Kind.VIDEO, "v1", (vp8,), 5101, 5201, ids),
        ]
        plain = [
            SlotSpec(Kind.AUDIO, "0", (opus,), 6000),
            SlotSpec(Kind.VIDEO, "1", (vp8,), 6100),
        ]
        for name, slots in ((">wall", wall), (">plain", plain)):
            self.room.add_subscriber(SubscriberSpec(name, name[1:], tuple(slots), "c"), 0.0, 1e9)
        self.collect()

    def take(self, resource: str, data: bytes, now: float) -> None:
        if isinstance(self.plane, CompiledPlane) and self.plane.feed(resource, data, now):
            self.fast += 1
        else:
            self.room.on_rtp(resource, data, now)
        self.collect()

    def collect(self) -> None:
        if isinstance(self.plane, CompiledPlane):
            for resource, data in self.plane.pending():
                self.sent[resource].append(data)
        while self.room.outputs:
            output = self.room.outputs.popleft()
            if isinstance(output, SendRtp):
                self.sent[output.resource_id].append(output.data)

    def numbers(self) -> list[object]:
        """Every number of every stream and slot, and what was sent under transport-wide ones."""
        found: list[object] = []
        for publisher_ in self.room._publishers.values():
            for ssrc, stream in sorted(publisher_.streams.items()):
                found.append((ssrc, [getattr(stream.state, name) for name in STATE]))
        for player in self.room._players.values():
            link = player.link
            found.append((link.sequence, list(link.sent_at), list(link.sent_size)))
            found += [[getattr(slot.state, name) for name in SLOT] for slot in player.slots]
        return found


@given(
    seed=st.integers(0, 2**16),
    loss=st.sampled_from([0, 0, 3, 20]),
    lossy_player=st.booleans(),
    bits=st.sampled_from([7, 15]),
)
@settings(max_examples=12, deadline=None)
def test_what_leaves_is_the_same_whoever_forwards_it(seed, loss, lossy_player, bits):
    chance = random.Random(seed)
    sides = [Side(Plane()), Side(CompiledPlane((0, 0)))]
    cameras = {"hub>": Camera(11, picture_id=90), "guest>": Camera(21, picture_id=5, tl0=250)}
    microphones = {"hub>": Microphone(12, 40), "guest>": Microphone(22, 30)}
    now, wall, number = 1.0, 1e9, {"hub>": 65_500, "guest>": 0}
    for turn in range(60):
        now += 0.04
        wall += 0.04
        for name, camera in cameras.items():
            camera.picture_id &= (1 << bits) - 1
            batch = [
                (data, None) for data in camera.frame(key=turn % 25 == 0 or chance.random() < 0.03)
            ]
            batch += [(microphones[name].next(), microphones[name].level) for _ in range(2)]
            if chance.random() < 0.1:
                chance.shuffle(batch)
            for data, level in batch:
                data = with_number(data, number[name], level)
                number[name] = (number[name] + 1) & 0xFFFF
                if chance.randrange(100) < loss:
                    continue
                for side in sides:
                    side.take(name, data, now)
        if turn == 20:
            for side in sides:
                side.room.set_floor("guest", now)
                side.collect()
        if lossy_player and turn == 10:
            for side in sides:
                player = side.room._players[">wall"]
                player.audios[0].fraction_lost = 0.1
                player.audios[0]._protect(now)
        for side in sides:
            side.room.tick(now, wall)
            side.collect()
        assert sides[0].sent == sides[1].sent
    assert sides[0].numbers() == sides[1].numbers()
    assert sides[0].sent[">wall"]
    assert sides[0].sent[">plain"]
    if not loss:
        assert sides[1].fast > 300


def test_arrivals_are_noted_the_same_way_on_both_paths():
    sides = [Side(Plane()), Side(CompiledPlane((0, 0)))]
    camera, taken = Camera(11), []
    for side in sides:
        number, now = 7, 1.0
        for turn in range(10):
            for data in replace(camera, frames=turn).frame(key=turn == 0):
                side.take("hub>", with_number(data, number, None), now)
                number, now = number + 1, now + 0.001
        source = side.room._publishers["hub>"]._source
        taken.append(side.plane.take_arrivals(source))
        assert side.plane.take_arrivals(source) == []
    assert taken[0] == taken[1]
    assert [n for n, _ in taken[0]] == list(range(7, 37))


@pytest.mark.parametrize("size", [0, 1, 11, 12, 13, 1500])
def test_what_is_not_an_ordinary_packet_is_left_to_the_rules(size):
    side = Side(CompiledPlane((0, 0)))
    assert not side.plane.feed("hub>", bytes(size), 1.0)


@given(st.binary(max_size=1600), st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_no_bytes_harm_the_fast_path(tail, first):
    side = Side(CompiledPlane((0, 0)))
    camera, microphone = Camera(11), Microphone(12)
    for data in camera.frame(key=True):
        side.take("hub>", data, 1.0)
    side.take("hub>", microphone.next(), 1.0)
    for ssrc, payload_type, sequence in ((11, 96, camera.sequence), (12, 111, 2)):
        head = bytearray(rtp.header_bytes(False, payload_type, sequence & 0xFFFF, 1, ssrc))
        head[0] = 0x80 | first & 0x3F
        side.take("hub>", bytes(head) + tail, 1.0)


def test_packets_outlive_neither_their_stream_nor_their_player():
    side = Side(CompiledPlane((0, 0)))
    camera = Camera(11)
    for _ in range(3):
        for data in camera.frame(key=camera.frames == 0):
            side.take("hub>", data, 1.0)
    assert side.fast
    for resource in (">wall", "hub>", ">plain", "guest>"):
        side.room.remove(resource, "left", 2.0, 1e9 + 2)
    assert side.room.empty
    assert not side.plane.feed("hub>", camera.frame()[0], 2.1)
    side.plane.send(">wall", bytes(100))  # nobody is there: nothing is sent
    assert side.plane.pending() == []
