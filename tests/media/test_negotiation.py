"""What is chosen from the offers of real clients, and from variations of them."""

import itertools

import pytest

from media import sdp
from media.errors import NoCommonCodec
from media.negotiation import slots_to_play, tracks_to_publish
from media.specs import Codec, Extension, Kind, SlotSpec, TrackSpec
from tests.media.offers import (
    CHROMIUM_PLAY,
    CHROMIUM_PUBLISH,
    FFMPEG_PUBLISH,
    FIREFOX_PLAY,
    FIREFOX_PUBLISH,
)

WIDE = "a=extmap:3 " + Extension.TRANSPORT_CC.value


def tracks(offer: str) -> tuple[TrackSpec, ...]:
    return tracks_to_publish(sdp.parse(offer))


def slots(offer: str) -> tuple[SlotSpec, ...]:
    numbers = itertools.count(100)
    return slots_to_play(sdp.parse(offer), lambda: next(numbers))


def test_what_chromium_publishes() -> None:
    audio, video = tracks(CHROMIUM_PUBLISH)
    assert (audio.kind, audio.mid, audio.ssrcs) == (Kind.AUDIO, "0", (3256360849,))
    assert [(p.codec, p.payload_type, p.fmtp) for p in audio.payloads] == [
        (Codec.OPUS, 111, "minptime=10;useinbandfec=1"),
        (Codec.RED, 63, "111/111"),
    ]
    assert [(p.codec, p.payload_type, p.rtx_payload_type) for p in video.payloads] == [
        (Codec.VP8, 96, 97),
        (Codec.H264, 102, 103),
        (Codec.H264, 108, 109),
        (Codec.H264, 116, 117),
        (Codec.AV1, 45, 46),
        (Codec.VP9, 98, 99),
        (Codec.VP9, 100, 101),
    ]
    assert (video.rids, video.ssrcs, video.rtx_ssrcs) == (("q", "h", "f"), (), ())


def test_what_firefox_publishes() -> None:
    _audio, video = tracks(FIREFOX_PUBLISH)
    assert [p.codec for p in video.payloads] == [Codec.VP8, Codec.VP9, Codec.AV1]
    assert video.rids == ("f", "h", "q")
    assert video.ssrcs == (3566454908, 3707386958, 643980096)
    assert [media for media, _ in video.rtx_ssrcs] == list(video.ssrcs)
    # Of an extension that says so, only the direction that is asked for (a=extmap:9/sendonly).
    assert dict(video.extensions)[Extension.RID] == 9


def test_what_ffmpeg_publishes() -> None:
    audio, video = tracks(FFMPEG_PUBLISH)
    assert (audio.extensions, video.extensions, video.rids) == ((), (), ())
    assert video.ssrcs == (4004283138,)
    assert video.rtx_ssrcs == ((4004283138, 4004283139),)
    assert video.payloads[0].feedback == {"nack"}


@pytest.mark.parametrize(
    ("simulcast", "rids"),
    [
        ("send q;h;f", ("q", "h", "f")),
        ("send ~q;h;~f", ("q", "h", "f")),  # paused layers are wanted too
        ("send x,q;h", ("q", "h")),  # of alternatives the first that was described
        ("send q;q;h", ("q", "h")),
        ("send q;h;f;g", ("q", "h", "f")),  # at most three, the most preferred
        ("send f", ("f",)),
        ("send nobody", ()),
        ("recv q;h;f", ()),
    ],
)
def test_which_layers_are_accepted(simulcast: str, rids: tuple[str, ...]) -> None:
    offer = CHROMIUM_PUBLISH.replace(
        "a=simulcast:send q;h;f", f"a=rid:g send\na=simulcast:{simulcast}"
    )
    assert tracks(offer)[1].rids == rids


def test_names_of_layers_are_the_publishers_own() -> None:
    offer = CHROMIUM_PUBLISH
    for old, new in (("q", "low-1"), ("h", "2_mid"), ("f", "HIGH")):
        offer = offer.replace(f"a=rid:{old} ", f"a=rid:{new} ")
    offer = offer.replace("send q;h;f", "send HIGH;2_mid;low-1")
    assert tracks(offer)[1].rids == ("HIGH", "2_mid", "low-1")


def test_a_layer_in_payload_types_that_cannot_be_forwarded_is_left_out() -> None:
    # 104 is H.264 with packetization-mode 0, 96 is VP8.
    offer = CHROMIUM_PUBLISH.replace("a=rid:q send", "a=rid:q send pt=104").replace(
        "a=rid:h send", "a=rid:h send pt=104,96"
    )
    assert tracks(offer)[1].rids == ("h", "f")


def test_without_the_extension_that_names_them_no_layers_are_accepted() -> None:
    offer = CHROMIUM_PUBLISH.replace(Extension.RID.value, "urn:x")
    video = tracks(offer)[1]
    assert video.rids == ()
    assert Extension.REPAIRED_RID not in dict(video.extensions)


def test_ssrcs_that_are_fewer_than_the_layers_name_none_of_them() -> None:
    offer = FIREFOX_PUBLISH.replace("a=ssrc:643980096", "a=x").replace("a=ssrc-group", "a=x")
    kept = "a=ssrc:968326211"
    offer = (
        offer.replace(kept, "a=x")
        .replace("a=ssrc:2599124431", "a=x")
        .replace("a=ssrc:1658041438", "a=x")
    )
    assert (tracks(offer)[1].ssrcs, tracks(offer)[1].rids) == ((), ("f", "h", "q"))


def test_a_sim_group_names_the_layers_of_one_track() -> None:
    group = (
        "a=ssrc-group:SIM 30 20 10\na=ssrc-group:FID 30 31\na=ssrc-group:FID 20 21\n"
        "a=ssrc-group:FID 10 11\na=ssrc-group:FEC-FR 30 32\n"
    )
    ssrcs = "".join(f"a=ssrc:{n} cname:x\n" for n in (30, 31, 32, 20, 21, 10, 11))
    offer = CHROMIUM_PUBLISH.replace("a=simulcast:send q;h;f", "") + group + ssrcs
    video = tracks(offer)[1]
    assert (video.ssrcs, video.rids) == ((30, 20, 10), ())
    assert video.rtx_ssrcs == ((30, 31), (20, 21), (10, 11))


def test_repair_streams_are_no_media() -> None:
    lines = "".join(f"a=ssrc:{n} cname:x\n" for n in (1, 2, 3))
    offer = CHROMIUM_PUBLISH.replace("a=simulcast:send q;h;f\n", "") + lines
    offer += "a=ssrc-group:FID 1 2\na=ssrc-group:FEC-FR 1 3\n"
    assert tracks(offer)[1].ssrcs == (1,)


@pytest.mark.parametrize("offer", [CHROMIUM_PUBLISH, FIREFOX_PUBLISH])
def test_a_publisher_that_can_is_told_by_transport_cc_alone(offer: str) -> None:
    for track in tracks(offer):
        assert Extension.TRANSPORT_CC in dict(track.extensions)
        assert "transport-cc" in track.payloads[0].feedback
        assert all("goog-remb" not in p.feedback for p in track.payloads)


@pytest.mark.parametrize("offer", [CHROMIUM_PLAY, FIREFOX_PLAY])
def test_a_player_that_can_tells_by_transport_cc_alone(offer: str) -> None:
    ids = {dict(slot.extensions)[Extension.TRANSPORT_CC] for slot in slots(offer)}
    assert len(ids) == 1  # for the whole bundle
    assert all("goog-remb" not in p.feedback for slot in slots(offer) for p in slot.payloads)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.replace(Extension.TRANSPORT_CC.value, "urn:x"),  # feedback without extension
        lambda s: s.replace(" transport-cc", " x"),  # extension without feedback
    ],
)
def test_without_both_halves_of_transport_cc_remb_is_kept(change: object) -> None:
    for chosen in (*tracks(change(CHROMIUM_PUBLISH)), *slots(change(CHROMIUM_PLAY))):  # type: ignore[operator]
        assert Extension.TRANSPORT_CC not in dict(chosen.extensions)
        assert all("transport-cc" not in p.feedback for p in chosen.payloads)
        if chosen.kind is Kind.VIDEO:
            assert "goog-remb" in chosen.payloads[0].feedback


def test_transport_cc_has_one_id_in_the_bundle_or_is_left_out() -> None:
    head, video = CHROMIUM_PUBLISH.split("m=video")
    audio, other = tracks(head + "m=video" + video.replace(WIDE, WIDE.replace(":3", ":9")))
    assert dict(audio.extensions)[Extension.TRANSPORT_CC] == 3
    assert Extension.TRANSPORT_CC not in dict(other.extensions)
    assert "goog-remb" in other.payloads[0].feedback


@pytest.mark.parametrize("fmtp", ["111/0", "111/9", "", "x"])
def test_redundancy_around_anything_but_accepted_opus_is_left_out(fmtp: str) -> None:
    offer = CHROMIUM_PUBLISH.replace("a=fmtp:63 111/111", f"a=fmtp:63 {fmtp}")
    assert [p.codec for p in tracks(offer)[0].payloads] == [Codec.OPUS]


def test_redundancy_keeps_the_place_the_offer_gives_it() -> None:
    offer = CHROMIUM_PLAY.replace("SAVPF 111 63 ", "SAVPF 63 111 ")
    assert [p.codec for p in slots(offer)[0].payloads] == [Codec.RED, Codec.OPUS]
    offer = CHROMIUM_PUBLISH.replace("SAVPF 111 63 ", "SAVPF 63 111 ")
    assert [p.codec for p in tracks(offer)[0].payloads] == [Codec.RED, Codec.OPUS]


def test_redundancy_alone_is_no_codec() -> None:
    with pytest.raises(NoCommonCodec):
        tracks(CHROMIUM_PUBLISH.replace("SAVPF 111 63 ", "SAVPF 63 "))


def test_h264_in_single_packets_is_left_out() -> None:
    modes = {p.fmtp for p in tracks(CHROMIUM_PUBLISH)[1].payloads if p.codec is Codec.H264}
    assert len(modes) == 3
    assert all("packetization-mode=1" in fmtp for fmtp in modes)
    with pytest.raises(NoCommonCodec):
        tracks(FFMPEG_PUBLISH.replace("packetization-mode=1", "packetization-mode=10"))


def test_extension_ids_beyond_the_one_byte_form_or_given_twice_are_left_out() -> None:
    offer = CHROMIUM_PUBLISH.replace(
        "a=extmap:13 urn:3gpp:video-orientation", "a=extmap:4 urn:3gpp:video-orientation"
    ).replace("a=extmap:1 urn", "a=extmap:20 urn")
    audio, video = tracks(offer)
    assert Extension.AUDIO_LEVEL not in dict(audio.extensions)
    assert [n for _, n in video.extensions] == [3, 4, 10, 11]


def test_an_extension_that_flows_the_other_way_is_left_out() -> None:
    offer = CHROMIUM_PUBLISH.replace("a=extmap:1 urn", "a=extmap:1/recvonly urn")
    assert Extension.AUDIO_LEVEL not in dict(tracks(offer)[0].extensions)
