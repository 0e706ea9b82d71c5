"""ICE-lite on one socket: only a check that proves itself takes anything."""

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from media.ice import Credentials, IceLiteAgent
from media.udp import Address


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
