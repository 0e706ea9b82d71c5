"""What comes from the network before anybody is known: no text does anything but be refused."""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import sdp
from media.answer import publish_answer
from media.errors import BadSdp, NoCommonCodec, Unsupported
from media.negotiation import slots_to_play, tracks_to_publish
from media.sdp import Rid
from tests.media.offers import (
    CHROMIUM_PLAY,
    CHROMIUM_PUBLISH,
    FFMPEG_PUBLISH,
    FIREFOX_PUBLISH,
    LOCAL,
    PLAY,
    PUBLISH,
)

REFUSALS = (BadSdp, Unsupported, NoCommonCodec)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda s: s.replace("a=ice-ufrag", "a=x"), BadSdp),
        (lambda s: s.replace("a=fingerprint", "a=x"), BadSdp),
        (lambda s: s.replace("sha-256", "sha-1"), Unsupported),
        (lambda s: s.replace("a=group:BUNDLE 0 1", "a=x"), Unsupported),
        (lambda s: s.replace("a=rtcp-mux", "a=x"), Unsupported),
        (lambda s: s.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), Unsupported),
        (lambda s: s.replace("a=mid:1", "a=mid:0"), BadSdp),
        (lambda s: s.replace("a=recvonly", "a=sendonly"), Unsupported),
        (lambda s: s.replace("a=recvonly", "a=inactive"), Unsupported),
        (
            lambda s: s.replace("m=audio 9", "m=audio 0").replace("m=video 9", "m=video 0"),
            Unsupported,
        ),
        (lambda s: s.replace("a=rtpmap", "a=x"), NoCommonCodec),
        (lambda s: s.replace("a=rtpmap:111 ", "a=rtpmap:eleven "), BadSdp),
        (lambda s: s.replace("a=rtpmap:111 ", "a=rtpmap:²² "), BadSdp),
        (lambda s: s.replace("a=rtpmap:111 ", "a=rtpmap:" + "1" * 5000 + " "), BadSdp),
        (lambda s: s.replace("opus/48000/2", "opus/0/2"), NoCommonCodec),
        (lambda s: s.replace("minptime=10", "minptime\u2028=10"), BadSdp),
        (lambda s: s.replace("minptime=10", "minptime\r=10"), BadSdp),
        (lambda s: s.replace("m=audio 9", "m=audio\x1f 9"), BadSdp),
        (lambda s: s + "a=" + "x" * 140_000, BadSdp),
        (lambda s: "v=0\n" + "m=audio 9 x 0\n" * 40, BadSdp),
        (lambda s: "", BadSdp),
    ],
)
def test_an_offer_that_cannot_be_served_says_why(
    change: Callable[[str], str], error: type[Exception]
) -> None:
    with pytest.raises(error) as said:
        slots_to_play(sdp.parse(change(CHROMIUM_PLAY)), lambda: 1)
    assert len(str(said.value)) > 10


def test_the_layers_of_chromium_and_firefox_are_read() -> None:
    chromium, firefox = (
        sdp.parse(text).sections[1] for text in (CHROMIUM_PUBLISH, FIREFOX_PUBLISH)
    )
    assert (list(chromium.rids), chromium.simulcast) == (["q", "h", "f"], [["q"], ["h"], ["f"]])
    assert (list(firefox.rids), firefox.simulcast) == (["f", "h", "q"], [["f"], ["h"], ["q"]])
    assert (firefox.port, firefox.bundle_only, firefox.active) == (0, True, True)


@pytest.mark.parametrize(
    ("line", "rids"),
    [
        ("a=rid:hi-res_1 send", {"hi-res_1": Rid()}),
        ("a=rid:a send pt=96,102", {"a": Rid((96, 102))}),
        ("a=rid:a send pt=96;max-fps=15", {"a": Rid((96,), ("max-fps=15",))}),
        ("a=rid:a send max-br=200000", {"a": Rid((), ("max-br=200000",))}),
        ("a=rid:a recv", {}),
        ("a=rid:a send colour=green", {}),  # RFC 8851, 6.2.2: not understood
        ("a=rid:a send depend=b", {}),  # can't be forwarded by itself
    ],
)  # fmt: skip
def test_what_a_layer_may_be_is_read(line: str, rids: dict[str, Rid]) -> None:
    text = CHROMIUM_PUBLISH.replace("a=rid:q send\na=rid:h send\na=rid:f send", line)
    assert sdp.parse(text).sections[1].rids == rids


@pytest.mark.parametrize(
    ("value", "layers"),
    [
        ("send q;h;f", [["q"], ["h"], ["f"]]),
        ("send q,g;~h", [["q", "g"], ["h"]]),
        ("recv x;y send ~q;~h", [["q"], ["h"]]),
        ("recv x", []),
        ("send", []),
        ("", []),
    ],
)
def test_layers_their_alternatives_and_paused_ones_are_read(
    value: str, layers: list[list[str]]
) -> None:
    text = CHROMIUM_PUBLISH.replace("a=simulcast:send q;h;f", f"a=simulcast:{value}")
    assert sdp.parse(text).sections[1].simulcast == layers


def _work(text: str) -> None:
    """Everything an unauthenticated text can set off."""
    for choose in (lambda o: slots_to_play(o, lambda: 1), tracks_to_publish):
        with suppress(*REFUSALS):
            choose(sdp.parse(text))
    with suppress(*REFUSALS):
        offer = sdp.parse(text)
        publish_answer(offer, tracks_to_publish(offer), LOCAL)
    with suppress(BadSdp):
        sdp.parse_fragment(text)


_LINES = sorted({line for text in (*PUBLISH, *PLAY) for line in text.split("\n")})
_NAMES = ("rid", "simulcast", "ssrc-group", "extmap", "rtpmap", "fmtp", "rtcp-fb", "ssrc", "mid")


@given(
    st.lists(
        st.one_of(
            st.sampled_from(_LINES),
            st.text(max_size=40),
            st.builds("a={}:{}".format, st.sampled_from(_NAMES), st.text(max_size=30)),
        ),
        max_size=60,
    ),
    st.booleans(),
)
def test_no_text_raises_anything_but_what_is_declared(lines: list[str], headed: bool) -> None:
    _work("\n".join((["v=0"] if headed else []) + lines))


@given(st.sampled_from((*PUBLISH, *PLAY)), st.data())
def test_no_change_to_a_real_offer_raises_anything_but_what_is_declared(
    offer: str, data: st.DataObject
) -> None:
    text = offer
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        text = (
            text[:at] + data.draw(st.text(max_size=8)) + text[at + data.draw(st.integers(0, 8)) :]
        )
    _work(text)


def _steps(work: Callable[[], object]) -> int:
    """Lines of Python that ran: what a text costs, without a clock."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


_REPEATED = [
    "a=rtpmap:{n} VP8/90000",
    "a=rtpmap:{n} rtx/90000\na=fmtp:{n} apt=96",
    "a=rtcp-fb:* nack",
    "a=rtcp-fb:{n} x{n}",
    "a=extmap:{n} urn:{n}",
    "a=fingerprint:sha-256 {n}",
    "a=ssrc:{n} cname:x",
    "a=ssrc-group:FID {n} 7",
    "a=ssrc-group:SIM " + "{n} " * 16,
    "a=ssrc-group:FEC-FR " + "{n} " * 16,
    "a=rid:r{n} send pt=96;max-fps=9",
    "a=simulcast:send r{n};" + "r,s;" * 30,
    "a=group:BUNDLE 0 1 " + "{n} " * 30,
]


@pytest.mark.parametrize("line", _REPEATED)
def test_cost_grows_with_the_size_of_the_offer_and_no_faster(line: str) -> None:
    def hostile(times: int) -> str:
        return CHROMIUM_PUBLISH + "\n".join(line.format(n=n % 128) for n in range(times))

    one, two, four = (_steps(partial(_work, hostile(times))) for times in (50, 100, 200))
    assert four - two <= 2.2 * (two - one) + 100


@pytest.mark.parametrize("line", _REPEATED)
def test_what_is_kept_of_an_offer_is_bounded(line: str) -> None:
    times = (sdp.MAX_SIZE - len(CHROMIUM_PUBLISH)) // (len(line) + 40)
    text = CHROMIUM_PUBLISH + "\n".join(line.format(n=n % 128) for n in range(times))
    offer = sdp.parse(text)
    section = offer.sections[1]
    assert len(offer.fingerprints) <= 8
    for kept in (section.rtpmap, section.fmtp, section.feedback):
        assert len(kept) <= 129
    for kept in (section.ssrcs, section.rtx_ssrcs, section.rids, section.simulcast):
        assert len(kept) <= 17  # type: ignore[arg-type]  # a list or a dict
    assert all(len(values) <= 5 for values in section.feedback.values())
    assert len(section.fec_ssrcs) <= 32
    assert len(section.layer_ssrcs) <= 16


@settings(max_examples=50)
@given(st.lists(st.sampled_from(FFMPEG_PUBLISH.split("\n")), max_size=20))
def test_a_fragment_ignores_what_it_does_not_know(lines: list[str]) -> None:
    with suppress(BadSdp):
        fragment = sdp.parse_fragment("\r\n".join(lines))
        assert bool(fragment.ufrag) == bool(fragment.password)


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "a=ice-ufrag:abcd",
        "a=ice-ufrag:abcd\r\na=ice-pwd:short\x00",
        "a=ice-ufrag:ab\r\na=ice-pwd:" + "p" * 22,
        "x" * 140_000,
    ],
)
def test_a_fragment_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(BadSdp):
        sdp.parse_fragment(text)
