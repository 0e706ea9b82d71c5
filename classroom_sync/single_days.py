"""Several changes of dated lessons at once: a repair's proposal, accepted whole or not at all.

A lesson that stays at its time gets its new cast; one that moves is cancelled and held again, as a
make-up of it, at the new time; one that finds no place is cancelled. Where classes of several that
were cancelled come together in one, it makes up for each of them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from classroom_sync.closing import derive_attendance
from classroom_sync.errors import Refused
from classroom_sync.timetabling import broken_by, read_city
from db import calendar, changes, city, marks, sessions, timetable
from db.changes import NewSession, Taken, TooLate
from db.pool import Connection
from db.sessions import Clash
from scheduler import bells, words
from scheduler.attendance import AttendanceRules
from scheduler.calendar import teaching_day
from scheduler.city import City
from scheduler.dated import DatedChange, DatedLesson, WeekAhead, dates_of, in_order, week_ahead
from scheduler.diff import by_lesson, diff
from scheduler.model import (
    BellPeriod,
    BellSchedule,
    Lesson,
    Participant,
    Receiver,
    Session,
    Term,
    Weeks,
)
from scheduler.occurrences import expand

_Gone = dict[tuple[str, str], list[Participant]]  # class, subject → links cancelled, not made up
_CAUSE = "school"  # of what a repair cancels


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was done, in words, and the sessions that it touched."""

    said: tuple[words.Sentence, ...]
    sessions: tuple[UUID, ...]


class Broken(Exception):
    """A change would break a hard rule; `sentence` says which."""

    def __init__(self, sentence: words.Sentence) -> None:
        super().__init__(sentence.say())
        self.sentence = sentence


class _Said:
    sentence = "On {day}: {what}"


async def read_week(
    connection: Connection,
    term: Term,
    of: City,
    number: int,
    now: datetime,
    prefer: Collection[date] = (),
) -> WeekAhead:
    """What is still to be held of a teaching week (`scheduler.dated.week_ahead`). Raises Refused
    (409) where a school of the lessons has no such bell."""
    days = dates_of(term, number)
    if not days:
        return WeekAhead(number, {}, (), of)
    zone = ZoneInfo(term.zone)
    since = datetime.combine(days[0], time(), zone)
    until = datetime.combine(days[-1] + timedelta(days=1), time(), zone)
    versions = await timetable.versions_between(connection, days[0], days[-1])
    stored = await sessions.between(connection, since, until)
    try:
        return week_ahead(of, term, versions, stored, number, now, prefer)
    except bells.NoBells:
        raise Refused(
            409, "A lesson is in a period that its school's bells do not have: move or remove it."
        ) from None


async def shifts_of(
    connection: Connection,
    receivers: Iterable[Receiver],
    day: date,
    span: tuple[datetime, datetime],
    zone: str,
) -> tuple[tuple[str, datetime, datetime], ...]:
    """What the classes' own bells make of a session (DOMAIN, Time 2): room id, busy from, until."""
    schedules = await calendar.bells(connection)
    schools = {r.id: r.school_code for r in await city.rooms(connection)}
    begins, ends = (at.astimezone(ZoneInfo(zone)).time() for at in span)
    found = []
    for receiver in receivers:
        try:
            own = bells.schedule_on(schedules, schools[receiver.room_id], day)
        except (bells.NoBells, KeyError):
            continue  # the session's own time
        shift = bells.shift(BellPeriod(0, begins, ends), own)
        found.append(
            (
                receiver.room_id,
                bells.instant(day, shift.busy_from, zone),
                bells.instant(day, shift.busy_until, zone),
            )
        )
    return tuple(found)


async def accept(
    connection: Connection,
    term: Term,
    wanted: Sequence[DatedChange],
    now: datetime,
    actor: str,
    rules: AttendanceRules,
) -> Accepted:
    """Make all of the changes. Raises Refused (409, 422): the caller's transaction ends with it.

    A lesson that has begun, or is not any more as it was when the change was proposed, is never
    touched; nor does a change break a hard rule that held before. `rules` excuse what is cancelled.
    """
    asked = [d.day for each in wanted for d in (each.was, each.becomes) if d is not None]
    of = await read_city(connection, term, min(asked))
    try:
        wanted = [_placed(term, of, each) for each in wanted]
        for number in sorted({_week(term, day) for day in asked}):
            week = await read_week(connection, term, of, number, now, asked)
            _still_fits(term, week, [w for w in wanted if _in_week(term, w, number)])
        making = _Making(connection, term, await calendar.bells(connection))
        touched = await making.make(wanted, now, rules)
    except Taken:
        raise Refused(
            409, "A room, a teacher or a class is in another lesson at that time: choose another."
        ) from None
    except TooLate:
        raise Refused(409, "This lesson is under way or over: it stays as it was.") from None
    except changes.Unknown:
        raise Refused(
            422,
            "A lesson names a subject, teacher, room or class that there is not, or a room twice.",
        ) from None
    said = tuple(_said(term, of, wanted))
    await marks.add_audit(
        connection,
        actor,
        "repair_accepted",
        f"term:{term.id}",
        sessions=[str(each) for each in touched],
        changes=[each.say() for each in said],
    )
    return Accepted(said, touched)


def _placed(term: Term, of: City, change: DatedChange) -> DatedChange:
    """With each lesson's weekday and hub, which follow from its day and room. Raises Refused."""

    def placed(dated: DatedLesson | None) -> DatedLesson | None:
        if dated is None:
            return None
        if not _known(of, dated.lesson):
            raise changes.Unknown
        day, room = teaching_day(term, dated.day), of.room[dated.lesson.lead_room_id]
        if day is None or dated.lesson.period not in of.periods.get(room.school_code, ()):
            raise Refused(422, "A lesson would be held on a day or in a period without lessons.")
        lesson = replace(
            dated.lesson,
            weekday=day.weekday,
            weeks=Weeks.ALL,
            hub_code=room.school_code,
        )
        return DatedLesson(dated.day, in_order(lesson))

    return DatedChange(placed(change.was), placed(change.becomes))


def _known(of: City, lesson: Lesson) -> bool:
    receivers = lesson.receivers
    people = {lesson.lead_teacher_id, *(r.assistant_id for r in receivers if r.assistant_id)}
    rooms = {lesson.lead_room_id, *(r.room_id for r in receivers)}
    return (
        any(s.slug == lesson.subject for s in of.subjects)
        and of.teacher.keys() >= people
        and of.room.keys() >= rooms
        and of.class_group.keys() >= {r.class_id for r in receivers}
    )


def _week(term: Term, day: date) -> int:
    found = teaching_day(term, day)
    return found.week if found is not None else 0


def _in_week(term: Term, change: DatedChange, number: int) -> bool:
    return any(
        dated is not None and _week(term, dated.day) == number
        for dated in (change.was, change.becomes)
    )


def _still_fits(term: Term, week: WeekAhead, wanted: Sequence[DatedChange]) -> None:
    """Raises Refused (409) where the week is not what the changes were proposed for."""
    ahead = {(k.id, week.days[k.weekday]): k for k in week.lessons}
    after = dict(ahead)
    for change in wanted:
        if change.was is not None and _week(term, change.was.day) == week.number:
            key = (change.was.lesson.id, change.was.day)
            if key not in ahead or _what(ahead[key]) != _what(change.was.lesson):
                raise Refused(
                    409,
                    "A lesson has begun or has been changed since this was proposed: ask for a new "
                    "proposal.",
                )
            del after[key]
    held = [
        change.becomes.lesson
        for change in wanted
        if change.becomes is not None and _week(term, change.becomes.day) == week.number
    ]
    broken = broken_by(week.city, week.lessons, [*after.values(), *held])
    if broken is not None:
        raise Broken(broken.sentence)


def _what(lesson: Lesson) -> tuple[object, ...]:
    return (
        lesson.weekday,
        lesson.period,
        lesson.subject,
        lesson.lead_teacher_id,
        lesson.lead_room_id,
        lesson.receivers,
    )


def _said(term: Term, of: City, wanted: Sequence[DatedChange]) -> Iterator[words.Sentence]:
    """What is changed, week by week, each with the date that it is changed on."""
    weeks = {_week(term, dated.day) for each in wanted for dated in _sides(each)}
    for number in sorted(weeks):
        old = {
            each.was.lesson: each.was.day
            for each in wanted
            if each.was is not None and _week(term, each.was.day) == number
        }
        new = {
            each.becomes.lesson: each.becomes.day
            for each in wanted
            if each.becomes is not None and _week(term, each.becomes.day) == number
        }
        for change in by_lesson(of, diff(of, old, new)):
            day = next(at[k] for at, k in ((old, change.before), (new, change.after)) if k)
            yield words.Sentence(_Said.sentence, {"day": str(day), "what": change.sentence})


def _sides(change: DatedChange) -> Iterator[DatedLesson]:
    return (side for side in (change.was, change.becomes) if side is not None)


class _Making:
    """The changes, made on stored sessions: first what is given up, then what takes its place."""

    def __init__(
        self, connection: Connection, term: Term, schedules: Sequence[BellSchedule]
    ) -> None:
        self._connection = connection
        self._term = term
        self._schedules = schedules

    async def make(
        self, wanted: Sequence[DatedChange], now: datetime, rules: AttendanceRules
    ) -> tuple[UUID, ...]:
        """The ids of the sessions touched. Raises Taken, TooLate, changes.Unknown."""
        stored = [await self._session(c.was) if c.was is not None else None for c in wanted]
        gone: _Gone = {}
        stays: list[tuple[Session, Lesson]] = []
        touched: list[UUID] = []
        for change, session in zip(wanted, stored, strict=True):
            if session is None:
                continue
            touched.append(session.id)
            if change.in_place and change.becomes is not None:
                await changes.let_go(self._connection, session, change.becomes.lesson)
                stays.append((session, change.becomes.lesson))
            elif await sessions.cancel(self._connection, session.id, now, _CAUSE):
                await derive_attendance(self._connection, session.id, rules)
                for p in session.participants:
                    if p.class_id is not None:
                        gone.setdefault((p.class_id, session.subject or ""), []).append(p)
            else:
                raise TooLate
        for session, cast in stays:
            span = (session.starts_at, session.ends_at)
            busy = await shifts_of(
                self._connection, cast.receivers, session.on_day, span, self._term.zone
            )
            there = {p.class_id for p in session.participants}
            joining = [r.class_id for r in cast.receivers if r.class_id not in there]
            made_up = _made_up(gone, cast.subject, joining)
            await changes.fill(self._connection, session, cast, busy, made_up)
        new = [c.becomes for c in wanted if c.becomes is not None and not c.in_place]
        return (*touched, *[await self._hold(each, gone, now) for each in new])

    async def _session(self, was: DatedLesson) -> Session:
        """The lesson's session on its day, stored now if the day was too far off to be planned."""
        schools = {r.id: r.school_code for r in await city.rooms(self._connection)}
        versions = await timetable.versions_between(self._connection, was.day, was.day)
        coming = expand(self._term, versions, self._schedules, schools, was.day, was.day)
        for occurrence in coming:
            if occurrence.lesson.id == was.lesson.id:
                if isinstance(await sessions.add_occurrence(self._connection, occurrence), Clash):
                    raise Taken
                around = await sessions.between(
                    self._connection, occurrence.starts_at, occurrence.ends_at
                )
                for session in around:
                    if (session.lesson_id, session.on_day) == (was.lesson.id, was.day):
                        return session
        raise changes.Unknown

    async def _hold(self, becomes: DatedLesson, gone: _Gone, now: datetime) -> UUID:
        lesson, day, zone = becomes.lesson, becomes.day, self._term.zone
        bell = bells.period(bells.schedule_on(self._schedules, lesson.hub_code, day), lesson.period)
        span = (bells.instant(day, bell.starts, zone), bells.instant(day, bell.ends, zone))
        if span[0] <= now:
            raise TooLate
        classes = [r.class_id for r in lesson.receivers]
        return await changes.add(
            self._connection,
            NewSession(
                on_day=day,
                starts_at=span[0],
                ends_at=span[1],
                subject=lesson.subject,
                interactive=lesson.interactive,
                lead_teacher_id=lesson.lead_teacher_id,
                lead_room_id=lesson.lead_room_id,
                receivers=lesson.receivers,
                shifts=await shifts_of(self._connection, lesson.receivers, day, span, zone),
                makes_up=_made_up(gone, lesson.subject, classes),
            ),
        )


def _made_up(gone: _Gone, subject: str, classes: Sequence[str]) -> tuple[tuple[str, UUID], ...]:
    """Each of the classes that had a lesson of the subject cancelled, with its link there, which is
    taken out of `gone`. Of several, the one in the lesson that most of these classes were in."""
    waiting = {of: links for of in classes if (links := gone.get((of, subject)))}
    shared = Counter(link.session_id for links in waiting.values() for link in links)
    found = []
    for of, links in waiting.items():
        link = max(links, key=lambda each: shared[each.session_id])
        links.remove(link)
        found.append((of, link.id))
    return tuple(found)
