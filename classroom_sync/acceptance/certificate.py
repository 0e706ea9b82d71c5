"""The certificate of an acceptance test: canonical JSON, and a JWS of it.

The text is signed as it is stored: sorted keys, no spaces, UTF-8 (RFC 8785 but for its numbers,
which are those of the figures as written). The signature is a compact JWS (RFC 7515) with Ed25519
(RFC 8037, RFC 9864); its key is named by the thumbprint of RFC 7638. Whoever has the public key can
check a certificate with any JOSE library.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from scheduler.acceptance import UNITS, Band, Figure, Judged, Source, Verdict

_ALGORITHM = "Ed25519"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was found in which room, and when."""

    test_id: UUID
    room_id: str
    room: str  # with its school, as people know it
    kind: str
    finished_at: datetime
    seconds: int  # it measured for so long
    rules_version: str
    passed: bool
    figures: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate's text with its signature, as stored."""

    text: str
    signature: str  # compact JWS
    key_id: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the text, to be compared with what is on paper."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def signing_key(seed: bytes) -> OKPKey:
    """The key of a 32-byte seed."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return OKPKey.import_key(
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )


def public_key(key: OKPKey) -> Mapping[str, Any]:
    """The public half as a JWK (RFC 8037), with its thumbprint as key id."""
    return {**key.as_dict(private=False), "kid": key.thumbprint()}


def text_of(certificate: Certificate) -> str:
    """The canonical JSON."""
    content = {
        "certificate": "classroom-sync room acceptance",
        "test": str(certificate.test_id),
        "room_id": certificate.room_id,
        "room": certificate.room,
        "kind": certificate.kind,
        "finished_at": certificate.finished_at.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": certificate.seconds,
        "rules_version": certificate.rules_version,
        "passed": certificate.passed,
        "figures": [
            {
                "figure": j.figure.value,
                "value": j.value,
                "unit": UNITS[j.figure].symbol,
                "good": j.band.good,
                "limit": j.band.limit,
                "verdict": j.verdict.value,
                "measured_by": j.source.value,
            }
            for j in certificate.figures
        ],
    }
    return json.dumps(
        content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def read(text: str) -> Certificate:
    """A certificate from its own canonical text."""
    content = json.loads(text)
    return Certificate(
        test_id=UUID(content["test"]),
        room_id=content["room_id"],
        room=content["room"],
        kind=content["kind"],
        finished_at=datetime.fromisoformat(content["finished_at"]),
        seconds=content["seconds"],
        rules_version=content["rules_version"],
        passed=content["passed"],
        figures=_figures(content["figures"]),
    )


def _figures(found: Sequence[Mapping[str, Any]]) -> tuple[Judged, ...]:
    return tuple(
        Judged(
            Figure(f["figure"]),
            f["value"],
            Source(f["measured_by"]),
            Band(f["good"], f["limit"]),
            Verdict(f["verdict"]),
        )
        for f in found
    )


def sign(certificate: Certificate, key: OKPKey) -> Signed:
    """Sign a certificate; the same one always gets the same signature (RFC 8032, 5.1)."""
    text, key_id = text_of(certificate), key.thumbprint()
    header = {"alg": _ALGORITHM, "kid": key_id}
    signature = jws.serialize_compact(header, text.encode(), key, algorithms=[_ALGORITHM])
    return Signed(text, signature, key_id)


def holds(signed: Signed, key: OKPKey) -> bool:
    """Whether the text is what this key signed."""
    try:
        found = jws.deserialize_compact(signed.signature, key, algorithms=[_ALGORITHM])
    except (JoseError, ValueError):
        return False
    return found.payload == signed.text.encode()
