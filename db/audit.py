"""Is the audit log what was written? Each entry's seal is computed anew, outside the database.

The chain shows what was changed, put in between, or removed. That its newest end was cut off shows
only to who remembers an earlier head: backups and the operator's notes hold it.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from db.pool import Connection
from db.queries import named

_sql = named("audit")


@dataclass(frozen=True, slots=True)
class Head:
    """The newest seal: its position (from 1) and its SHA-256."""

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"

    @classmethod
    def read(cls, text: str) -> "Head":
        """What `str` gave. Raises ValueError."""
        number, _, digest = text.strip().partition(":")
        found = cls(int(number), bytes.fromhex(digest))
        if found.position < 1 or len(found.hash) != 32:
            raise ValueError("a head is a position, a colon, and 64 hexadecimal digits")
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: `fault` says in English what is wrong first, None where nothing is."""

    entries: int  # that are as they were sealed, from the first on
    head: Head | None  # of those; None: there are none
    fault: str | None


async def head(connection: Connection) -> Head | None:
    """The newest seal, not verified; None while nothing was ever logged."""
    row = await _sql.head(connection)
    return None if row is None else Head(row["position"], row["hash"])


async def verify(connection: Connection, remembered: Head | None = None) -> Verdict:
    """Go through the whole log. `remembered` is a head from earlier that must still be in it."""
    good: Head | None = None
    kept = remembered is None
    async with _sql.sealed_cursor(connection) as found:
        async for row in found:
            fault = _fault(row, good)
            if fault is not None:
                return Verdict(good.position if good else 0, good, fault)
            good = Head(row["position"], row["hash"])
            kept = kept or good == remembered
    entries = good.position if good else 0
    if not kept:
        return Verdict(entries, good, f"the head {remembered} that was noted is not in the log")
    return Verdict(entries, good, None)


def _fault(row: Any, before: Head | None) -> str | None:
    """What is wrong with one entry, whose predecessors are good."""
    due = before.position + 1 if before else 1
    if row["position"] is None:
        return f"entry {row['id']} was never sealed: it was put in behind the application's back"
    if row["position"] != due:
        return f"the seal at position {due} is missing"
    if row["id"] is None:
        return f"entry {row['audit_id']} (position {due}) was removed"
    words = [row[name] for name in ("id", "microseconds", "actor", "action", "object", "detail")]
    sealed = hashlib.sha256(
        (before.hash if before else b"") + json.dumps(words, ensure_ascii=False).encode()
    )
    if sealed.digest() != row["hash"]:
        return f"entry {row['id']} (position {due}) was changed after it was sealed"
    return None
