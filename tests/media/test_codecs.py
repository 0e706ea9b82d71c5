"""Where pictures can be entered, for each codec."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.codecs import read
from media.specs import Codec
from tests.media.packets import vp8_payload


def key(codec: Codec, payload: bytes) -> bool:
    return read(codec, payload, 0, len(payload)).key_start


@given(
    before=st.integers(0, 20),
    picture_id=st.integers(0, 0x7FFF),
    tl0=st.integers(0, 255),
    is_key=st.booleans(),
)
def test_vp8_fields_are_found_where_they_lie(before, picture_id, tl0, is_key):
    data = bytes(before) + vp8_payload(picture_id, tl0, key=is_key)
    picture = read(Codec.VP8, data, before, len(data))
    assert picture.key_start is is_key
    assert (picture.picture_id, picture.picture_id_bits, picture.tl0) == (picture_id, 15, tl0)
    at = picture.picture_id_at
    assert (data[at] & 0x7F) << 8 | data[at + 1] == picture_id
    assert data[picture.tl0_at] == tl0
    assert picture.size == ((640, 360) if is_key else None)


def test_vp8_short_picture_ids_have_seven_bits():
    picture = read(Codec.VP8, vp8_payload(99, None, key=False, bits=7), 0, 20)
    assert (picture.picture_id, picture.picture_id_bits, picture.tl0) == (99, 7, -1)


def test_vp8_without_descriptor_extension_has_no_ids():
    picture = read(Codec.VP8, vp8_payload(None, None, key=True), 0, 11)
    assert (picture.key_start, picture.picture_id_bits, picture.tl0) == (True, 0, -1)


def test_vp8_key_frame_is_entered_at_its_first_packet_only():
    assert not key(Codec.VP8, vp8_payload(1, 1, key=True, start=False, body=b"\0" * 9))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x65\x88", True),  # IDR
        (b"\x67\x42", True),  # SPS
        (b"\x61\x88", False),  # non-IDR
        (b"\x06\x05", False),  # SEI
        (b"\x18\x00\x02\x67\x42\x00\x02\x68\xce", True),  # STAP-A: SPS, PPS
        (b"\x18\x00\x02\x06\x05\x00\x02\x65\x88", True),  # STAP-A: SEI, IDR
        (b"\x18\x00\x02\x61\x88", False),
        (b"\x18\x00\x00", False),
        (b"\x7c\x85\x00", True),  # FU-A, IDR, start
        (b"\x7c\x05\x00", False),  # FU-A, IDR, middle
        (b"\x7c\x81\x00", False),  # FU-A, non-IDR, start
        (b"\x7c", False),
    ],
)
def test_h264_is_entered_at_idr_or_parameter_sets(payload, expected):
    assert key(Codec.H264, payload) is expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x08\x00", True),  # B
        (b"\x48\x00", False),  # P, B
        (b"\x00\x00", False),  # neither
        (b"\x88\x80\x05", True),  # I, B, 15-bit picture id
        (b"\x28\x00\x03", True),  # L, B, lowest layer
        (b"\x28\x02\x03", False),  # L, B, first upper spatial layer
    ],
)
def test_vp9_is_entered_at_an_independent_lowest_layer(payload, expected):
    assert key(Codec.VP9, payload) is expected


def test_vp9_picture_id_and_tl0_are_found():
    picture = read(Codec.VP9, b"\xa8\x81\x02\x00\x2a\x00", 0, 6)
    assert (picture.picture_id, picture.picture_id_at) == (0x102, 1)
    assert (picture.tl0, picture.tl0_at) == (0x2A, 4)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x18\x0a", True),  # N
        (b"\x98\x0a", False),  # N on a continuation
        (b"\x10\x08\x00", True),  # one element, a sequence header
        (b"\x10\x30\x00", False),  # one element, a frame
        (b"\x20\x02\x08\x00\x30", True),  # two elements, a sequence header first
        (b"\x20\x02\x30\x00\x30", False),
    ],
)
def test_av1_is_entered_at_a_new_sequence(payload, expected):
    assert key(Codec.AV1, payload) is expected


def test_every_opus_packet_can_be_decoded():
    assert key(Codec.OPUS, b"\xfc")
    assert not key(Codec.OPUS, b"")


@given(st.sampled_from(Codec), st.binary(max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_no_payload_raises_and_no_offset_leaves_it(codec, data, start, end):
    end = min(end, len(data))
    picture = read(codec, data, start, end)
    if picture.picture_id_bits:
        assert start < picture.picture_id_at
        assert picture.picture_id_at + picture.picture_id_bits // 8 < end
    if picture.tl0 >= 0:
        assert start < picture.tl0_at < end
