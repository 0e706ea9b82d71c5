"""STUN and ICE-lite: what a check proves, what it does not, and where the media of a peer goes.

Checks are aioice's, an implementation not our own; answers are read with it too.
"""

import itertools
import struct

import pytest
from aioice import stun as aioice
from hypothesis import given
from hypothesis import strategies as st

from media import stun
from media.ice import CONSENT_TIMEOUT, Credentials, IceLiteAgent
from media.resource import IceSession
from media.udp import Address

OURS, THEIRS = Credentials("ours", "our secret"), Credentials("theirs", "their secret")
HERE, THERE, ELSEWHERE = ("192.0.2.1", 1000), ("192.0.2.2", 2000), ("192.0.2.3", 3000)


class Peer:
    def __init__(self, local: Credentials = OURS, remote: Credentials = THEIRS) -> None:
        self.local = local
        self.ice = IceSession(remote.ufrag, remote.password, "etag")
        self.address: Address | None = None
        self.consented_at = 0.0
        self.moves: list[bool] = []

    def path_changed(self, first: bool) -> None:
        self.moves.append(first)


def check(
    username: str = "ours:theirs",
    password: str = OURS.password,
    *,
    nominate: bool = True,
    **attributes: object,
) -> bytes:
    message = aioice.Message(aioice.Method.BINDING, aioice.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    for name, value in attributes.items():
        message.attributes[name.replace("_", "-")] = value
    message.add_message_integrity(password.encode())  # and FINGERPRINT
    return bytes(message)


def resized(data: bytes) -> bytes:
    """With a length field that is right again."""
    return data[:2] + struct.pack("!H", len(data) - 20) + data[4:]


def answered(agent: IceLiteAgent, password: str = THEIRS.password) -> list[tuple[bytes, Address]]:
    """What a peer answers to the checks the agent made, with the addresses they went to."""
    found = []
    while agent.outputs:
        asked, address = agent.outputs.popleft()
        message = aioice.parse_message(asked)
        assert message.attributes["USERNAME"] == "theirs:ours"
        assert "ICE-CONTROLLED" in message.attributes
        assert message.check_message_integrity(THEIRS.password.encode())
        answer = aioice.Message(
            aioice.Method.BINDING, aioice.Class.RESPONSE, message.transaction_id
        )
        answer.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.9", 9)
        answer.add_message_integrity(password.encode())
        found.append((bytes(answer), address))
    return found


@pytest.fixture
def agent() -> IceLiteAgent:
    return IceLiteAgent()


@pytest.fixture
def peer(agent: IceLiteAgent) -> Peer:
    made = Peer()
    agent.add(made)
    return made


@pytest.mark.parametrize("address", [HERE, ("2001:db8::7", 1)])
def test_a_check_is_answered_and_its_path_taken(
    agent: IceLiteAgent, peer: Peer, address: Address
) -> None:
    answer = agent.check(check(), address, 5.0)
    assert answer is not None
    message = aioice.parse_message(answer)  # checks FINGERPRINT as well
    assert message.message_class is aioice.Class.RESPONSE
    assert message.attributes["XOR-MAPPED-ADDRESS"] == address
    assert message.check_message_integrity(OURS.password.encode())
    assert (peer.address, peer.consented_at, peer.moves) == (address, 5.0, [True])
    assert agent.peer_at(address) is peer
    assert not agent.outputs


def test_a_check_without_fingerprint_will_do(agent: IceLiteAgent, peer: Peer) -> None:
    assert agent.check(resized(check()[:-8]), HERE, 5.0) is not None
    assert peer.address == HERE


GOOD = check()


@pytest.mark.parametrize(
    "data",
    [
        check(password="wrong"),
        check(username="other:theirs"),
        check(username="our:theirs"),
        check(username=""),
        bytes(aioice.Message(aioice.Method.BINDING, aioice.Class.REQUEST)),
        GOOD + bytes(1200),
        GOOD[:-1],
        GOOD[:-4],
        GOOD[:-8],  # FINGERPRINT gone, and the length with it wrong
        GOOD[:-1] + bytes([GOOD[-1] ^ 1]),  # FINGERPRINT wrong
        GOOD[:4] + bytes(4) + GOOD[8:],  # the cookie
        b"\x00\x11" + GOOD[2:],  # an indication
        b"\x00\x01",
        b"",
        GOOD[:2] + (40 * 4).to_bytes(2, "big") + GOOD[4:20] + b"\x80\x22\x00\x00" * 40,
    ],
    ids=itertools.count(),  # transactions are random: two processes would not agree on names
)
def test_a_check_that_does_not_prove_itself_does_nothing(
    agent: IceLiteAgent, peer: Peer, data: bytes
) -> None:
    assert agent.check(data, HERE, 1.0) is None
    assert (peer.address, peer.consented_at, peer.moves) == (None, 0.0, [])
    assert agent.peer_at(HERE) is None


def test_what_follows_the_integrity_is_not_believed(agent: IceLiteAgent, peer: Peer) -> None:
    bare = check(nominate=False)[:-8]
    added = resized(bare + b"\x00\x25\x00\x00")  # USE-CANDIDATE, by somebody on the way
    agent.check(check(), HERE, 1.0)
    assert agent.check(added, THERE, 2.0) is not None
    assert peer.address == HERE
    assert not agent.outputs


def test_two_controlled_agents_are_a_conflict(agent: IceLiteAgent, peer: Peer) -> None:
    answer = agent.check(check(ICE_CONTROLLED=7), HERE, 1.0)
    assert answer is not None
    message = aioice.parse_message(answer)
    assert message.attributes["ERROR-CODE"] == (487, "Role Conflict")
    assert message.check_message_integrity(OURS.password.encode())
    assert (peer.address, peer.consented_at) == (None, 0.0)
    assert agent.check(check(ICE_CONTROLLING=7), HERE, 1.0) is not None
    assert peer.address == HERE


def test_an_attribute_that_must_be_understood_is_named_in_the_answer(
    agent: IceLiteAgent, peer: Peer
) -> None:
    answer = agent.check(check(REALM="x", NONCE=b"y", SOFTWARE="passed over"), HERE, 1.0)
    assert answer is not None
    message = aioice.parse_message(answer)
    assert message.attributes["ERROR-CODE"][0] == 420
    assert b"\x00\x0a\x00\x04\x00\x14\x00\x15" in answer  # UNKNOWN-ATTRIBUTES: REALM, NONCE
    assert peer.address is None


def test_the_first_nominated_check_takes_the_path_from_one_that_was_not(
    agent: IceLiteAgent, peer: Peer
) -> None:
    agent.check(check(nominate=False), HERE, 1.0)
    agent.check(check(nominate=False), THERE, 2.0)
    assert peer.address == HERE
    agent.check(check(), THERE, 3.0)
    assert (peer.address, peer.moves) == (THERE, [True, False])


def test_a_nominated_path_moves_when_the_new_address_has_answered(
    agent: IceLiteAgent, peer: Peer
) -> None:
    agent.check(check(), HERE, 1.0)
    assert agent.check(check(), THERE, 2.0) is not None
    assert peer.address == HERE
    [(answer, address)] = answered(agent)
    assert address == THERE
    assert agent.check(answer, THERE, 2.1) is None
    assert (peer.address, peer.moves) == (THERE, [True, False])


@pytest.mark.parametrize(
    ("password", "source", "at"),
    [("guessed", THERE, 2.1), (THEIRS.password, ELSEWHERE, 2.1), (THEIRS.password, THERE, 9.0)],
)
def test_a_nominated_path_is_not_moved_by_an_answer_that_proves_nothing(
    agent: IceLiteAgent, peer: Peer, password: str, source: Address, at: float
) -> None:
    agent.check(check(), HERE, 1.0)
    agent.check(check(), THERE, 2.0)
    [(answer, _)] = answered(agent, password)
    agent.check(answer, source, at)
    assert (peer.address, peer.moves) == (HERE, [True])


def test_a_copied_check_moves_nothing_and_renews_no_consent(
    agent: IceLiteAgent, peer: Peer
) -> None:
    agent.check(GOOD, HERE, 1.0)
    assert agent.check(GOOD, THERE, 2.0) is None
    assert agent.check(GOOD, HERE, 3.0) is not None  # an answer may have been lost
    assert (peer.address, peer.consented_at) == (HERE, 1.0)
    assert agent.peer_at(THERE) is None
    assert not agent.outputs


def test_a_check_recorded_long_ago_does_not_draw_the_media_elsewhere(
    agent: IceLiteAgent, peer: Peer
) -> None:
    recorded = check()
    agent.check(recorded, HERE, 0.0)
    for second in range(1, 400):
        agent.check(check(), HERE, float(second))
    agent.check(recorded, THERE, 400.0)  # its transaction has been forgotten
    assert peer.address == HERE
    assert [address for _, address in agent.outputs] == [THERE]  # who can't answer it


def test_a_path_without_checks_is_left_for_one_that_has_them(
    agent: IceLiteAgent, peer: Peer
) -> None:
    agent.check(check(), HERE, 1.0)
    agent.check(check(), THERE, 2.0)
    agent.check(check(), THERE, 1.1 + CONSENT_TIMEOUT)
    assert peer.address == THERE


def restart(agent: IceLiteAgent, peer: Peer, number: int = 1) -> None:
    peer.ice = IceSession(f"fresh{number}", "their new secret", "etag 2")
    agent.restart(peer, Credentials(f"anew{number}", f"our new secret {number}"))


def newer(number: int = 1) -> bytes:
    return check(f"anew{number}:fresh{number}", f"our new secret {number}")


def test_after_a_restart_the_first_nomination_moves_the_path(
    agent: IceLiteAgent, peer: Peer
) -> None:
    agent.check(check(), HERE, 1.0)
    agent.check(check(), THERE, 1.5)
    stale = answered(agent)
    restart(agent, peer)
    for answer, address in stale:  # to a check of the session before
        agent.check(answer, address, 2.0)
    assert peer.address == HERE
    assert agent.peer_at(HERE) is peer  # media goes on until the new session has its path
    assert agent.check(newer(), THERE, 3.0) is not None
    assert (peer.address, peer.moves) == (THERE, [True, False])


def test_after_a_restart_old_checks_are_good_until_the_first_new_one(
    agent: IceLiteAgent, peer: Peer
) -> None:
    agent.check(check(), HERE, 1.0)
    restart(agent, peer)
    old = agent.check(check(), HERE, 2.0)
    assert old is not None
    assert aioice.parse_message(old).check_message_integrity(OURS.password.encode())
    assert peer.consented_at == 2.0
    agent.check(check(), ELSEWHERE, 2.5)  # of the session before: no move unproved
    assert peer.address == HERE
    new = agent.check(newer(), THERE, 3.0)
    assert new is not None
    assert aioice.parse_message(new).check_message_integrity(b"our new secret 1")
    assert agent.check(check(), HERE, 4.0) is None
    assert (peer.address, peer.consented_at) == (THERE, 3.0)


def test_old_and_new_credentials_cannot_be_mixed(agent: IceLiteAgent, peer: Peer) -> None:
    restart(agent, peer)
    assert agent.check(check("anew1:fresh1", OURS.password), HERE, 2.0) is None
    assert agent.check(check("ours:theirs", "our new secret 1"), HERE, 2.0) is None


def test_of_two_restarts_the_last_one_counts(agent: IceLiteAgent, peer: Peer) -> None:
    agent.check(check(), HERE, 1.0)
    restart(agent, peer, 1)
    restart(agent, peer, 2)
    assert agent.check(newer(1), HERE, 2.0) is None
    assert agent.check(check(), HERE, 2.0) is not None
    assert agent.check(newer(2), HERE, 2.0) is not None
    assert agent.check(check(), HERE, 3.0) is None


def test_a_peer_removed_during_a_restart_is_forgotten_by_both_names(
    agent: IceLiteAgent, peer: Peer
) -> None:
    restart(agent, peer)
    agent.remove(peer)
    assert agent.check(check(), HERE, 2.0) is None
    assert agent.check(newer(), HERE, 2.0) is None


def test_an_address_is_not_taken_from_another_peer_unproved(
    agent: IceLiteAgent, peer: Peer
) -> None:
    mallory = Peer(Credentials("mine", "my secret"), Credentials("theirs", "their secret"))
    agent.add(mallory)
    agent.check(check(), HERE, 1.0)
    assert agent.check(check("mine:theirs", "my secret"), HERE, 2.0) is not None
    assert agent.peer_at(HERE) is peer
    assert mallory.address is None
    assert [address for _, address in agent.outputs] == [HERE]
    agent.check(check("mine:theirs", "my secret"), HERE, 2.0 + CONSENT_TIMEOUT)
    assert agent.peer_at(HERE) is mallory  # the first has left it
    agent.remove(peer)
    assert agent.peer_at(HERE) is mallory


def test_an_address_changes_hands_when_its_new_peer_answers_from_there(
    agent: IceLiteAgent, peer: Peer
) -> None:
    agent.check(check(), HERE, 1.0)
    agent.add(rejoined := Peer(Credentials("mine", "my secret"), Credentials("t2", "their 2")))
    agent.check(check("mine:t2", "my secret"), HERE, 2.0)
    asked, _ = agent.outputs.popleft()
    answer = stun.success(asked[8:20], HERE, "their 2")
    agent.check(answer, HERE, 2.1)
    assert agent.peer_at(HERE) is rejoined
    assert rejoined.address == HERE


def test_addresses_and_checks_of_ours_are_bounded(agent: IceLiteAgent, peer: Peer) -> None:
    agent.check(check(), HERE, 1.0)
    addresses = [(f"198.51.100.{n % 250}", 1000 + n) for n in range(500)]
    for address in addresses:
        agent.check(check(), address, 1.0)
    assert agent.peer_at(HERE) is peer
    assert sum(agent.peer_at(address) is peer for address in addresses) == 7
    assert len(agent.outputs) <= 256
    late = [address for answer, address in answered(agent) if agent.check(answer, address, 1.0)]
    assert late == []
    assert peer.address in addresses[-4:]  # of the newest four that were asked, one answered last


def test_a_removed_peer_is_forgotten(agent: IceLiteAgent, peer: Peer) -> None:
    agent.check(check(), HERE, 1.0)
    agent.check(check(), THERE, 1.0)
    agent.remove(peer)
    agent.remove(peer)
    assert agent.peer_at(HERE) is None
    assert agent.peer_at(THERE) is None
    assert agent.check(check(), HERE, 2.0) is None
    for answer, address in answered(agent):
        assert agent.check(answer, address, 2.0) is None
    assert peer.address == HERE


@given(st.binary(max_size=200), st.integers(0, 120))
def test_no_bytes_do_anything_but_those_that_were_signed(noise: bytes, at: int) -> None:
    agent, peer = IceLiteAgent(), Peer()
    agent.add(peer)
    changed = GOOD[:at] + noise + GOOD[at + len(noise) :]
    signed = len(GOOD) - 8  # FINGERPRINT, which is not, may be left out
    for data in (noise, changed):
        if agent.check(data, HERE, 1.0) is not None or peer.address is not None:
            assert (data[:2], data[4:signed]) == (GOOD[:2], GOOD[4:signed])


@given(st.integers(1, 0xFFFF), st.text(max_size=30), st.binary(min_size=12, max_size=12))
def test_what_is_written_is_read_by_another(port: int, name: str, transaction: bytes) -> None:
    asked = aioice.parse_message(stun.request(transaction, name, port, "secret"))
    assert asked.attributes["USERNAME"] == name
    assert asked.check_message_integrity(b"secret")
    refused = stun.error(transaction, 420, "no", "secret", [1, 2, 3])
    assert aioice.parse_message(refused).attributes["ERROR-CODE"] == (420, "no")
    mapped = aioice.parse_message(stun.success(transaction, ("10.1.2.3", port), "secret"))
    assert mapped.attributes["XOR-MAPPED-ADDRESS"] == ("10.1.2.3", port)
