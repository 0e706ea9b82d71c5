"""The parts of a city take turns within one limit, and whoever watches is told of the sum."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from scheduler.solver.part import PartSearch, Told
from scheduler.solver.search import Search

Turn = Callable[[PartSearch, Search, threading.Event, Told], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search has come. Costs count a fortnight; `missing` lessons a week."""

    seconds: float
    part: str
    parts_done: int
    parts: int
    best: int | None  # None: no timetable yet
    bound: int
    missing: int

    @property
    def gap(self) -> float | None:
        return gap(self.best, self.bound)


def gap(best: int | None, bound: int) -> float | None:
    """How far a cost may be from the best possible, as a share of it; None without either."""
    if best is None:
        return None
    return 0.0 if best <= bound else (best - bound) / best


class Report:
    """Sums up what the parts have come to, for whoever watches."""

    def __init__(
        self,
        parts: Sequence[PartSearch],
        progress: Callable[[Progress], None] | None,
        began: float,
    ) -> None:
        self._parts, self._progress, self._began = parts, progress, began
        self._name = ""
        self._lock = threading.Lock()

    def now(self, part: str) -> None:
        self._name = part
        self.tell()

    def improved(self, part: PartSearch, best: int | None, bound: float) -> None:
        """From the solver's threads."""
        with self._lock:
            if best is not None and (part.best is None or best < part.best):
                part.best = best
            part.bound = max(part.bound, round(bound))
            self._tell()

    def tell(self) -> None:
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            bests = [p.best for p in self._parts if p.best is not None]
            self._progress(
                Progress(
                    seconds=time.monotonic() - self._began,
                    part=self._name,
                    parts_done=sum(p.done for p in self._parts),
                    parts=len(self._parts),
                    best=sum(bests) if len(bests) == len(self._parts) else None,
                    bound=sum(p.bound for p in self._parts),
                    missing=sum(p.missing for p in self._parts if p.best is not None),
                )
            )


class Turns:
    """Parts take turns, some side by side, until the limit is used up: on the clock, or in the
    effort that a repeatable search counts, where what parts leave over is the same in each run."""

    def __init__(
        self, search: Search, parts: Sequence[PartSearch], stop: threading.Event, report: Report
    ) -> None:
        self._search, self._parts, self._stop, self._report = search, parts, stop, report
        self._lanes = max(1, min(len(parts), search.workers // 2))
        self._until = time.monotonic() + search.limit
        self._effort = 0.0

    def take(self, turn: Turn, of: float = 1.0) -> None:
        """A turn for every part not done yet, all together for so much of what is left."""
        waiting = [part for part in self._parts if not part.done]
        left = self._search.limit - self._effort
        if not self._search.repeatable:
            left = self._until - time.monotonic()
        until = time.monotonic() + left * of
        share = left * of * self._lanes / max(1, len(waiting))

        def one(n: int) -> None:
            part, limit = waiting[n], share
            if not self._search.repeatable:
                rounds = max(1.0, (len(waiting) - n) / self._lanes)
                limit = (until - time.monotonic()) / rounds
            if not self._stop.is_set() or not part.runs:
                turn(
                    part,
                    replace(self._search, limit=max(0.1, limit)),
                    self._stop,
                    self._report.improved,
                )
            self._report.now(part.problem.name)

        began = [len(part.runs) for part in waiting]
        with ThreadPoolExecutor(self._lanes) as pool:
            list(pool.map(one, range(len(waiting))))
        for part, runs in zip(waiting, began, strict=True):
            self._effort += sum(r.effort for r in part.runs[runs:]) / self._lanes
