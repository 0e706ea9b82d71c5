"""What comes from the network before anybody is known: no input does anything but be refused."""

from contextlib import suppress
from pathlib import Path

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from media import sdp
from media.errors import (
    BadSdp,
    NoCommonCodec,
    PreconditionFailed,
    PreconditionRequired,
    Unsupported,
)
from media.ice import Credentials, IceLiteAgent
from media.resource import IceSession, Patch
from media.specs import Codec, Kind
from media.udp import Address

PLAY = (Path(__file__).parent.parent / "e2e" / "play_offer.sdp").read_text()
LINES = PLAY.split("\n")
LOCAL = sdp.LocalSide(Credentials("ufrag", "password"), "AA", "passive", (("192.0.2.1", 5000),))


def test_a_browsers_offer_to_play_is_answered() -> None:
    offer = sdp.parse(PLAY)
    numbers = iter(range(100, 200))
    slots = sdp.slots_to_play(offer, lambda: next(numbers))
    assert [slot.kind for slot in slots] == [Kind.AUDIO, Kind.VIDEO]
    codecs = {p.codec for slot in slots for p in slot.payloads}
    assert {Codec.OPUS, Codec.VP8, Codec.VP9, Codec.H264} <= codecs
    answer = sdp.play_answer(offer, slots, "cname", LOCAL)
    assert answer.count("a=sendonly") == 2
    assert sdp.parse(answer.replace("AA", "AA:BB")).setup == "passive"  # it can be read again


def test_the_media_ssrc_line_comes_before_that_of_its_retransmissions() -> None:
    offer = sdp.parse(PLAY)
    numbers = iter(range(100, 200))
    slots = sdp.slots_to_play(offer, lambda: next(numbers))
    answer = sdp.play_answer(offer, slots, "cname", LOCAL)
    lines = [line for line in answer.split("\r\n") if line.startswith("a=ssrc:")]
    assert lines[-2:] == [
        f"a=ssrc:{slots[1].ssrc} cname:cname",
        f"a=ssrc:{slots[1].rtx_ssrc} cname:cname",
    ]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda s: s.replace("a=ice-ufrag", "a=x"), BadSdp),
        (lambda s: s.replace("a=fingerprint", "a=x"), BadSdp),
        (lambda s: s.replace("sha-256", "sha-1"), Unsupported),
        (lambda s: s.replace("a=group:BUNDLE 0 1", "a=x"), Unsupported),
        (lambda s: s.replace("a=rtcp-mux", "a=x"), Unsupported),
        (lambda s: s.replace("a=mid:1", "a=mid:0"), BadSdp),
        (lambda s: s.replace("a=recvonly", "a=sendonly"), Unsupported),
        (lambda s: s.replace("a=rtpmap", "a=x"), NoCommonCodec),
        (lambda s: s.replace("a=rtpmap:111 ", "a=rtpmap:eleven "), BadSdp),
        (lambda s: s + "a=" + "x" * 70_000, BadSdp),
        (lambda s: "v=0\n" + "m=audio 9 x 0\n" * 40, BadSdp),
        (lambda s: "", BadSdp),
    ],
)
def test_an_offer_that_cannot_be_served_says_why(change: object, error: type[Exception]) -> None:
    with pytest.raises(error) as said:
        sdp.slots_to_play(sdp.parse(change(PLAY)), lambda: 1)  # type: ignore[operator]
    assert len(str(said.value)) > 10


@given(
    st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=40)), max_size=60),
    st.booleans(),
)
def test_no_text_raises_anything_but_what_is_declared(lines: list[str], headed: bool) -> None:
    text = "\n".join((["v=0"] if headed else []) + lines)
    for work in (
        lambda: sdp.slots_to_play(sdp.parse(text), lambda: 1),
        lambda: sdp.tracks_to_publish(sdp.parse(text)),
        lambda: sdp.parse_fragment(text),
    ):
        with suppress(BadSdp, Unsupported, NoCommonCodec):
            work()


@pytest.mark.parametrize(
    ("if_match", "fresh", "outcome"),
    [
        (None, False, PreconditionRequired),
        (None, True, PreconditionRequired),
        ("", False, PreconditionRequired),
        ('"tag"', False, Patch.TRICKLE),
        ('"other", "tag"', False, Patch.TRICKLE),
        ('"tag"', True, Patch.RESTART),
        ("*", True, Patch.RESTART),
        ('"*"', True, Patch.RESTART),
        ("*", False, Patch.TRICKLE),
        ('"other"', False, PreconditionFailed),
        ('"other"', True, PreconditionFailed),
        ('W/"tag"', False, PreconditionFailed),
        ("tag", False, PreconditionFailed),
    ],
)
def test_what_a_patch_is(if_match: str | None, fresh: bool, outcome: object) -> None:
    session = IceSession("ufrag", "password", "tag")
    given_now = ("new", "newer") if fresh else ("ufrag", "password")
    if isinstance(outcome, Patch):
        assert session.judge(if_match, *given_now) is outcome
    else:
        with pytest.raises(outcome):  # type: ignore[call-overload]
            session.judge(if_match, *given_now)


class _Peer:
    def __init__(self) -> None:
        self.local = Credentials("ours", "secret")
        self.address: Address | None = None
        self.consented_at = 0.0
        self.moves: list[bool] = []

    def path_changed(self, first: bool) -> None:
        self.moves.append(first)


def _check(username: str = "ours:theirs", password: str = "secret", *, nominate: bool) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return bytes(message)


HERE, THERE = ("192.0.2.1", 1000), ("192.0.2.2", 2000)


def test_a_check_is_answered_and_its_path_taken() -> None:
    agent, peer = IceLiteAgent(), _Peer()
    agent.add(peer)
    answer = agent.check(_check(nominate=True), HERE, 5.0)
    assert answer is not None
    message = stun.parse_message(answer)
    assert message.attributes["XOR-MAPPED-ADDRESS"] == HERE
    assert message.check_message_integrity(b"secret")
    assert (peer.address, peer.consented_at, peer.moves) == (HERE, 5.0, [True])
    assert agent.peer_at(HERE) is peer


def test_the_path_follows_the_nominated_check_only() -> None:
    agent, peer = IceLiteAgent(), _Peer()
    agent.add(peer)
    agent.check(_check(nominate=True), HERE, 1.0)
    agent.check(_check(nominate=False), THERE, 2.0)
    assert peer.address == HERE
    agent.check(_check(nominate=True), THERE, 3.0)
    assert (peer.address, peer.moves) == (THERE, [True, False])


@pytest.mark.parametrize(
    "data",
    [
        _check(password="wrong", nominate=True),
        _check(username="other:theirs", nominate=True),
        bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST)),
        _check(nominate=True) + bytes(1200),
        b"\x00\x01",
    ],
)
def test_a_check_that_does_not_prove_itself_takes_nothing(data: bytes) -> None:
    agent, peer = IceLiteAgent(), _Peer()
    agent.add(peer)
    assert agent.check(data, HERE, 1.0) is None
    assert (peer.address, peer.consented_at) == (None, 0.0)
    assert agent.peer_at(HERE) is None


@given(st.binary(max_size=200), st.integers(0, 100))
def test_no_bytes_crash_the_agent(noise: bytes, at: int) -> None:
    agent, peer = IceLiteAgent(), _Peer()
    agent.add(peer)
    genuine = _check(nominate=True)
    agent.check(noise, HERE, 1.0)
    agent.check(genuine[:at] + noise + genuine[at + len(noise) :], HERE, 1.0)


def test_a_removed_peer_is_forgotten() -> None:
    agent, peer = IceLiteAgent(), _Peer()
    agent.add(peer)
    agent.check(_check(nominate=True), HERE, 1.0)
    agent.remove(peer)
    assert agent.peer_at(HERE) is None
    assert agent.check(_check(nominate=True), HERE, 2.0) is None
