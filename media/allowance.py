"""A rate with a burst: the token bucket, filled by time that passes, emptied by what is taken."""

from dataclasses import dataclass


@dataclass(slots=True)
class Allowance:
    """`rate` units a second are added, up to `burst`; it begins full."""

    rate: float
    burst: float
    _left: float = 0.0
    _at: float = float("-inf")  # seconds

    def take(self, amount: float, now: float) -> bool:
        """Take `amount` units, all or nothing. `now` never runs backwards."""
        passed = now - self._at
        self._at = now
        self._left = min(self.burst, self._left + passed * self.rate)
        if amount > self._left:
            return False
        self._left -= amount
        return True
