"""RTP is read in place and within its bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtp
from media.rtp import MalformedPacket, Protocol

ELEMENTS = st.dictionaries(st.integers(1, 255), st.binary(max_size=40), max_size=6)


@given(
    marker=st.booleans(),
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    elements=ELEMENTS,
    payload=st.binary(max_size=200),
)
def test_what_was_written_is_read(
    marker, payload_type, sequence, timestamp, ssrc, elements, payload
):
    block = rtp.extension_block(elements.items())
    data = rtp.header_bytes(marker, payload_type, sequence, timestamp, ssrc, block) + payload
    header = rtp.parse(data)
    assert header[:5] == (marker, payload_type, sequence, timestamp, ssrc)
    assert data[header.payload_start : header.payload_end] == payload
    spans = rtp.extensions(data, header)
    assert {number: data[a:b] for number, (a, b) in spans.items()} == elements


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(data):
    try:
        header = rtp.parse(data)
        spans = rtp.extensions(data, header)
    except MalformedPacket:
        return
    assert 12 <= header.payload_start <= header.payload_end <= len(data)
    assert all(12 <= start <= end <= header.payload_start for start, end in spans.values())


@given(profile=st.sampled_from([0xBEDE, 0x1000, 0x100F, 0x4242]), body=st.binary(max_size=64))
def test_no_extension_block_reads_past_its_end(profile, body):
    body += bytes(-len(body) % 4)
    words = (len(body) // 4).to_bytes(2, "big")
    data = bytes((0x90, 96)) + bytes(10) + profile.to_bytes(2, "big") + words + body + b"payload"
    header = rtp.parse(data)
    assert data[header.payload_start :] == b"payload"
    try:
        spans = rtp.extensions(data, header)
    except MalformedPacket:
        return
    assert all(16 <= start <= end <= header.extension_end for start, end in spans.values())


def test_padding_is_not_payload():
    data = bytes((0xA0, 96)) + bytes(10) + b"abc" + b"\0\0\0\x04"
    header = rtp.parse(data)
    assert data[header.payload_start : header.payload_end] == b"abc"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(11),
        bytes((0x40, 96)) + bytes(10),  # version 1
        bytes((0x8F, 96)) + bytes(10),  # 15 contributing sources, none there
        bytes((0x90, 96)) + bytes(10),  # an extension, none there
        bytes((0x90, 96)) + bytes(10) + b"\xbe\xde\xff\xff",  # an extension of 256 kB
        bytes((0xA0, 96)) + bytes(10) + b"\0",  # padding of nothing
        bytes((0xA0, 96)) + bytes(10) + b"\x09",  # padding longer than the payload
        bytes((0x80, 96)) + bytes(rtp.MAX_PACKET),
    ],
)
def test_a_header_that_breaks_its_format_is_refused(data):
    with pytest.raises(MalformedPacket):
        rtp.parse(data)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0, 1, Protocol.STUN),
        (3, 1, Protocol.STUN),
        (4, 1, None),
        (19, 1, None),
        (20, 1, Protocol.DTLS),
        (63, 1, Protocol.DTLS),
        (64, 1, None),
        (127, 1, None),
        (128, 96, Protocol.RTP),
        (128, 0x80 | 96, Protocol.RTP),
        (128, 200, Protocol.RTCP),
        (191, 206, Protocol.RTCP),
        (192, 200, None),
    ],
)
def test_first_bytes_tell_protocols_apart(first, second, expected):
    assert rtp.demux(bytes((first, second))) is expected


@given(st.integers(0, 2**40), st.integers(-32767, 32767))
def test_unwrap_finds_the_nearest(reference, step):
    assert rtp.unwrap((reference + step) & 0xFFFF, reference) == reference + step


def test_a_mid_is_a_short_ascii_token():
    assert rtp.text(b"xx12yy", (2, 4)) == "12"
    for data, span in ((b"", (0, 0)), (b"\xff", (0, 1)), (b"a" * 40, (0, 40))):
        with pytest.raises(MalformedPacket):
            rtp.text(data, span)


def test_audio_level_tells_loudness_and_voice():
    assert rtp.audio_level(b"\x80\x00", (0, 1)) == (0, True)
    assert rtp.audio_level(b"\x7f", (0, 1)) == (127, False)
