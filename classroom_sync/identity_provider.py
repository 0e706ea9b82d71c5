"""Signing in at the city's OpenID provider: OpenID Connect Core 1.0, authorization code with PKCE.

Discovery (OpenID Connect Discovery 1.0), state, nonce, S256 (RFC 7636), the issuer in the answer
(RFC 9207) and RP-initiated logout. What the provider says of a person is believed only by an ID
token that it has signed for this server, for this attempt, now. Its keys are read again when it
signs with one that is new.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from pydantic import BaseModel, ValidationError

from classroom_sync.tokens import same

ATTEMPT_KEY = "sign-in-attempts"  # name of the shared secret that signs attempts
ATTEMPT_LIFETIME = timedelta(minutes=10)
SKEW = 60.0  # seconds by which the provider's clock may differ
_METADATA_KEPT = 10.0  # seconds: nobody is sent to a provider that has been away for longer
_KEYS_AGAIN = 5.0  # seconds: no oftener are keys asked for because one is unknown
_TIMEOUT = aiohttp.ClientTimeout(total=8)
_LARGEST = 256 * 1024  # bytes of an answer
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
_MULTIPLE = frozenset({"mfa"})  # authentication methods (RFC 8176) that are more than one factor


class ProviderAway(Exception):
    """The provider can't be reached, or does not answer as one; the message is for the log."""


class NotBelieved(Exception):
    """The provider, or who pretends to be it, said what can't be believed; for the log."""


@dataclass(frozen=True, slots=True)
class Client:
    """What this server is at the provider. `claim` is the one that names an account here."""

    issuer: str
    client_id: str
    client_secret: str
    claim: str
    scopes: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in that a browser has begun; it keeps this itself, signed, in a cookie."""

    state: str
    nonce: str
    verifier: str
    on: str  # where it goes on to afterwards; "": to its front door


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider vouches for. `name`: what the claim says; None: nothing."""

    subject: str
    name: str | None
    strong: bool  # signed in there with more than one factor


class _Metadata(BaseModel):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


def new_attempt(on: str) -> Attempt:
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, on)


def sealed(key: bytes, attempt: Attempt, now: datetime) -> str:
    """An attempt as its browser keeps it."""
    claims = {
        "state": attempt.state,
        "nonce": attempt.nonce,
        "verifier": attempt.verifier,
        "on": attempt.on,
        "exp": int((now + ATTEMPT_LIFETIME).timestamp()),
    }
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(key))


def opened(key: bytes, text: str, now: datetime) -> Attempt | None:
    """The attempt that a browser kept; None: it is none, or too old."""
    try:
        claims = jwt.decode(text, OctKey.import_key(key), algorithms=["HS256"]).claims
        if now.timestamp() >= int(claims["exp"]):
            return None
        return Attempt(claims["state"], claims["nonce"], claims["verifier"], claims["on"])
    except (JoseError, KeyError, TypeError, ValueError):
        return None


class IdentityProvider:
    """The provider as this process knows it; what it publishes is kept for a while."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._metadata: _Metadata | None = None
        self._metadata_at = float("-inf")
        self._keys: KeySet | None = None
        self._keys_at = float("-inf")

    async def address(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where a browser goes to sign in. Raises ProviderAway."""
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        metadata = await self._discovered()
        return _with_query(
            metadata.authorization_endpoint,
            response_type="code",
            client_id=self.client.client_id,
            redirect_uri=redirect_uri,
            scope=self.client.scopes,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            code_challenge_method="S256",
        )

    async def reach(self) -> None:
        """See that the provider publishes what it is. Raises ProviderAway."""
        await self._discovered()

    async def leave(self, on: str) -> str | None:
        """Where a browser goes to sign out there too, to come back to `on`. Raises ProviderAway."""
        endpoint = (await self._discovered()).end_session_endpoint
        if endpoint is None:
            return None
        return _with_query(endpoint, client_id=self.client.client_id, post_logout_redirect_uri=on)

    async def redeem(
        self, attempt: Attempt, answer: Mapping[str, str], redirect_uri: str, now: datetime
    ) -> Person:
        """Whom the answer to an attempt vouches for: its query, as the browser brought it.

        Raises NotBelieved, ProviderAway.
        """
        metadata = await self._discovered()
        if not same(answer.get("state", ""), attempt.state):
            raise NotBelieved("the state is another attempt's")
        issuer = answer.get("iss")
        if issuer is None and metadata.authorization_response_iss_parameter_supported:
            raise NotBelieved("the answer does not say whose it is")
        if issuer not in (None, self.client.issuer):
            raise NotBelieved(f"the answer is that of {issuer}")
        if "error" in answer or not answer.get("code"):
            raise NotBelieved(f"no code was given: {answer.get('error')}")
        given = await self._tokens(metadata, answer["code"], attempt.verifier, redirect_uri)
        claims = await self._verified(metadata, str(given.get("id_token")), attempt.nonce, now)
        profile = claims
        if self.client.claim not in claims and metadata.userinfo_endpoint is not None:
            profile = await self._userinfo(metadata.userinfo_endpoint, given, claims["sub"])
        if self.client.claim == "email" and profile.get("email_verified") is not True:
            raise NotBelieved("the provider does not vouch for the address")
        said, methods = profile.get(self.client.claim), claims.get("amr")
        return Person(
            claims["sub"],
            said if isinstance(said, str) and said else None,
            isinstance(methods, list) and not _MULTIPLE.isdisjoint(map(str, methods)),
        )

    async def _discovered(self) -> _Metadata:
        if self._metadata is not None and time.monotonic() - self._metadata_at < _METADATA_KEPT:
            return self._metadata
        url = self.client.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = _Metadata.model_validate(await _asked("GET", url))
        except ValidationError as error:
            raise ProviderAway(f"{url} is not the description of a provider: {error}") from error
        if found.issuer != self.client.issuer:
            raise ProviderAway(f"{url} describes {found.issuer}")
        self._metadata, self._metadata_at = found, time.monotonic()
        return found

    async def _tokens(
        self, metadata: _Metadata, code: str, verifier: str, redirect_uri: str
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        client_id, secret = self.client.client_id, self.client.client_secret
        headers = {}
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            plain = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"  # RFC 6749, 2.3.1
            headers["Authorization"] = "Basic " + base64.b64encode(plain.encode()).decode()
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        return await _asked("POST", metadata.token_endpoint, data=form, headers=headers)

    async def _userinfo(self, url: str, given: Mapping[str, Any], subject: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {given.get('access_token')}"}
        found = await _asked("GET", url, headers=headers)
        if found.get("sub") != subject:
            raise NotBelieved("userinfo is about somebody else")
        return found

    async def _verified(
        self, metadata: _Metadata, text: str, nonce: str, now: datetime
    ) -> dict[str, Any]:
        """The claims of an ID token (Core 3.1.3.7). Raises NotBelieved, ProviderAway."""
        keys = self._keys or await self._read_keys(metadata)
        try:
            claims = _decoded(text, keys)
        except NotBelieved:
            if time.monotonic() - self._keys_at < _KEYS_AGAIN:
                raise
            claims = _decoded(text, await self._read_keys(metadata))
        return _checked(claims, self.client, nonce, now)

    async def _read_keys(self, metadata: _Metadata) -> KeySet:
        found = await _asked("GET", metadata.jwks_uri)
        try:
            keys = KeySet.import_key_set(found)  # type: ignore[arg-type]  # it says what is wrong
        except (JoseError, KeyError, TypeError, ValueError) as error:
            raise ProviderAway(f"{metadata.jwks_uri} holds no keys: {error}") from error
        self._keys, self._keys_at = keys, time.monotonic()
        return keys


def _with_query(url: str, **query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def _decoded(text: str, keys: KeySet) -> dict[str, Any]:
    try:
        return dict(jwt.decode(text, keys, algorithms=_ALGORITHMS).claims)
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise NotBelieved(f"the ID token is not signed by the provider: {error}") from error


def _checked(claims: dict[str, Any], client: Client, nonce: str, now: datetime) -> dict[str, Any]:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    instant = now.timestamp()
    if claims.get("iss") != client.issuer:
        raise NotBelieved(f"the ID token is that of {claims.get('iss')}")
    if client.client_id not in audiences:
        raise NotBelieved(f"the ID token is for {audience}")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client.client_id:
        raise NotBelieved(f"the ID token was given to {claims.get('azp')}")
    if not _number(claims.get("exp")) or instant >= claims["exp"] + SKEW:
        raise NotBelieved("the ID token has expired")
    if not _number(claims.get("iat")) or claims["iat"] > instant + SKEW:
        raise NotBelieved("the ID token is from the future: compare the clocks")
    if not same(str(claims.get("nonce")), nonce):
        raise NotBelieved("the ID token was given for another attempt")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise NotBelieved("the ID token is about nobody")
    return claims


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


async def _asked(method: str, url: str, **given: Any) -> dict[str, Any]:
    """The JSON object that an address answers with. Raises ProviderAway, and NotBelieved where the
    provider refuses (400, 401)."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.request(method, url, allow_redirects=False, **given) as answer,
        ):
            body = await answer.content.read(_LARGEST)
            while len(body) < _LARGEST and (more := await answer.content.read(_LARGEST)):
                body += more
            if answer.status in (400, 401):
                raise NotBelieved(f"{url} refused: {body[:200]!r}")
            if answer.status != 200:
                raise ProviderAway(f"{url} answered {answer.status}")
            found = json.loads(body)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise ProviderAway(f"{url}: {error or type(error).__name__}") from error
    if not isinstance(found, dict):
        raise ProviderAway(f"{url} answered with something else than an object")
    return found
