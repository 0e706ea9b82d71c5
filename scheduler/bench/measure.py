"""What is measured of one instance: sizes, times, gaps, proofs, repairs."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random

from scheduler.city import City
from scheduler.model import Lesson
from scheduler.outages import Outage
from scheduler.repair import repair
from scheduler.rules import Rules, check
from scheduler.solver import Progress, Search, Solution, gap, solve


@dataclass(frozen=True, slots=True)
class Run:
    """One solve. Times are in seconds on the clock; None where it did not come to that."""

    seed: int
    workers: int
    lessons: int  # class lessons a week
    parts: int
    variables: int
    constraints: int
    first: float | None  # until every part had a timetable
    first_cpu: float | None  # of the processor, by then
    missing: int
    missing_bound: int
    gap_at: float | None  # at the time asked for, or at the end when that came earlier
    gap: float | None
    proof: float | None  # until proven optimal
    seconds: float
    cpu: float  # seconds of processor time: what a busy machine leaves comparable
    sessions: int
    hard_conflicts: int  # by the checker: 0


@dataclass(frozen=True, slots=True)
class Repaired:
    """One repair."""

    seed: int
    out: str
    hit: int  # class lessons
    moved: int
    lost: int
    proven: bool
    seconds: float
    cpu: float


def solved(
    city: City, rules: Rules, seed: int, search: Search, gap_at: float
) -> tuple[Run, Solution]:
    """Solve an instance and measure it."""
    reached: list[tuple[float, float | None]] = []

    def seen(now: Progress) -> None:
        reached.append((now.seconds, now.gap))

    began, cpu = time.monotonic(), time.process_time()
    found = solve(city, rules, search, progress=seen)
    seconds = time.monotonic() - began
    cpu = time.process_time() - cpu
    by_then = [share for at, share in reached if at <= gap_at]
    run = Run(
        seed=seed,
        workers=search.workers,
        lessons=sum(p.lessons for p in found.parts),
        parts=len(found.parts),
        variables=sum(p.variables for p in found.parts),
        constraints=sum(p.constraints for p in found.parts),
        first=found.first_seconds,
        first_cpu=found.first_cpu,
        missing=sum(p.missing for p in found.parts),
        missing_bound=sum(p.missing_bound for p in found.parts),
        gap_at=gap(found.best, found.bound) if seconds <= gap_at else (by_then or [None])[-1],
        gap=gap(found.best, found.bound),
        proof=seconds if found.proven else None,
        seconds=seconds,
        cpu=cpu,
        sessions=len(found.lessons),
        hard_conflicts=sum(c.hard for c in check(city, found.lessons, rules)),
    )
    return run, found


def repaired(
    city: City, rules: Rules, lessons: Sequence[Lesson], seed: int, count: int, search: Search
) -> list[Repaired]:
    """Repairs of a timetable: by turns a lead teacher and a receiving room are out for a day on
    which they have lessons."""
    random = Random(seed)  # noqa: S311  # repeatable, not secret
    teachers = sorted({(k.lead_teacher_id, k.weekday) for k in lessons})
    rooms = sorted({(r.room_id, k.weekday) for k in lessons for r in k.receivers})
    results = []
    for n in range(count):
        who, weekday = random.choice((teachers, rooms)[n % 2])
        cpu = time.process_time()
        found = repair(city, rules, lessons, [Outage(who, (weekday,))], search)
        cpu = time.process_time() - cpu
        hit = sum(
            len(k.receivers)
            for k in lessons
            if k.weekday == weekday
            and who in (k.lead_teacher_id, *(r.room_id for r in k.receivers))
        )
        lost = sum(u.lessons for u in found.lost)
        results.append(
            Repaired(seed, who, hit, found.moved, lost, found.proven, found.seconds, cpu)
        )
    return results


def summary(runs: Sequence[Run], repairs: Sequence[Repaired]) -> dict[str, object]:
    """Medians over the seeds, per number of workers. A median of proofs counts a run without one
    as endless."""
    by_workers = {
        str(workers): {
            "seeds": len(some),
            "variables": statistics.median(r.variables for r in some),
            "constraints": statistics.median(r.constraints for r in some),
            "first": _median([r.first for r in some]),
            "first_cpu": _median([r.first_cpu for r in some]),
            "missing": statistics.median(r.missing for r in some),
            "missing_proven": sum(r.missing == r.missing_bound for r in some),
            "gap_at": _median([r.gap_at for r in some]),
            "gap": _median([r.gap for r in some]),
            "proof": _median([r.proof for r in some]),
            "proof_cpu": _median([None if r.proof is None else r.cpu for r in some]),
            "proofs": sum(r.proof is not None for r in some),
            "hard_conflicts": sum(r.hard_conflicts for r in some),
        }
        for workers in sorted({r.workers for r in runs})
        for some in [[r for r in runs if r.workers == workers]]
    }
    return {
        "solve": by_workers,
        "repair": {
            "count": len(repairs),
            "proven": sum(r.proven for r in repairs),
            "median": _median([r.seconds for r in repairs]),
            "worst": max((r.seconds for r in repairs), default=None),
            "worst_cpu": max((r.cpu for r in repairs), default=None),
        },
        "runs": [asdict(r) for r in runs],
        "repairs": [asdict(r) for r in repairs],
    }


def _median(values: Sequence[float | None]) -> float | None:
    """The median where None is larger than anything; None when that is the median."""
    known = sorted(float("inf") if v is None else v for v in values)
    if not known:
        return None
    middle = statistics.median_low(known)
    return None if middle == float("inf") else round(middle, 4)
