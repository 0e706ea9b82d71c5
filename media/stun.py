"""STUN binding messages as ICE uses them (RFC 8489; RFC 8445, 7), read in one bounded pass.

`parse` costs a few comparisons for what is not a binding message of ours, and otherwise one step
per attribute, of which there may be MAX_ATTRIBUTES. It proves nothing: `authentic` does, once the
key is known. Attributes after MESSAGE-INTEGRITY are not protected by it and are not read (RFC 8489,
14.5), but for FINGERPRINT, which must be right where there is one.
"""

import hmac
import ipaddress
import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from media.udp import Address

REQUEST, SUCCESS, ERROR = 0x0001, 0x0101, 0x0111  # of the binding method
MAX_SIZE = 1200  # bytes; a check with two ufrags of 256 characters has about 650
MAX_ATTRIBUTES = 32
_MAX_UNKNOWN = 8  # named in an answer

_COOKIE = 0x2112A442
_FINGERPRINT_XOR = 0x5354554E
_USERNAME, _INTEGRITY, _ERROR_CODE, _UNKNOWN, _MAPPED = 0x0006, 0x0008, 0x0009, 0x000A, 0x0020
_PRIORITY, _USE_CANDIDATE = 0x0024, 0x0025
_FINGERPRINT, _CONTROLLED, _CONTROLLING = 0x8028, 0x8029, 0x802A
_OPTIONAL = 0x8000  # from here on what is not understood is passed over (RFC 8489, 14)
_UNDERSTOOD = frozenset({_USERNAME, _ERROR_CODE, _UNKNOWN, _MAPPED, _PRIORITY, _USE_CANDIDATE})

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")


class Message(NamedTuple):
    """One message, as yet unproved. `integrity_at` is where MESSAGE-INTEGRITY begins; `unknown` are
    the types that must be understood and are not."""

    kind: int
    transaction: bytes
    username: bytes
    integrity_at: int
    nominates: bool  # USE-CANDIDATE
    controlled: bool  # the sender takes itself for the controlled agent
    unknown: tuple[int, ...]


def parse(data: bytes) -> Message | None:
    """Read a binding request or an answer to one that carries MESSAGE-INTEGRITY; None for anything
    else, malformed or not."""
    size = len(data)
    if not 20 <= size <= MAX_SIZE:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != _COOKIE or length != size - 20 or size & 3:
        return None
    if kind not in (REQUEST, SUCCESS, ERROR):
        return None
    username, integrity_at, nominates, controlled = b"", 0, False, False
    unknown: list[int] = []
    at = 20
    for _ in range(MAX_ATTRIBUTES):
        if at == size:
            break
        what, length = _ATTRIBUTE.unpack_from(data, at)  # whole words: four bytes are there
        end = at + 4 + length
        if end > size:
            return None
        if what == _FINGERPRINT:
            if length != 4 or end != size or not _intact(data, at):
                return None
        elif integrity_at:
            pass
        elif what == _INTEGRITY:
            if length != 20:
                return None
            integrity_at = at
        elif what == _USERNAME:
            username = data[at + 4 : end]
        elif what == _USE_CANDIDATE:
            nominates = True
        elif what == _CONTROLLED:
            controlled = True
        elif what < _OPTIONAL and what not in _UNDERSTOOD and len(unknown) < _MAX_UNKNOWN:
            unknown.append(what)
        at = end + (-length & 3)
    if at != size or not integrity_at:
        return None
    return Message(kind, transaction, username, integrity_at, nominates, controlled, tuple(unknown))


def _intact(data: bytes, at: int) -> bool:
    """Whether the FINGERPRINT that begins at `at` is that of what is before it (14.7)."""
    (value,) = struct.unpack_from("!I", data, at + 4)
    return bool(value == zlib.crc32(data[:at]) ^ _FINGERPRINT_XOR)


def authentic(data: bytes, message: Message, password: str) -> bool:
    """Whether who wrote `data` knows the password (RFC 8489, 9.1.3)."""
    at = message.integrity_at
    return hmac.compare_digest(integrity(data, message, password), data[at + 4 : at + 24])


def integrity(data: bytes, message: Message, password: str) -> bytes:
    """What MESSAGE-INTEGRITY must be (14.5): of all before it, with a length that ends with it."""
    at = message.integrity_at
    signed = data[:2] + (at + 4).to_bytes(2, "big") + data[4:at]
    return hmac.digest(password.encode(), signed, "sha1")


def success(transaction: bytes, address: Address, password: str) -> bytes:
    """The answer to a check that came from `address`."""
    return _message(SUCCESS, transaction, [(_MAPPED, _mapped(transaction, address))], password)


def error(
    transaction: bytes, code: int, reason: str, password: str, unknown: Iterable[int] = ()
) -> bytes:
    """The answer to an authentic check that can't be served (14.8), with UNKNOWN-ATTRIBUTES where
    there are any (14.9)."""
    value = struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode()
    attributes = [(_ERROR_CODE, value)]
    types = b"".join(what.to_bytes(2, "big") for what in unknown)
    if types:
        attributes.append((_UNKNOWN, types))
    return _message(ERROR, transaction, attributes, password)


def request(
    transaction: bytes, username: str, tie_breaker: int, password: str, *, nominate: bool = False
) -> bytes:
    """A check by a controlled agent, or by a controlling one that nominates: `username` is
    theirs:ours, `password` theirs."""
    attributes = [
        (_USERNAME, username.encode()),
        (_PRIORITY, (1_862_270_975).to_bytes(4, "big")),  # peer-reflexive host (RFC 8445, 7.1.1)
        (_CONTROLLING if nominate else _CONTROLLED, tie_breaker.to_bytes(8, "big")),
    ]
    if nominate:
        attributes.append((_USE_CANDIDATE, b""))
    return _message(REQUEST, transaction, attributes, password)


def _mapped(transaction: bytes, address: Address) -> bytes:
    """XOR-MAPPED-ADDRESS (14.2)."""
    host = ipaddress.ip_address(address[0])
    mask = _COOKIE.to_bytes(4, "big") + transaction
    masked = bytes(a ^ b for a, b in zip(host.packed, mask, strict=False))
    return struct.pack("!HH", 1 if host.version == 4 else 2, address[1] ^ _COOKIE >> 16) + masked


def _message(
    kind: int, transaction: bytes, attributes: list[tuple[int, bytes]], password: str
) -> bytes:
    """A message with MESSAGE-INTEGRITY and FINGERPRINT, as RFC 8445, 7 asks for."""
    body = b"".join(
        _ATTRIBUTE.pack(what, len(value)) + value + bytes(-len(value) % 4)
        for what, value in attributes
    )
    signed = _HEADER.pack(kind, len(body) + 24, _COOKIE, transaction) + body
    body += _ATTRIBUTE.pack(_INTEGRITY, 20) + hmac.digest(password.encode(), signed, "sha1")
    whole = _HEADER.pack(kind, len(body) + 8, _COOKIE, transaction) + body
    crc = zlib.crc32(whole) ^ _FINGERPRINT_XOR
    return whole + _ATTRIBUTE.pack(_FINGERPRINT, 4) + crc.to_bytes(4, "big")
