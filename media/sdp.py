"""WHIP and WHEP offers read, and their answers written (RFC 9725, 4.1–4.4; RFC 8829; RFC 8843).

Reading is line by line and bounded; whatever can't be read is BadSdp, what can be read but not done
is Unsupported. Unknown attributes are passed over.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from media.errors import BadSdp, NoCommonCodec, Unsupported
from media.ice import Credentials
from media.specs import (
    FEEDBACK,
    MAX_AUDIO_SLOTS,
    MAX_VIDEO_SLOTS,
    PLAY_EXTENSIONS,
    PUBLISH_EXTENSIONS,
    Codec,
    Extension,
    Kind,
    PayloadSpec,
    SlotSpec,
    TrackSpec,
)

MAX_SIZE = 64 * 1024  # bytes
_MAX_LINES = 4000
_MAX_SECTIONS = 24
_TOKEN = re.compile(r"[A-Za-z0-9+/_.~-]{1,64}")
_ICE_TOKEN = re.compile(r"[A-Za-z0-9+/]{4,256}")
_CODECS = {codec.value.lower(): codec for codec in Codec}


@dataclass(slots=True)
class Section:
    """One m-line of an offer, as read."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    mid: str = ""
    direction: str = "sendrecv"
    rtpmap: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    fmtp: dict[int, str] = field(default_factory=dict)
    feedback: dict[int, list[str]] = field(default_factory=dict)
    extensions: dict[str, int] = field(default_factory=dict)
    ssrcs: list[int] = field(default_factory=list)
    rtx_ssrcs: list[tuple[int, int]] = field(default_factory=list)
    mux: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """What an offer says that concerns us; transport attributes are those of the bundle."""

    sections: tuple[Section, ...]
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str  # actpass, active or passive


def parse(text: str) -> Offer:
    """Read an offer. Raises BadSdp, Unsupported."""
    if len(text) > MAX_SIZE:
        raise BadSdp("the session description is larger than 64 KiB")
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].strip() != "v=0" or len(lines) > _MAX_LINES:
        raise BadSdp('the body is not a session description: it must begin with "v=0"')
    sections: list[Section] = []
    common: dict[str, str] = {}  # first value of each transport attribute, wherever it stands
    fingerprints: list[tuple[str, str]] = []
    bundled: set[str] | None = None
    try:
        for line in lines:
            if line.startswith("m="):
                sections.append(_media_line(line[2:]))
                if len(sections) > _MAX_SECTIONS:
                    raise BadSdp(f"more than {_MAX_SECTIONS} m-lines")
            elif line.startswith("a="):
                name, _, value = line[2:].strip().partition(":")
                if name in ("ice-ufrag", "ice-pwd", "setup"):
                    common.setdefault(name, value)
                elif name == "fingerprint":
                    algorithm, digest = value.split()
                    if (algorithm.lower(), digest.upper()) not in fingerprints:
                        fingerprints.append((algorithm.lower(), digest.upper()))
                elif name == "group" and value.startswith("BUNDLE"):
                    bundled = set(value.split()[1:])
                elif sections:
                    _attribute(sections[-1], name, value)
    except (ValueError, IndexError) as error:
        raise BadSdp(f"the session description has a line that can't be read: {error}") from error
    return _checked(sections, common, fingerprints, bundled)


def _media_line(text: str) -> Section:
    kind, port, protocol, *formats = text.split()
    if not formats or len(formats) > 128:
        raise ValueError(f"m={text[:60]}")
    return Section(kind, int(port), protocol, formats)


def _attribute(section: Section, name: str, value: str) -> None:
    if name == "mid":
        if not _TOKEN.fullmatch(value):
            raise ValueError(f"a=mid:{value[:60]}")
        section.mid = value
    elif name in ("sendrecv", "sendonly", "recvonly", "inactive"):
        section.direction = name
    elif name == "rtcp-mux":
        section.mux = True
    elif name == "rtpmap":
        number, _, encoding = value.partition(" ")
        encoding_name, rate, *channels = encoding.strip().split("/")
        section.rtpmap[int(number)] = (
            encoding_name.lower(),
            int(rate),
            int(channels[0]) if channels else 1,
        )
    elif name == "fmtp":
        number, _, parameters = value.partition(" ")
        section.fmtp[int(number)] = parameters.strip()
    elif name == "rtcp-fb":
        number, _, what = value.partition(" ")
        types = list(section.rtpmap) if number == "*" else [int(number)]
        for payload_type in types:
            section.feedback.setdefault(payload_type, []).append(what.strip())
    elif name == "extmap":
        number, uri, *_ = value.split()
        section.extensions.setdefault(uri, int(number.partition("/")[0]))
    elif name == "ssrc":
        ssrc = int(value.partition(" ")[0])
        if ssrc not in section.ssrcs and len(section.ssrcs) < 16:
            section.ssrcs.append(ssrc)
    elif name == "ssrc-group":
        semantics, *numbers = value.split()
        if semantics == "FID" and len(numbers) == 2 and len(section.rtx_ssrcs) < 8:
            section.rtx_ssrcs.append((int(numbers[0]), int(numbers[1])))


def _checked(
    sections: list[Section],
    common: dict[str, str],
    fingerprints: list[tuple[str, str]],
    bundled: set[str] | None,
) -> Offer:
    if not sections:
        raise BadSdp("the session description has no m-line")
    ufrag, password = common.get("ice-ufrag", ""), common.get("ice-pwd", "")
    if not _ICE_TOKEN.fullmatch(ufrag) or not _ICE_TOKEN.fullmatch(password):
        raise BadSdp("the session description has no a=ice-ufrag or a=ice-pwd")
    setup = common.get("setup", "actpass")
    if setup not in ("actpass", "active", "passive") or not fingerprints:
        raise BadSdp("the session description has no a=fingerprint, or a wrong a=setup")
    if not any(algorithm == "sha-256" for algorithm, _ in fingerprints):
        raise Unsupported("a sha-256 fingerprint is needed")
    if len({s.mid for s in sections}) != len(sections):
        raise BadSdp("two m-lines have the same a=mid, or none")
    if len(sections) > 1 and (bundled is None or not {s.mid for s in sections} <= bundled):
        raise Unsupported("all m-lines must be in one BUNDLE group")
    for section in sections:
        if section.kind in ("audio", "video") and not section.mux:
            raise Unsupported("rtcp-mux is needed on every m-line")
    return Offer(tuple(sections), ufrag, password, tuple(fingerprints), setup)


def payloads(section: Section) -> tuple[PayloadSpec, ...]:
    """The payload types of a section that can be forwarded, in the offer's order."""
    kind = Kind(section.kind)
    found = []
    for text in section.formats:
        number = int(text) if text.isdigit() else -1
        name, rate, channels = section.rtpmap.get(number, ("", 0, 1))
        codec = _CODECS.get(name)
        fmtp = section.fmtp.get(number, "")
        if codec is None or not 0 <= number <= 127 or (codec in _AUDIO) != (kind is Kind.AUDIO):
            continue
        if codec is Codec.H264 and "packetization-mode=1" not in fmtp:
            continue
        if codec is Codec.RED:
            continue  # Opus brings its own FEC; RED would need every player to have it
        found.append(
            PayloadSpec(
                codec,
                number,
                rate,
                channels,
                fmtp,
                frozenset(section.feedback.get(number, ())) & _feedback(kind),
                _rtx_of(section, number),
            )
        )
    return tuple(found)


_AUDIO = frozenset({Codec.OPUS, Codec.RED})
_NOT_YET = frozenset({"transport-cc"})  # bandwidth is told by REMB


def _feedback(kind: Kind) -> frozenset[str]:
    return FEEDBACK[kind] - _NOT_YET


def _rtx_of(section: Section, number: int) -> int | None:
    for candidate, (name, _, _) in section.rtpmap.items():
        if name == "rtx" and section.fmtp.get(candidate, "").strip() == f"apt={number}":
            return candidate
    return None


def _extensions(
    section: Section, wanted: dict[Kind, frozenset[Extension]]
) -> tuple[tuple[Extension, int], ...]:
    allowed = wanted[Kind(section.kind)] - {
        Extension.TRANSPORT_CC,
        Extension.ABS_SEND_TIME,
        Extension.RID,
        Extension.REPAIRED_RID,
    }
    return tuple((e, section.extensions[e]) for e in allowed if e in section.extensions)


def tracks_to_publish(offer: Offer) -> tuple[TrackSpec, ...]:
    """What a WHIP offer wants to send. Raises Unsupported, NoCommonCodec."""
    found: list[TrackSpec] = []
    for section in offer.sections:
        if section.kind not in ("audio", "video") or section.direction == "inactive":
            continue
        if section.direction not in ("sendonly", "sendrecv"):
            raise Unsupported("a WHIP offer sends: its m-lines must be sendonly")
        kind = Kind(section.kind)
        if any(track.kind is kind for track in found):
            raise Unsupported("at most one audio and one video track can be published")
        chosen = payloads(section)
        if not chosen:
            raise NoCommonCodec(f"none of the offered {kind} codecs can be forwarded")
        rtx = tuple(section.rtx_ssrcs)
        found.append(
            TrackSpec(
                kind,
                section.mid,
                chosen,
                _extensions(section, PUBLISH_EXTENSIONS),
                tuple(s for s in section.ssrcs if s not in {r for _, r in rtx}),
                rtx,
            )
        )
    if not found:
        raise Unsupported("the offer sends neither audio nor video")
    return tuple(found)


def slots_to_play(offer: Offer, new_ssrc: Callable[[], int]) -> tuple[SlotSpec, ...]:
    """The slots a WHEP offer asks for. Raises Unsupported, NoCommonCodec."""
    found: list[SlotSpec] = []
    for section in offer.sections:
        if section.kind not in ("audio", "video") or section.direction == "inactive":
            continue
        if section.direction not in ("recvonly", "sendrecv"):
            raise Unsupported("a WHEP offer receives: its m-lines must be recvonly")
        kind = Kind(section.kind)
        most = MAX_AUDIO_SLOTS if kind is Kind.AUDIO else MAX_VIDEO_SLOTS
        if sum(slot.kind is kind for slot in found) >= most:
            raise Unsupported(f"at most {most} {kind} m-lines can be played")
        chosen = payloads(section)
        if not chosen:
            raise NoCommonCodec(f"none of the offered {kind} codecs can be forwarded")
        rtx = any(p.rtx_payload_type is not None for p in chosen)
        found.append(
            SlotSpec(
                kind,
                section.mid,
                chosen,
                new_ssrc(),
                new_ssrc() if rtx else None,
                _extensions(section, PLAY_EXTENSIONS),
            )
        )
    if not found:
        raise Unsupported("the offer receives neither audio nor video")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class LocalSide:
    """What an answer says of us."""

    credentials: Credentials
    fingerprint: str  # sha-256
    setup: str  # passive or active
    candidates: tuple[tuple[str, int], ...]


def setup_for(offer: Offer) -> str:
    """Passive, unless the peer is: some clients fail as DTLS servers, none as clients."""
    return "active" if offer.setup == "passive" else "passive"


def publish_answer(offer: Offer, tracks: Sequence[TrackSpec], local: LocalSide) -> str:
    """The answer to a WHIP offer: recvonly."""
    by_mid = {track.mid: track for track in tracks}
    return _answer(
        offer,
        local,
        {
            mid: ["a=recvonly", *_payload_lines(t.payloads), *_extension_lines(t.extensions)]
            for mid, t in by_mid.items()
        },
        {mid: t.payloads for mid, t in by_mid.items()},
    )


def play_answer(offer: Offer, slots: Sequence[SlotSpec], cname: str, local: LocalSide) -> str:
    """The answer to a WHEP offer: sendonly, each slot with the SSRC it keeps."""
    bodies = {}
    for slot in slots:
        lines = ["a=sendonly", *_payload_lines(slot.payloads), *_extension_lines(slot.extensions)]
        # One stream for all: a player then plays every track in step with the others.
        lines.append(f"a=msid:lesson {slot.kind}-{slot.mid}")
        # The media SSRC first: Chromium takes the first line for it, whatever the group says.
        if slot.rtx_ssrc is not None:
            lines.append(f"a=ssrc-group:FID {slot.ssrc} {slot.rtx_ssrc}")
        lines.append(f"a=ssrc:{slot.ssrc} cname:{cname}")
        if slot.rtx_ssrc is not None:
            lines.append(f"a=ssrc:{slot.rtx_ssrc} cname:{cname}")
        bodies[slot.mid] = lines
    return _answer(offer, local, bodies, {slot.mid: slot.payloads for slot in slots})


def _answer(
    offer: Offer,
    local: LocalSide,
    bodies: dict[str, list[str]],
    chosen: dict[str, tuple[PayloadSpec, ...]],
) -> str:
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(s.mid for s in offer.sections if s.mid in bodies),
        "a=msid-semantic:WMS *",
        "a=ice-lite",
    ]
    for section in offer.sections:
        if section.mid not in bodies:
            formats = " ".join(section.formats)
            lines += [f"m={section.kind} 0 {section.protocol} {formats}", "c=IN IP4 0.0.0.0"]
            lines += [f"a=mid:{section.mid}", "a=inactive"]
            continue
        numbers = " ".join(
            str(n)
            for p in chosen[section.mid]
            for n in (p.payload_type, p.rtx_payload_type)
            if n is not None
        )
        lines += [
            f"m={section.kind} 9 {section.protocol} {numbers}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{section.mid}",
            *transport_lines(local),
            f"a=fingerprint:sha-256 {local.fingerprint}",
            f"a=setup:{local.setup}",
            "a=rtcp-mux",
            *bodies[section.mid],
        ]
    return "\r\n".join(lines) + "\r\n"


def transport_lines(local: LocalSide) -> list[str]:
    """Credentials and every candidate: nothing trickles from this side."""
    return [
        f"a=ice-ufrag:{local.credentials.ufrag}",
        f"a=ice-pwd:{local.credentials.password}",
        *(
            f"a=candidate:{n} 1 udp {2130706431 - n} {host} {port} typ host"
            for n, (host, port) in enumerate(local.candidates, start=1)
        ),
        "a=end-of-candidates",
    ]


def _payload_lines(chosen: Sequence[PayloadSpec]) -> list[str]:
    lines = []
    for p in chosen:
        channels = f"/{p.channels}" if p.channels > 1 else ""
        lines.append(f"a=rtpmap:{p.payload_type} {p.codec.value}/{p.clock_rate}{channels}")
        if p.fmtp:
            lines.append(f"a=fmtp:{p.payload_type} {p.fmtp}")
        lines += [f"a=rtcp-fb:{p.payload_type} {value}" for value in sorted(p.feedback)]
        if p.rtx_payload_type is not None:
            lines.append(f"a=rtpmap:{p.rtx_payload_type} rtx/{p.clock_rate}")
            lines.append(f"a=fmtp:{p.rtx_payload_type} apt={p.payload_type}")
    return lines


def _extension_lines(extensions: Sequence[tuple[Extension, int]]) -> list[str]:
    return [f"a=extmap:{number} {extension.value}" for extension, number in extensions]


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a trickle-ice-sdpfrag says (RFC 8840, 9): new credentials mean a restart."""

    ufrag: str
    password: str
    candidates: tuple[str, ...]


def parse_fragment(text: str) -> Fragment:
    """Read a PATCH body. Raises BadSdp."""
    if len(text) > MAX_SIZE:
        raise BadSdp("the fragment is larger than 64 KiB")
    values = {"ice-ufrag": "", "ice-pwd": ""}
    candidates: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.strip():
            continue
        if len(line) < 3 or line[1] != "=":
            raise BadSdp("the fragment has a line that is not type=value")
        if not line.startswith("a="):
            continue
        name, _, value = line[2:].strip().partition(":")
        if name in values and not values[name]:
            values[name] = value
        elif name == "candidate" and len(candidates) < 64:
            candidates.append(value)
    ufrag, password = values["ice-ufrag"], values["ice-pwd"]
    if bool(ufrag) != bool(password):
        raise BadSdp("the fragment needs both a=ice-ufrag and a=ice-pwd")
    if ufrag and not (_ICE_TOKEN.fullmatch(ufrag) and _ICE_TOKEN.fullmatch(password)):
        raise BadSdp("the fragment's ICE credentials can't be read")
    return Fragment(ufrag, password, tuple(candidates))


def restart_fragment(local: LocalSide, mid: str, kind: str) -> str:
    """The answer to an ICE restart."""
    lines = [*transport_lines(local)[:2], f"m={kind} 9 UDP/TLS/RTP/SAVPF 0", f"a=mid:{mid}"]
    return "\r\n".join([*lines, *transport_lines(local)[2:]]) + "\r\n"
