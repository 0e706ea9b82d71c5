"""A week of the timetable on its dates: what the calendar and single days make of weekly lessons.

The page of single days and the day's page read the same sessions; here they stand in the grid.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from classroom_sync.pages.teacher import day_of
from db import changes, sessions
from db.pool import Connection
from scheduler.bells import instant
from scheduler.calendar import TeachingDay, teaching_day
from scheduler.dated import cast_of
from scheduler.model import (
    BellPeriod,
    Lesson,
    Session,
    SessionKind,
    SessionState,
    Term,
    TimetableVersion,
    Weeks,
)
from scheduler.occurrences import holds_on

_NOON = time(12)  # is in its own day in every zone
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The session that makes up for another one, or that is made up for."""

    day: date
    starts_at: datetime
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Dated:
    """What a date made of a lesson, or a class beside the timetable."""

    session: Session
    held: Lesson  # with those who are in it on this date
    swaps: tuple[tuple[str, str], ...]  # ids of teachers, rooms, classes: by the timetable, now
    made_up: tuple[Elsewhere, ...]
    makes_up: tuple[Elsewhere, ...]
    beside: bool  # the timetable does not hold it at this time

    @property
    def told(self) -> bool:
        """Whether there is something to say that the weekly timetable does not."""
        return (
            self.beside
            or bool(self.swaps or self.made_up)
            or self.session.state not in (SessionState.SCHEDULED, SessionState.ENDED)
        )

    @property
    def gone(self) -> bool:
        """Whether it is not held at its time."""
        return self.session.state in (SessionState.CANCELLED, SessionState.MISSED)


@dataclass(frozen=True, slots=True)
class Column:
    """A date of the week: what it runs (None: no lessons), and the calendar's word about it."""

    day: date
    runs: TeachingDay | None
    note: str
    ruled: bool  # whether a published version holds on it

    @property
    def off(self) -> bool:
        """A day off that would be a school day by its weekday."""
        return self.runs is None and self.day.isoweekday() <= 5

    @property
    def acts(self) -> bool:
        """Whether it runs another weekday's lessons than its own."""
        return self.runs is not None and self.runs.weekday != self.day.isoweekday()


@dataclass(frozen=True, slots=True)
class WeekOnDates:
    """A teaching week as its dates have it."""

    columns: tuple[Column, ...]  # Monday to Sunday
    lessons: Mapping[date, tuple[Lesson, ...]]
    of_lesson: Mapping[tuple[UUID, date], Dated]
    others: tuple[Dated, ...]  # classes beside the timetable, by start
    never_held: frozenset[tuple[UUID, date]]  # were over before they were published


def period_of(dated: Dated, periods: Iterable[BellPeriod], zone: str) -> int:
    """The period in which a class beside the timetable begins; 0: between the bells."""
    starts = dated.session.starts_at.astimezone(ZoneInfo(zone)).time()
    return next((p.period for p in periods if p.starts <= starts < p.ends), 0)


async def read_dated_week(
    connection: Connection,
    term: Term,
    monday: date,
    versions: Sequence[TimetableVersion],
    periods: Mapping[str, Mapping[int, BellPeriod]],
    now: datetime,
) -> WeekOnDates:
    """The week from a Monday on. `versions` hold in it; the last of them stands in for the days on
    which none does. `periods`: a hub's code → its bells by number."""
    since, _ = day_of(instant(monday, _NOON, term.zone), term.zone)
    stored = [
        s
        for s in await sessions.between(connection, since, since + _WEEK)
        if s.kind is SessionKind.LIVE_LESSON
    ]
    columns = tuple(_column(term, monday + timedelta(days=n), versions) for n in range(7))
    lessons = {c.day: _lessons(c, versions) for c in columns}
    dated = await _dated(connection, stored, lessons)
    of_lesson = {
        (d.session.lesson_id, d.session.on_day): d
        for d in dated
        if d.session.lesson_id is not None and not d.beside
    }
    return WeekOnDates(
        columns,
        lessons,
        of_lesson,
        tuple(d for d in dated if d.beside and d.held.lead_room_id),
        frozenset(
            (k.id, day)
            for day, some in lessons.items()
            for k in some
            if (k.id, day) not in of_lesson and _over(k, day, periods, term.zone, now)
        ),
    )


def _column(term: Term, day: date, versions: Iterable[TimetableVersion]) -> Column:
    note = next((d.note for d in term.days if d.day == day), "")
    return Column(day, teaching_day(term, day), note, any(holds_on(v, day) for v in versions))


def _lessons(column: Column, versions: Sequence[TimetableVersion]) -> tuple[Lesson, ...]:
    if column.runs is None or not versions:
        return ()
    holding = [v for v in versions if holds_on(v, column.day)] or [versions[-1]]
    return tuple(k for v in holding for k in v.lessons if column.runs.runs(k))


async def _dated(
    connection: Connection, stored: Sequence[Session], lessons: Mapping[date, Collection[Lesson]]
) -> list[Dated]:
    ids = [s.id for s in stored]
    later = {of: set(by.values()) for of, by in (await changes.makeups(connection, ids)).items()}
    earlier = await changes.made_up_by(connection, ids)
    around = {each for some in (*later.values(), *earlier.values()) for each in some}
    there = [
        Elsewhere(s.on_day, s.starts_at, s.id) for s in await sessions.by_ids(connection, around)
    ]
    weekly = {(k.id, day): k for day, some in lessons.items() for k in some}
    found = []
    for session in stored:
        lesson = weekly.get((session.lesson_id, session.on_day)) if session.lesson_id else None
        held = cast_of(session, lesson or _beside(session))
        found.append(
            Dated(
                session,
                held,
                tuple(_swaps(lesson, held)) if lesson is not None else (),
                tuple(e for e in there if e.session_id in later.get(session.id, ())),
                tuple(e for e in there if e.session_id in earlier.get(session.id, ())),
                beside=lesson is None,
            )
        )
    return found


def _beside(session: Session) -> Lesson:
    """A class beside the timetable as a lesson of its date; `cast_of` says who is in it."""
    return Lesson(
        session.id,
        session.on_day.isoweekday(),
        0,
        Weeks.ALL,
        session.subject or "",
        "",
        "",
        "",
        session.interactive,
        (),
    )


def _swaps(planned: Lesson, held: Lesson) -> Iterator[tuple[str, str]]:
    """Ids that took the place of others; "" for nobody."""
    yield from _unless_same(planned.lead_teacher_id, held.lead_teacher_id)
    yield from _unless_same(planned.lead_room_id, held.lead_room_id)
    now = {r.class_id: r for r in held.receivers}
    for was in planned.receivers:
        here = now.pop(was.class_id, None)
        if here is None:
            yield was.class_id, ""
        else:
            yield from _unless_same(was.room_id, here.room_id)
            yield from _unless_same(was.assistant_id or "", here.assistant_id or "")
    for joined in now:
        yield "", joined


def _unless_same(was: str, here: str) -> Iterator[tuple[str, str]]:
    if was != here:
        yield was, here


def _over(
    lesson: Lesson,
    day: date,
    periods: Mapping[str, Mapping[int, BellPeriod]],
    zone: str,
    now: datetime,
) -> bool:
    bell = periods.get(lesson.hub_code, {}).get(lesson.period)
    return bell is not None and instant(day, bell.ends, zone) <= now
