"""The demo city in a database, and a lesson of it that is on now.

At the first start the lesson is one of the published timetable, in this week alone: a bell period
that begins now, and the plan that makes a session of it; the clock opens it. Where today holds no
lessons, today is made a make-up workday. A later start, once that lesson is over, holds an extra
class and leaves timetable, bells and calendar as they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import combinations, islice
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from classroom_sync.demo_city import City, city_on, read_city
from classroom_sync.errors import CannotStart
from classroom_sync.planning import plan_sessions
from classroom_sync.single_days import shifts_of
from db import calendar, changes, city, sessions, timetable
from db.changes import NewSession
from db.pool import Connection
from scheduler import bells as bell_times
from scheduler import rules
from scheduler.calendar import known_official_days, teaching_day
from scheduler.model import (
    DEFAULT_ZONE,
    BellPeriod,
    BellSchedule,
    CalendarDay,
    ClassGroup,
    Lesson,
    Receiver,
    Room,
    RoomKind,
    RoomStatus,
    School,
    SessionState,
    Teacher,
    Term,
    TimetableVersion,
    Weeks,
)
from scheduler.occurrences import expand

_HUB = "2132999901"  # 太仓市城厢镇第四小学
_SHIFTS = timedelta(hours=3)  # how far from its own time a session may take a class
_TRIED = 200  # casts that are checked by the rules, at most

Taken = tuple[str, datetime, datetime]


@dataclass(frozen=True, slots=True)
class _People:
    """Who and what there is to choose from."""

    schools: Sequence[School]
    rooms: Sequence[Room]
    teachers: Sequence[Teacher]
    classes: Sequence[ClassGroup]
    bells: Sequence[BellSchedule]


@dataclass(frozen=True, slots=True)
class _Cast:
    """Who and what could be in the lesson that is on now."""

    teacher: Teacher
    room: Room
    receivers: tuple[Receiver, ...]


def local_date(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


async def lesson_for(
    connection: Connection, before: dict[str, Any], now: datetime, length: timedelta
) -> UUID:
    """The session that a start of the demo shows; `before` is the demo.json of an earlier one.
    Raises CannotStart."""
    if not await city.schools(connection):
        found = read_city(local_date(now, DEFAULT_ZONE))
        await load_once(connection, with_lesson(found, now, length), now)
        session_id = await lesson_on(connection, now)
        assert session_id is not None, "the timetable that was just published holds it"
        return session_id
    still = await lesson_still_on(connection, before, now, length)
    return still or await extra_lesson(connection, now, length)


def with_lesson(found: City, now: datetime, length: timedelta) -> City:
    """The demo city with a lesson in its solved timetable that is on now, and that breaks no hard
    rule if that can be. Raises CannotStart."""
    today = local_date(now, found.term.zone)
    term = found.term
    if teaching_day(term, today) is None:
        term = _with_workday(term, today)
    teaching = teaching_day(term, today)
    assert teaching is not None, "today is a workday now"
    period, schedules = _with_bell(found.bells, term, now, length)
    found = replace(found, term=term, bells=schedules)
    of = city_on(found, today)
    best: tuple[int, tuple[Lesson, ...]] | None = None
    for cast in islice(_casts(_people(found), term, period, now, _planned(found, now)), _TRIED):
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
            week_from=teaching.week,
            week_until=teaching.week,
        )
        lessons = (*found.solved, lesson)
        broken = sum(c.hard for c in rules.check(of, lessons, rules.Rules()))
        if best is None or broken < best[0]:
            best = broken, lessons
        if not broken:
            break
    if best is None:
        raise _nobody()
    return replace(found, solved=best[1])


async def load_once(connection: Connection, found: City, now: datetime) -> bool:
    """Put the city into an empty database, and whether that was done; a database with schools in it
    is left as it is. The timetable as the office sent it becomes a draft, as solved it holds."""
    if await city.schools(connection):
        return False
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
    await timetable.add_draft(connection, found.term.id, found.lessons)
    version = await timetable.add_draft(connection, found.term.id, found.solved)
    today = local_date(now, found.term.zone)
    await timetable.publish(connection, version, found.term.id, today, now)
    await plan_sessions(connection, now)
    return True


async def lesson_on(connection: Connection, now: datetime) -> UUID | None:
    """The session of the timetable at the demo's hub that begins now."""
    for session in await sessions.between(connection, now, now + timedelta(seconds=1)):
        rooms = [p.room_id or "" for p in session.participants]
        if session.starts_at == now and any(room.startswith(_HUB) for room in rooms):
            return session.id
    return None


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


async def extra_lesson(connection: Connection, now: datetime, length: timedelta) -> UUID:
    """A class outside of the timetable that is on now. Raises CannotStart."""
    term = await calendar.latest_term(connection)
    assert term is not None, "loaded at the first start"
    await plan_sessions(connection, now)
    people = _People(
        await city.schools(connection),
        await city.rooms(connection),
        await city.teachers(connection),
        await city.class_groups(connection),
        await calendar.bells(connection),
    )
    period = _period(0, now, length, term.zone)
    around = await sessions.between(connection, now - _SHIFTS, now + length + _SHIFTS)
    taken = [
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
    ]
    cast = next(_casts(people, term, period, now, taken), None)
    if cast is None:
        raise _nobody()
    today = local_date(now, term.zone)
    ends_at = bell_times.instant(today, period.ends, term.zone)
    return await changes.add(
        connection,
        NewSession(
            on_day=today,
            starts_at=now,
            ends_at=ends_at,
            subject=cast.teacher.subjects[0],
            interactive=True,
            lead_teacher_id=cast.teacher.id,
            lead_room_id=cast.room.id,
            receivers=cast.receivers,
            shifts=await shifts_of(connection, cast.receivers, today, (now, ends_at), term.zone),
        ),
    )


def _nobody() -> CannotStart:
    return CannotStart(
        "everybody at the demo's hub school is in a lesson just now; try again in a few minutes"
    )


def _people(found: City) -> _People:
    return _People(found.schools, found.rooms, found.teachers, found.classes, found.bells)


def _with_workday(term: Term, today: date) -> Term:
    """Let today run its own weekday's timetable, or on a weekend that of the Friday before."""
    weekday = today - timedelta(days=max(0, today.isoweekday() - 5))
    day = CalendarDay(today, weekday, "演示 demonstration")
    return replace(term, days=(*(d for d in term.days if d.day != today), day))


def _period(number: int, now: datetime, length: timedelta, zone: str) -> BellPeriod:
    """A period that begins now; bells don't ring over midnight."""
    starts, ends = (at.astimezone(ZoneInfo(zone)) for at in (now, now + length))
    last = time(23, 59, 59) if ends.date() > starts.date() else ends.time()
    return BellPeriod(number, starts.time(), last)


def _with_bell(
    schedules: Sequence[BellSchedule], term: Term, now: datetime, length: timedelta
) -> tuple[BellPeriod, tuple[BellSchedule, ...]]:
    """A bell period of the hub that begins now, and the bells with it."""
    today = local_date(now, term.zone)
    valid = bell_times.schedule_on(schedules, _HUB, today)
    last = max(p.period for p in valid.periods)
    added = replace(_period(last + 1, now, length, term.zone), by_hand=True)
    new = replace(valid, valid_from=today, periods=(*valid.periods, added))
    others = [s for s in schedules if (s.school_code, s.valid_from) != (_HUB, today)]
    return added, (*others, new)


def _planned(found: City, now: datetime) -> list[Taken]:
    """What the solved timetable takes today."""
    today = local_date(now, found.term.zone)
    version = TimetableVersion(uuid4(), found.term.id, 1, "published", today, None, found.solved)
    schools = {r.id: r.school_code for r in found.rooms}
    taken: list[Taken] = []
    for each in expand(found.term, [version], found.bells, schools, today, today):
        lesson, span = each.lesson, (each.starts_at, each.ends_at)
        taken += [(who, *span) for who in (lesson.lead_teacher_id, lesson.lead_room_id)]
        shifts = {room: (since, until) for room, since, until in each.shifts}
        for r in lesson.receivers:
            busy = (min(span[0], shifts[r.room_id][0]), max(span[1], shifts[r.room_id][1]))
            taken += [(who, *busy) for who in (r.room_id, r.class_id, r.assistant_id) if who]
    return taken


def _casts(
    among: _People, term: Term, period: BellPeriod, now: datetime, taken: Sequence[Taken]
) -> Iterator[_Cast]:
    """A lead teacher and room of the demo's hub with classes of two schools, all free: classes of
    one grade first."""

    def free(who: str, since: datetime, until: datetime) -> bool:
        return not any(w == who and a < until and since < b for w, a, b in taken)

    day = local_date(now, term.zone)
    ends_at = bell_times.instant(day, period.ends, term.zone)
    rooms = [r for r in among.rooms if r.status is RoomStatus.ACCEPTED]
    leads = [
        (teacher, room)
        for teacher in among.teachers
        if teacher.school_code == _HUB and teacher.role == "lead" and free(teacher.id, now, ends_at)
        for room in rooms
        if room.school_code == _HUB and room.kind is RoomKind.LEAD and free(room.id, now, ends_at)
    ]
    joining: list[tuple[ClassGroup, Receiver]] = []
    for school in among.schools:
        if school.hub_code != _HUB:
            continue
        own = bell_times.schedule_on(among.bells, school.code, day)
        shift = bell_times.shift(period, own)
        busy = (
            min(now, bell_times.instant(day, shift.busy_from, term.zone)),
            max(ends_at, bell_times.instant(day, shift.busy_until, term.zone)),
        )
        screen = next(
            (
                r.id
                for r in rooms
                if (r.school_code, r.kind) == (school.code, RoomKind.INTERACTIVE)
                and free(r.id, *busy)
            ),
            None,
        )
        helper = next(
            (
                t.id
                for t in among.teachers
                if (t.school_code, t.role) == (school.code, "assistant") and free(t.id, *busy)
            ),
            None,
        )
        if screen is not None:
            joining += [
                (g, Receiver(screen, g.id, helper))
                for g in among.classes
                if g.school_code == school.code and free(g.id, *busy)
            ]
    pairs = [
        (one, other)
        for one, other in combinations(joining, 2)
        if one[0].school_code != other[0].school_code
    ]
    for one, other in sorted(pairs, key=lambda pair: pair[0][0].grade != pair[1][0].grade):
        for teacher, room in leads:
            yield _Cast(teacher, room, (one[1], other[1]))
