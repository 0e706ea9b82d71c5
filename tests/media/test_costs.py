"""What one participant may cost: in packets, in look-ups, in decisions of the room; in no time."""

import itertools
import random
import struct
from collections.abc import Iterable
from dataclasses import replace

import pytest

from media import rtcp, rtp
from media.events import Output, SendRtcp, SendRtp
from media.fastpath import CompiledPlane
from media.feedback import TransportFeedback
from media.plane import CACHE, Plane, StreamState
from media.room import Room
from media.specs import Codec, Extension, PayloadSpec, PublisherSpec
from tests.media.packets import (
    OPUS,
    VIDEO_FEEDBACK,
    VP8,
    Camera,
    Microphone,
    packet,
    publisher,
    subscriber,
)

WALL = 1_800_000_000.0
TWCC = 5
PLANES = pytest.mark.parametrize(
    "plane", [Plane, lambda: CompiledPlane((0, 0))], ids=["python", "compiled"]
)


class CountingPlane(Plane):
    """Counts how often a kept packet is looked up."""

    looked_up = 0

    def kept(self, stream: StreamState, extended: int) -> bytes | None:
        self.looked_up += 1
        return super().kept(stream, extended)


def _room(plane: Plane, *publishers: PublisherSpec) -> Room:
    room = Room("r", random=random.Random(1), plane=plane)
    for spec in publishers:
        room.add_publisher(spec, 0.0, WALL)
    return room


def _outputs(room: Room) -> list[Output]:
    found = list(room.outputs)
    room.outputs.clear()
    if isinstance(room._plane, CompiledPlane):
        found += [SendRtp(name, data) for name, data in room._plane.pending()]
    return found


def _take(room: Room, data: bytes, now: float, who: str = "a>") -> list[bytes]:
    """What is sent on because of a packet."""
    plane = room._plane
    if not (isinstance(plane, CompiledPlane) and plane.feed(who, data, now)):
        room.on_rtp(who, data, now)
    return _rtp(_outputs(room))


def _rtp(outputs: Iterable[Output]) -> list[bytes]:
    return [o.data for o in outputs if isinstance(o, SendRtp)]


def _numbers(packets: Iterable[bytes], ssrc: int) -> list[int]:
    headers = [rtp.parse(data) for data in packets]
    return [h.sequence for h in headers if h.ssrc == ssrc]


def _contiguous(numbers: list[int]) -> bool:
    return all((b - a) & 0xFFFF == 1 for a, b in itertools.pairwise(numbers))


def _shown(plane: Plane, *, rtx: bool = False, per_frame: int = 10) -> tuple[Room, Camera]:
    """A room in which a player is sent a camera's picture."""
    room, camera = _room(plane, publisher("a", video=11, lead=True)), Camera(11)
    camera.per_frame = per_frame
    for data in camera.frame(key=True):
        room.on_rtp("a>", data, 0.0)
    spec = subscriber("b", rtx=rtx)
    ids = ((Extension.TRANSPORT_CC, TWCC),)
    room.add_subscriber(
        replace(spec, slots=tuple(replace(s, extensions=ids) for s in spec.slots)), 0.0, WALL
    )
    _outputs(room)
    return room, camera


# ── feedback to a publisher ──────────────────────────────────────────────────────────────────────


@PLANES
def test_transport_wide_numbers_far_apart_make_several_small_compounds(plane) -> None:
    spec = publisher("a", video=11, lead=True)
    tracks = tuple(replace(t, extensions=((Extension.TRANSPORT_CC, TWCC),)) for t in spec.tracks)
    room = _room(plane(), replace(spec, tracks=tracks))
    camera = Camera(11, per_frame=200)
    for count, data in enumerate(camera.frame(key=True)):
        header = rtp.parse(data)
        block = rtp.extension_block([(TWCC, (count * 501 & 0xFFFF).to_bytes(2, "big"))])
        numbered = packet(
            data[header.payload_start :],
            sequence=header.sequence,
            timestamp=header.timestamp,
            ssrc=11,
            payload_type=96,
            block=block,
        )
        _take(room, numbered, 0.01)
    room.tick(0.05, WALL)
    told = [o.data for o in _outputs(room) if isinstance(o, SendRtcp)]
    feedbacks = [
        data for data in told if any(isinstance(p, TransportFeedback) for p in rtcp.parse(data))
    ]
    assert len(feedbacks) > 1
    assert max(len(data) for data in feedbacks) <= 1200
    assert len(feedbacks) <= 16


# ── repeats to a player ──────────────────────────────────────────────────────────────────────────


def _nack(first: int, entries: int, step: int, bitmask: int) -> bytes:
    body = b"".join(
        struct.pack("!HH", (first + step * i) & 0xFFFF, bitmask) for i in range(entries)
    )
    return struct.pack("!BBHII", 0x81, 205, 2 + entries, 1, 5100) + body


def test_a_nack_of_thousands_looks_up_what_can_be_kept_and_each_number_once() -> None:
    plane = CountingPlane()
    room, camera = _shown(plane)
    now = 0.0
    for count in range(200):
        now += 0.04
        for data in camera.frame(key=count == 0):
            _take(room, data, now)
    highest = room._players[">b"].by_ssrc[5100].munger.highest
    plane.looked_up = 0
    room.on_rtcp(">b", _nack(highest - 7300, 430, 17, 0xFFFF), now, WALL)
    assert plane.looked_up <= CACHE
    _outputs(room)
    plane.looked_up = 0
    room.on_rtcp(">b", _nack(highest - 900, 300, 0, 0), now + 1, WALL)
    assert plane.looked_up <= 1
    assert len(_rtp(_outputs(room))) <= 1


def test_a_repeat_that_is_not_afforded_leaves_no_trace() -> None:
    room, camera = _shown(Plane(), rtx=True)
    sent = [d for n in range(25) for d in _frame(room, camera, n == 0, 0.04 * (n + 1))]
    numbers = _numbers(sent, 5100)
    player = room._players[">b"]
    slot = player.by_ssrc[5100]
    player.estimator._bitrate = 20_000  # a line on which but one packet may be repeated at once
    link, rtx = player.link.sequence, slot.rtx_sequence
    lost = rtcp.build([rtcp.ReceiverReport(1), rtcp.Nack(1, 5100, tuple(numbers[-40:]))])
    room.on_rtcp(">b", lost, 1.1, WALL)
    again = _rtp(_outputs(room))
    assert len(again) < 40
    assert player.link.sequence - link == len(again)
    assert slot.rtx_sequence - rtx == len(again)
    assert len(slot._repeated) == len(again)


def _frame(room: Room, camera: Camera, key: bool, now: float) -> list[bytes]:
    return [out for data in camera.frame(key=key) for out in _take(room, data, now)]


# ── decisions of the room ────────────────────────────────────────────────────────────────────────


class CountingRoom(Room):
    """Counts how often every slot is decided anew."""

    assigned = 0

    def _assign(self, now: float) -> None:
        self.assigned += 1
        super()._assign(now)


def _speaks(spec: PublisherSpec) -> CountingRoom:
    room = CountingRoom("r", random=random.Random(1), plane=Plane())
    room.add_publisher(spec, 0.0, WALL)
    room.add_subscriber(subscriber("b"), 0.0, WALL)
    return room


def test_sound_that_changes_between_opus_and_red_stays_keyed_and_decides_nothing_anew() -> None:
    red = PayloadSpec(Codec.RED, 63, 48_000, channels=2, fmtp="111/111")
    spec = publisher("a", audio=12, lead=True)
    room = _speaks(replace(spec, tracks=(replace(spec.tracks[0], payloads=(OPUS, red)),)))
    microphone = Microphone(12)
    _take(room, microphone.next(), 0.0)
    before = room.assigned
    for count in range(40):
        microphone.payload_type = (63, 111)[count & 1]
        _take(room, microphone.next(), 0.02 * (count + 1))
        assert room._publishers["a>"].streams[12].keyed
    assert room.assigned == before


def test_two_ssrcs_in_turn_do_not_begin_anew_with_each_packet() -> None:
    spec = publisher("a", audio=12, lead=True)
    room = _speaks(replace(spec, tracks=(replace(spec.tracks[0], ssrcs=()),)))
    first, second = Microphone(71), Microphone(72)
    for count in range(100):
        _take(room, (first, second)[count & 1].next(), 0.002 * count)
    assert room.assigned < 40


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


@PLANES
def test_a_jump_in_a_publishers_numbers_is_not_passed_on(plane) -> None:
    room, camera = _shown(plane(), per_frame=3)
    sent = [d for n in range(10) for d in _frame(room, camera, n == 0, 0.04 * (n + 1))]
    camera.sequence = (camera.sequence + 30_000) & 0xFFFF
    sent += _frame(room, camera, False, 0.5)
    before = len(sent)
    sent += [d for n in range(10) for d in _frame(room, camera, n == 0, 0.6 + 0.04 * n)]
    assert len(sent) - before == 30  # from the next key frame on it is shown again
    assert _contiguous(_numbers(sent, 5100))


def test_no_more_packets_are_kept_than_the_cache_holds_whatever_is_lost() -> None:
    room, camera = _room(Plane(), publisher("a", video=11)), Camera(11, per_frame=10)
    chance = random.Random(2)
    for count in range(500):
        for data in camera.frame(key=count == 0):
            if chance.random() > 0.1:
                room.on_rtp("a>", data, 0.04 * count)
    assert len(room._publishers["a>"].streams[11].state.kept) <= CACHE


def _key_frame(sequence: int, width: int, height: int) -> bytes:
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    payload = b"\x90\x80\x80\x01\x10\x00\x00\x9d\x01\x2a" + size + bytes(20)
    return packet(
        payload,
        sequence=sequence,
        timestamp=3000 * sequence,
        ssrc=11,
        payload_type=96,
        marker=True,
    )


@PLANES
def test_a_key_frame_in_order_tells_a_new_picture_size(plane) -> None:
    room = _room(plane(), publisher("a", video=11))
    _take(room, _key_frame(1, 320, 180), 0.0)
    _take(room, _key_frame(2, 1280, 720), 0.1)
    assert room._publishers["a>"].streams[11].size == (1280, 720)


def test_a_stream_in_a_codec_that_a_player_has_not_is_not_sent_under_another() -> None:
    vp9 = PayloadSpec(Codec.VP9, 98, 90_000, feedback=VIDEO_FEEDBACK)
    spec = publisher("a", video=11, lead=True)
    room = _room(Plane(), replace(spec, tracks=(replace(spec.tracks[0], payloads=(VP8, vp9)),)))
    camera = Camera(11, per_frame=1)
    _frame(room, camera, True, 0.0)
    room.add_subscriber(subscriber("b"), 0.0, WALL)
    assert _frame(room, camera, True, 0.1)
    for count in range(5):
        data = packet(
            b"\xc0\x05picture",
            sequence=camera.sequence + count,
            timestamp=1,
            ssrc=11,
            payload_type=98,
        )
        assert _take(room, data, 0.2) == []
