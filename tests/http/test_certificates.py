"""Certificates: what is signed, and that nothing else passes for it."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from classroom_sync.acceptance import certificate
from classroom_sync.acceptance.certificate import Certificate, Signed
from scheduler.acceptance import Band, Figure, Judged, Source, Verdict

KEY = certificate.signing_key(b"k" * 32)
FOUND = Certificate(
    test_id=UUID(int=7),
    room_id="R1",
    room="春晖 直播课堂1",
    kind="interactive",
    finished_at=datetime(2026, 9, 7, 4, 0, tzinfo=UTC),
    seconds=120,
    rules_version="2026-1",
    passed=True,
    figures=(
        Judged(Figure.DELAY, 90.0, Source.BROWSER, Band(200, 400), Verdict.PASS),
        Judged(Figure.ECHO_DELAY, None, Source.BROWSER, Band(250, 500), Verdict.LIMIT),
    ),
)


def test_a_certificate_is_read_as_it_was_written() -> None:
    signed = certificate.sign(FOUND, KEY)
    assert certificate.read(signed.text) == FOUND
    assert certificate.holds(signed, KEY)
    assert certificate.sign(FOUND, KEY) == signed
    assert signed.fingerprint == hashlib.sha256(signed.text.encode()).hexdigest()


def test_any_jose_library_can_check_it_with_the_public_key() -> None:
    signed = certificate.sign(FOUND, KEY)
    public = OKPKey.import_key(dict(certificate.public_key(KEY)))
    found = jws.deserialize_compact(signed.signature, public, algorithms=["Ed25519"])
    assert found.payload.decode() == signed.text
    assert found.headers() == {"alg": "Ed25519", "kid": public.thumbprint()}
    assert not public.is_private


@pytest.mark.parametrize(
    "forged",
    [
        lambda s: replace(s, text=s.text.replace('"passed":true', '"passed":false')),
        lambda s: replace(s, text=s.text.replace("90.0", "89.0")),
        lambda s: replace(s, signature=s.signature[:-4] + "AAAA"),
        lambda s: replace(s, signature="nonsense"),
        lambda s: replace(s, signature=""),
        lambda s: certificate.sign(FOUND, certificate.signing_key(b"x" * 32)),
        lambda s: replace(
            s, signature=certificate.sign(replace(FOUND, room_id="R2"), KEY).signature
        ),
    ],
)
def test_what_was_changed_does_not_hold(forged: object) -> None:
    assert callable(forged)
    changed = forged(certificate.sign(FOUND, KEY))
    assert isinstance(changed, Signed)
    assert not certificate.holds(changed, KEY)
