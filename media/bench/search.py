"""The largest multiple of a load that holds: doubled until it breaks, then halved in between."""

from collections.abc import Callable
from dataclasses import dataclass

from media.bench.measure import Measurement


@dataclass(frozen=True, slots=True)
class Search:
    """`largest` multiple that held (0: not even one did), what `gave_out` at the next that was
    tried (empty where the limit was reached), and all that was measured on the way."""

    largest: int
    gave_out: str
    tried: tuple[Measurement, ...]


def search(measure: Callable[[int], Measurement], start: int, limit: int) -> Search:
    """Look for it between 1 and `limit`, beginning at `start`. What does not hold is measured once
    more before it is believed: one noisy moment is no answer."""
    tried: list[Measurement] = []
    good, bad, reason = 0, limit + 1, ""
    multiple = min(max(1, start), limit)
    while bad - good > 1:
        for _ in range(2):
            tried.append(measure(multiple))
            if tried[-1].holds:
                good = multiple
                break
        else:
            bad, reason = multiple, f"{tried[-1].scenario}: {', '.join(tried[-1].gave_out)}"
        multiple = min(2 * good, limit) if bad > limit else (good + bad) // 2
    return Search(good, reason, tuple(tried))
