"""How often a client may ask: token buckets, bounded in number.

48 rooms of a city may stand behind one address: at the bell each POSTs twice and trickles a few
PATCHes (some 300 requests at once), and when a node is replaced all of them come again; rooms that
can't connect try again every few seconds (some 20 requests a second). Whoever asks for more than
that is no classroom.

All the teachers of a school may sign in from one address before the first bell; who tries more
often than that is guessing.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta


class TokenBuckets:
    """One bucket per key: `burst` requests at once, then `rate` a second. Beyond `most` keys the
    one that asked longest ago is forgotten (and so has a full bucket again)."""

    def __init__(self, rate: float, burst: float, most: int = 10_000) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable, now: float) -> float:
        """Seconds until a request may be made; 0: it is counted, go on. `now` is monotonic."""
        level, at = self._levels.get(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate)
        allowed = level >= 1.0
        self._levels[key] = (level - 1.0 if allowed else level, now)
        self._levels.move_to_end(key)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return 0.0 if allowed else (1.0 - level) / self._rate


def per_address() -> TokenBuckets:
    """For requests from one address, whoever makes them."""
    return TokenBuckets(rate=60.0, burst=1500.0)


def per_holder() -> TokenBuckets:
    """For requests with tokens of one participant, direction and stream."""
    return TokenBuckets(rate=5.0, burst=500.0)


def per_observer() -> TokenBuckets:
    """For the visits that one account begins: a wall of 48 lessons at once, or a line that breaks
    again and again."""
    return TokenBuckets(rate=1.0, burst=100.0)


def per_entrance() -> TokenBuckets:
    """For sign-in, pairing and codes tried from one address."""
    return TokenBuckets(rate=1.0, burst=120.0)


class Strangers:
    """Names that nobody signs in with: after too many tries they are locked as accounts are, so
    that it can't be seen who has an account. Of more than `most` the one that was tried longest ago
    is forgotten."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._tries: OrderedDict[str, tuple[int, datetime | None]] = OrderedDict()

    def take(self, name: str, now: datetime, failures: int, lock: timedelta) -> datetime | None:
        """One more try: until when the name is locked, None if it may be looked at. The last of so
        many `failures` locks it."""
        tries, until = self._tries.get(name, (0, None))
        if until is not None and until > now:
            return until
        tries = 1 if until is not None else tries + 1
        self._tries[name] = (tries, now + lock if tries >= failures else None)
        self._tries.move_to_end(name)
        if len(self._tries) > self._most:
            self._tries.popitem(last=False)
        return None


@dataclass(slots=True)
class Limits:
    """What a control process counts."""

    address: TokenBuckets = field(default_factory=per_address)
    holder: TokenBuckets = field(default_factory=per_holder)
    observer: TokenBuckets = field(default_factory=per_observer)
    entrance: TokenBuckets = field(default_factory=per_entrance)
    strangers: Strangers = field(default_factory=Strangers)
