"""Answers to WHIP and WHEP offers, written (RFC 9725, 4.1–4.4; RFC 8829; RFC 8839, 5).

Every answer is ICE-lite, bundled, with one fingerprint (sha-256: libdatachannel stumbles over
several) and every candidate: nothing trickles from this side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from media.ice import Credentials
from media.negotiation import accepted_layers
from media.sdp import Offer, Rid, Section
from media.specs import PayloadSpec, SlotSpec, TrackSpec

#: What kind of ICE agent this is: lite, by RFC 8445, and told of candidates by PATCH.
_AGENT = ("a=ice-lite", "a=ice-options:trickle ice2")


@dataclass(frozen=True, slots=True)
class LocalSide:
    """What an answer says of us."""

    credentials: Credentials
    fingerprint: str  # sha-256
    setup: str  # passive or active
    candidates: tuple[tuple[str, int], ...]


def publish_answer(offer: Offer, tracks: Sequence[TrackSpec], local: LocalSide) -> str:
    """The answer to a WHIP offer: recvonly, with the simulcast layers of each track."""
    sections = {section.mid: section for section in offer.sections if section.active}
    bodies = {
        track.mid: ["a=recvonly", *_media_lines(track), *_layer_lines(sections[track.mid], track)]
        for track in tracks
    }
    return _answer(offer, local, bodies, {track.mid: track.payloads for track in tracks})


def play_answer(offer: Offer, slots: Sequence[SlotSpec], cname: str, local: LocalSide) -> str:
    """The answer to a WHEP offer: sendonly, each slot with the SSRC it keeps."""
    bodies = {}
    for slot in slots:
        lines = ["a=sendonly", *_media_lines(slot)]
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


@dataclass(frozen=True, slots=True)
class Tagged:
    """The m-line whose transport the whole bundle has (RFC 9143, 7.2), as fragments name it."""

    media: str  # after "m="
    mids: tuple[str, ...]  # of the bundle, its own first; none where the offer has no mids


def tagged(offer: Offer) -> Tagged:
    """The bundle an answer to `offer` makes."""
    active = [section for section in offer.sections if section.active]
    first = active[0]
    mids = tuple(section.mid for section in active if section.mid)
    return Tagged(f"{first.kind} 9 {first.protocol} {first.formats[0]}", mids)


def restart_fragment(local: LocalSide, bundle: Tagged) -> str:
    """The answer to an ICE restart (RFC 9725, 4.3.3; RFC 8840, 9): what the first answer said of
    ICE, with new credentials."""
    group = ["a=group:BUNDLE " + " ".join(bundle.mids)] if bundle.mids else []
    mid = [f"a=mid:{bundle.mids[0]}"] if bundle.mids else []
    lines = [*_AGENT, *group, f"m={bundle.media}", *mid]
    return _text([*lines, *_credential_lines(local), *_candidate_lines(local)])


def _answer(
    offer: Offer,
    local: LocalSide,
    bodies: Mapping[str, list[str]],
    chosen: Mapping[str, tuple[PayloadSpec, ...]],
) -> str:
    mids = [s.mid for s in offer.sections if s.active and s.mid in bodies]
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if mids != [""]:
        lines.append("a=group:BUNDLE " + " ".join(mids))
    lines += ["a=msid-semantic:WMS *", *_AGENT]
    for section in offer.sections:
        if section.active and section.mid in bodies:
            lines += _section_lines(section, local, chosen[section.mid])
            lines += bodies[section.mid]
        else:
            formats = " ".join(section.formats)
            lines += [f"m={section.kind} 0 {section.protocol} {formats}", "c=IN IP4 0.0.0.0"]
            lines += [*_mid_lines(section), "a=inactive"]
    return _text(lines)


def _section_lines(section: Section, local: LocalSide, chosen: Sequence[PayloadSpec]) -> list[str]:
    numbers = [n for p in chosen for n in (p.payload_type, p.rtx_payload_type) if n is not None]
    return [
        f"m={section.kind} 9 {section.protocol} {' '.join(map(str, numbers))}",
        "c=IN IP4 0.0.0.0",
        *_mid_lines(section),
        *_credential_lines(local),
        *_candidate_lines(local),
        f"a=fingerprint:sha-256 {local.fingerprint}",
        f"a=setup:{local.setup}",
        "a=rtcp-mux",
        "a=rtcp-mux-only",  # RFC 9725, 4.4.1
        *(["a=rtcp-rsize"] if section.reduced_size else []),  # RTCP is read packet by packet here
    ]


def _mid_lines(section: Section) -> list[str]:
    return [f"a=mid:{section.mid}"] if section.mid else []


def _credential_lines(local: LocalSide) -> list[str]:
    return [
        f"a=ice-ufrag:{local.credentials.ufrag}",
        f"a=ice-pwd:{local.credentials.password}",
    ]


def _candidate_lines(local: LocalSide) -> list[str]:
    return [
        *(
            f"a=candidate:{n} 1 udp {2130706431 - n} {host} {port} typ host"
            for n, (host, port) in enumerate(local.candidates, start=1)
        ),
        "a=end-of-candidates",
    ]


def _media_lines(chosen: TrackSpec | SlotSpec) -> list[str]:
    lines = []
    for p in chosen.payloads:
        channels = f"/{p.channels}" if p.channels > 1 else ""
        lines.append(f"a=rtpmap:{p.payload_type} {p.codec.value}/{p.clock_rate}{channels}")
        if p.fmtp:
            lines.append(f"a=fmtp:{p.payload_type} {p.fmtp}")
        lines += [f"a=rtcp-fb:{p.payload_type} {value}" for value in sorted(p.feedback)]
        if p.rtx_payload_type is not None:
            lines.append(f"a=rtpmap:{p.rtx_payload_type} rtx/{p.clock_rate}")
            lines.append(f"a=fmtp:{p.rtx_payload_type} apt={p.payload_type}")
    return lines + [
        f"a=extmap:{number} {extension.value}" for extension, number in chosen.extensions
    ]


def _layer_lines(section: Section, track: TrackSpec) -> list[str]:
    """RFC 8853, 5.3.2: what the offer sends, received; none begins paused."""
    layers = accepted_layers(section, track.payloads, track.extensions)
    lines = [f"a=rid:{name} recv{_restrictions(rid)}" for name, rid in layers.items()]
    return [*lines, f"a=simulcast:recv {';'.join(layers)}"] if layers else []


def _restrictions(rid: Rid) -> str:
    types = [f"pt={','.join(map(str, rid.payload_types))}"] if rid.payload_types else []
    items = ";".join([*types, *rid.restrictions])
    return f" {items}" if items else ""


def _text(lines: Sequence[str]) -> str:
    return "\r\n".join(lines) + "\r\n"
