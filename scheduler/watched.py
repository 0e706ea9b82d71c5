"""What was really watched of a recording: the union of the ranges that were played.

A range is (from, to) in milliseconds of the recording, half-open. The position of the end says
nothing: who jumps to the last minute has watched a minute.
"""

from collections.abc import Iterable
from typing import TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same milliseconds as ranges in order that neither overlap nor touch; empty ones go."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((start, end) for start, end in ranges if start < end):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


def within(ranges: Iterable[tuple[int, int]], duration_ms: int) -> Ranges:
    """The union of what lies in [0, duration)."""
    return union((max(0, start), min(end, duration_ms)) for start, end in ranges)


def share(ranges: Iterable[tuple[int, int]], duration_ms: int) -> float:
    """Milliseconds of the recording played at least once ÷ its duration; 0.0 … 1.0."""
    if duration_ms <= 0:
        return 0.0
    return sum(end - start for start, end in within(ranges, duration_ms)) / duration_ms
