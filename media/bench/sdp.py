"""The session descriptions of bench peers, and what they need to know of the other side's.

Written by hand, so that the load is the same whatever library describes sessions: VP8 and Opus,
one BUNDLE, rtcp-mux, the feedback and audio-level extension every browser offers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.sdp import MediaDescription, SessionDescription

from media.bench import arrivals

OPUS, VP8 = 111, 96  # payload types offered
AUDIO_LEVEL_ID = 1  # not arrivals.EXTENSION_ID
_RTPMAP = {
    "audio": f"{OPUS} opus/48000/2",
    "video": f"{VP8} VP8/90000",
}
_TYPE = {"audio": OPUS, "video": VP8}
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")


class SignallingFailed(Exception):
    """The system under test did not do its part of the connection: {what}."""


@dataclass(frozen=True, slots=True)
class Local:
    """What a peer says of itself."""

    ufrag: str
    password: str
    fingerprint: str  # sha-256, colon-separated
    address: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Remote:
    """What a peer must know to connect."""

    ufrag: str
    password: str
    address: tuple[str, int]
    dtls: RTCDtlsParameters
    setup: str  # the peer's own DTLS role that follows: "client" or "server"


def _head(count: int) -> list[str]:
    mids = " ".join(str(i) for i in range(count))
    return [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {mids}",
        "a=msid-semantic:WMS *",
    ]


def _transport(local: Local, setup: str) -> list[str]:
    host, port = local.address
    return [
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        f"a=setup:{setup}",
        f"a=candidate:1 1 udp 2130706431 {host} {port} typ host",
        "a=end-of-candidates",
        "a=rtcp-mux",
    ]


def _section(
    kind: str, mid: str, direction: str, local: Local, setup: str, payload_type: int | None = None
) -> list[str]:
    rtpmap = _RTPMAP[kind]
    number = _TYPE[kind] if payload_type is None else payload_type
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {number}",
        "c=IN IP4 0.0.0.0",
        *_transport(local, setup),
        f"a=mid:{mid}",
        f"a={direction}",
        f"a=rtpmap:{number} {rtpmap.split(' ', 1)[1]}",
    ]
    if kind == "audio":
        lines.append(f"a=fmtp:{number} minptime=10;useinbandfec=1")
        lines.append(f"a=extmap:{AUDIO_LEVEL_ID} urn:ietf:params:rtp-hdrext:ssrc-audio-level")
    else:
        lines.extend(f"a=rtcp-fb:{number} {value}" for value in _FEEDBACK)
    return lines


def publish_offer(local: Local, ssrcs: dict[str, int], cname: str) -> str:
    """A sendonly audio and a sendonly video; `ssrcs` by kind."""
    lines = _head(2)
    for mid, kind in enumerate(("audio", "video")):
        lines += _section(kind, str(mid), "sendonly", local, "actpass")
        lines += [f"a=msid:{cname} {kind}", f"a=ssrc:{ssrcs[kind]} cname:{cname}"]
    return "\r\n".join(lines) + "\r\n"


def play_offer(local: Local, slots: int, *, transport_cc: bool = False) -> str:
    """`slots` recvonly audios and as many videos, with transport-wide feedback if wanted."""
    lines = _head(2 * slots)
    for mid, kind in enumerate(["audio"] * slots + ["video"] * slots):
        lines += _section(kind, str(mid), "recvonly", local, "actpass")
        if transport_cc:
            lines.append(f"a=rtcp-fb:{_TYPE[kind]} transport-cc")
            lines.append(f"a=extmap:{arrivals.EXTENSION_ID} {arrivals.URI}")
    return "\r\n".join(lines) + "\r\n"


def play_answer(local: Local, offer: str) -> str:
    """An answer that receives whatever `offer` sends, as DTLS client."""
    media = _media(offer)
    lines = _head(len(media))
    lines[4] = "a=group:BUNDLE " + " ".join(m.rtp.muxId for m in media)
    for m in media:
        number = m.rtp.codecs[0].payloadType
        lines += _section(m.kind, m.rtp.muxId, "recvonly", local, "active", number)
    return "\r\n".join(lines) + "\r\n"


def _media(text: str) -> Sequence[MediaDescription]:
    media = SessionDescription.parse(text).media
    if not media:
        raise SignallingFailed("a session description without m-lines")
    return media


def remote(text: str, *, answered: bool) -> Remote:
    """Read the first m-line (all are bundled) of an answer, or of an offer to be answered
    `active`. Raises SignallingFailed."""
    first = _media(text)[0]
    candidates = [c for c in first.ice_candidates if c.protocol == "udp" and ":" not in c.ip]
    ice = first.ice
    if not candidates or ice is None or ice.usernameFragment is None or ice.password is None:
        raise SignallingFailed("no IPv4 UDP candidate or no ICE credentials in the answer")
    if first.dtls is None:
        raise SignallingFailed("no fingerprint in the answer")
    fingerprints = [
        RTCDtlsFingerprint(algorithm=f.algorithm, value=f.value) for f in first.dtls.fingerprints
    ]
    theirs = first.dtls.role
    return Remote(
        ice.usernameFragment,
        ice.password,
        (candidates[0].ip, candidates[0].port),
        RTCDtlsParameters(fingerprints=fingerprints),
        "server" if answered and theirs == "client" else "client",
    )
