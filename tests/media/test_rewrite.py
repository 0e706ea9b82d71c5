"""One slot stays continuous whatever is behind it, and payloads are what they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import codecs, rtp
from media.plane import LinkState, SlotState
from media.rewrite import (
    Arrived,
    Munger,
    Origin,
    again,
    decapsulate_rtx,
    encapsulate_rtx,
    perform,
)
from media.specs import Codec
from tests.media.packets import Camera, packet, vp8_payload

A, B = 1, 2


def fresh() -> SlotState:
    """The numbers of a slot nothing has gone out of."""
    return SlotState(LinkState(), 77)


def arrived(data: bytes, *, extended: int | None = None, codec: Codec = Codec.VP8) -> Arrived:
    header = rtp.parse(data)
    picture = codecs.read(codec, data, header.payload_start, header.payload_end)
    number = header.sequence + 65536 if extended is None else extended
    return Arrived(data, header, number, picture, {}, 0.0)


def send(munger: Munger, each: Arrived, block: bytes = b"") -> bytes:
    numbers = munger.plan(each)
    assert numbers is not None
    return perform(each, numbers, 77, 102, block)


def picture_of(data: bytes) -> codecs.Picture:
    header = rtp.parse(data)
    return codecs.read(Codec.VP8, data, header.payload_start, header.payload_end)


@given(
    payload=st.binary(min_size=1, max_size=400),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    start=st.tuples(st.integers(0, 0x7FFF), st.integers(0, 2**31 - 1)),
    padding=st.integers(0, 40),
    block=st.sampled_from([b"", rtp.extension_block([(4, b"v0")])]),
    codec=st.sampled_from(Codec),
)
def test_the_payload_that_leaves_is_the_one_that_came(
    payload, sequence, timestamp, start, padding, block, codec
):
    data = bytearray(
        packet(payload, sequence=sequence, timestamp=timestamp, ssrc=9, payload_type=96)
    )
    if padding:
        data[0] |= 0x20
        data += bytes(padding - 1) + bytes((padding,))
    each = arrived(bytes(data), codec=codec)
    munger = Munger(fresh(), *start)
    munger.switch(A, each)
    out = send(munger, each, block)
    header = rtp.parse(out)
    assert out[header.payload_start : header.payload_end] == payload
    assert (header.ssrc, header.payload_type) == (77, 102)
    assert (header.sequence, header.timestamp) == start
    assert header.payload_end == len(out)


@given(
    before=st.integers(1, 30),
    after=st.integers(1, 30),
    second=st.builds(
        Camera,
        ssrc=st.just(2),
        sequence=st.integers(0, 0xFFFF),
        timestamp=st.integers(0, 0xFFFFFFFF),
        picture_id=st.integers(0, 0x7FFF),
        tl0=st.integers(0, 255),
    ),
)
def test_a_switch_continues_every_number(before, after, second):
    munger = Munger(fresh(), 65_530, 4_000_000_000 % 2**31)
    sent: list[bytes] = []
    offset = 65536
    for camera, stream, frames in ((Camera(1), A, before), (second, B, after)):
        extended = camera.sequence + offset
        for number in range(frames):
            for data in camera.frame(key=number == 0):
                each = arrived(data, extended=extended)
                extended += 1
                if munger.stream != stream:
                    munger.switch(
                        stream, each, None if not sent else (munger.last_timestamp + 3600) % 2**32
                    )
                out = send(munger, each)
                sent.append(out)
                # Nothing of the payload but the descriptor's two fields may differ.
                mine, theirs = rtp.parse(out), each.header
                changed = [
                    at
                    for at, (x, y) in enumerate(
                        zip(out[mine.payload_start :], data[theirs.payload_start :], strict=True)
                    )
                    if x != y
                ]
                assert set(changed) <= {2, 3, 4}
                assert stream == B or not changed
    headers = [rtp.parse(each) for each in sent]
    pictures = [picture_of(each) for each in sent]
    frames = before + after
    assert [h.sequence for h in headers] == [(65_530 + i) & 0xFFFF for i in range(3 * frames)]
    first = 4_000_000_000 % 2**31
    assert [h.timestamp for h in headers[::3]] == [
        (first + 3600 * i) % 2**32 for i in range(frames)
    ]
    assert [p.picture_id for p in pictures[::3]] == [(100 + i) & 0x7FFF for i in range(frames)]
    assert [p.tl0 for p in pictures[::3]] == [(7 + i) & 0xFF for i in range(frames)]


def test_reordered_packets_keep_their_places():
    munger = Munger(fresh(), 500, 0)
    packets = [arrived(data) for data in Camera(1, per_frame=6).frame(key=True)]
    munger.switch(A, packets[0])
    order = [0, 3, 1, 5, 4, 2]
    sent = [rtp.parse(send(munger, packets[i])).sequence for i in order]
    assert sent == [500 + i for i in order]


def test_packets_from_before_the_switch_are_not_sent():
    munger = Munger(fresh(), 500, 0)
    old, first = (arrived(data) for data in Camera(1, per_frame=2).frame(key=True))
    munger.switch(A, first)
    assert munger.plan(old) is None


def probe(camera: Camera) -> bytes:
    data = bytearray(
        packet(b"", sequence=camera.sequence, timestamp=camera.timestamp, ssrc=1, payload_type=96)
    )
    camera.sequence += 1
    data[0] |= 0x20
    return bytes(data) + bytes(9) + b"\x0a"


def test_a_left_out_packet_leaves_no_gap():
    camera = Camera(1, per_frame=2)
    munger = Munger(fresh(), 500, 0)
    sent = []
    first = [arrived(data) for data in camera.frame(key=True)]
    munger.switch(A, first[0])
    sent += [send(munger, each) for each in first]
    assert munger.leave_out(arrived(probe(camera)))
    assert munger.leave_out(arrived(probe(camera)))
    sent += [send(munger, arrived(data)) for data in camera.frame()]
    assert munger.leave_out(arrived(probe(camera)))
    sent += [send(munger, arrived(data)) for data in camera.frame()]
    assert [rtp.parse(each).sequence for each in sent] == [500, 501, 502, 503, 504, 505]
    # and a NACK for any of them finds what it was
    assert [munger.origin(number)[0].extended - 65536 for number in range(500, 506)] == [
        1000, 1001, 1004, 1005, 1007, 1008,
    ]  # fmt: skip


def test_a_packet_without_payload_that_comes_late_fills_the_gap_it_left():
    camera = Camera(1, per_frame=2)
    munger = Munger(fresh(), 500, 0)
    first = [arrived(data) for data in camera.frame(key=True)]
    munger.switch(A, first[0])
    for each in first:
        send(munger, each)
    late = arrived(probe(camera))
    after = [rtp.parse(send(munger, arrived(data))).sequence for data in camera.frame()]
    assert after == [503, 504]
    assert not munger.leave_out(late)
    assert rtp.parse(send(munger, late)).sequence == 502


@given(st.lists(st.sampled_from(["media", "probe", "lost", "switch"]), max_size=300))
def test_nacks_find_the_packet_that_went_out(steps):
    cameras = {A: Camera(1, per_frame=1, sequence=65_500), B: Camera(2, per_frame=1)}
    extended = {A: 65_500 + 65_536, B: 1000 + 65_536}
    munger, current, sent = Munger(fresh(), 65_400, 0), A, {}
    for number, step in enumerate(["media", *steps]):
        camera = cameras[current]
        if step == "switch":
            current = B if current == A else A
            continue
        data = probe(camera) if step == "probe" else camera.frame(key=True)[0]
        camera.sequence &= 0xFFFF
        each = arrived(data, extended=extended[current])
        extended[current] += 1
        if step == "lost" or (step == "probe" and munger.stream != current):
            continue
        if munger.stream != current:
            munger.switch(current, each, munger.last_timestamp + 10 if number else None)
        if step == "probe":
            assert munger.leave_out(each)
            continue
        out = send(munger, each)
        sequence = rtp.parse(out).sequence
        assert sequence not in sent
        sent[sequence] = (current, each, out)
    recent = list(sent.items())[-60:]
    for sequence, (stream, each, out) in recent:
        found = munger.origin(sequence)
        if found is None:  # more runs ago than are kept
            continue
        origin, numbers = found
        assert origin == Origin(stream, each.extended)
        assert perform(each, again(numbers, each), 77, 102, b"") == out
    sequence, _ = recent[-1]
    assert munger.origin(sequence) is not None
    assert munger.origin((sequence + 200) & 0xFFFF) is None


def test_pictures_of_seven_bits_stay_within_them():
    munger = Munger(fresh(), 1, 1)
    long = arrived(
        packet(vp8_payload(300, 3, key=True), sequence=1, timestamp=0, ssrc=1, payload_type=96)
    )
    munger.switch(A, long)
    send(munger, long)
    short = arrived(
        packet(
            vp8_payload(5, 9, key=True, bits=7), sequence=1, timestamp=0, ssrc=2, payload_type=96
        )
    )
    munger.switch(B, short, 3601)
    picture = picture_of(send(munger, short))
    assert (picture.picture_id_bits, picture.picture_id, picture.tl0) == (7, 301 & 0x7F, 4)


@given(
    payload=st.binary(max_size=300),
    block=st.sampled_from([b"", rtp.extension_block([(4, b"v0")])]),
    marker=st.booleans(),
)
def test_rtx_gives_back_what_was_put_in(payload, block, marker):
    original = packet(
        payload,
        sequence=65_535,
        timestamp=8,
        ssrc=77,
        payload_type=102,
        marker=marker,
        block=block,
    )
    rtx = encapsulate_rtx(original, 88, 103, 3)
    header = rtp.parse(rtx)
    assert (header.ssrc, header.payload_type, header.sequence) == (88, 103, 3)
    assert (header.timestamp, header.marker) == (8, marker)
    assert decapsulate_rtx(rtx, header, 77, 102) == original


@pytest.mark.parametrize("payload", [b"", b"\x01"])
def test_rtx_without_an_original_number_carries_nothing(payload):
    data = packet(payload, sequence=1, timestamp=1, ssrc=1, payload_type=103)
    assert decapsulate_rtx(data, rtp.parse(data), 2, 96) is None
