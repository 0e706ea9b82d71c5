"""ICE-lite (RFC 8445, 2.5) on one socket: who a datagram is from, and whether they still consent.

A peer is found by the ufrag it was given, then by the address it checked from. Every check must
carry a good MESSAGE-INTEGRITY, so an address can't be taken over by guessing; the path follows the
newest nominated check. STUN itself is aioice's.
"""

import secrets
import struct
from dataclasses import dataclass
from typing import Protocol

from aioice import stun

from media.udp import Address

CONSENT_TIMEOUT = 6.0  # seconds; browsers check every 5 s at the latest (RFC 7675, 5.1: 30 s)
_MAX_STUN = 1200
_MAX_ADDRESSES = 8  # paths kept per peer

#: What aioice's parser raises for bytes that are not STUN, besides ValueError.
_NOT_STUN = (ValueError, KeyError, IndexError, struct.error, OverflowError)


@dataclass(frozen=True, slots=True)
class Credentials:
    ufrag: str
    password: str


def fresh_credentials() -> Credentials:
    """RFC 8839, 5.4: at least 24 bits of ufrag and 128 of password."""
    return Credentials(secrets.token_hex(6), secrets.token_hex(16))


class IcePeer(Protocol):
    """What the agent keeps for each peer."""

    local: Credentials
    confirmed: Credentials | None  # those before a restart, until `local` are checked with
    address: Address | None
    consented_at: float

    def path_changed(self, first: bool) -> None:
        """`address` has been set, for the first time or anew."""


def _credentials(peer: IcePeer | None, ufrag: str) -> Credentials | None:
    """Which of a peer's credentials a check names."""
    if peer is None:
        return None
    return peer.local if ufrag == peer.local.ufrag else peer.confirmed


class IceLiteAgent:
    """Peers by ufrag and by address. Bounded: what peers don't own is not remembered."""

    def __init__(self) -> None:
        self._by_ufrag: dict[str, IcePeer] = {}
        self._by_address: dict[Address, IcePeer] = {}
        self._addresses: dict[int, list[Address]] = {}

    def add(self, peer: IcePeer) -> None:
        self._by_ufrag[peer.local.ufrag] = peer

    def restart(self, peer: IcePeer, credentials: Credentials) -> None:
        """Give a peer new credentials (RFC 8839, 4.4.1.1.1). Until it checks with them, its path
        and the credentials it last checked with stay good: the answer may be slow, or lost."""
        if peer.confirmed is None:
            peer.confirmed = peer.local
        else:
            self._by_ufrag.pop(peer.local.ufrag, None)  # of a restart that was never confirmed
        peer.local = credentials
        self._by_ufrag[credentials.ufrag] = peer

    def remove(self, peer: IcePeer) -> None:
        self._by_ufrag.pop(peer.local.ufrag, None)
        self._confirm(peer)
        for address in self._addresses.pop(id(peer), ()):
            if self._by_address.get(address) is peer:
                del self._by_address[address]

    def peer_at(self, address: Address) -> IcePeer | None:
        return self._by_address.get(address)

    def check(self, data: bytes, address: Address, now: float) -> bytes | None:
        """Take a STUN datagram; the answer to send back, if one is due."""
        if len(data) > _MAX_STUN:
            return None
        try:
            message = stun.parse_message(data)
            username = str(message.attributes.get("USERNAME", ""))
            ufrag = username.partition(":")[0]
            peer = self._by_ufrag.get(ufrag)
            used = _credentials(peer, ufrag)
            if (
                peer is None
                or used is None
                or message.message_method != stun.Method.BINDING
                or message.message_class != stun.Class.REQUEST
                or not message.check_message_integrity(used.password.encode())
            ):
                return None
        except _NOT_STUN:
            return None
        peer.consented_at = now
        if used is peer.local:
            self._confirm(peer)
        self._remember(peer, address)
        if peer.address is None or "USE-CANDIDATE" in message.attributes:
            first, moved = peer.address is None, peer.address != address
            peer.address = address
            if moved:
                peer.path_changed(first)
        answer = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.RESPONSE,
            transaction_id=message.transaction_id,
        )
        answer.attributes["XOR-MAPPED-ADDRESS"] = address
        answer.add_message_integrity(used.password.encode())
        return bytes(answer)

    def _confirm(self, peer: IcePeer) -> None:
        """The newest credentials are in use: those before a restart are good no longer."""
        if peer.confirmed is not None:
            self._by_ufrag.pop(peer.confirmed.ufrag, None)
            peer.confirmed = None

    def _remember(self, peer: IcePeer, address: Address) -> None:
        if self._by_address.get(address) is peer:
            return
        known = self._addresses.setdefault(id(peer), [])
        known.append(address)
        self._by_address[address] = peer
        if len(known) > _MAX_ADDRESSES:
            oldest = known.pop(0)
            if self._by_address.get(oldest) is peer and oldest != peer.address:
                del self._by_address[oldest]
