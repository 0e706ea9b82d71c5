"""ICE-lite (RFC 8445, 2.5) on one socket: who a datagram is from, and whether they still consent.

A peer is found by the ufrag it was given, then by the address it checked from. What a check may do:

    not a binding request, unknown ufrag, wrong MESSAGE-INTEGRITY   nothing, not even an answer
    an attribute that must be understood and is not                 420 (RFC 8489, 6.3.1)
    from an agent that is controlled: so are we                     487 (RFC 8445, 7.3.1.1)
    a transaction seen before, from elsewhere                       nothing: it is a copy
    a transaction seen before, from the same address                the answer again, nothing else
    a new one                                                       consent (RFC 7675), the answer

The path of a peer is where it was first heard, then where its first nominated check of this ICE
session came from. After that a nominated check from another address moves it only when that address
has answered a check of ours, made with the peer's own password; or when the present path has had no
check for the consent timeout. mediasoup and Pion move at once; but short-term credentials do not
tell a copy from the original, so whoever can read one check could draw a whole lesson's stream to
an address of their choice. The price is one round trip. For the same reason a check does not take
an address that another peer has proved lately before it has been answered from there.
"""

import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from media import stun
from media.resource import IceSession
from media.udp import Address

CONSENT_TIMEOUT = 6.0  # seconds without a check, or anything authentic, of who sends RTCP or media
CHECKS_ALONE = 13.0  # seconds, of who sends neither: two checks, each after 6 s, one of them lost
CONSENT_EXPIRES = 30.0  # seconds; whatever else is heard (RFC 7675, 5.1)
_MAX_ADDRESSES = 8  # kept per peer
_MAX_SEEN = 128  # transactions kept per peer: some minutes of checks
_MAX_ASKED = 4  # checks of ours per peer that wait for an answer
_ASK_AGAIN = 0.1  # seconds between two checks of ours to one address
_ASK_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Credentials:
    ufrag: str
    password: str


def fresh_credentials() -> Credentials:
    """RFC 8839, 5.4: at least 24 bits of ufrag and 128 of password."""
    return Credentials(secrets.token_hex(6), secrets.token_hex(16))


class IcePeer(Protocol):
    """What the agent keeps for each peer. `ice` holds the credentials of the peer's side."""

    local: Credentials
    ice: IceSession
    address: Address | None
    consented_at: float

    def path_changed(self, first: bool) -> None:
        """`address` has been set, for the first time or anew."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A check of ours: what an answer to it proves."""

    address: Address
    at: float
    nominated: bool


@dataclass(slots=True, eq=False)
class _Known:
    """What is known of one peer. `addresses` are those it checked from, and when last."""

    peer: IcePeer
    before: Credentials | None = None  # a restart, good until `peer.local` is checked with
    nominated: bool = False  # by a check with the newest credentials in use
    addresses: dict[Address, float] = field(default_factory=dict)
    seen: dict[bytes, Address] = field(default_factory=dict)
    asked: dict[bytes, _Asked] = field(default_factory=dict)


class IceLiteAgent:
    """Peers by ufrag and by address. Bounded: what peers don't own is not remembered.

    `outputs` are checks of ours to send, (datagram, address), drained after each `check`.
    """

    def __init__(self) -> None:
        self.outputs: deque[tuple[bytes, Address]] = deque(maxlen=256)
        self._known: dict[int, _Known] = {}  # by identity of the peer
        self._by_ufrag: dict[bytes, _Known] = {}
        self._by_address: dict[Address, _Known] = {}
        self._asked: dict[bytes, _Known] = {}
        self._tie_breaker = secrets.randbits(64)

    def add(self, peer: IcePeer) -> None:
        known = self._known[id(peer)] = _Known(peer)
        self._by_ufrag[peer.local.ufrag.encode()] = known

    def restart(self, peer: IcePeer, credentials: Credentials) -> None:
        """Give a peer new credentials (RFC 8839, 4.4.1.1.1). Until it checks with them, its path
        and the credentials it last checked with stay good: the answer may be slow, or lost."""
        known = self._known[id(peer)]
        if known.before is None:
            known.before = peer.local
        else:
            del self._by_ufrag[peer.local.ufrag.encode()]  # of a restart that was never confirmed
        peer.local = credentials
        self._by_ufrag[credentials.ufrag.encode()] = known
        self._forget_asked(known)

    def _confirm(self, known: _Known) -> None:
        """The newest credentials are in use: those before are good no longer, and the first path
        nominated with these is taken at once."""
        if known.before is not None:
            del self._by_ufrag[known.before.ufrag.encode()]
            known.before, known.nominated = None, False

    def remove(self, peer: IcePeer) -> None:
        known = self._known.pop(id(peer), None)
        if known is None:
            return
        self._confirm(known)
        del self._by_ufrag[peer.local.ufrag.encode()]
        self._forget_asked(known)
        for address in known.addresses:
            if self._by_address.get(address) is known:
                del self._by_address[address]

    def _forget_asked(self, known: _Known) -> None:
        for transaction in known.asked:
            self._asked.pop(transaction, None)
        known.asked.clear()

    def peer_at(self, address: Address) -> IcePeer | None:
        known = self._by_address.get(address)
        return None if known is None else known.peer

    def check(self, data: bytes, address: Address, now: float) -> bytes | None:
        """Take a STUN datagram; the answer to send back, if one is due."""
        message = stun.parse(data)
        if message is None:
            return None
        if message.kind != stun.REQUEST:
            self._answered(data, message, address, now)
            return None
        ufrag = message.username.partition(b":")[0]
        known = self._by_ufrag.get(ufrag)
        if known is None:
            return None
        newest = ufrag == known.peer.local.ufrag.encode()
        used = known.peer.local if newest else known.before
        assert used is not None, "a peer is listed by its credentials of now and before, no others"
        password = used.password
        if not stun.authentic(data, message, password):
            return None
        transaction = message.transaction
        if message.unknown:
            return stun.error(transaction, 420, "Unknown Attribute", password, message.unknown)
        if message.controlled:
            return stun.error(transaction, 487, "Role Conflict", password)
        if newest:
            self._confirm(known)
        before = known.seen.get(transaction)
        if before is None:
            known.seen[transaction] = address
            if len(known.seen) > _MAX_SEEN:
                del known.seen[next(iter(known.seen))]
            self._take(known, address, now, nominated=message.nominates)
        elif before != address:
            return None
        return stun.success(transaction, address, password)

    def _take(self, known: _Known, address: Address, now: float, *, nominated: bool) -> None:
        """A new and authentic check came from `address`."""
        peer = known.peer
        peer.consented_at = now
        owner = self._by_address.get(address)
        if owner not in (None, known) and now - owner.addresses[address] <= CONSENT_TIMEOUT:
            self._ask(known, address, now, nominated=nominated)
            return
        self._remember(known, address, now)
        if peer.address is None:
            known.nominated = nominated
            self._move(peer, address)
        elif nominated:
            heard = known.addresses.get(peer.address, float("-inf"))
            free = not known.nominated or now - heard > CONSENT_TIMEOUT
            if free or address == peer.address:
                known.nominated = True
                self._move(peer, address)
            else:
                self._ask(known, address, now, nominated=True)

    def _answered(self, data: bytes, message: stun.Message, address: Address, now: float) -> None:
        """An answer to a check of ours came, if it proves to be one."""
        known = self._asked.get(message.transaction)
        if known is None or message.kind != stun.SUCCESS:
            return
        asked = known.asked[message.transaction]
        if asked.address != address or now - asked.at > _ASK_TIMEOUT:
            return
        if not stun.authentic(data, message, known.peer.ice.password):
            return
        self._drop_asked(known, message.transaction)
        self._remember(known, address, now)
        if asked.nominated or known.peer.address is None:
            known.nominated = known.nominated or asked.nominated
            self._move(known.peer, address)

    def _ask(self, known: _Known, address: Address, now: float, *, nominated: bool) -> None:
        """Check an address: only the peer itself can answer with its password."""
        if any(a.address == address and now - a.at < _ASK_AGAIN for a in known.asked.values()):
            return
        if len(known.asked) >= _MAX_ASKED:
            self._drop_asked(known, next(iter(known.asked)))
        transaction = secrets.token_bytes(12)
        known.asked[transaction] = _Asked(address, now, nominated)
        self._asked[transaction] = known
        peer = known.peer
        username = f"{peer.ice.ufrag}:{peer.local.ufrag}"
        ask = stun.request(transaction, username, self._tie_breaker, peer.ice.password)
        self.outputs.append((ask, address))

    def _drop_asked(self, known: _Known, transaction: bytes) -> None:
        del known.asked[transaction]
        del self._asked[transaction]

    @staticmethod
    def _move(peer: IcePeer, address: Address) -> None:
        first, moved = peer.address is None, peer.address != address
        peer.address = address
        if moved:
            peer.path_changed(first)

    def _remember(self, known: _Known, address: Address, now: float) -> None:
        """`address` is the peer's: the newest last, the oldest forgotten, its path never."""
        owner = self._by_address.get(address)
        if owner is not None and owner is not known:
            del owner.addresses[address]
        self._by_address[address] = known
        known.addresses.pop(address, None)
        known.addresses[address] = now
        if len(known.addresses) > _MAX_ADDRESSES:
            oldest = next(a for a in known.addresses if a != known.peer.address)
            del known.addresses[oldest]
            del self._by_address[oldest]
