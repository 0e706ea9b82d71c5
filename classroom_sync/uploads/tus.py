"""The tus resumable upload protocol 1.0.0 (tus.io), as far as headers go: no sockets, no files.

Core with the extensions `creation` and `termination`. Every refusal is a Refused with the status
that the specification names.
"""

import base64
import binascii
from collections.abc import Mapping

from classroom_sync.errors import Refused

VERSION = "1.0.0"
EXTENSIONS = "creation,termination"
PATCH_TYPE = "application/offset+octet-stream"
MAX_METADATA = 4096  # characters
_MAX_DIGITS = 18


def check_version(headers: Mapping[str, str]) -> None:
    """412 where the client speaks another version, or none."""
    if headers.get("Tus-Resumable") != VERSION:
        raise Refused(412, "This server speaks tus 1.0.0: send Tus-Resumable: 1.0.0.")


def length(headers: Mapping[str, str], most: int) -> int:
    """Upload-Length: bytes of the whole file, at least one and at most `most`."""
    declared = headers.get("Upload-Length")
    if declared is None:
        raise Refused(400, "Upload-Length is missing: the file's size must be known beforehand.")
    found = _number(declared, "Upload-Length")
    if found == 0:
        raise Refused(422, "The file is empty: look at it on your computer and send it again.")
    if found > most:
        raise Refused(
            413,
            "The file has {size}; the most that is taken is {most}. Cut it, or export it smaller.",
            size=in_words(found),
            most=in_words(most),
        )
    return found


def offset(headers: Mapping[str, str]) -> int:
    """Upload-Offset: where the body of a PATCH begins."""
    return _number(headers.get("Upload-Offset", ""), "Upload-Offset")


def metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Upload-Metadata: `key base64` pairs between commas; keys are ASCII and unique."""
    text = headers.get("Upload-Metadata", "")
    if len(text) > MAX_METADATA:
        raise Refused(413, "Upload-Metadata is too long.")
    found: dict[str, str] = {}
    for pair in filter(None, (p.strip() for p in text.split(","))):
        key, _, encoded = pair.partition(" ")
        if not key.isascii() or key in found:
            raise Refused(400, "Upload-Metadata can't be read: see the tus protocol, creation.")
        try:
            found[key] = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise Refused(
                400, "Upload-Metadata can't be read: see the tus protocol, creation."
            ) from None
    return found


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise Refused(400, "{name} must be a number of bytes.", name=name)
    return int(text)


def in_words(size: int) -> str:
    """A number of bytes for people: "900 KB", "1.5 GB"."""
    if size < 1_000_000:
        return f"{size / 1000:.0f} KB" if size >= 1000 else f"{size} B"
    return f"{size / 1e6:.1f} MB" if size < 1_000_000_000 else f"{size / 1e9:.1f} GB"
