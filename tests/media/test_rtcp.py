"""RTCP is read back as it was written, and nothing but MalformedPacket comes of bad bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp
from media.feedback import MAX_STATUSES, TransportFeedback
from media.rtp import MalformedPacket

U32 = st.integers(0, 2**32 - 1)
U16 = st.integers(0, 2**16 - 1)
BLOCKS = st.builds(
    rtcp.ReportBlock,
    ssrc=U32,
    fraction_lost=st.integers(0, 255),
    lost=st.integers(-(2**23), 2**23 - 1),
    highest=U32,
    jitter=U32,
    last_sr=U32,
    delay=U32,
)


@given(
    ssrc=U32,
    ntp=st.integers(0, 2**64 - 1),
    stamp=U32,
    packets=U32,
    octets=U32,
    blocks=st.lists(BLOCKS, max_size=31).map(tuple),
    cname=st.text(st.characters(codec="ascii", min_codepoint=33), max_size=40),
)
def test_sender_report_carries_its_numbers_and_cname(
    ssrc, ntp, stamp, packets, octets, blocks, cname
):
    report = rtcp.SenderReport(ssrc, ntp, stamp, packets, octets, blocks)
    assert rtcp.parse(rtcp.build([report, rtcp.Description(ssrc, cname)])) == [
        report,
        rtcp.Description(ssrc, cname),
    ]


@given(U32, st.lists(BLOCKS, max_size=31).map(tuple))
def test_receiver_report_carries_its_blocks(ssrc, blocks):
    written = rtcp.build([rtcp.ReceiverReport(ssrc, blocks)])
    assert rtcp.parse(written) == [rtcp.ReceiverReport(ssrc, blocks)]


def test_cumulative_loss_is_held_at_the_ends_of_its_24_bits():
    block = rtcp.ReportBlock(1, 0, 2**30, 0, 0)
    (report,) = rtcp.parse(rtcp.build([rtcp.ReceiverReport(2, (block,))]))
    assert report.blocks[0].lost == 2**23 - 1


@given(start=U16, gaps=st.lists(st.integers(1, 40), max_size=60))
def test_nack_names_exactly_what_is_missing(start, gaps):
    missing = [start]
    for gap in gaps:
        missing.append((missing[-1] + gap) & 0xFFFF)
    nack = rtcp.Nack(1, 2, tuple(missing))
    assert rtcp.parse(rtcp.build([nack])) == [nack]


def test_neighbours_share_one_nack_entry():
    one, many = rtcp.Nack(1, 2, (100,)), rtcp.Nack(1, 2, tuple(range(100, 117)))
    assert len(rtcp.build([many])) == len(rtcp.build([one]))


def test_a_compound_keeps_its_order():
    compound = [rtcp.ReceiverReport(1), rtcp.Pli(1, 7), rtcp.Fir(1, ((9, 44), (10, 255)))]
    assert rtcp.parse(rtcp.build(compound)) == compound


def test_bye_names_every_stream():
    assert rtcp.parse(rtcp.build([rtcp.Bye((1, 2, 3))])) == [rtcp.Bye((1, 2, 3))]


@given(st.integers(0, 2**40), st.lists(U32, max_size=9))
def test_remb_keeps_eighteen_significant_bits(bitrate, ssrcs):
    (report,) = rtcp.parse(rtcp.build([rtcp.Remb(1, bitrate, tuple(ssrcs))]))
    assert report.ssrcs == tuple(ssrcs)
    assert report.bitrate <= bitrate
    assert bitrate - report.bitrate < max(1, bitrate >> 17)


ARRIVALS = st.lists(
    st.one_of(st.none(), st.integers(-400, 400), st.integers(-32768, 32767)), max_size=300
)


@given(base=U16, first=st.integers(0, 2**30), steps=ARRIVALS, count=st.integers(0, 255))
def test_transport_feedback_keeps_every_arrival(base, first, steps, count):
    arrivals, time = [], first
    for step in steps:
        # An arrival before the receiver's zero is none; and the first step counts from 64 ms marks.
        if step is not None and (step := step if arrivals else abs(step)) + time >= 0:
            time += step
            arrivals.append(time)
        else:
            arrivals.append(None)
    feedback = TransportFeedback(1, 2, base, count, tuple(arrivals))
    written = rtcp.build([feedback])
    assert rtcp.parse(written) == [feedback]


def test_transport_feedback_on_endless_packets_is_refused():
    body = (0).to_bytes(2, "big") + (MAX_STATUSES + 1).to_bytes(2, "big") + bytes(4)
    header = bytes((0x80 | 15, 205)) + ((8 + len(body)) // 4).to_bytes(2, "big") + bytes(8)
    with pytest.raises(MalformedPacket):
        rtcp.parse(header + body)


def test_a_report_of_an_unknown_type_is_passed_over():
    unknown = bytes((0x80, 207, 0, 1)) + bytes(4)
    assert rtcp.parse(unknown + rtcp.build([rtcp.Pli(1, 7)])) == [rtcp.Pli(1, 7)]


@given(st.binary(max_size=1500))
def test_no_bytes_raise_anything_else(data):
    try:
        rtcp.parse(data)
    except MalformedPacket:
        return


@given(
    kind=st.sampled_from([200, 201, 202, 203, 205, 206]),
    count=st.integers(0, 31),
    padded=st.booleans(),
    body=st.binary(max_size=200),
)
def test_no_body_under_a_valid_header_raises_anything_else(kind, count, padded, body):
    body += bytes(-len(body) % 4)
    first = 0x80 | padded << 5 | count
    data = bytes((first, kind)) + (len(body) // 4).to_bytes(2, "big") + body
    try:
        reports = rtcp.parse(data)
    except MalformedPacket:
        return
    assert len(reports) <= 32
