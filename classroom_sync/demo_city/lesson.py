"""The demo city in a database, and a lesson of it that is on now, by the ordinary way.

A bell period that begins now, a new timetable version with one lesson more, and the plan that makes
a session of it; the clock opens it. Where today holds no lessons, today is made a make-up workday.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from classroom_sync.demo_city import City
from classroom_sync.errors import CannotStart
from classroom_sync.planning import plan_sessions
from db import calendar, city, sessions, timetable
from db.pool import Connection
from scheduler import bells as bell_times
from scheduler.calendar import known_official_days, teaching_day
from scheduler.model import (
    BellPeriod,
    CalendarDay,
    Lesson,
    ParticipantRole,
    Receiver,
    Room,
    RoomKind,
    RoomStatus,
    Session,
    SessionState,
    Teacher,
    Term,
    Weeks,
)

_HUB = "2132999901"  # 太仓市城厢镇第四小学
_RECEIVING = 2  # rooms in the lesson that is on now
_SHIFTS = timedelta(hours=3)  # how far from its own time a session may take a class
_T = TypeVar("_T")


def local_date(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who and what is free for the lesson that is on now."""

    teacher: Teacher
    room: Room
    receivers: tuple[Receiver, ...]


async def load_once(connection: Connection, found: City, now: datetime) -> None:
    """Put the city into an empty database; a database with schools in it is left as it is."""
    if await city.schools(connection):
        return
    await city.add_schools(connection, found.schools)
    await city.add_rooms(connection, found.rooms)
    await city.add_targets(connection, found.targets)
    await city.add_subjects(connection, found.subjects)
    await city.add_teachers(connection, found.teachers)
    await city.add_class_groups(connection, found.classes)
    await _add_term(connection, found.term)
    await calendar.add_bells(connection, found.bells)
    await timetable.add_demands(connection, found.term.id, found.demands)
    await timetable.add_busy_times(connection, found.term.id, found.busy)
    version = await timetable.add_draft(connection, found.term.id, found.lessons)
    today = local_date(now, found.term.zone)
    await timetable.publish(connection, version, found.term.id, today, now)


async def _add_term(connection: Connection, term: Term) -> None:
    """The official days as far as they are published, and what the city's calendar adds to them."""
    official, _ = known_official_days(term.starts_on, term.ends_on)
    published = replace(term, days=official)
    own = [d for d in term.days if teaching_day(term, d.day) != teaching_day(published, d.day)]
    await calendar.add_term(connection, replace(term, days=tuple(own)))
    await calendar.set_official_days(connection, term.id, official)


async def lesson_still_on(
    connection: Connection, before: dict[str, Any], now: datetime, length: timedelta
) -> UUID | None:
    """The lesson of an earlier start, where half of it at least is still to come."""
    try:
        session_id = UUID(before["live_session"]["id"])
    except (KeyError, TypeError, ValueError):
        return None
    session = await sessions.session(connection, session_id)
    if session is None or session.state not in (SessionState.OPEN, SessionState.LIVE):
        return None
    return session_id if session.ends_at - now > length / 2 else None


async def lesson_now(connection: Connection, now: datetime, length: timedelta) -> UUID:
    """A new session that is on now, made from a timetable lesson."""
    term = await calendar.latest_term(connection)
    assert term is not None, "loaded above"
    await plan_sessions(connection, now)
    today = local_date(now, term.zone)
    teaching = teaching_day(term, today)
    if teaching is None:
        term = await _make_workday(connection, term, today)
        teaching = teaching_day(term, today)
        assert teaching is not None, "today is a make-up workday now"
        await plan_sessions(connection, now)
    period = await _bell_now(connection, term, now, length)
    cast = await _free_cast(connection, term, period, now, now + length)
    lesson = Lesson(
        uuid4(),
        teaching.weekday,
        period.period,
        Weeks.ALL,
        cast.teacher.subjects[0],
        cast.teacher.id,
        cast.room.id,
        _HUB,
        interactive=True,
        receivers=cast.receivers,
    )
    standing = await timetable.versions_between(connection, today, today)
    version = await timetable.add_draft(
        connection, term.id, [*(standing[-1].lessons if standing else ()), lesson]
    )
    await timetable.publish(connection, version, term.id, today, now)
    await plan_sessions(connection, now)
    for session in await sessions.between(connection, now, now + timedelta(seconds=1)):
        if session.starts_at == now and _led_by(session, _HUB):
            return session.id
    raise AssertionError("the lesson that was just published makes a session")


def _led_by(session: Session, hub: str) -> bool:
    return any(
        p.role is ParticipantRole.LEAD and (p.room_id or "").startswith(hub)
        for p in session.participants
    )


async def _make_workday(connection: Connection, term: Term, today: date) -> Term:
    """Let today run its own weekday's timetable, or on a weekend that of the Friday before."""
    weekday = today - timedelta(days=max(0, today.isoweekday() - 5))
    day = CalendarDay(today, weekday, "演示 demonstration")
    await calendar.set_day(connection, term.id, day)
    return replace(term, days=(*(d for d in term.days if d.day != today), day))


async def _bell_now(
    connection: Connection, term: Term, now: datetime, length: timedelta
) -> BellPeriod:
    """Add a bell period of the hub that begins now."""
    zone = ZoneInfo(term.zone)
    schedules = await calendar.bells(connection)
    today = now.astimezone(zone).date()
    valid = bell_times.schedule_on(schedules, _HUB, today)
    starts = now.astimezone(zone).time()
    over_midnight = (now + length).astimezone(zone).date() > today
    ends = time(23, 59, 59) if over_midnight else (now + length).astimezone(zone).time()
    number = max(p.period for p in valid.periods) + 1
    added = BellPeriod(number, starts, ends)
    new = (added,) if valid.valid_from == today else (*valid.periods, added)
    await calendar.add_bells(connection, [replace(valid, valid_from=today, periods=new)])
    return added


@dataclass(frozen=True, slots=True)
class _Free:
    """Whether someone or something is in no session between two instants."""

    taken: tuple[tuple[str, datetime, datetime], ...]

    @classmethod
    async def read(cls, connection: Connection, since: datetime, until: datetime) -> "_Free":
        around = await sessions.between(connection, since - _SHIFTS, until + _SHIFTS)
        return cls(
            tuple(
                (
                    who,
                    min(s.starts_at, p.busy_from or s.starts_at),
                    max(s.ends_at, p.busy_until or s.ends_at),
                )
                for s in around
                if s.state in (SessionState.SCHEDULED, SessionState.OPEN, SessionState.LIVE)
                for p in s.participants
                for who in (p.room_id, p.class_id, p.teacher_id)
                if who is not None
            )
        )

    def __call__(self, who: str, since: datetime, until: datetime) -> bool:
        return not any(w == who and a < until and since < b for w, a, b in self.taken)


async def _free_cast(
    connection: Connection, term: Term, period: BellPeriod, since: datetime, until: datetime
) -> _Cast:
    """Teacher, rooms and classes of the demo hub that no session takes in the given time."""
    free = await _Free.read(connection, since, until)
    schedules = await calendar.bells(connection)
    teachers = await city.teachers(connection)
    groups = await city.class_groups(connection)
    rooms = [r for r in await city.rooms(connection) if r.status is RoomStatus.ACCEPTED]
    day = since.astimezone(ZoneInfo(term.zone)).date()
    receivers = []
    for school in await city.schools(connection):
        if school.hub_code != _HUB:
            continue
        shift = bell_times.shift(period, bell_times.schedule_on(schedules, school.code, day))
        busy = (
            min(since, bell_times.instant(day, shift.busy_from, term.zone)),
            max(until, bell_times.instant(day, shift.busy_until, term.zone)),
        )
        mine = school.code
        room = _first(r for r in rooms if _listens(r, mine) and free(r.id, *busy))
        group = _first(g.id for g in groups if g.school_code == mine and free(g.id, *busy))
        helper = _first(t.id for t in teachers if t.school_code == mine and free(t.id, *busy))
        if room is not None and group is not None:
            receivers.append(Receiver(room.id, group, helper))
    teacher = _first(
        t
        for t in teachers
        if t.school_code == _HUB and t.role == "lead" and free(t.id, since, until)
    )
    lead_room = _first(
        r
        for r in rooms
        if r.school_code == _HUB and r.kind is RoomKind.LEAD and free(r.id, since, until)
    )
    if teacher is None or lead_room is None or len(receivers) < _RECEIVING:
        raise CannotStart(
            "everybody at the demo's hub school is in a lesson just now; try again in a few minutes"
        )
    return _Cast(teacher, lead_room, tuple(receivers[:_RECEIVING]))


def _listens(room: Room, school: str) -> bool:
    return room.school_code == school and room.kind is RoomKind.INTERACTIVE


def _first(found: Iterable[_T]) -> _T | None:
    return next(iter(found), None)
