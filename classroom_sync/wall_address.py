"""Addresses of walls: a screen that shows the dashboard and has nobody to sign it in again.

Whoever has the address sees the figures of one part of the city, and no list, no class, no person.
It is signed, is good for a year, and ends at once when the account that made it changes its
password, is disabled, or may see coverage no longer.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from classroom_sync.permissions import Action, Role, allowed
from db.accounts import Account

LIFETIME = timedelta(days=366)
KEY = "wall-addresses"  # name of the shared secret that signs them
_ALGORITHM = "HS256"
_AUDIENCE = "wall"


class BadAddress(Exception):
    """The address is forged, or has expired."""


@dataclass(frozen=True, slots=True)
class WallAddress:
    """Who made it, with which password, and what it shows."""

    account_id: UUID
    password: str
    of: str
    by: str

    def good_for(self, account: Account | None) -> bool:
        """Whether the account that made it, as it is now, still stands behind it."""
        return (
            account is not None
            and account.disabled_at is None
            and self.password == _mark(account)
            and allowed(Role(account.role), Action.SEE_COVERAGE)
        )


def _mark(account: Account) -> str:
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:32]


def issue(key: bytes, account: Account, of: str, by: str, now: datetime) -> str:
    """The token of an address."""
    claims = {
        "aud": _AUDIENCE,
        "exp": int((now + LIFETIME).timestamp()),
        "account": str(account.id),
        "password": _mark(account),
        "of": of,
        "by": by,
    }
    return jwt.encode({"alg": _ALGORITHM}, claims, OctKey.import_key(key))


def verify(key: bytes, text: str, now: datetime) -> WallAddress:
    """What an address says, if it is good now. Raises BadAddress."""
    try:
        claims: dict[str, Any] = jwt.decode(
            text, OctKey.import_key(key), algorithms=[_ALGORITHM]
        ).claims
        expires = int(claims["exp"])
        audience = claims["aud"]
        found = WallAddress(
            UUID(claims["account"]), str(claims["password"]), str(claims["of"]), str(claims["by"])
        )
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise BadAddress from error
    if audience != _AUDIENCE or now.timestamp() >= expires:
        raise BadAddress
    return found
