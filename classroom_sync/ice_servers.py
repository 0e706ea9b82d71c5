"""STUN and TURN servers for clients behind strict firewalls (RFC 7064, RFC 7065; RFC 9725, 4.6).

TURN credentials live as long as a media token and need no account: coturn's `use-auth-secret` (the
TURN REST API) takes any `expiry:name` whose HMAC-SHA1 under the shared secret is its password.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from classroom_sync.settings import Settings
from classroom_sync.tokens import LIFETIME


@dataclass(frozen=True, slots=True)
class IceServer:
    """One server; TURN servers have credentials, STUN servers none."""

    url: str
    username: str = ""
    credential: str = ""


def ice_servers(settings: Settings, name: str, now: datetime) -> tuple[IceServer, ...]:
    """The configured servers, with credentials for `name` (a participant) from `now` on."""
    return tuple(
        IceServer(url, *_credentials(settings, name, now))
        if url.startswith(("turn:", "turns:"))
        else IceServer(url)
        for url in settings.ice_servers
    )


def _credentials(settings: Settings, name: str, now: datetime) -> tuple[str, str]:
    assert settings.turn_secret is not None, "the settings ask for it where there is a TURN server"
    username = f"{int((now + LIFETIME).timestamp())}:{name}"
    secret = settings.turn_secret.get_secret_value().encode()
    digest = hmac.digest(secret, username.encode(), hashlib.sha1)
    return username, base64.b64encode(digest).decode()


def link_headers(servers: Sequence[IceServer]) -> list[str]:
    """The values of `Link` headers, one per server (RFC 8288)."""
    return [
        f'<{server.url}>; rel="ice-server"'
        if not server.username
        else f'<{server.url}>; rel="ice-server"; username="{server.username}"; '
        f'credential="{server.credential}"; credential-type="password"'
        for server in servers
    ]
