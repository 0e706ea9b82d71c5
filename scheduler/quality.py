"""How good a line was over a lesson: percentiles of delay and loss over time (DOMAIN 13).

A percentile is over time and not over slices: where slices overlap the worst holds, so that the
same evidence gives the same figure however it is cut, doubled or ordered.
"""

import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from scheduler.model import EvidenceSlice

_SHARE = 0.95
_MICROSECOND = timedelta(microseconds=1)


def p95(
    slices: Iterable[EvidenceSlice], since: datetime, until: datetime
) -> tuple[float | None, float | None]:
    """The 95th percentiles within [since, until) of one-way delay in ms and of the share of packets
    lost; None where nothing was measured."""
    slices = list(slices)
    return (
        _over_time(((s.from_at, s.to_at, s.delay_ms) for s in slices), since, until),
        _over_time(((s.from_at, s.to_at, s.loss) for s in slices), since, until),
    )


def _over_time(
    pieces: Iterable[tuple[datetime, datetime, float | None]], since: datetime, until: datetime
) -> float | None:
    """The least value such that what was measured was at most that for 95 % of the time."""
    measured = sorted(
        (max(start, since), min(end, until), value)
        for start, end, value in pieces
        if value is not None and end > since and start < until
    )
    bounds = sorted({at for start, end, _ in measured for at in (start, end)})
    spans: list[tuple[float, int]] = []  # value, microseconds
    holding: list[tuple[float, datetime]] = []  # heap: the worst value first
    coming = iter(measured)
    following = next(coming, None)
    for start, end in pairwise(bounds):
        while following is not None and following[0] <= start:
            heapq.heappush(holding, (-following[2], following[1]))
            following = next(coming, None)
        while holding and holding[0][1] <= start:
            heapq.heappop(holding)
        if holding:
            spans.append((-holding[0][0], (end - start) // _MICROSECOND))
    needed = _SHARE * sum(length for _, length in spans)
    seen = 0
    for value, length in sorted(spans):
        seen += length
        if seen >= needed:
            return value
    return None
