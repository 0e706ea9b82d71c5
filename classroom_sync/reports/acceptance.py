"""The acceptance certificate on one sheet of paper."""

from datetime import datetime
from zoneinfo import ZoneInfo

from classroom_sync.acceptance import words
from classroom_sync.acceptance.certificate import Certificate, Signed
from classroom_sync.acceptance.words import Translate
from classroom_sync.reports.pdf import compile_pdf
from scheduler.acceptance import Verdict
from scheduler.model import DEFAULT_ZONE


def certificate_pdf(
    found: Certificate, signed: Signed, url: str, translate: Translate, locale: str
) -> bytes:
    """One page: the figures against their thresholds, the result, and how to check the signature.

    `url` is where the certificate can be checked. Blocks: use a thread.
    """
    kinds = {
        "lead": translate("lead room"),
        "interactive": translate("interactive receiving room"),
        "cloud": translate("listen-only room"),
    }
    at = _local(found.finished_at)
    data = {
        "lang": "zh" if locale.startswith("zh") else "en",
        "title": translate("Room acceptance certificate")
        if found.passed
        else translate("Result of the acceptance test"),
        "room": found.room,
        "facts": [
            [translate("Kind"), kinds[found.kind]],
            [translate("Time"), at],
            [translate("Measured for"), f"{found.seconds} s"],
            [translate("Rules"), found.rules_version],
        ],
        "passed": found.passed,
        "result": translate("passed") if found.passed else translate("not passed"),
        "heads": [
            translate("Figure"),
            translate("Measured"),
            translate("Asked"),
            translate("Measured by"),
            translate("Result"),
        ],
        "figures": [
            {
                "cells": [
                    words.name(j.figure, translate),
                    words.value_of(j),
                    words.asked_of(j),
                    words.source(j.source, translate),
                ],
                "verdict": j.verdict.value,
                "word": words.verdict(j.verdict, translate),
            }
            for j in found.figures
        ],
        "mend_head": translate("What to do"),
        "mend": [
            [words.name(j.figure, translate), words.mend(j.figure, translate)]
            for j in found.figures
            if j.verdict is not Verdict.PASS
        ],
        "brackets": translate("In brackets: the limit, up to which a figure will do."),
        "check": translate("Check this certificate at {url}").format(url=url),
        "signature": [
            [
                translate("Signature"),
                f"Ed25519, JWS (RFC 7515): {signed.signature.rpartition('.')[2]}",
            ],
            [translate("Key"), signed.key_id],
            ["SHA-256", signed.fingerprint],
        ],
        "footer": f"{found.room} · {at}",
    }
    return compile_pdf("acceptance.typ", data, found.finished_at)


def _local(instant: datetime) -> str:
    return f"{instant.astimezone(ZoneInfo(DEFAULT_ZONE)):%Y-%m-%d %H:%M} ({DEFAULT_ZONE})"
