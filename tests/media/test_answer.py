"""Answers as clients read them: line by line, and by aiortc's parser."""

import itertools

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from media import sdp
from media.answer import play_answer, publish_answer, restart_fragment, tagged
from media.errors import BadSdp, NoCommonCodec, Unsupported
from media.negotiation import setup_for, slots_to_play, tracks_to_publish
from media.specs import SlotSpec
from tests.media.offers import (
    CHROMIUM_PLAY,
    CHROMIUM_PUBLISH,
    FFMPEG_PUBLISH,
    FIREFOX_PLAY,
    FIREFOX_PUBLISH,
    LOCAL,
    PLAY,
    PUBLISH,
)


def published(offer: str) -> str:
    read = sdp.parse(offer)
    return publish_answer(read, tracks_to_publish(read), LOCAL)


def played(offer: str) -> tuple[str, tuple[SlotSpec, ...]]:
    read = sdp.parse(offer)
    numbers = itertools.count(100)
    slots = slots_to_play(read, lambda: next(numbers))
    return play_answer(read, slots, "cname", LOCAL), slots


def video_of(answer: str) -> list[str]:
    return answer[answer.index("m=video") :].split("\r\n")


ANSWERS = [published(offer) for offer in PUBLISH] + [played(offer)[0] for offer in PLAY]


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_says_what_whip_asks_for_on_every_m_line(answer: str) -> None:
    count = answer.count("\r\nm=")
    assert count == 2
    for line in (
        "a=ice-ufrag:ufrag",
        "a=ice-pwd:passwordpasswordpassword",
        f"a=fingerprint:sha-256 {LOCAL.fingerprint}",
        "a=setup:passive",
        "a=rtcp-mux",
        "a=rtcp-mux-only",
        "a=candidate:1 1 udp 2130706430 192.0.2.1 5000 typ host",
        "a=candidate:2 1 udp 2130706429 198.51.100.2 5000 typ host",
        "a=end-of-candidates",
    ):
        assert answer.count(f"\r\n{line}\r\n") == count
    assert answer.count("a=fingerprint") == count
    assert answer.count("\r\na=ice-lite\r\na=ice-options:trickle ice2\r\n") == 1
    assert "\r\na=group:BUNDLE 0 1\r\n" in answer
    assert "actpass" not in answer


@pytest.mark.parametrize("offer", PUBLISH)
def test_a_publisher_is_answered_recvonly_and_a_player_sendonly(offer: str) -> None:
    assert published(offer).count("\r\na=recvonly\r\n") == 2
    as_player = offer.replace("a=sendonly", "a=recvonly")
    assert played(as_player)[0].count("\r\na=sendonly\r\n") == 2


@pytest.mark.parametrize(
    ("offered", "answered"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")]
)
def test_the_server_is_dtls_client_only_for_a_peer_that_cannot_be(
    offered: str, answered: str
) -> None:
    text = CHROMIUM_PUBLISH.replace("a=setup:actpass", f"a=setup:{offered}")
    assert setup_for(sdp.parse(text)) == answered


@pytest.mark.parametrize(
    ("offer", "names"), [(CHROMIUM_PUBLISH, "q;h;f"), (FIREFOX_PUBLISH, "f;h;q")]
)
def test_three_layers_are_asked_for_in_the_order_offered(offer: str, names: str) -> None:
    lines = video_of(published(offer))
    assert f"a=simulcast:recv {names}" in lines
    assert [x for x in lines if x.startswith("a=rid:")] == [
        f"a=rid:{name} recv" for name in names.split(";")
    ]
    for extension in ("sdes:mid", "sdes:rtp-stream-id", "sdes:repaired-rtp-stream-id"):
        assert sum(x.startswith("a=extmap:") and x.endswith(extension) for x in lines) == 1


def test_restrictions_of_a_layer_are_kept_and_its_payload_types_narrowed() -> None:
    offer = CHROMIUM_PUBLISH.replace(
        "a=rid:q send", "a=rid:q send pt=96,104,108;max-width=320;max-height=180"
    )
    assert "a=rid:q recv pt=96,108;max-width=320;max-height=180" in video_of(published(offer))


def test_no_layers_are_asked_for_where_none_are_offered() -> None:
    for offer in (FFMPEG_PUBLISH, CHROMIUM_PUBLISH.replace("a=simulcast", "a=x")):
        assert "rid:" not in published(offer)
        assert "a=simulcast" not in published(offer)
        assert "stream-id" not in published(offer)


def test_the_payload_types_of_the_offer_are_kept_in_its_order() -> None:
    assert "\r\nm=video 9 UDP/TLS/RTP/SAVPF 106 105\r\n" in published(FFMPEG_PUBLISH)
    assert "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n" in published(CHROMIUM_PUBLISH)
    assert "\r\nm=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 99 100\r\n" in played(FIREFOX_PLAY)[0]


def test_the_media_ssrc_line_comes_before_that_of_its_retransmissions() -> None:
    answer, slots = played(CHROMIUM_PLAY)
    lines = [line for line in answer.split("\r\n") if line.startswith("a=ssrc:")]
    assert lines[-2:] == [
        f"a=ssrc:{slots[1].ssrc} cname:cname",
        f"a=ssrc:{slots[1].rtx_ssrc} cname:cname",
    ]


def test_reduced_size_rtcp_is_answered_where_it_is_offered() -> None:
    audio, video = published(FFMPEG_PUBLISH).split("m=")[1:]
    assert ("a=rtcp-rsize" in audio, "a=rtcp-rsize" in video) == (False, True)


def test_an_m_line_without_use_is_rejected_in_its_place() -> None:
    data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:2\na=sctp-port:5000\n"
    answer = published(CHROMIUM_PUBLISH.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + data)
    assert "a=group:BUNDLE 0 1\r\n" in answer
    assert answer.endswith(
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
        "c=IN IP4 0.0.0.0\r\na=mid:2\r\na=inactive\r\n"
    )


def test_a_lone_m_line_needs_neither_mid_nor_bundle() -> None:
    audio = FFMPEG_PUBLISH[: FFMPEG_PUBLISH.index("m=video")]
    answer = published(audio.replace("a=mid:0\n", "").replace("a=group:BUNDLE 0 1\n", ""))
    assert "a=mid" not in answer
    assert "BUNDLE" not in answer
    assert len(SessionDescription.parse(answer).media) == 1


def test_the_answer_to_a_restart_says_of_ice_what_the_first_answer_said() -> None:
    offer = sdp.parse(CHROMIUM_PUBLISH)
    assert restart_fragment(LOCAL, tagged(offer)).split("\r\n") == [
        "a=ice-lite",
        "a=ice-options:trickle ice2",
        "a=group:BUNDLE 0 1",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "a=mid:0",
        "a=ice-ufrag:ufrag",
        "a=ice-pwd:passwordpasswordpassword",
        "a=candidate:1 1 udp 2130706430 192.0.2.1 5000 typ host",
        "a=candidate:2 1 udp 2130706429 198.51.100.2 5000 typ host",
        "a=end-of-candidates",
        "",
    ]
    fragment = sdp.parse_fragment(restart_fragment(LOCAL, tagged(offer)))
    assert (fragment.ufrag, len(fragment.candidates)) == ("ufrag", 2)


def test_a_bundle_only_m_line_takes_its_transport_from_the_first() -> None:
    """As in RFC 9725, figure 2: no ICE, no DTLS, no rtcp-mux of its own."""
    head, video = FIREFOX_PUBLISH.split("m=video")
    bare = [x for x in video.split("\n") if not x.startswith(("a=ice", "a=rtcp-mux", "a=setup"))]
    answer = published(head + "m=video" + "\n".join(bare))
    assert answer.count("a=rtcp-mux\r\n") == 2


@given(st.sampled_from((*PUBLISH, *PLAY)), st.randoms(use_true_random=False))
def test_every_answer_can_be_read_by_aiortc(offer: str, random: object) -> None:
    """Whatever lines an offer lacks: what is answered at all, is answered well."""
    lines = offer.rstrip("\n").split("\n")
    kept = [line for line in lines if random.random() > 0.04]  # type: ignore[attr-defined]
    for choose in (published, lambda text: played(text)[0]):
        try:
            answer = choose("\n".join(kept) + "\n")
        except (BadSdp, Unsupported, NoCommonCodec):
            continue
        read = SessionDescription.parse(answer)
        assert all(m.ice is not None and m.dtls is not None for m in read.media if m.port)
        again = sdp.parse(answer.replace("a=ice-lite", "a=x"))
        assert again.ufrag == "ufrag"
