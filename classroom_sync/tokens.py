"""Media tokens: short-lived JWTs bound to a session, a participant, a direction and a stream.

Issued to a page (or in `demo.json`), checked by control processes and media nodes alike with a key
that they share through the database.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

LIFETIME = timedelta(hours=2)  # a lesson with its lobby and its overrun
_ALGORITHM = "HS256"
_AUDIENCE = "media"

Direction = Literal["publish", "subscribe"]


class BadToken(Exception):
    """The token is expired, forged, or not a token; the message says which."""


@dataclass(frozen=True, slots=True)
class MediaToken:
    """What a token says. `test`: `session_id` is that of an acceptance test, not of a lesson.
    `unseen`: `participant_id` is an observer's visit, which only watches. `checks`: it is for the
    device check of this participant of the lesson.

    `holder`: the web session that it was given to, or the token made by hand, with which it ends
    (`withdrawals`); None: it ends by itself alone.
    """

    session_id: UUID
    participant_id: UUID
    direction: Direction
    role: Literal["lead", "receiving", "observer", "member", "node"]  # node: relays what it plays
    stream: Literal["camera", "screen"] = "camera"
    test: bool = False
    unseen: bool = False
    checks: UUID | None = None
    holder: UUID | None = None


def issue(key: bytes, token: MediaToken, now: datetime, lifetime: timedelta = LIFETIME) -> str:
    """A signed token that is good from now on for `lifetime`."""
    claims = {
        "aud": _AUDIENCE,
        "exp": int((now + lifetime).timestamp()),
        "session": str(token.session_id),
        "participant": str(token.participant_id),
        "direction": token.direction,
        "role": token.role,
        "stream": token.stream,
        "test": token.test,
        "unseen": token.unseen,
        "holder": str(token.holder) if token.holder else None,
    }
    if token.checks is not None:
        claims["checks"] = str(token.checks)
    return jwt.encode({"alg": _ALGORITHM}, claims, OctKey.import_key(key))


def verify(key: bytes, text: str, now: datetime) -> MediaToken:
    """What a token says, if it is good now. Raises BadToken."""
    try:
        claims: dict[str, Any] = jwt.decode(
            text, OctKey.import_key(key), algorithms=[_ALGORITHM]
        ).claims
        expires = int(claims["exp"])
        found = MediaToken(
            UUID(claims["session"]),
            UUID(claims["participant"]),
            claims["direction"],
            claims["role"],
            claims["stream"],
            bool(claims.get("test", False)),
            bool(claims.get("unseen", False)),
            UUID(claims["checks"]) if "checks" in claims else None,
            UUID(claims["holder"]) if claims.get("holder") else None,
        )
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise BadToken("the token is not one of this server's: reload the lesson's page") from error
    if claims.get("aud") != _AUDIENCE:
        raise BadToken("the token is for something else: reload the lesson's page")
    if now.timestamp() >= expires:
        raise BadToken("the token has expired: reload the lesson's page")
    return found


def same(one: str, other: str) -> bool:
    """Compare secrets in constant time; what is given may hold bytes that are no text."""
    return hmac.compare_digest(
        one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass")
    )
