"""Teaching-research meetings: the list, calling one, the meeting itself, its plan and minutes."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web

from classroom_sync import markdown
from classroom_sync.api.meetings import meetings_for
from classroom_sync.api.plans import LONGEST as LONGEST_PLAN
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, LOCALE, NOW, POOL, SETTINGS, TRANSLATE, VISITOR
from classroom_sync.live_session import UNDER_WAY
from classroom_sync.meetings import (
    LONGEST,
    by_school,
    chair_of,
    may_manage,
    members_of,
    need_meeting,
    zone_on,
)
from classroom_sync.minutes.meeting import document_of, read_minutes, whole_minutes
from classroom_sync.minutes.writing import MEDIA_TYPES, Form, write
from classroom_sync.pages.names import Names, read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role, allowed
from classroom_sync.planning import HORIZON
from classroom_sync.recording_access import called
from db import marks, meetings, plans, sessions
from db.pool import Connection
from scheduler.meeting import LessonPlan, NoteKind
from scheduler.model import Session, SessionKind, SessionState

routes = web.RouteTableDef()

_USUAL = 60  # minutes of a meeting, unless told otherwise
_LISTED = 50  # past meetings on one page


@routes.get("/meetings")
@requires(Action.SEE_MEETINGS)
async def overview(request: web.Request) -> web.StreamResponse:
    """What is to come, the next first, and what was, the last first."""
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        found = await meetings_for(connection, request)
        titles = await meetings.titles(connection, [s.id for s in found])
        zone = await zone_on(connection, now.date())
    over = (SessionState.ENDED, SessionState.CANCELLED, SessionState.MISSED)
    return await page(
        request,
        "meetings.html",
        coming=[s for s in found if s.state not in over],
        past=[s for s in reversed(found) if s.state in over][:_LISTED],
        titles=titles,
        names=names,
        chair_of=chair_of,
        members_of=members_of,
        subject=_subjects(request, names),
        may_call=allowed(request[VISITOR].role or Role.ROOM, Action.CALL_MEETINGS),
        zone=zone,
    )


@routes.get("/meetings/new")
@requires(Action.CALL_MEETINGS)
async def new(request: web.Request) -> web.StreamResponse:
    visitor, now = request[VISITOR], request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        zone = await zone_on(connection, now.date())
        known: list[LessonPlan] = []
        if visitor.teacher_id is not None:
            known = await plans.of_teacher(connection, visitor.teacher_id)
    return await _form(
        request,
        names,
        zone,
        values={
            "title": "",
            "subject": None,
            "grade": None,
            "day": now.astimezone(ZoneInfo(zone)).date().isoformat(),
            "starts": "15:30",
            "minutes": _USUAL,
            "chair": visitor.teacher_id if visitor.role is Role.TEACHER else None,
            "members": (),
            "agenda": [],
        },
        plans=known,
        to="/api/v1/meetings",
        method="POST",
        changing=False,
        moves=True,
    )


@routes.get("/meetings/{session}/change")
@requires(Action.CALL_MEETINGS)
async def change(request: web.Request) -> web.StreamResponse:
    seat, meeting = await need_meeting(request, request.match_info["session"])
    async with request.app[POOL].connection() as connection:
        session = await sessions.session(connection, seat.session_id)  # not older than the version
        assert session is not None, "meetings are not deleted"
        names = await read_names(connection)
        zone = await zone_on(connection, session.on_day)
    if not may_manage(request[VISITOR], meeting, session, names):
        raise Refused(403, "Only who called a meeting, its chair or an administrator changes it.")
    if session.state not in (SessionState.SCHEDULED, *UNDER_WAY):
        raise Refused(409, "This meeting is over: it stays as it was.")
    begins = session.starts_at.astimezone(ZoneInfo(zone))
    return await _form(
        request,
        names,
        zone,
        values={
            "title": meeting.title,
            "subject": session.subject,
            "grade": meeting.grade,
            "day": begins.date().isoformat(),
            "starts": begins.strftime("%H:%M"),
            "minutes": int((session.ends_at - session.starts_at).total_seconds() // 60),
            "chair": chair_of(session),
            "members": members_of(session),
            "agenda": meeting.agenda,
        },
        plans=[],
        to=f"/api/v1/meetings/{session.id}",
        version=meeting.version,
        method="PUT",
        changing=True,
        moves=session.state is SessionState.SCHEDULED,
    )


async def _form(
    request: web.Request, names: Names, zone: str, *, values: Mapping[str, Any], **more: Any
) -> web.StreamResponse:
    visitor = request[VISITOR]
    schools = list(by_school(names))
    own = names.school(visitor.school_code)
    return await page(
        request,
        "meeting_form.html",
        values=values,
        schools=schools,
        chairs=[s for s in schools if visitor.school_code is None or s[0] == own],
        chooses_chair=visitor.role is Role.ADMIN,
        subjects=[(slug, names.subject(slug, request[LOCALE])) for slug in names.subjects],
        longest=LONGEST,
        zone=zone,
        **more,
    )


def _subjects(request: web.Request, names: Names) -> Any:
    return lambda slug: names.subject(slug, request[LOCALE])


@routes.get("/meetings/{session}")
@requires(Action.SEE_MEETINGS)
async def meeting_page(request: web.Request) -> web.StreamResponse:
    """What is planned; the meeting itself once its doors are open; then its minutes."""
    now = request.app[NOW]()
    seat, meeting = await need_meeting(request, request.match_info["session"])
    session = (await request.app[LIVE].need(seat.session_id)).session
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        minutes = await read_minutes(connection, names, session, meeting, now)
        plan = await plans.plan(connection, meeting.plan_id)
    visitor = request[VISITOR]
    whole_city = visitor.role is Role.ADMIN and visitor.school_code is None
    room = session.state in UNDER_WAY and seat.participant_id is not None
    return await page(
        request,
        "meeting_room.html" if room else "meeting.html",
        session=session,
        meeting=meeting,
        minutes=minutes,
        plan=plan,
        plan_html=await asyncio.to_thread(markdown.html, minutes.plan.text),
        seat=seat,
        names=names,
        chair=chair_of(session),
        members=members_of(session),
        subject=_subjects(request, names),
        may_manage=may_manage(visitor, meeting, session, names),
        may_watch=whole_city or called(visitor, session),
        recording_days=request.app[SETTINGS].recording_days,
        may_write=seat.participant_id is not None,
        whole_minutes=whole_minutes,
        NoteKind=NoteKind,
        forms=list(Form),
        longest_plan=LONGEST_PLAN,
        zone=minutes.zone,
    )


@routes.get("/meetings/{session}/plan")
@requires(Action.SEE_MEETINGS)
async def plan_page(request: web.Request) -> web.StreamResponse:
    """The shared lesson plan: to be written by those who were called, read by others."""
    seat, meeting = await need_meeting(request, request.match_info["session"])
    session = (await request.app[LIVE].need(seat.session_id)).session
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        plan = await plans.plan(connection, meeting.plan_id)
        assert plan is not None, "plans are not deleted"
        lessons = await _lessons(connection, request, session, plan)
        zone = await zone_on(connection, session.on_day)
    return await page(
        request,
        "meeting_plan.html",
        session=session,
        meeting=meeting,
        plan=plan,
        seat=seat,
        names=names,
        lessons=lessons,
        subject=_subjects(request, names),
        may_write=seat.participant_id is not None,
        longest_plan=LONGEST_PLAN,
        zone=zone,
    )


async def _lessons(
    connection: Connection, request: web.Request, meeting: Session, plan: LessonPlan
) -> list[Session]:
    """The lessons that a plan can be for: those to come of the teachers who were called, and the
    one that it is for."""
    now = request.app[NOW]()
    found: dict[Any, Session] = {}
    for teacher in (chair_of(meeting), *members_of(meeting)):
        for session in await sessions.of_teacher(connection, teacher, now, now + HORIZON):
            if session.kind is SessionKind.LIVE_LESSON and (
                plan.subject is None or session.subject == plan.subject
            ):
                found[session.id] = session
    if plan.for_session_id is not None:
        for session in await sessions.by_ids(connection, [plan.for_session_id]):
            found[session.id] = session
    return sorted(found.values(), key=lambda s: (s.starts_at, str(s.id)))


@routes.get("/meetings/{session}/minutes")
@requires(Action.SEE_MEETINGS)
async def minutes_file(request: web.Request) -> web.StreamResponse:
    """The minutes as a file (`?as=md`, pdf or docx)."""
    now, locale = request.app[NOW](), request[LOCALE]
    try:
        form = Form(request.query.get("as", Form.PDF))
    except ValueError:
        raise Refused(422, "Minutes are had as md, pdf or docx.") from None
    seat, meeting = await need_meeting(request, request.match_info["session"])
    session = (await request.app[LIVE].need(seat.session_id)).session
    async with request.app[POOL].transaction() as connection:
        names = await read_names(connection)
        minutes = await read_minutes(connection, names, session, meeting, now)
        about = f"session:{session.id}"
        await marks.add_audit(connection, seat.actor, "minutes_exported", about, form=form.value)
    document = document_of(
        minutes, names.subject(minutes.subject, locale), request[TRANSLATE], locale
    )
    made = await asyncio.to_thread(write, document, form)
    plain = f"minutes-{session.on_day}.{form.value}"
    name = quote(f"{meeting.title} {session.on_day}.{form.value}")
    return web.Response(
        body=made,
        content_type=MEDIA_TYPES[form],
        charset="utf-8" if form is Form.MARKDOWN else None,
        headers={
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{name}"
        },
    )
