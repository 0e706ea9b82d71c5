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
        self.confirmed: Credentials | None = None
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


def _restarted() -> tuple[IceLiteAgent, _Peer]:
    agent, peer = IceLiteAgent(), _Peer()
    agent.add(peer)
    agent.check(_check(nominate=True), HERE, 1.0)
    agent.restart(peer, Credentials("fresh", "newer"))
    return agent, peer


OLD = _check(nominate=True)
NEW = _check("fresh:theirs", "newer", nominate=True)


def test_after_a_restart_old_checks_are_good_until_the_first_new_one() -> None:
    agent, peer = _restarted()
    old = agent.check(OLD, HERE, 2.0)
    assert old is not None
    assert stun.parse_message(old).check_message_integrity(b"secret")
    new = agent.check(NEW, THERE, 3.0)
    assert new is not None
    assert stun.parse_message(new).check_message_integrity(b"newer")
    assert (peer.address, peer.consented_at, peer.confirmed) == (THERE, 3.0, None)
    assert agent.check(OLD, HERE, 4.0) is None
    assert (peer.address, peer.consented_at) == (THERE, 3.0)


def test_old_and_new_credentials_cannot_be_mixed() -> None:
    agent, _peer = _restarted()
    assert agent.check(_check("fresh:theirs", "secret", nominate=True), HERE, 2.0) is None
    assert agent.check(_check("ours:theirs", "newer", nominate=True), HERE, 2.0) is None


def test_of_two_restarts_the_last_one_counts() -> None:
    agent, _peer = _restarted()
    agent.restart(_peer, Credentials("third", "newest"))
    assert agent.check(NEW, HERE, 2.0) is None
    assert agent.check(OLD, HERE, 2.0) is not None
    assert agent.check(_check("third:theirs", "newest", nominate=True), HERE, 2.0) is not None
    assert agent.check(OLD, HERE, 3.0) is None


def test_a_peer_removed_during_a_restart_is_forgotten_by_both_names() -> None:
    agent, peer = _restarted()
    agent.remove(peer)
    assert agent.check(OLD, HERE, 2.0) is None
    assert agent.check(NEW, HERE, 2.0) is None
