"""What was negotiated, as plain values: the shell reads SDP and fills them, the room works by them.

Nothing here is mutable and nothing here knows SDP syntax beyond the strings named below.
"""

from dataclasses import dataclass
from enum import StrEnum

MAX_VIDEO_SLOTS = 9
MAX_AUDIO_SLOTS = 3
MAX_LAYERS = 3


class Kind(StrEnum):
    """Kind of an m-line."""

    AUDIO = "audio"
    VIDEO = "video"


class Codec(StrEnum):
    """Codecs forwarded by pass-through; the value is the encoding name of `a=rtpmap`."""

    OPUS = "opus"
    RED = "red"  # RFC 2198 around Opus
    VP8 = "VP8"
    VP9 = "VP9"
    H264 = "H264"  # packetization-mode 1 (RFC 6184)
    AV1 = "AV1"


class Source(StrEnum):
    """What a publish resource shows; a participant has at most one of each."""

    CAMERA = "camera"
    SCREEN = "screen"


class Extension(StrEnum):
    """RTP header extensions worth negotiating; the value is the URI of `a=extmap`."""

    MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
    RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
    REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
    AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    TRANSPORT_CC = (
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"  # as browsers
    )
    ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    VIDEO_ORIENTATION = "urn:3gpp:video-orientation"


#: What to accept from an offer, by direction and kind (an answer keeps the offer's ids).
PUBLISH_EXTENSIONS: dict[Kind, frozenset[Extension]] = {
    Kind.AUDIO: frozenset({Extension.MID, Extension.AUDIO_LEVEL, Extension.TRANSPORT_CC}),
    Kind.VIDEO: frozenset(
        {
            Extension.MID,
            Extension.RID,
            Extension.REPAIRED_RID,
            Extension.TRANSPORT_CC,
            Extension.VIDEO_ORIENTATION,
        }
    ),
}
PLAY_EXTENSIONS: dict[Kind, frozenset[Extension]] = {
    Kind.AUDIO: frozenset({Extension.MID, Extension.AUDIO_LEVEL, Extension.TRANSPORT_CC}),
    Kind.VIDEO: frozenset(
        {
            Extension.MID,
            Extension.TRANSPORT_CC,
            Extension.ABS_SEND_TIME,
            Extension.VIDEO_ORIENTATION,
        }
    ),
}

#: `a=rtcp-fb` values understood, by kind; anything else in an offer is left out of the answer.
FEEDBACK: dict[Kind, frozenset[str]] = {
    Kind.AUDIO: frozenset({"nack", "transport-cc"}),
    Kind.VIDEO: frozenset({"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"}),
}


@dataclass(frozen=True, slots=True)
class PayloadSpec:
    """One negotiated payload type. `fmtp` is the text after `a=fmtp:<pt> `, empty if none;
    `feedback` holds `a=rtcp-fb` values (a subset of `FEEDBACK`); `rtx_payload_type` is the RFC 4588
    type whose `apt` is this one."""

    codec: Codec
    payload_type: int
    clock_rate: int
    channels: int = 1
    fmtp: str = ""
    feedback: frozenset[str] = frozenset()
    rtx_payload_type: int | None = None


@dataclass(frozen=True, slots=True)
class TrackSpec:
    """One m-line a publisher sends. `ssrcs` and `rtx_ssrcs` (media SSRC, its RTX SSRC) may be empty
    when the offer names none: streams are then found by mid, rid and payload type. `rids` are the
    accepted simulcast layers in the publisher's order of preference; several `ssrcs` without `rids`
    are layers too, in the order of their `ssrc-group:SIM`. Which layer is larger is measured, not
    read from names or order."""

    kind: Kind
    mid: str
    payloads: tuple[PayloadSpec, ...]
    extensions: tuple[tuple[Extension, int], ...] = ()
    ssrcs: tuple[int, ...] = ()
    rtx_ssrcs: tuple[tuple[int, int], ...] = ()
    rids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublisherSpec:
    """A WHIP media resource: at most one audio and one video track. A `relayed` one is pulled from
    the node that its participant is on."""

    resource_id: str
    participant: str
    lead: bool
    tracks: tuple[TrackSpec, ...]
    source: Source = Source.CAMERA
    relayed: bool = False


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """One recvonly m-line of a player, named by its mid. `ssrc` and `rtx_ssrc` are chosen by the
    answerer and stay for the life of the resource."""

    kind: Kind
    mid: str
    payloads: tuple[PayloadSpec, ...]
    ssrc: int
    rtx_ssrc: int | None = None
    extensions: tuple[tuple[Extension, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriberSpec:
    """A WHEP media resource. `cname` is the one the answer's `a=ssrc` lines name; every slot shares
    it, so that a player keeps sound and picture in step. What flows to one that is `unseen` is no
    evidence of presence. Another node `pulls` one source of one participant, as it was published;
    it is no participant itself."""

    resource_id: str
    participant: str
    slots: tuple[SlotSpec, ...]
    cname: str
    unseen: bool = False
    pulls: tuple[str, Source] | None = None


def parameters(fmtp: str) -> dict[str, str]:
    """`a=fmtp` parameters by name, in lower case."""
    pairs = (item.partition("=") for item in fmtp.lower().split(";"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def compatible(sent: PayloadSpec, wanted: PayloadSpec) -> bool:
    """Whether a stream published as `sent` can be played by who negotiated `wanted`.

    H.264 compares packetization mode and profile (RFC 6184, 8.1; constrained baseline plays
    everywhere); VP9 and AV1 compare the profile, absent meaning 0; RED compares what is in it.
    Levels are not compared: every known player takes more than it says.
    """
    if sent.codec is not wanted.codec or sent.clock_rate != wanted.clock_rate:
        return False
    if sent.codec is Codec.RED:  # its blocks name their payload types themselves
        return sent.fmtp == wanted.fmtp
    ours, theirs = parameters(sent.fmtp), parameters(wanted.fmtp)
    if sent.codec is Codec.H264:
        if ours.get("packetization-mode", "0") != theirs.get("packetization-mode", "0"):
            return False
        profile = ours.get("profile-level-id", "42001f")[:4]
        wanted_profile = theirs.get("profile-level-id", "42001f")[:4]
        if profile == "4200":  # no known encoder uses what baseline has beyond constrained baseline
            return wanted_profile.startswith("42")
        return profile in ("42e0", "42c0", wanted_profile)
    if sent.codec is Codec.VP9:
        return ours.get("profile-id", "0") == theirs.get("profile-id", "0")
    if sent.codec is Codec.AV1:
        return ours.get("profile", "0") == theirs.get("profile", "0")
    return True
