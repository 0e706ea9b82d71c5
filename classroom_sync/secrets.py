"""Keys that all processes of one server share, kept in the database."""

import secrets

from db import accounts
from db.pool import Connection

MEDIA_KEY = "media-tokens"  # signs media tokens
CONTROL_KEY = "node-control"  # opens the control link of a media node
CERTIFICATE_KEY = "certificates"  # signs acceptance certificates (an Ed25519 seed)


async def shared_secret(connection: Connection, name: str) -> bytes:
    """The 32-byte key of that name, made when first asked for."""
    return await accounts.secret(connection, name, secrets.token_bytes(32))
