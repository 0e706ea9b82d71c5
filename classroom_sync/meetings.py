"""Calling a teaching-research meeting: who may, for when, and who of the called is taken then.

A meeting's rules are those of lessons: a teacher is in one session at a time (the database refuses
anything else), is not called while their own school keeps them, and not while the published
timetable holds a lesson of theirs, be it stored as a session yet or not.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from classroom_sync.access import Seat, seat_in
from classroom_sync.auth import Visitor
from classroom_sync.errors import Refused
from classroom_sync.keys import POOL, VISITOR
from classroom_sync.pages.names import Names
from classroom_sync.permissions import Role
from classroom_sync.planning import coming
from db import calendar, changes, meetings, plans, sessions
from db.meetings import Call
from db.pool import Connection
from scheduler.meeting import LessonPlan, Meeting
from scheduler.model import DEFAULT_ZONE, ParticipantRole, Session

LONGEST = 480  # minutes
MOST = 40  # teachers in a meeting


@dataclass(frozen=True, slots=True)
class Taken:
    """A teacher who can't come, and what they are in then; `subject` and `title` as they have it.

    `starts_at` None: their own school keeps them.
    """

    teacher_id: str
    subject: str | None = None
    title: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def no_such_meeting() -> Refused:
    return Refused(404, "There is no such meeting: see the list of meetings.")


async def zone_on(connection: Connection, day: date) -> str:
    """The zone of the term that holds a day; of the city where none does."""
    for term in await calendar.terms(connection):
        if term.starts_on <= day <= term.ends_on:
            return term.zone
    return DEFAULT_ZONE


def valid_call(call: Call, names: Names, now: datetime) -> None:
    """Raises Refused (422) for a meeting that can't be: in the past, of one school, of nobody."""
    people = (call.chair, *call.members)
    if call.starts_at < now - timedelta(minutes=1):
        raise Refused(422, "A meeting begins in the future: choose another day or time.")
    if call.starts_at > now + timedelta(days=366):
        raise Refused(422, "A meeting is called for at most a year ahead.")
    if len(set(people)) != len(people):
        raise Refused(422, "A teacher is called twice: call each one once.")
    unknown = [t for t in people if t not in names.teachers]
    if unknown or (call.subject is not None and call.subject not in names.subjects):
        raise Refused(422, "A meeting names a subject or a teacher that there is not.")
    left = [names.teacher(t) for t in people if not _serves(names, t)]
    if left:
        raise Refused(422, "{who} has left: call somebody else.", who="、".join(left))
    if len({names.teachers[t].school_code for t in people}) < 2:
        raise Refused(422, "A research meeting is of teachers of several schools: call another's.")


def _serves(names: Names, teacher_id: str) -> bool:
    teacher = names.teachers[teacher_id]
    return not teacher.retired_on and not names.schools[teacher.school_code].retired_on


async def taken(
    connection: Connection, names: Names, call: Call, now: datetime, but: UUID | None = None
) -> list[Taken]:
    """Those of the called who are in something else at that time; `but`: the meeting itself."""
    people = (call.chair, *call.members)
    found = [
        Taken(e.teacher_id, e.subject, e.title, e.starts_at, e.ends_at)
        for e in await meetings.engagements(connection, people, call.starts_at, call.ends_at, but)
    ]
    found += await _planned(connection, people, call, now)
    schools = {t: names.teachers[t].school_code for t in people}
    kept = await changes.kept(connection, schools, call.starts_at, call.ends_at)
    return found + [Taken(teacher) for teacher in people if teacher in kept]


async def _planned(
    connection: Connection, people: Collection[str], call: Call, now: datetime
) -> list[Taken]:
    """Lessons that the published timetable holds then, and that are no sessions yet."""
    held = await sessions.between(connection, call.starts_at, call.ends_at)
    stored = {(session.lesson_id, session.on_day) for session in held}
    found: list[Taken] = []
    for each in await coming(connection, now, [call.on_day]):
        if each.starts_at < call.ends_at and call.starts_at < each.ends_at:
            lesson = each.lesson
            helpers = [r.assistant_id for r in lesson.receivers if r.assistant_id]
            found += [
                Taken(who, lesson.subject, None, each.starts_at, each.ends_at)
                for who in (lesson.lead_teacher_id, *helpers)
                if who in people and (lesson.id, each.day) not in stored
            ]
    return found


def chair_of(session: Session) -> str:
    """The teacher who chairs a meeting."""
    lead = next(p for p in session.participants if p.role is ParticipantRole.LEAD)
    assert lead.teacher_id is not None, "a meeting is called with its chair"
    return lead.teacher_id


def members_of(session: Session) -> tuple[str, ...]:
    """The teachers who were called beside the chair."""
    return tuple(
        p.teacher_id
        for p in session.participants
        if p.role is ParticipantRole.MEMBER and p.teacher_id is not None
    )


def may_manage(visitor: Visitor, meeting: Meeting, session: Session, names: Names) -> bool:
    """Whether a visitor may change or cancel a meeting: who called it, its chair, an administrator
    of the city or of the chair's school."""
    chair = chair_of(session)
    if visitor.role is Role.ADMIN:
        return visitor.school_code in (None, names.teachers[chair].school_code)
    return visitor.role is Role.TEACHER and (
        visitor.actor == meeting.called_by or visitor.teacher_id == chair
    )


def may_chair(visitor: Visitor, chair: str, names: Names) -> None:
    """Who may call a meeting with this chair: teachers themselves, administrators of the city or of
    the chair's school. Raises Refused (403)."""
    if visitor.role is Role.TEACHER and visitor.teacher_id != chair:
        raise Refused(403, "You chair the meetings that you call.")
    teacher = names.teachers.get(chair)
    if teacher is not None and visitor.school_code not in (None, teacher.school_code):
        raise Refused(403, "The chair is a teacher of your own school.")


async def need_meeting(request: web.Request, session: str) -> tuple[Seat, Meeting]:
    """A meeting and the visitor's seat in it. Raises Refused: 401, 403, 404.

    As `need_plan`, not to be called by who holds a connection: it takes its own, and many that wait
    for a second would wait for each other.
    """
    seat = await seat_in(request, session)
    async with request.app[POOL].connection() as connection:
        found = await meetings.meeting(connection, seat.session_id)
    if found is None:
        raise no_such_meeting()
    return seat, found


async def need_plan(request: web.Request, plan_id: UUID) -> LessonPlan:
    """A lesson plan, of a meeting that the visitor may look at. Raises Refused: 403, 404."""
    async with request.app[POOL].connection() as connection:
        found = await plans.plan(connection, plan_id)
        of = await meetings.of_plan(connection, plan_id)
    if found is None:
        raise Refused(404, "There is no such lesson plan.")
    for session_id in of:
        try:
            await seat_in(request, str(session_id))
        except Refused:
            continue
        return found
    raise Refused(403, "This lesson plan is of a meeting that you were not called to.")


def author_of(request: web.Request, names: Names) -> str:
    """Who writes, as people know them: the teacher's name and school, else the account's name."""
    visitor = request[VISITOR]
    teacher = names.teachers.get(visitor.teacher_id or "")
    if teacher is None:
        return visitor.name
    return f"{teacher.name}（{names.school(teacher.school_code)}）"


def by_school(names: Names) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The teachers who can be called, by school: (school, [(id, name)])."""
    for school in names.schools.values():
        people = [
            (t.id, t.name)
            for t in names.teachers.values()
            if t.school_code == school.code and _serves(names, t.id)
        ]
        if people:
            yield school.short_name, people


def local(instant: datetime, zone: str, form: str = "%H:%M") -> str:
    """An instant as a clock in a zone shows it."""
    return instant.astimezone(ZoneInfo(zone)).strftime(form)


def around(now: datetime) -> tuple[datetime, datetime]:
    """The time of which lists of meetings are: half a year back, a year ahead."""
    return now - timedelta(days=183), now.astimezone(UTC) + timedelta(days=367)
