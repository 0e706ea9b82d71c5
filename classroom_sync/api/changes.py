"""Single dated lessons in /api/v1: substitute, cancel, make up, hold a class right now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import identifier, whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.api.timetable import ReceiverData
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.planning import HORIZON
from classroom_sync.single_days import shifts_of
from classroom_sync.timetabling import RULES, need_term, today
from db import changes, city, marks, sessions
from db.changes import NewSession, Taken, TooLate
from db.pool import Connection
from scheduler import bells
from scheduler.model import Participant, ParticipantRole, Receiver, Session, SessionState
from scheduler.session import Action as What
from scheduler.session import Due


class Substitution(BaseModel, extra="forbid"):
    participant: UUID
    teacher: str = Field(max_length=64)


class Cancellation(BaseModel, extra="forbid"):
    cause: Literal["calendar", "bureau", "school", "network"]


class MakeUp(BaseModel, extra="forbid"):
    day: date
    starts: time = Field(description="local time of the term's zone, as 14:30")
    also: list[UUID] = Field(
        default=[], max_length=11, description="lessons of the subject whose classes join in it"
    )


class AdHoc(BaseModel, extra="forbid"):
    subject: str = Field(max_length=64)
    lead_teacher_id: str = Field(max_length=64)
    lead_room_id: str = Field(max_length=64)
    receivers: list[ReceiverData] = Field(min_length=1, max_length=12)
    minutes: int = Field(default=40, ge=5, le=120)


class Made(BaseModel):
    session: UUID


class Span(BaseModel, extra="forbid"):
    since: datetime
    until: datetime


class Free(BaseModel):
    rooms: list[str]
    teachers: list[str]
    classes: list[str]


@endpoint(
    "GET",
    "/free",
    "Accepted rooms, teachers and classes that are in no lesson in a span of time",
    action=Action.SEE_CITY,
    query=Span,
    answer=Free,
)
async def list_free(request: web.Request, query: Span) -> Free:
    if query.since.tzinfo is None or query.until.tzinfo is None:
        raise Refused(422, "Times need a zone, such as 2026-09-01T08:30:00+08:00.")
    if query.since >= query.until:
        raise Refused(422, "A span of time ends after it begins.")
    async with request.app[POOL].connection() as connection:
        return await free_between(connection, query.since, query.until)


async def free_between(connection: Connection, since: datetime, until: datetime) -> Free:
    """Who and what is in no session during [since, until)."""
    taken = await changes.taken(connection, since, until)
    return Free(
        rooms=[
            r.id
            for r in await city.rooms(connection)
            if r.status == "accepted" and r.id not in taken
        ],
        teachers=[t.id for t in await city.teachers(connection) if t.id not in taken],
        classes=[g.id for g in await city.class_groups(connection) if g.id not in taken],
    )


@endpoint(
    "POST",
    "/sessions/{session}/substitution",
    "Another lead teacher or assistant for one dated lesson",
    action=Action.CHANGE_LESSONS,
    body=Substitution,
)
async def substitute(request: web.Request, body: Substitution) -> None:
    whole_city(request)
    session_id = identifier(request.match_info["session"])
    try:
        async with request.app[POOL].transaction() as connection:
            session = await _session(connection, session_id)
            before = next((p for p in session.participants if p.id == body.participant), None)
            await _suits(connection, session, body)
            await changes.substitute(connection, session_id, body.participant, body.teacher)
            await marks.add_audit(
                connection,
                request[VISITOR].actor,
                "teacher_substituted",
                f"session:{session_id}",
                participant=str(body.participant),
                before=before.teacher_id if before else None,
                after=body.teacher,
            )
    except Taken:
        raise Refused(409, "This teacher is in another lesson at that time.") from None
    except TooLate:
        raise Refused(409, "This lesson is under way or over: it stays as it was.") from None
    except changes.Unknown:
        raise Refused(422, "There is no such teacher or participant.") from None
    await request.app[LIVE].read_again(session_id)


async def _suits(connection: Connection, session: Session, wish: Substitution) -> None:
    people = {t.id: t for t in await city.teachers(connection)}
    who = people.get(wish.teacher)
    place = next((p for p in session.participants if p.id == wish.participant), None)
    if who is None or place is None:
        raise changes.Unknown
    if place.role is ParticipantRole.LEAD and session.subject not in who.subjects:
        raise Refused(422, "{who} does not teach this subject.", who=who.name)


@endpoint(
    "POST",
    "/sessions/{session}/cancellation",
    "Cancel one dated lesson; the timetable stays",
    action=Action.CHANGE_LESSONS,
    body=Cancellation,
)
async def cancel_session(request: web.Request, body: Cancellation) -> None:
    whole_city(request)
    session_id = identifier(request.match_info["session"])
    await request.app[LIVE].cancel(session_id, body.cause, request[VISITOR].actor)


@endpoint(
    "POST",
    "/sessions/{session}/make-up",
    "Plan a make-up of a lesson that was cancelled, missed or held badly",
    action=Action.CHANGE_LESSONS,
    body=MakeUp,
    answer=Made,
)
async def make_up(request: web.Request, body: MakeUp) -> Made:
    whole_city(request)
    now = request.app[NOW]()
    ids = list(dict.fromkeys([identifier(request.match_info["session"]), *body.also]))
    try:
        async with request.app[POOL].transaction() as connection:
            lessons = [await _owed(connection, each) for each in ids]
            term = await need_term(connection)
            starts_at = bells.instant(body.day, body.starts, term.zone)
            today = now.astimezone(ZoneInfo(term.zone)).date()
            if starts_at <= now or body.day > today + HORIZON:
                raise Refused(422, "A make-up begins within the next two weeks.")
            new = await _again(connection, lessons, body.day, starts_at, term.zone)
            made = await changes.add(connection, new)
            await marks.add_audit(
                connection,
                request[VISITOR].actor,
                "makeup_planned",
                f"session:{made}",
                makes_up=[str(each) for each in ids],
            )
    except Taken:
        raise _taken() from None
    except changes.Unknown:
        raise Refused(409, "This lesson has a make-up already.") from None
    return Made(session=made)


@dataclass(frozen=True, slots=True)
class _Owed:
    """A lesson that may be made up, and its links that have no make-up yet."""

    session: Session
    links: tuple[Participant, ...]


async def _owed(connection: Connection, session_id: UUID) -> _Owed:
    session = await _session(connection, session_id)
    if session.state not in (SessionState.CANCELLED, SessionState.MISSED, SessionState.ENDED):
        raise Refused(409, "Only a lesson that was cancelled, missed or held is made up.")
    made_up = (await changes.makeups(connection, [session.id])).get(session.id, {})
    links = tuple(
        p
        for p in session.participants
        if p.role is ParticipantRole.RECEIVING and p.class_id not in made_up
    )
    if not links:
        raise changes.Unknown
    return _Owed(session, links)


async def _again(
    connection: Connection,
    lessons: Sequence[_Owed],
    day: date,
    starts_at: datetime,
    zone: str,
) -> NewSession:
    """The first of the lessons once more, with the classes of all of them. Raises Refused (422)
    where they can't be one lesson."""
    old, links = lessons[0].session, [p for lesson in lessons for p in lesson.links]
    if any(lesson.session.subject != old.subject for lesson in lessons):
        raise Refused(422, "Lessons that are made up together are of one subject.")
    classes, rooms = {p.class_id for p in links}, {p.room_id for p in links}
    if min(len(classes), len(rooms)) < len(links):
        raise Refused(
            422, "A class or a room is in two of these lessons: make them up one after the other."
        )
    if len(lessons) > 1 and old.interactive and len(links) > RULES.interactive_receivers:
        raise Refused(
            422,
            "At most {number} classes join an interactive lesson: make up fewer together.",
            number=RULES.interactive_receivers,
        )
    lead = next(p for p in old.participants if p.role is ParticipantRole.LEAD)
    receivers = tuple(Receiver(p.room_id or "", p.class_id or "", p.teacher_id) for p in links)
    ends_at = starts_at + max(x.session.ends_at - x.session.starts_at for x in lessons)
    return NewSession(
        on_day=day,
        starts_at=starts_at,
        ends_at=ends_at,
        subject=old.subject or "",
        interactive=old.interactive,
        lead_teacher_id=lead.teacher_id or "",
        lead_room_id=lead.room_id or "",
        receivers=receivers,
        shifts=await shifts_of(connection, receivers, day, (starts_at, ends_at), zone),
        makes_up=tuple((p.class_id or "", p.id) for p in links),
    )


@endpoint(
    "POST",
    "/sessions",
    "A class right now, outside of the timetable: its doors open at once",
    action=Action.CHANGE_LESSONS,
    body=AdHoc,
    answer=Made,
)
async def hold_now(request: web.Request, body: AdHoc) -> Made:
    whole_city(request)
    now = request.app[NOW]()
    receivers = tuple(Receiver(r.room_id, r.class_id, r.assistant_id) for r in body.receivers)
    try:
        async with request.app[POOL].transaction() as connection:
            term = await need_term(connection)
            new = NewSession(
                on_day=today(term, now),
                starts_at=now,
                ends_at=now + timedelta(minutes=body.minutes),
                subject=body.subject,
                interactive=True,
                lead_teacher_id=body.lead_teacher_id,
                lead_room_id=body.lead_room_id,
                receivers=receivers,
            )
            made = await changes.add(connection, new)
            await marks.add_audit(
                connection, request[VISITOR].actor, "ad_hoc_class", f"session:{made}"
            )
    except Taken:
        raise _taken() from None
    except changes.Unknown:
        raise Refused(
            422,
            "A lesson names a subject, teacher, room or class that there is not, or a room twice.",
        ) from None
    live = await request.app[LIVE].need(made)
    await request.app[LIVE].perform(Due(live.session, What.OPEN, now))
    return Made(session=made)


def _taken() -> Refused:
    return Refused(
        409, "A room, a teacher or a class is in another lesson at that time: choose another."
    )


async def _session(connection: Connection, session_id: UUID) -> Session:
    found = await sessions.session(connection, session_id)
    if found is None:
        raise Refused(404, "There is no such lesson: go back to the start and choose one.")
    return found
