"""What is chosen from an offer: codecs, header extensions, feedback, layers (RFC 3264; RFC 8829).

Media is passed through, so an answer keeps the offer's payload types, their order, and the ids of
its extensions; whatever can't be forwarded is left out.
"""

from collections.abc import Callable, Iterator, Sequence

from media.errors import NoCommonCodec, Unsupported
from media.sdp import Offer, Rid, Section
from media.specs import (
    FEEDBACK,
    MAX_AUDIO_SLOTS,
    MAX_LAYERS,
    MAX_VIDEO_SLOTS,
    PLAY_EXTENSIONS,
    PUBLISH_EXTENSIONS,
    Codec,
    Extension,
    Kind,
    PayloadSpec,
    SlotSpec,
    TrackSpec,
    parameters,
)

_CODECS = {codec.value.lower(): codec for codec in Codec}
_AUDIO = frozenset({Codec.OPUS, Codec.RED})
_RATE = {Kind.AUDIO: 48_000, Kind.VIDEO: 90_000}  # Hz, of every codec above
_LARGEST_ID = 14  # of the one-byte form, which every stack writes (RFC 8285, 4.2)
_FLOWS = {"publish": ("", "sendrecv", "sendonly"), "play": ("", "sendrecv", "recvonly")}

#: Nothing here writes it; a player without transport-cc still tells its losses by RTCP reports.
_UNUSED = frozenset({Extension.ABS_SEND_TIME})


def tracks_to_publish(offer: Offer) -> tuple[TrackSpec, ...]:
    """What a WHIP offer wants to send. Raises Unsupported, NoCommonCodec."""
    found: list[TrackSpec] = []
    wide = _transport_cc_id(offer)
    for section in _active(offer):
        if section.direction not in ("sendonly", "sendrecv"):
            raise Unsupported("a WHIP offer sends: its m-lines must be sendonly")
        kind = Kind(section.kind)
        if any(track.kind is kind for track in found):
            raise Unsupported("at most one audio and one video track can be published")
        extensions = _extensions(section, PUBLISH_EXTENSIONS[kind], _FLOWS["publish"], wide)
        chosen = payloads(section, wide=_has(extensions, Extension.TRANSPORT_CC))
        rids = tuple(accepted_layers(section, chosen, extensions))
        ssrcs, rtx = _streams(section, len(rids))
        extensions = _needed(extensions, chosen, rids)
        found.append(TrackSpec(kind, section.mid, chosen, extensions, ssrcs, rtx, rids))
    if not found:
        raise Unsupported("the offer sends neither audio nor video")
    return tuple(found)


def slots_to_play(offer: Offer, new_ssrc: Callable[[], int]) -> tuple[SlotSpec, ...]:
    """The slots a WHEP offer asks for. Raises Unsupported, NoCommonCodec."""
    found: list[SlotSpec] = []
    wide = _transport_cc_id(offer)
    for section in _active(offer):
        if section.direction not in ("recvonly", "sendrecv"):
            raise Unsupported("a WHEP offer receives: its m-lines must be recvonly")
        kind = Kind(section.kind)
        most = MAX_AUDIO_SLOTS if kind is Kind.AUDIO else MAX_VIDEO_SLOTS
        if sum(slot.kind is kind for slot in found) >= most:
            raise Unsupported(f"at most {most} {kind} m-lines can be played")
        extensions = _extensions(section, PLAY_EXTENSIONS[kind], _FLOWS["play"], wide)
        chosen = payloads(section, wide=_has(extensions, Extension.TRANSPORT_CC))
        rtx = any(p.rtx_payload_type is not None for p in chosen)
        found.append(
            SlotSpec(
                kind,
                section.mid,
                chosen,
                new_ssrc(),
                new_ssrc() if rtx else None,
                _needed(extensions, chosen),
            )
        )
    if not found:
        raise Unsupported("the offer receives neither audio nor video")
    return tuple(found)


def must_be_playable(slots: Sequence[SlotSpec], published: frozenset[Codec] | None) -> None:
    """Refuse a player that can have no sound, or no picture, of what the lead publishes (None:
    nothing yet). Raises NoCommonCodec."""
    for kind in Kind:
        offered = {p.codec for slot in slots if slot.kind is kind for p in slot.payloads}
        sent = {c for c in published or () if (c in _AUDIO) == (kind is Kind.AUDIO)}
        if offered and sent and not offered & sent:
            raise NoCommonCodec(
                f"the lesson's {kind} is published as {', '.join(sorted(sent))}; "
                f"this player offered {', '.join(sorted(offered))}"
            )


def setup_for(offer: Offer) -> str:
    """Passive, unless the peer is: some clients fail as DTLS servers, none as clients."""
    return "active" if offer.setup == "passive" else "passive"


def _active(offer: Offer) -> Iterator[Section]:
    return (section for section in offer.sections if section.active)


def payloads(section: Section, *, wide: bool) -> tuple[PayloadSpec, ...]:
    """The payload types of a section that can be forwarded, in the offer's order. `wide`: whether
    packets can carry transport-wide sequence numbers. Raises NoCommonCodec."""
    kind = Kind(section.kind)
    rtx = {
        parameters(section.fmtp.get(n, "")).get("apt"): n
        for n, (name, _, _) in section.rtpmap.items()
        if name == "rtx"
    }
    found: list[PayloadSpec] = []
    for payload_type in section.payload_types:
        name, rate, channels = section.rtpmap.get(payload_type, ("", 0, 1))
        codec = _CODECS.get(name)
        fmtp = section.fmtp.get(payload_type, "")
        if codec is None or (codec in _AUDIO) != (kind is Kind.AUDIO) or rate != _RATE[kind]:
            continue
        if codec is Codec.H264 and parameters(fmtp).get("packetization-mode") != "1":
            continue
        feedback = _feedback(section.feedback_of(payload_type) & FEEDBACK[kind], wide=wide)
        repair = rtx.get(str(payload_type))
        found.append(PayloadSpec(codec, payload_type, rate, channels, fmtp, feedback, repair))
    opus = {str(p.payload_type) for p in found if p.codec is Codec.OPUS}
    chosen = tuple(p for p in found if p.codec is not Codec.RED or _wraps(p, opus))
    if not any(p.codec is not Codec.RED for p in chosen):
        raise NoCommonCodec(f"none of the offered {kind} codecs can be forwarded")
    return chosen


def _wraps(red: PayloadSpec, opus: set[str]) -> bool:
    """Whether all that a redundant payload holds (RFC 2198, 5: `fmtp:63 111/111`) is accepted."""
    return bool(red.fmtp) and set(red.fmtp.split("/")) <= opus


def _feedback(offered: frozenset[str], *, wide: bool) -> frozenset[str]:
    """One bandwidth estimate only. libwebrtc (Chromium, Firefox) reports by transport-cc whatever
    arrives with a transport-wide sequence number and by REMB the rest, and as sender lets a REMB
    cap what transport-cc found: naming both would leave open which of the two is meant."""
    if not wide:
        return offered - {"transport-cc"}
    return offered - {"goog-remb"} if "transport-cc" in offered else offered


def _transport_cc_id(offer: Offer) -> int | None:
    """The one id that transport-wide sequence numbers have in the bundle: the first section's that
    has it. They count all packets of the transport, so an m-line with another id goes without."""
    for section in _active(offer):
        entry = section.extensions.get(Extension.TRANSPORT_CC.value)
        if entry is not None:
            return entry[0]
    return None


_Ids = tuple[tuple[Extension, int], ...]


def _extensions(
    section: Section, wanted: frozenset[Extension], flows: tuple[str, ...], wide: int | None
) -> _Ids:
    """Extensions to keep, by id; those that their own direction keeps from flowing this way are
    none (RFC 8285, 6), and an id given twice counts once."""
    found: dict[int, Extension] = {}
    for extension in sorted(wanted - _UNUSED):
        chosen, direction = section.extensions.get(extension.value, (0, ""))
        if not 1 <= chosen <= _LARGEST_ID or direction not in flows:
            continue
        if extension is Extension.TRANSPORT_CC and chosen != wide:
            continue
        found.setdefault(chosen, extension)
    return tuple((extension, chosen) for chosen, extension in sorted(found.items()))


def _has(extensions: _Ids, wanted: Extension) -> bool:
    return any(extension is wanted for extension, _ in extensions)


def _needed(extensions: _Ids, chosen: tuple[PayloadSpec, ...], rids: tuple[str, ...] = ()) -> _Ids:
    """Without those that nothing chosen makes use of."""
    unused = set()
    if not any("transport-cc" in p.feedback for p in chosen):
        unused.add(Extension.TRANSPORT_CC)
    if not rids:
        unused |= {Extension.RID, Extension.REPAIRED_RID}
    return tuple((extension, n) for extension, n in extensions if extension not in unused)


def accepted_layers(
    section: Section, chosen: tuple[PayloadSpec, ...], extensions: _Ids
) -> dict[str, Rid]:
    """The simulcast layers to receive (RFC 8853, 5.3.2), in the offer's order of preference, each
    as the answer restricts it; of alternatives the first that can be had. None without the
    extension that tells layers apart."""
    found: dict[str, Rid] = {}
    if not _has(extensions, Extension.RID):
        return found
    accepted = {p.payload_type for p in chosen}
    for alternatives in section.simulcast:
        for name in alternatives:
            rid = section.rids.get(name)
            if rid is None or name in found:
                continue
            kept = tuple(n for n in rid.payload_types if n in accepted)
            if rid.payload_types and not kept:
                continue
            found[name] = Rid(kept, rid.restrictions)
            break
        if len(found) == MAX_LAYERS:
            break
    return found


def _streams(section: Section, layers: int) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Media SSRCs and (media, RTX) pairs. Where layers have rids, SSRCs count only when there is
    one for each: Firefox names them all, Chromium none."""
    rtx = tuple(section.rtx_ssrcs)
    others = {repair for _, repair in rtx} | set(section.fec_ssrcs)
    named = dict.fromkeys([*section.ssrcs, *(first for first, _ in rtx)])
    media = tuple(s for s in named if s not in others)
    if section.layer_ssrcs and not layers:
        media = tuple(section.layer_ssrcs[:MAX_LAYERS])
    if layers and len(media) < layers:
        return (), ()
    return media, tuple(pair for pair in rtx if pair[0] in media)
