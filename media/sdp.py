"""WHIP and WHEP offers and fragments read (RFC 8866; RFC 8829; RFC 8843; RFC 8840).

Reading is line by line, and everything kept of a line is bounded, so that its cost grows with the
size of the text and no faster. What can't be read is BadSdp, what can be read but not done is
Unsupported. Unknown attributes are passed over. `media/negotiation.py` chooses from what was read,
`media/answer.py` writes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from media.errors import BadSdp, Unsupported
from media.specs import FEEDBACK

MAX_SIZE = 128 * 1024  # bytes; Chromium's offer of twelve m-lines has 48 KiB and 2100 lines
_MAX_LINES = 8000
_MAX_SECTIONS = 24
_MAX_FORMATS = 128
_MAX_FINGERPRINTS = 8
_MAX_SSRCS = 16  # of one m-line
_MAX_GROUPS = 8
_MAX_RIDS = 16
_LONGEST_MID = 32  # bytes: it travels in header extensions, and has to fit
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+/_.^`{|}~-]{1,64}")  # RFC 8866, 9: token, and "/"
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839, 5.4
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_RID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # RFC 8851, 10
_RESTRICTION = re.compile(r"[a-z-]{1,32}=[A-Za-z0-9.,+-]{1,64}")
#: No line of a session description holds these (RFC 8866, 9: byte-string), and an answer repeats
#: parts of what it answers.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]|\r(?!\n)")
_UNDERSTOOD_FEEDBACK = frozenset().union(*FEEDBACK.values())
_ANY_TYPE = -1


@dataclass(frozen=True, slots=True)
class Rid:
    """`a=rid:<id> send` (RFC 8851): what one layer may be. `payload_types` is empty where `pt=`
    does not limit them; `restrictions` are the others, each as `name=value`."""

    payload_types: tuple[int, ...] = ()
    restrictions: tuple[str, ...] = ()


@dataclass(slots=True)
class Section:
    """One m-line of an offer, as read. Payload types are 0–127; extensions are URI → id, direction
    ("" where none is said)."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    mid: str = ""
    direction: str = "sendrecv"
    rtpmap: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    fmtp: dict[int, str] = field(default_factory=dict)
    feedback: dict[int, set[str]] = field(default_factory=dict)
    extensions: dict[str, tuple[int, str]] = field(default_factory=dict)
    ssrcs: list[int] = field(default_factory=list)
    rtx_ssrcs: list[tuple[int, int]] = field(default_factory=list)
    fec_ssrcs: list[int] = field(default_factory=list)
    layer_ssrcs: list[int] = field(default_factory=list)  # of ssrc-group:SIM, in its order
    rids: dict[str, Rid] = field(default_factory=dict)
    simulcast: list[list[str]] = field(default_factory=list)  # layers, each with its alternatives
    mux: bool = False
    reduced_size: bool = False
    bundle_only: bool = False

    @property
    def rejected(self) -> bool:
        """Whether the offer itself has no use for this m-line (RFC 8843, 6: bundle-only has)."""
        return self.port == 0 and not self.bundle_only

    @property
    def active(self) -> bool:
        """Whether media can flow on this m-line."""
        return (
            self.kind in ("audio", "video") and self.direction != "inactive" and not self.rejected
        )

    @property
    def payload_types(self) -> tuple[int, ...]:
        """The formats that are payload types, in order of preference, each once."""
        numbers = (int(f) for f in self.formats if f.isascii() and f.isdigit() and len(f) <= 3)
        return tuple(dict.fromkeys(n for n in numbers if n <= 127))

    def feedback_of(self, payload_type: int) -> frozenset[str]:
        """`a=rtcp-fb` values of a payload type, those given for all of them (`*`) included."""
        nothing: set[str] = set()
        own = self.feedback.get(payload_type, nothing)
        return frozenset(own | self.feedback.get(_ANY_TYPE, nothing))


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
    lines = _lines(text, "the session description")
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
                    known = (algorithm.lower(), digest.upper())
                    if len(fingerprints) < _MAX_FINGERPRINTS and known not in fingerprints:
                        fingerprints.append(known)
                elif name == "group" and value.startswith("BUNDLE"):
                    bundled = set(value.split()[1:])
                elif sections:
                    _attribute(sections[-1], name, value)
    except ValueError as error:
        raise BadSdp(f"the session description has a line that can't be read: {error}") from error
    return _checked(sections, common, fingerprints, bundled)


def _lines(text: str, what: str) -> list[str]:
    if len(text) > MAX_SIZE:
        raise BadSdp(f"{what} is larger than 128 KiB")
    if _CONTROL.search(text):
        raise BadSdp(f"{what} has a control character")
    return text.replace("\r\n", "\n").split("\n")


def _number(text: str, most: int) -> int:
    """A decimal number of ASCII digits, up to `most`. Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or int(text) > most:
        raise ValueError(f"{text[:20]!r} is not a number up to {most}")
    return int(text)


def _media_line(text: str) -> Section:
    kind, port, protocol, *formats = text.split()
    if not formats or len(formats) > _MAX_FORMATS:
        raise ValueError(f"m={text[:60]}")
    if not all(_TOKEN.fullmatch(word) for word in (kind, protocol, *formats)):
        raise ValueError(f"m={text[:60]}")
    return Section(kind, _number(port.partition("/")[0], 65535), protocol, formats)


def _attribute(section: Section, name: str, value: str) -> None:
    """Read one attribute of an m-line; those without an entry below are passed over."""
    if name in ("sendrecv", "sendonly", "recvonly", "inactive"):
        section.direction = name
    elif name == "rtcp-mux":
        section.mux = True
    elif name == "rtcp-rsize":
        section.reduced_size = True
    elif name == "bundle-only":
        section.bundle_only = True
    elif (read := _READERS.get(name)) is not None:
        read(section, value)


def _mid(section: Section, value: str) -> None:
    if not _TOKEN.fullmatch(value) or len(value) > _LONGEST_MID:
        raise ValueError(f"a=mid:{value[:60]}")
    section.mid = value


def _rtpmap(section: Section, value: str) -> None:
    payload_type, _, encoding = value.partition(" ")
    name, rate, *channels = encoding.strip().split("/")
    section.rtpmap[_number(payload_type, 127)] = (
        name.lower(),
        _number(rate, 1_000_000),
        _number(channels[0], 255) if channels else 1,
    )


def _fmtp(section: Section, value: str) -> None:
    payload_type, _, parameters = value.partition(" ")
    section.fmtp[_number(payload_type, 127)] = parameters.strip()


def _rtcp_fb(section: Section, value: str) -> None:
    payload_type, _, what = value.partition(" ")
    key = _ANY_TYPE if payload_type == "*" else _number(payload_type, 127)
    if what.strip() in _UNDERSTOOD_FEEDBACK:
        section.feedback.setdefault(key, set()).add(what.strip())


def _extmap(section: Section, value: str) -> None:
    entry, uri, *_ = value.split()
    chosen, _, direction = entry.partition("/")
    section.extensions.setdefault(uri, (_number(chosen, 4351), direction))


def _ssrc(section: Section, value: str) -> None:
    ssrc = _number(value.partition(" ")[0], 0xFFFFFFFF)
    if len(section.ssrcs) < _MAX_SSRCS and ssrc not in section.ssrcs:
        section.ssrcs.append(ssrc)


def _ssrc_group(section: Section, value: str) -> None:
    """RFC 5576, 4.2: FID is a stream and its retransmissions, FEC a stream and its repair; SIM,
    never standardised but sent, the layers of one track."""
    semantics, *words = value.split()
    numbers = [_number(word, 0xFFFFFFFF) for word in words[:_MAX_SSRCS]]
    if semantics == "FID" and len(numbers) == 2 and len(section.rtx_ssrcs) < _MAX_GROUPS:
        section.rtx_ssrcs.append((numbers[0], numbers[1]))
    elif semantics in ("FEC", "FEC-FR") and len(section.fec_ssrcs) < _MAX_SSRCS:
        section.fec_ssrcs += numbers[1:]
    elif semantics == "SIM" and not section.layer_ssrcs:
        section.layer_ssrcs = list(dict.fromkeys(numbers))


def _rid(section: Section, value: str) -> None:
    """RFC 8851, 6.2.2: a rid with a restriction that isn't understood is passed over."""
    name, direction, *rest = value.split(maxsplit=2)
    if not _RID.fullmatch(name):
        raise ValueError(f"a=rid:{value[:60]}")
    if direction != "send" or len(section.rids) >= _MAX_RIDS:
        return
    payload_types: tuple[int, ...] = ()
    others = []
    for item in rest[0].split(";") if rest else ():
        key, _, given = item.strip().partition("=")
        if key == "pt":
            payload_types = tuple(_number(n, 127) for n in given.split(",")[:_MAX_FORMATS])
        elif key in _RESTRICTIONS and _RESTRICTION.fullmatch(item.strip()):
            others.append(item.strip())
        elif key:
            return
    section.rids.setdefault(name, Rid(payload_types, tuple(others[: len(_RESTRICTIONS)])))


#: RFC 8851, 5, but for `depend`: a layer that needs another one can't be forwarded by itself.
_RESTRICTIONS = frozenset(
    {"max-width", "max-height", "max-fps", "max-fs", "max-br", "max-pps", "max-bpp"}
)


def _simulcast(section: Section, value: str) -> None:
    """RFC 8853, 5.1: `send q;~h,g;f`; layers by ";", alternatives by ",", "~" begins paused."""
    words = value.split()
    for direction, streams in zip(words[::2], words[1::2], strict=False):
        if direction == "send" and not section.simulcast:
            section.simulcast = [
                [name.removeprefix("~") for name in layer.split(",")[:_MAX_RIDS]]
                for layer in streams.split(";")[:_MAX_RIDS]
            ]


_READERS: dict[str, Callable[[Section, str], None]] = {
    "mid": _mid,
    "rtpmap": _rtpmap,
    "fmtp": _fmtp,
    "rtcp-fb": _rtcp_fb,
    "extmap": _extmap,
    "ssrc": _ssrc,
    "ssrc-group": _ssrc_group,
    "rid": _rid,
    "simulcast": _simulcast,
}


def _checked(
    sections: list[Section],
    common: dict[str, str],
    fingerprints: list[tuple[str, str]],
    bundled: set[str] | None,
) -> Offer:
    if not sections:
        raise BadSdp("the session description has no m-line")
    ufrag, password = common.get("ice-ufrag", ""), common.get("ice-pwd", "")
    if not _UFRAG.fullmatch(ufrag) or not _PASSWORD.fullmatch(password):
        raise BadSdp("the session description has no a=ice-ufrag or a=ice-pwd, or a wrong one")
    setup = common.get("setup", "actpass")
    if setup not in ("actpass", "active", "passive") or not fingerprints:
        raise BadSdp("the session description has no a=fingerprint, or a wrong a=setup")
    if not any(algorithm == "sha-256" for algorithm, _ in fingerprints):
        raise Unsupported("a sha-256 fingerprint is needed")
    active = [s for s in sections if s.active]
    if len({s.mid for s in active}) != len(active):
        raise BadSdp("two m-lines have the same a=mid, or none")
    if len(active) > 1 and (bundled is None or not {s.mid for s in active} <= bundled):
        raise Unsupported("all m-lines must be in one BUNDLE group")
    for section in active:
        if not section.mux and not section.bundle_only:  # which takes it from the first (RFC 9143)
            raise Unsupported("rtcp-mux is needed on every m-line")
        if "RTP/SAVP" not in section.protocol:
            raise Unsupported("media must be encrypted: UDP/TLS/RTP/SAVPF")
    return Offer(tuple(sections), ufrag, password, tuple(fingerprints), setup)


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a trickle-ice-sdpfrag says (RFC 8840, 9): new credentials mean a restart."""

    ufrag: str
    password: str
    candidates: tuple[str, ...]


def parse_fragment(text: str) -> Fragment:
    """Read a PATCH body. Raises BadSdp."""
    values = {"ice-ufrag": "", "ice-pwd": ""}
    candidates: list[str] = []
    for line in _lines(text, "the fragment"):
        if not line.strip():
            continue
        if len(line) < 2 or line[1] != "=":  # "a=" alone: an empty last candidate, as some send it
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
    if ufrag and not (_UFRAG.fullmatch(ufrag) and _PASSWORD.fullmatch(password)):
        raise BadSdp("the fragment's ICE credentials can't be read")
    return Fragment(ufrag, password, tuple(candidates))
