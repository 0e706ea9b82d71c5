"""One teaching week as it stands on its dates, and what a repair of it changes.

Of a week only what is still ahead can change: lessons that have begun, or were cancelled, are left
out, those given by somebody else on their day are shown with that one, and no time before now, on a
day off, or taken by a class outside of the timetable is offered.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler import bells
from scheduler.calendar import TeachingDay, teaching_day, teaching_days
from scheduler.city import BlockedPeriod, City, Reservation, clock, minutes
from scheduler.model import (
    Lesson,
    Participant,
    ParticipantRole,
    Receiver,
    Session,
    SessionState,
    Term,
    TimetableVersion,
    Weeks,
)
from scheduler.occurrences import holds_on

_REACH = timedelta(days=45)  # how far a make-up workday may be from the week whose lessons it runs
_TO_COME = (SessionState.SCHEDULED, SessionState.OPEN)


@dataclass(frozen=True, slots=True)
class WeekAhead:
    """What is still to be held of one teaching week.

    `city` has no time before `now` nor on a day off, and reserves what other classes have taken.
    """

    number: int
    days: Mapping[int, date]  # weekday → the date that runs its lessons
    lessons: tuple[Lesson, ...]  # as a plan for this week alone
    city: City


@dataclass(frozen=True, slots=True)
class DatedLesson:
    """A lesson on one date; its id is the weekly lesson's, where it comes from one."""

    day: date
    lesson: Lesson


@dataclass(frozen=True, slots=True)
class DatedChange:
    """What becomes of one dated lesson. `was` is None for a new one, `becomes` for one not held."""

    was: DatedLesson | None
    becomes: DatedLesson | None

    @property
    def in_place(self) -> bool:
        """Whether the lesson stays at its time, with another cast."""
        return (
            self.was is not None
            and self.becomes is not None
            and _time(self.was) == _time(self.becomes)
        )


def week_ahead(
    city: City,
    term: Term,
    versions: Sequence[TimetableVersion],
    sessions: Iterable[Session],
    number: int,
    now: datetime,
    prefer: Collection[date] = (),
) -> WeekAhead:
    """A week of the published `versions` as stored `sessions` have changed it.

    Where several dates run one weekday's lessons, it is one of `prefer`, else the last. Raises
    bells.NoBells.
    """
    days = _days(term, number, prefer)
    sessions = tuple(sessions)
    stored = {(s.lesson_id, s.on_day): s for s in sessions}
    lessons: list[Lesson] = []
    ours = set()
    for day in days.values():
        for version in versions:
            if version.term_id != term.id or not holds_on(version, day.day):
                continue
            for lesson in filter(day.runs, version.lessons):
                ours.add((lesson.id, day.day))
                session = stored.get((lesson.id, day.day))
                starts = city.period(lesson.hub_code, lesson.period).starts
                at = session.starts_at if session else bells.instant(day.day, starts, term.zone)
                if at > now and (session is None or session.state in _TO_COME):
                    lessons.append(_this_week(lesson, session))
    others = [s for s in sessions if (s.lesson_id, s.on_day) not in ours]
    dates = {weekday: day.day for weekday, day in days.items()}
    return WeekAhead(
        number,
        dates,
        tuple(lessons),
        replace(
            city,
            blocked=(*city.blocked, *_gone(city, term, dates, now)),
            reservations=(*city.reservations, *_taken(term, dates, others)),
        ),
    )


def dates_of(term: Term, number: int) -> tuple[date, ...]:
    """The dates that run a week's lessons, in order; make-up workdays may lie outside of it."""
    monday = term.week1_monday + timedelta(weeks=number - 1)
    days = teaching_days(term, monday - _REACH, monday + _REACH)
    return tuple(day.day for day in days if day.week == number)


def dated_changes(week: WeekAhead, repaired: Iterable[Lesson]) -> tuple[DatedChange, ...]:
    """What a repaired week changes, lesson by lesson: first those that stay at their time."""
    repaired = tuple(repaired)
    old = [k for k in week.lessons if k not in repaired]
    new = [k for k in repaired if k not in week.lessons]
    found = []
    while pairs := [(was, becomes) for was in old for becomes in new if _meets(was, becomes)]:
        was, becomes = max(pairs, key=lambda pair: _alike(*pair))
        old.remove(was)
        new.remove(becomes)
        found.append(DatedChange(_dated(week, was), _dated(week, replace(becomes, id=was.id))))
    found += [DatedChange(_dated(week, was), None) for was in old]
    found += [DatedChange(None, _dated(week, becomes)) for becomes in new]
    return tuple(found)


def cast_of(session: Session, lesson: Lesson) -> Lesson:
    """The lesson as its session has it: with whoever leads and assists on that day."""
    lead = next((p for p in session.participants if p.role is ParticipantRole.LEAD), None)
    if lead is not None:
        lesson = replace(
            lesson,
            lead_teacher_id=lead.teacher_id or lesson.lead_teacher_id,
            lead_room_id=lead.room_id or lesson.lead_room_id,
        )
    receivers = tuple(
        Receiver(p.room_id or "", p.class_id or "", p.teacher_id)
        for p in session.participants
        if p.role is ParticipantRole.RECEIVING
    )
    return in_order(replace(lesson, receivers=receivers))


def in_order(lesson: Lesson) -> Lesson:
    """The lesson with its receivers by room, so that two can be compared."""
    return replace(lesson, receivers=tuple(sorted(lesson.receivers, key=lambda r: r.room_id)))


def _time(of: DatedLesson) -> tuple[date, str, int]:
    return of.day, of.lesson.hub_code, of.lesson.period


def _days(term: Term, number: int, prefer: Collection[date]) -> dict[int, TeachingDay]:
    found: defaultdict[int, list[TeachingDay]] = defaultdict(list)
    for on in dates_of(term, number):
        day = teaching_day(term, on)
        assert day is not None, "it is one of the week's teaching days"
        found[day.weekday].append(day)
    return {
        weekday: next((d for d in some if d.day in prefer), some[-1])
        for weekday, some in sorted(found.items())
    }


def _this_week(lesson: Lesson, session: Session | None) -> Lesson:
    held = cast_of(session, lesson) if session is not None else in_order(lesson)
    return replace(held, weeks=Weeks.ALL, week_from=None, week_until=None)


def _gone(
    city: City, term: Term, days: Mapping[int, date], now: datetime
) -> Iterator[BlockedPeriod]:
    for code, periods in city.periods.items():
        if city.school[code].hub_code is not None:
            continue
        for weekday in range(1, 8):
            for number, bell in periods.items():
                day = days.get(weekday)
                if day is None or bells.instant(day, bell.starts, term.zone) <= now:
                    yield BlockedPeriod(code, weekday, number, str(day or ""))


def _taken(
    term: Term, days: Mapping[int, date], others: Iterable[Session]
) -> Iterator[Reservation]:
    weekdays = {day: weekday for weekday, day in days.items()}
    zone = ZoneInfo(term.zone)
    for session in others:
        if session.on_day not in weekdays or session.state not in (*_TO_COME, SessionState.LIVE):
            continue
        for participant in session.participants:
            since, until = (
                minutes(at.astimezone(zone).time()) for at in _span(session, participant)
            )
            for who in (participant.room_id, participant.class_id, participant.teacher_id):
                if who is not None and participant.role is not ParticipantRole.OBSERVER:
                    what = f"{session.on_day} {clock(since)}–{clock(until)}"
                    weekday = weekdays[session.on_day]
                    yield Reservation(who, weekday, since, until, Weeks.ALL, what)


def _span(session: Session, participant: Participant) -> tuple[datetime, datetime]:
    return (
        min(session.starts_at, participant.busy_from or session.starts_at),
        max(session.ends_at, participant.busy_until or session.ends_at),
    )


def _meets(one: Lesson, other: Lesson) -> bool:
    return (one.weekday, one.period, one.hub_code, one.subject) == (
        other.weekday,
        other.period,
        other.hub_code,
        other.subject,
    ) and bool(_classes(one) & _classes(other))


def _alike(one: Lesson, other: Lesson) -> tuple[int, bool, bool]:
    return (
        len(_classes(one) & _classes(other)),
        one.lead_teacher_id == other.lead_teacher_id,
        one.lead_room_id == other.lead_room_id,
    )


def _classes(lesson: Lesson) -> frozenset[str]:
    return frozenset(r.class_id for r in lesson.receivers)


def _dated(week: WeekAhead, lesson: Lesson) -> DatedLesson:
    return DatedLesson(week.days[lesson.weekday], lesson)
