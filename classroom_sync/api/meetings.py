"""Teaching-research meetings in /api/v1: called, changed, cancelled; what is written in them."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from uuid import UUID, uuid4

from aiohttp import web
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from classroom_sync.access import identifier
from classroom_sync.api.changes import Cancellation, Made
from classroom_sync.api.registry import endpoint
from classroom_sync.api.versions import base_of, conflict, etag_of
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.live_session import UNDER_WAY
from classroom_sync.meetings import (
    LONGEST,
    MOST,
    Taken,
    around,
    author_of,
    chair_of,
    local,
    may_chair,
    may_manage,
    members_of,
    need_meeting,
    need_plan,
    no_such_meeting,
    taken,
    valid_call,
    zone_on,
)
from classroom_sync.pages.names import Names, read_names
from classroom_sync.permissions import Action, Role
from db import changes, marks, meetings, plans, sessions
from db.meetings import Call
from db.pool import Connection
from scheduler import bells
from scheduler.meeting import AgendaItem, Meeting, NoteKind
from scheduler.model import Session, SessionState
from scheduler.session import OPENS_BEFORE, Due
from scheduler.session import Action as What

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
TeacherId = Annotated[str, Field(max_length=64)]


def _local(given: time) -> time:
    if given.tzinfo is not None:
        raise ValueError("is a local time, without a zone")
    return given


class ItemData(BaseModel, extra="forbid"):
    id: UUID | None = Field(None, description="of an item that is there already")
    title: Title
    minutes: int | None = Field(None, ge=1, le=LONGEST)


class MeetingData(BaseModel, extra="forbid"):
    title: Title
    subject: str | None = Field(None, max_length=64)
    grade: int | None = Field(None, ge=1, le=9)
    day: date
    starts: Annotated[time, AfterValidator(_local)] = Field(
        description="local time of the term's zone, as 14:30"
    )
    minutes: int = Field(60, ge=5, le=LONGEST)
    chair: TeacherId | None = Field(None, description="a teacher is the chair of their own")
    members: list[TeacherId] = Field(min_length=1, max_length=MOST)
    agenda: list[ItemData] = Field([], max_length=30)


class NewMeetingData(MeetingData):
    plan: UUID | None = Field(None, description="a lesson plan to go on with; else there is a new")


class NoteData(BaseModel, extra="forbid"):
    kind: Literal["note", "decision"]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    item: UUID | None = Field(None, description="the item of the agenda it is about")


class TurnData(BaseModel, extra="forbid"):
    item: UUID | None = Field(description="the item that is taken up; null: none")


class ItemOut(BaseModel):
    id: UUID
    title: str
    minutes: int | None


class TurnOut(BaseModel):
    item: UUID | None
    at: datetime


class NoteOut(BaseModel):
    id: UUID
    kind: str
    text: str
    item: UUID | None
    author: str
    written_at: datetime


class MeetingOut(BaseModel):
    session: UUID
    version: int = Field(description="how often it was changed, from 1; its ETag")
    title: str
    subject: str | None
    grade: int | None
    state: str
    starts_at: datetime
    ends_at: datetime
    chair: str
    members: list[str]
    plan: UUID
    agenda: list[ItemOut]
    turns: list[TurnOut]
    notes: list[NoteOut]


class MeetingLine(BaseModel):
    session: UUID
    title: str
    subject: str | None
    state: str
    starts_at: datetime
    ends_at: datetime
    chair: str
    members: list[str]


class MeetingsOut(BaseModel):
    meetings: list[MeetingLine]


async def call_of(connection: Connection, request: web.Request, body: MeetingData) -> Call:
    """A meeting as it is asked for, at its local time of the term's zone. Raises Refused (422)."""
    visitor = request[VISITOR]
    chair = body.chair or (visitor.teacher_id if visitor.role is Role.TEACHER else None)
    if chair is None:
        raise Refused(422, "A meeting has a chair: choose the teacher who leads it.")
    try:
        starts_at = bells.instant(body.day, body.starts, await zone_on(connection, body.day))
        ends_at = starts_at + timedelta(minutes=body.minutes)
    except OverflowError:
        raise Refused(422, "A meeting is called for at most a year ahead.") from None
    return Call(
        title=body.title,
        subject=body.subject,
        grade=body.grade,
        on_day=body.day,
        starts_at=starts_at,
        ends_at=ends_at,
        chair=chair,
        members=tuple(m for m in dict.fromkeys(body.members) if m != chair),
        agenda=tuple(
            AgendaItem(item.id or uuid4(), position, item.title, item.minutes)
            for position, item in enumerate(body.agenda, start=1)
        ),
    )


async def _free(
    connection: Connection,
    request: web.Request,
    names: Names,
    call: Call,
    but: UUID | None = None,
) -> None:
    """Raises Refused (409) that names who is taken at that time, and by what."""
    found = await taken(connection, names, call, request.app[NOW](), but)
    if found:
        zone = await zone_on(connection, call.on_day)
        raise Refused(
            409,
            "At that time these teachers are taken: {clashes}. Choose another time, or call "
            "others.",
            clashes="; ".join(_clash(request, names, each, zone) for each in found),
        )


def _clash(request: web.Request, names: Names, each: Taken, zone: str) -> str:
    translate = request[TRANSLATE]
    who = f"{names.teacher(each.teacher_id)}"
    if each.starts_at is None or each.ends_at is None:
        return f"{who} – " + translate("kept by their own school")
    what = each.title or names.subject(each.subject, request[LOCALE])
    span = f"{local(each.starts_at, zone)}–{local(each.ends_at, zone)}"
    return f"{who} – {what} {span}"


def _taken_meanwhile() -> Refused:
    return Refused(409, "Somebody was called to something else at that time just now: try again.")


@endpoint(
    "POST",
    "/meetings",
    "Call a teaching-research meeting",
    action=Action.CALL_MEETINGS,
    body=NewMeetingData,
    answer=Made,
)
async def call_meeting(request: web.Request, body: NewMeetingData) -> Made:
    visitor, now = request[VISITOR], request.app[NOW]()
    plan_id = None if body.plan is None else (await need_plan(request, body.plan)).id
    try:
        async with request.app[POOL].transaction() as connection:
            names = await read_names(connection)
            call = await call_of(connection, request, body)
            may_chair(visitor, call.chair, names)
            valid_call(call, names, now)
            await _free(connection, request, names, call)
            if plan_id is None:
                plan_id = await plans.add(
                    connection,
                    title=call.title,
                    subject=call.subject,
                    text="",
                    made_by=visitor.actor,
                    author=author_of(request, names),
                    at=now,
                )
            made = await meetings.add(connection, call, plan_id, visitor.actor)
            about = f"session:{made}"
            await marks.add_audit(connection, visitor.actor, "meeting_called", about)
    except changes.Taken:
        raise _taken_meanwhile() from None
    except changes.Unknown:
        raise Refused(422, "A meeting names a subject or a teacher that there is not.") from None
    await _open_in_time(request, made, call)
    return Made(session=made)


async def _open_in_time(request: web.Request, session_id: UUID, call: Call) -> None:
    """Open the doors at once of a meeting that begins before the clock looks again."""
    now = request.app[NOW]()
    live = await request.app[LIVE].need(session_id)
    if live.session.state is SessionState.SCHEDULED and call.starts_at - OPENS_BEFORE <= now:
        await request.app[LIVE].perform(Due(live.session, What.OPEN, now))


@endpoint(
    "PUT",
    "/meetings/{session}",
    "Change a meeting, on top of the version that If-Match names; once its doors are open, only "
    "what it is about and who comes to it",
    action=Action.CALL_MEETINGS,
    body=MeetingData,
)
async def change_meeting(request: web.Request, body: MeetingData) -> web.StreamResponse:
    visitor, now = request[VISITOR], request.app[NOW]()
    session_id = identifier(request.match_info["session"])
    try:
        async with request.app[POOL].transaction() as connection:
            names = await read_names(connection)
            meeting, session = await _managed(request, connection, session_id, names)
            if base_of(request) != meeting.version:
                return _conflict(request, meeting, session)
            if body.chair is None:
                body = body.model_copy(update={"chair": chair_of(session)})
            call = await call_of(connection, request, body)
            if call.chair != chair_of(session):
                may_chair(visitor, call.chair, names)
            if call.starts_at != session.starts_at:
                valid_call(call, names, now)
            else:
                valid_call(call, names, min(now, call.starts_at))
            await _free(connection, request, names, call, session_id)
            await meetings.change(connection, session, call)
            about = f"session:{meeting.session_id}"
            await marks.add_audit(connection, visitor.actor, "meeting_changed", about)
    except changes.Taken:
        raise _taken_meanwhile() from None
    except changes.TooLate:
        raise Refused(
            409,
            "The doors of this meeting are open, or it is over: its time and its chair stay, and "
            "nobody is called off any more.",
        ) from None
    except meetings.StillNeeded:
        raise Refused(
            409, "An item of the agenda has been discussed already: it stays on it."
        ) from None
    except changes.Unknown:
        raise Refused(422, "A meeting names a subject or a teacher that there is not.") from None
    await request.app[LIVE].read_again(session_id)
    await _open_in_time(request, session_id, call)
    return web.Response(status=204, headers={"ETag": etag_of(meeting.version + 1)})


def _conflict(request: web.Request, meeting: Meeting, session: Session) -> web.Response:
    """412: the meeting as it is called now."""
    translate = request[TRANSLATE]
    detail = translate(
        "Somebody changed this meeting meanwhile: look at what they changed, and save again."
    )
    found = _out(meeting, session).model_dump(mode="json")
    return conflict(meeting.version, detail, meeting=found)


async def _managed(
    request: web.Request, connection: Connection, session_id: UUID, names: Names
) -> tuple[Meeting, Session]:
    """A meeting that the visitor may change or cancel, held still. Raises Refused: 403, 404."""
    session = await meetings.hold(connection, session_id)
    meeting = await meetings.meeting(connection, session_id)
    if meeting is None or session is None:
        raise no_such_meeting()
    if not may_manage(request[VISITOR], meeting, session, names):
        raise Refused(403, "Only who called a meeting, its chair or an administrator changes it.")
    return meeting, session


@endpoint(
    "POST",
    "/meetings/{session}/cancellation",
    "Cancel a meeting that has not begun",
    action=Action.CALL_MEETINGS,
    body=Cancellation,
)
async def cancel_meeting(request: web.Request, body: Cancellation) -> None:
    session_id = identifier(request.match_info["session"])
    async with request.app[POOL].transaction() as connection:
        await _managed(request, connection, session_id, await read_names(connection))
    await request.app[LIVE].cancel(session_id, body.cause, request[VISITOR].actor)


@endpoint(
    "GET",
    "/meetings",
    "Meetings, half a year back and a year ahead: a teacher's own, those of an administrator's "
    "school or city",
    action=Action.SEE_MEETINGS,
    answer=MeetingsOut,
)
async def list_meetings(request: web.Request) -> MeetingsOut:
    async with request.app[POOL].connection() as connection:
        found = await meetings_for(connection, request)
        titles = await meetings.titles(connection, [s.id for s in found])
    return MeetingsOut(
        meetings=[
            MeetingLine(
                session=s.id,
                title=titles.get(s.id, ""),
                subject=s.subject,
                state=s.state.value,
                starts_at=s.starts_at,
                ends_at=s.ends_at,
                chair=chair_of(s),
                members=list(members_of(s)),
            )
            for s in found
        ]
    )


async def meetings_for(connection: Connection, request: web.Request) -> list[Session]:
    """The meetings that a visitor is shown, by start."""
    visitor, (since, until) = request[VISITOR], around(request.app[NOW]())
    teacher = visitor.teacher_id if visitor.role is Role.TEACHER else None
    school = visitor.school_code if visitor.role is Role.ADMIN else None
    return await meetings.between(connection, since, until, teacher_id=teacher, school_code=school)


@endpoint(
    "GET",
    "/meetings/{session}",
    "One meeting: agenda, what was taken up when, notes and decisions; its ETag names the version "
    "of how it is called",
    action=Action.SEE_MEETINGS,
    answer=MeetingOut,
)
async def get_meeting(request: web.Request) -> web.StreamResponse:
    seat, meeting = await need_meeting(request, request.match_info["session"])
    async with request.app[POOL].connection() as connection:
        session = await sessions.session(connection, seat.session_id)  # not older than the version
    assert session is not None, "meetings are not deleted"
    return web.Response(
        text=_out(meeting, session).model_dump_json(),
        content_type="application/json",
        headers={"ETag": etag_of(meeting.version)},
    )


def _out(meeting: Meeting, session: Session) -> MeetingOut:
    return MeetingOut(
        session=session.id,
        version=meeting.version,
        title=meeting.title,
        subject=session.subject,
        grade=meeting.grade,
        state=session.state.value,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        chair=chair_of(session),
        members=list(members_of(session)),
        plan=meeting.plan_id,
        agenda=[ItemOut(id=i.id, title=i.title, minutes=i.minutes) for i in meeting.agenda],
        turns=[TurnOut(item=t.item_id, at=t.at) for t in meeting.turns],
        notes=[
            NoteOut(
                id=n.id,
                kind=n.kind.value,
                text=n.text,
                item=n.item_id,
                author=n.author,
                written_at=n.written_at,
            )
            for n in meeting.notes
        ],
    )


@endpoint(
    "POST",
    "/meetings/{session}/turn",
    "Take up an item of the agenda; the chair of a meeting under way",
    action=Action.MEET,
    body=TurnData,
)
async def turn_to(request: web.Request, body: TurnData) -> None:
    now = request.app[NOW]()
    seat, meeting = await need_meeting(request, request.match_info["session"])
    if not seat.leads:
        raise Refused(403, "Only the chair of the meeting may do this.")
    if (await request.app[LIVE].need(seat.session_id)).session.state not in UNDER_WAY:
        raise Refused(409, "This meeting is not under way.")
    if body.item is not None and body.item not in {item.id for item in meeting.agenda}:
        raise Refused(422, "There is no such item on this agenda: reload the page.")
    async with request.app[POOL].transaction() as connection:
        await meetings.turn_to(connection, seat.session_id, body.item, now, seat.actor)
    await request.app[LIVE].read_again(seat.session_id)


@endpoint(
    "POST",
    "/meetings/{session}/notes",
    "Write a note or a decision down; whoever was called, until a day after the meeting",
    action=Action.MEET,
    body=NoteData,
)
async def add_note(request: web.Request, body: NoteData) -> None:
    now = request.app[NOW]()
    seat, _ = await need_meeting(request, request.match_info["session"])
    session = (await request.app[LIVE].need(seat.session_id)).session
    over = session.state in (SessionState.CANCELLED, SessionState.MISSED)
    if over or now > session.ends_at + timedelta(days=1):
        raise Refused(409, "The minutes of this meeting are closed.")
    try:
        async with request.app[POOL].transaction() as connection:
            names = await read_names(connection)
            await meetings.add_note(
                connection,
                seat.session_id,
                NoteKind(body.kind),
                body.text,
                body.item,
                author=author_of(request, names),
                written_by=seat.actor,
                at=now,
            )
    except changes.Unknown:
        raise Refused(422, "There is no such item on this agenda: reload the page.") from None
    await request.app[LIVE].read_again(seat.session_id)
