"""Who is kept by their own school at an instant: weekly busy times on real dates."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler import bells
from scheduler.calendar import teaching_days
from scheduler.model import BellSchedule, BusyTime, Term


def kept_between(
    term: Term,
    busy: Iterable[BusyTime],
    schedules: Sequence[BellSchedule],
    school_of: Mapping[str, str],
    since: datetime,
    until: datetime,
) -> frozenset[str]:
    """Ids of the teachers and classes that their own school keeps at some time in [since, until).

    A busy time is a period of the school's own bells (`school_of`: id → school code) on a weekday;
    on a make-up workday it is that of the weekday the date runs, and on days without lessons nobody
    is kept. A period that does not ring keeps nobody.
    """
    zone = ZoneInfo(term.zone)
    first = since.astimezone(zone).date()
    last = (until - timedelta.resolution).astimezone(zone).date()
    weekly = tuple(busy)
    kept: set[str] = set()
    for day in teaching_days(term, first, last):
        for each in weekly:
            who = each.teacher_id or each.class_id or ""
            if each.weekday != day.weekday or who not in school_of:
                continue
            try:
                own = bells.schedule_on(schedules, school_of[who], day.day)
                rings = bells.period(own, each.period)
            except bells.NoBells:
                continue
            starts, ends = (
                bells.instant(day.day, at, term.zone) for at in (rings.starts, rings.ends)
            )
            if starts < until and since < ends:
                kept.add(who)
    return frozenset(kept)
