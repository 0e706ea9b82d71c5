"""Bells: which are valid when, what instant a bell is, and what a shift displaces (DOMAIN, Time 2).

Sessions run at the hub's clock time. A receiving class takes part by a *shift*: it is busy from the
first to the last of its own periods that the session touches, and of the session itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

from scheduler.model import BellPeriod, BellSchedule


class NoBells(Exception):
    """A school has no bell schedule on a date, or no such period in it."""


def instant(day: date, at: time, zone: str) -> datetime:
    """A local bell as a UTC instant.

    Where clocks are set back, the earlier of two instants; where they are set forward over the
    bell, the instant as if they had not been yet (PEP 495, fold 0).
    """
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def schedule_on(schedules: Iterable[BellSchedule], school_code: str, day: date) -> BellSchedule:
    """The bells of a school that are valid on a date. Raises NoBells."""
    valid = [s for s in schedules if s.school_code == school_code and s.valid_from <= day]
    if not valid:
        raise NoBells(f"school {school_code} has no bell schedule on {day}")
    return max(valid, key=lambda s: s.valid_from)


def period(schedule: BellSchedule, number: int) -> BellPeriod:
    """Raises NoBells."""
    for found in schedule.periods:
        if found.period == number:
            return found
    raise NoBells(
        f"the bells of school {schedule.school_code} from {schedule.valid_from} on "
        f"have no period {number}"
    )


def overlaps(schedule: BellSchedule) -> tuple[tuple[int, int], ...]:
    """Pairs of periods of a schedule that overlap, or that ring in another order than their
    numbers; a schedule without any can be stored."""
    ordered = sorted(schedule.periods, key=lambda p: p.period)
    return tuple(
        (one.period, other.period) for one, other in pairwise(ordered) if other.starts < one.ends
    )


@dataclass(frozen=True, slots=True)
class Shift:
    """What a session takes from a receiving school's day."""

    displaced: tuple[int, ...]  # its own periods
    busy_from: time
    busy_until: time


def shift(hub: BellPeriod, receiving: BellSchedule) -> Shift:
    """The shift of a class of the receiving school for a session in the hub's period."""
    touched = [p for p in receiving.periods if p.starts < hub.ends and hub.starts < p.ends]
    return Shift(
        tuple(p.period for p in touched),
        min([hub.starts, *(p.starts for p in touched)]),
        max([hub.ends, *(p.ends for p in touched)]),
    )
