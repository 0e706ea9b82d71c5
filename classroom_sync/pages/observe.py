"""The observers' door: lessons that are on, one of them watched unseen, and what came of it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.minutes.writing import MEDIA_TYPES, Form, write
from classroom_sync.observation import minutes
from classroom_sync.observation.access import leads, may_observe, observable, observed, reviewed
from classroom_sync.observation.panel import read_panel
from classroom_sync.observation.record import read_reviewed
from classroom_sync.pages.names import Names, read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from db import invitations, marks, observations, recordings, rubrics, sessions
from db.pool import Connection
from scheduler.model import ParticipantRole, Session, SessionKind, SessionState, Teacher
from scheduler.observation import Observation
from scheduler.recording import Recording, RecordingState

routes = web.RouteTableDef()

_BEFORE, _AFTER = timedelta(hours=4), timedelta(hours=12)
_INVITED = timedelta(days=60)  # how long an invitation is listed after its lesson
_SHOWN = 30  # recorded lessons that are listed
_AHEAD = timedelta(days=14)  # of one's own lessons, to invite observers to


async def _around(request: web.Request, connection: Connection) -> list[Session]:
    """The sessions of these hours that the visitor may observe; a teacher's invitations."""
    now, visitor = request.app[NOW](), request[VISITOR]
    if visitor.role is Role.TEACHER:
        ids = await invitations.sessions_of(connection, visitor.teacher_id or "", now - _INVITED)
        return await observable(connection, visitor, await sessions.by_ids(connection, ids))
    around = await sessions.between(connection, now - _BEFORE, now + _AFTER)
    return await observable(connection, visitor, around)


async def _recorded(
    request: web.Request, connection: Connection
) -> list[tuple[Recording, Session]]:
    """The newest recordings of lessons that the visitor may observe."""
    newest = await recordings.newest(connection, teacher_id=None, actor="")
    ready = [r for r in newest if r.state is RecordingState.READY and r.session_id is not None]
    held = await sessions.by_ids(connection, {r.session_id for r in ready if r.session_id})
    mine = {s.id: s for s in await observable(connection, request[VISITOR], held)}
    return [(r, mine[r.session_id]) for r in ready if r.session_id in mine][:_SHOWN]


async def _written(
    request: web.Request, connection: Connection
) -> list[tuple[Observation, Session]]:
    """What the visitor wrote, the newest first."""
    account_id = request[VISITOR].account_id
    assert account_id is not None, "only accounts observe"
    found = await observations.of_account(connection, account_id)
    of = {s.id: s for s in await sessions.by_ids(connection, {o.session_id for o in found})}
    return [
        (o, of[o.session_id])
        for o in found
        if of[o.session_id].kind is SessionKind.LIVE_LESSON  # meetings are observed no more
    ]


async def _led(request: web.Request, connection: Connection) -> list[Session]:
    """The coming lessons that a teacher leads."""
    visitor, now = request[VISITOR], request.app[NOW]()
    if visitor.teacher_id is None:
        return []
    coming = await sessions.of_teacher(connection, visitor.teacher_id, now, now + _AHEAD)
    return [s for s in coming if s.state is SessionState.SCHEDULED and leads(visitor, s)]


@routes.get("/observe")
@requires(Action.OBSERVE)
async def listed(request: web.Request) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        mine = await _around(request, connection)
        recorded = await _recorded(request, connection)
        written = await _written(request, connection)
        led = await _led(request, connection)
    return await page(
        request,
        "observing.html",
        now=request.app[NOW](),
        names=names,
        on=[s for s in mine if s.state in (SessionState.OPEN, SessionState.LIVE)],
        coming=[s for s in mine if s.state is SessionState.SCHEDULED],
        held=[s for s in mine if s.state is SessionState.ENDED],
        led=led,
        invites=request[VISITOR].role in (Role.BUREAU, Role.ADMIN),
        recorded=recorded,
        written=written,
        lead=_lead,
        subject=lambda slug: names.subject(slug, request[LOCALE]),
    )


def _lead(session: Session) -> object:
    return next((p for p in session.participants if p.role is ParticipantRole.LEAD), None)


@routes.get("/observe/rubric")
@requires(Action.OBSERVE)
async def rubric(request: web.Request) -> web.StreamResponse:
    visitor = request[VISITOR]
    async with request.app[POOL].connection() as connection:
        found = await rubrics.current(connection)
    of_the_city = visitor.role in (Role.BUREAU, Role.ADMIN) and visitor.school_code is None
    return await page(request, "rubric.html", rubric=found, may_change=of_the_city)


@routes.get("/observe/{session}")
@requires(Action.OBSERVE)
async def watched(request: web.Request) -> web.StreamResponse:
    async with request.app[POOL].connection() as connection:
        session = await observed(request, connection)
        names = await read_names(connection)
        panel = await read_panel(connection, request[VISITOR], session)
    return await page(
        request,
        "observe.html",
        session=session,
        lead=_lead(session),
        names=names,
        panel=panel,
        subject=names.subject(session.subject, request[LOCALE]),
        on=session.state in (SessionState.OPEN, SessionState.LIVE),
    )


@routes.get("/observe/{session}/record")
@requires(Action.REVIEW)
async def record(request: web.Request) -> web.StreamResponse:
    visitor = request[VISITOR]
    async with request.app[POOL].connection() as connection:
        session = await reviewed(request, connection)
        names = await read_names(connection)
        found = await read_reviewed(connection, visitor, session)
        invited = await invitations.of_session(connection, session.id)
        observes = await may_observe(connection, visitor, session)
    return await page(
        request,
        "observation_record.html",
        session=session,
        lead=_lead(session),
        names=names,
        subject=names.subject(session.subject, request[LOCALE]),
        found=found,
        invites=found.sees_each,
        invited=invited,
        choices=_choices(names, session, {i.teacher_id for i in invited}),
        observes=observes,
    )


def _choices(
    names: Names, session: Session, invited: set[str]
) -> Sequence[tuple[str, list[Teacher]]]:
    """Teachers who can be invited, by school."""
    out = invited | {p.teacher_id for p in session.participants if p.teacher_id is not None}
    free = [t for t in names.teachers.values() if t.id not in out and t.retired_on is None]
    by_school = [
        (school.short_name, [t for t in free if t.school_code == school.code])
        for school in names.schools.values()
    ]
    return [(school, people) for school, people in by_school if people]


@routes.get("/observe/{session}/minutes.{form}")
@requires(Action.REVIEW)
async def minutes_file(request: web.Request) -> web.StreamResponse:
    """The minutes as a file; what they hold is what the visitor may see."""
    try:
        form = Form(request.match_info["form"])
    except ValueError as error:
        raise Refused(404, "Minutes come as PDF, DOCX and Markdown.") from error
    visitor = request[VISITOR]
    async with request.app[POOL].transaction() as connection:
        session = await reviewed(request, connection)
        names = await read_names(connection)
        found = await read_reviewed(connection, visitor, session)
        about = f"session:{session.id}"
        await marks.add_audit(connection, visitor.actor, "minutes_exported", about, form=form.value)
    made = minutes.of(session, found, names, request[TRANSLATE], request[LOCALE])
    return web.Response(
        body=await asyncio.to_thread(write, made, form),
        content_type=MEDIA_TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="minutes-{session.on_day}.{form.value}"'
        },
    )
