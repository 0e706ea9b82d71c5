"""What is fuzzed: each parser of what comes from the network, as a plain function of bytes.

`run` raises nothing for any input; what a parser is declared to raise is expected here and nothing
else. `seeds` are valid inputs, the densest their format allows among them: a budget for any input
is drawn from what those cost (see `budget`).
"""

import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from media import answer, codecs, feedback, negotiation, rtcp, rtp, sdp, stun
from media.bench import sdp as offers
from media.errors import BadSdp, NoCommonCodec, Unsupported
from media.ice import Credentials, IceLiteAgent
from media.recording.depacketize import Assembler, parameter_sets
from media.resource import IceSession
from media.rewrite import decapsulate_rtx
from media.rtp import MalformedPacket, Protocol
from media.specs import Codec
from media.udp import Address
from tests.fuzz import lesson
from tests.media.packets import Camera, Microphone, packet, vp8_payload

_LARGEST_DATAGRAM = 2048
_FREE = 131_072  # bytes any input may hold for a moment, as a feedback on 4096 packets does
_PASSWORD = "our secret"
_HERE = ("192.0.2.1", 1000)
_PLAY = (Path(__file__).parent.parent / "e2e" / "play_offer.sdp").read_text()


@dataclass(frozen=True)
class Target:
    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    largest: int = _LARGEST_DATAGRAM  # bytes


# ── STUN ─────────────────────────────────────────────────────────────────────────────────


class _Peer:
    def __init__(self) -> None:
        self.local = Credentials("ours", _PASSWORD)
        self.ice = IceSession("theirs", "their secret", "etag")
        self.address: Address | None = None
        self.consented_at = 0.0

    def path_changed(self, first: bool) -> None:
        """Nothing hangs on it here."""


def _check(data: bytes) -> None:
    agent, peer = IceLiteAgent(), _Peer()
    agent.add(peer)
    agent.check(data, _HERE, 1.0)
    agent.check(data, ("192.0.2.2", 2000), 1.1)
    for asked, address in agent.outputs:
        agent.check(stun.success(asked[8:20], address, "their secret"), address, 1.2)
    agent.remove(peer)


def _checks() -> list[bytes]:
    asked = stun.request(bytes(12), "ours:theirs", 1, _PASSWORD)
    names = b"\x80\x22\x00\x00" * 26  # SOFTWARE, empty
    return [asked, stun.success(bytes(12), _HERE, _PASSWORD), _signed(names + asked[20:-32])]


def _signed(body: bytes) -> bytes:
    """A binding request of these attributes, as one who knows the password would send it."""
    body = body[: stun.MAX_SIZE - 44 & ~3]
    body += bytes(-len(body) % 4)
    bare = stun.request(b"transaction!", "", 0, _PASSWORD)
    head = bare[:2] + (len(body) + 24).to_bytes(2, "big") + bare[4:20]
    unsigned = head + body + b"\x00\x08\x00\x14" + bytes(20)
    message = stun.parse(unsigned)
    if message is None:
        return unsigned
    return unsigned[: message.integrity_at + 4] + stun.integrity(unsigned, message, _PASSWORD)


def _signed_bodies() -> list[bytes]:
    plain = b"\x00\x06\x00\x0bours:theirs\x00\x00\x24\x00\x04\x00\x00\x00\x01"
    return [plain + b"\x00\x25\x00\x00", plain + b"\x80\x29\x00\x08" + bytes(8), _checks()[2][20:]]


# ── RTP ──────────────────────────────────────────────────────────────────────────────────


def _rtp(data: bytes) -> None:
    if rtp.demux(data) is not Protocol.RTP:
        return
    with suppress(MalformedPacket):
        header = rtp.parse(data)
        for span in rtp.extensions(data, header).values():
            assert 0 <= span[0] <= span[1] <= len(data)
            rtp.audio_level(data, span)
            with suppress(MalformedPacket):
                rtp.text(data, span)
        for codec in Codec:
            picture = codecs.read(codec, data, header.payload_start, header.payload_end)
            assert max(picture.picture_id_at, picture.tl0_at) < max(1, header.payload_end)
        original = decapsulate_rtx(data, header, 1, 96)
        if original is not None:
            rtp.parse(original)


def _frames(data: bytes) -> None:
    """A packet as the beginning and as the rest of a frame that is recorded."""
    for codec in Codec:
        assembler = Assembler(codec)
        for number in (1, 2):
            for frame in assembler.take(number, data):
                parameter_sets(frame.data)


def _rtp_packets() -> list[bytes]:
    def video(payload: bytes, block: bytes = b"") -> bytes:
        return packet(payload, sequence=1, timestamp=1, ssrc=1, payload_type=96, block=block)

    units = b"\x18" + b"\x00\x01\x01" * 380  # STAP-A of one-byte slices
    elements = b"\xbe\xde\x00\x40" + b"\x10\x00" * 128
    return [
        *Camera(1).frame(key=True),
        Microphone(2).next(),
        video(vp8_payload(7, 7, key=True, bits=7)),
        video(b"\x7c\x85\x00\x01"),  # H.264 FU-A
        video(b"\x8a\x81\x02\x00\x10\x00\xf0\x00\xf0" + bytes(9)),  # VP9 with its structure
        video(b"\x10\x0a\x0a\x00\x00"),  # AV1: a sequence header
        video(units),
        video(b"\x00", elements),
        video(b"\x00", b"\x10\x00\x00\x40" + b"\x01\x00" * 128),
    ]


# ── RTCP ─────────────────────────────────────────────────────────────────────────────────


def _rtcp(data: bytes) -> None:
    with suppress(MalformedPacket):
        read = rtcp.parse(data)
        told = [len(p.arrivals) for p in read if isinstance(p, feedback.TransportFeedback)]
        assert sum(told) <= feedback.MAX_STATUSES


def _reports() -> list[bytes]:
    block = rtcp.ReportBlock(1, 2, 3, 4, 5)
    arrivals = feedback.TransportFeedback(1, 2, 3, 4, (1, 2, None, 500, *range(600, 640)))
    one_of_each: list[rtcp.Packet] = [
        rtcp.SenderReport(1, 2, 3, 4, 5, (block,)),
        rtcp.Description(1, "name"),
        rtcp.Nack(1, 2, (3, 4, 9)),
        rtcp.Pli(1, 2),
        rtcp.Fir(1, ((2, 3),)),
        rtcp.Remb(1, 2_000_000, (3, 4)),
        arrivals,
        rtcp.Bye((1, 2)),
    ]
    return [
        rtcp.build(one_of_each),
        rtcp.build([rtcp.ReceiverReport(1, (block,) * 31)]),
        rtcp.build([rtcp.Nack(1, 2, tuple(range(5000)))]),
        rtcp.build([rtcp.ReceiverReport(1)] * 150),
        rtcp.build([rtcp.Bye(())] * 300),
        rtcp.build([rtcp.Fir(1, ((2, 3),) * 100)]),
        b"\x81\xca\x00\x80" + bytes(4) + b"\x02\x00" * 253 + bytes(2),  # SDES of empty names
    ]


def _feedback(body: bytes) -> None:
    with suppress(MalformedPacket):
        read = feedback.parse_transport_feedback(1, 2, body)
        assert len(read.arrivals) <= feedback.MAX_STATUSES


def _feedback_bodies() -> list[bytes]:
    def body(*arrivals: int | None) -> bytes:
        return feedback.transport_feedback_bytes(
            feedback.TransportFeedback(1, 2, 3, 4, tuple(arrivals))
        )

    far_apart = [n * 300 for n in range(200)]
    return [
        body(1, 2, None, 500),
        body(*range(400)),
        body(*far_apart),
        body(*([None, 7] * 200)),
        bytes.fromhex("0001011800000001") + b"\xbf\xff" * 20 + bytes(280),
    ]


# ── SDP ──────────────────────────────────────────────────────────────────────────────────


def _offer(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    local = answer.LocalSide(Credentials("ufrag", "password"), "AA", "passive", (("192.0.2.1", 5),))
    with suppress(BadSdp, Unsupported, NoCommonCodec):
        offer = sdp.parse(text)
        with suppress(Unsupported, NoCommonCodec):
            tracks = negotiation.tracks_to_publish(offer)
            answer.publish_answer(offer, tracks, local)
        slots = negotiation.slots_to_play(offer, lambda: 1)
        answer.play_answer(offer, slots, "cname", local)


def _offers() -> list[bytes]:
    local = offers.Local("ufrag", "p" * 24, ":".join(["AB"] * 32), ("192.0.2.1", 5))
    plain = [
        offers.publish_offer(local, {"audio": 1, "video": 2}, "cname"),
        offers.play_offer(local, 3),
        _PLAY,
    ]
    return [text.encode() for text in [*plain, _PLAY + "a=x\n" * 2000]]


def _fragment(data: bytes) -> None:
    with suppress(BadSdp):
        sdp.parse_fragment(data.decode("utf-8", "replace"))


def _fragments() -> list[bytes]:
    whole = (
        "a=ice-options:trickle\r\na=group:BUNDLE 0\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
        "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
        "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n"
    )
    return [whole.encode(), b"a=x\n" * 500]


TARGETS = {
    "stun": Target(_check, _checks),
    "stun-signed": Target(lambda body: _check(_signed(body)), _signed_bodies),
    "rtp": Target(_rtp, _rtp_packets),
    "frames": Target(_frames, _rtp_packets),
    "rtcp": Target(_rtcp, _reports),
    "transport-feedback": Target(_feedback, _feedback_bodies),
    "sdp-offer": Target(_offer, _offers, 16_384),
    "sdp-fragment": Target(_fragment, _fragments, 16_384),
    "node": Target(lesson.take, lesson.seeds),
}


# ── what an input may cost ───────────────────────────────────────────────────────────────


def lines_run(run: Callable[[bytes], None], data: bytes) -> int:
    """How many lines of `media` are run for `data`: a measure that no other process disturbs."""
    count = 0

    def local(_frame: object, event: str, _arg: object) -> object:
        nonlocal count
        count += event == "line"
        return local

    def called(frame: object, _event: str, _arg: object) -> object:
        return local if "/media/" in frame.f_code.co_filename else None  # type: ignore[attr-defined]

    before = sys.gettrace()
    sys.settrace(called)
    try:
        run(data)
    finally:
        sys.settrace(before)
    return count


def peak(run: Callable[[bytes], None], data: bytes) -> int:
    """The most bytes that were held at once, beyond what was held before."""
    tracemalloc.start()
    try:
        run(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@cache
def budget(name: str) -> Callable[[int], tuple[int, int]]:
    """(lines, bytes) that an input of a size may cost: four times the costliest valid one."""
    target = TARGETS[name]
    seeds = target.seeds()
    for seed in seeds:
        target.run(seed)  # what is made once is no input's cost
    lines = [(lines_run(target.run, seed), len(seed)) for seed in seeds]
    held = [(peak(target.run, seed), len(seed)) for seed in seeds]

    def allowed(size: int) -> tuple[int, int]:
        return _four_times(lines, size), max(_FREE, _four_times(held, size))

    return allowed


def _four_times(costs: list[tuple[int, int]], size: int) -> int:
    """By the size of the input, and never less than for the smallest valid one."""
    rate = max(cost / length for cost, length in costs)
    return int(4 * max(rate * size, min(cost for cost, _ in costs)))
