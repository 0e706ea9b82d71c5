"""Frames out of packets: whole and as they were, or not at all."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import rtp
from media.recording.depacketize import START_CODE, Assembler, Frame, parameter_sets
from media.specs import Codec
from tests.media.encoded import STEP, Encoded, Film, Voice, pictures, sounds

VIDEO = [Codec.VP8, Codec.VP9, Codec.H264, Codec.AV1]


def _units(codec: Codec, frame: bytes) -> bytes:
    """A frame as the assembler writes it: start codes of one length."""
    if codec is not Codec.H264:
        return frame
    whole = frame.replace(b"\0\0\0\1", b"\0\0\1")
    return START_CODE + START_CODE.join(whole.split(b"\0\0\1")[1:])


def _film(codec: Codec, count: int) -> list[list[bytes]]:
    film = Film(codec, 1, 96)
    return [film.frame() for _ in range(count)]


def _assemble(codec: Codec, packets: list[tuple[int, bytes]]) -> list[Frame]:
    assembler = Assembler(codec)
    return [frame for number, packet in packets for frame in assembler.take(number, packet)]


def _numbered(frames: list[list[bytes]]) -> list[tuple[int, bytes]]:
    return list(enumerate(packet for frame in frames for packet in frame))


@pytest.mark.parametrize("codec", VIDEO)
def test_every_frame_is_given_back_as_it_was_encoded(codec: Codec) -> None:
    sent = _film(codec, 50)
    assert max(len(frame) for frame in sent) > 3
    found = _assemble(codec, _numbered(sent))
    originals = pictures(codec)
    assert [Encoded(f.data, f.key) for f in found] == [
        Encoded(_units(codec, o.data), o.key) for o in originals
    ]
    assert [f.timestamp for f in found] == [12_345 + STEP * n for n in range(50)]


@pytest.mark.parametrize("codec", VIDEO)
def test_a_lost_packet_costs_its_frame_and_no_other(codec: Codec) -> None:
    sent = _film(codec, 50)
    packets = _numbered(sent)
    whole = _assemble(codec, packets)
    of_frame = [n for n, frame in enumerate(sent) for _ in frame]
    for lost in random.Random(4).sample(range(len(packets)), 40):
        frame = of_frame[lost]
        found = _assemble(codec, packets[:lost] + packets[lost + 1 :])
        expected = whole[:frame] + whole[frame + 1 :]
        if codec is Codec.AV1 and lost and of_frame[lost - 1] != frame:
            # The other OBUs of a picture look whole: whoever reads leaves out what follows a gap,
            # up to the next that a decoder can begin with.
            found = [f for f in found if f.timestamp != whole[frame].timestamp]
        assert found == expected, lost


def test_sound_is_a_frame_a_packet_and_red_gives_its_newest_block() -> None:
    voice = Voice(1)
    packets = [voice.next() for _ in range(5)]
    found = _assemble(Codec.OPUS, list(enumerate(packets)))
    assert [f.data for f in found] == list(sounds()[:5])
    head = rtp.header_bytes(False, 63, 1, 960, 1)
    before, now = sounds()[0], sounds()[1]
    red = ((0x80 | 111) << 24 | 960 << 10 | len(before)).to_bytes(4, "big") + bytes((111,))
    assert _assemble(Codec.RED, [(0, head + red + before + now)]) == [Frame(960, now, True)]


def test_parameter_sets_are_found_in_a_key_frame_and_nowhere_else() -> None:
    found = _assemble(Codec.H264, _numbered(_film(Codec.H264, 2)))
    sets = parameter_sets(found[0].data)
    assert [unit[0] & 31 for unit in sets.split(START_CODE)[1:]] == [7, 8]
    assert parameter_sets(found[1].data) == b""


def test_packets_that_only_fill_the_line_change_nothing() -> None:
    sent = _film(Codec.VP8, 3)
    filler = bytes((0xA0,)) + rtp.header_bytes(False, 96, 0, 77, 1)[1:] + b"\0\0\0\4"
    packets = [packet for frame in sent for packet in (*frame, filler)]
    assert len(_assemble(Codec.VP8, list(enumerate(packets)))) == 3


@pytest.mark.parametrize("codec", list(Codec))
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_input_raises(codec: Codec, data: st.DataObject) -> None:
    assembler = Assembler(codec)
    for number in range(data.draw(st.integers(1, 6))):
        payload = data.draw(st.binary(max_size=40))
        head = rtp.header_bytes(data.draw(st.booleans()), 96, number, number // 2, 1)
        assembler.take(number + data.draw(st.integers(0, 1)), head + payload)
    assembler.take(9, data.draw(st.binary(max_size=20)))


def test_a_frame_without_end_is_not_kept() -> None:
    assembler = Assembler(Codec.VP8)
    first = Film(Codec.VP8, 1, 96).frame()[0]
    body = rtp.header_bytes(False, 96, 0, 12_345, 1) + b"\0" + bytes(1400)
    assembler.take(0, first)
    for number in range(1, 5000):
        assembler.take(number, body)
    end = rtp.header_bytes(True, 96, 0, 12_345, 1) + b"\0" + bytes(10)
    assert assembler.take(5000, end) == []
    assert assembler.take(5001, Film(Codec.VP8, 1, 96, timestamp=99).frame()[0]) == []
