"""Single days: who stands in, what is cancelled, what is made up, and a class right now."""

from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from aiohttp import web

from classroom_sync.api.changes import free_between
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL
from classroom_sync.pages.names import Names, read_names
from classroom_sync.pages.rendering import page
from classroom_sync.pages.teacher import day_of
from classroom_sync.pages.timetable import may_edit
from classroom_sync.permissions import Action
from classroom_sync.planning import HORIZON
from classroom_sync.timetabling import need_term, today
from db import changes, sessions
from db.pool import Connection
from scheduler.bells import instant
from scheduler.model import (
    Participant,
    ParticipantRole,
    RoomKind,
    SchoolRole,
    Session,
    SessionState,
)

routes = web.RouteTableDef()

_NOON = time(12)  # is in its own day in every zone
_MINUTES = 40  # of a class right now, unless told otherwise
_OWED = timedelta(days=30)  # for how long a lesson is offered to be made up together with another


@routes.get("/admin/changes")
@requires(Action.SEE_CITY)
async def single_day(request: web.Request) -> web.StreamResponse:
    """One day's lessons (`?day=`), what can be changed of the one chosen (`?session=`), and who and
    what is free now."""
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        day = _day(request.query.get("day"), today(term, now))
        noon = instant(day, _NOON, term.zone)
        since, until = day_of(noon, term.zone)
        names = await read_names(connection)
        found = await sessions.between(connection, since, until)
        chosen = next((s for s in found if str(s.id) == request.query.get("session")), None)
        stand_ins = await _stand_ins(connection, names, chosen) if chosen else {}
        made_up = await changes.makeups(connection, [s.id for s in found])
        free = await free_between(connection, now, now + timedelta(minutes=_MINUTES))
        joining = await _joining(connection, chosen, today(term, now)) if chosen else []
    makeups = {s.id for s in found if s.id in made_up and _classes(s) <= made_up[s.id].keys()}
    teachers = [names.teachers[t] for t in free.teachers]
    rooms = [names.rooms[r] for r in free.rooms]
    return await page(
        request,
        "single_day.html",
        names=names,
        day_=day,
        before=day - timedelta(days=1),
        after=day + timedelta(days=1),
        sessions=found,
        chosen=chosen,
        changeable=chosen is not None
        and chosen.state in (SessionState.SCHEDULED, SessionState.OPEN),
        makeable=chosen is not None
        and chosen.id not in makeups
        and chosen.state in (SessionState.CANCELLED, SessionState.MISSED, SessionState.ENDED),
        stand_ins=stand_ins,
        makeups=makeups,
        joining=joining,
        tomorrow=today(term, now) + timedelta(days=1),
        now=now.astimezone(ZoneInfo(term.zone)),
        minutes=_MINUTES,
        free_leads=[
            (t.id, f"{names.school(t.school_code)} {t.name}") for t in teachers if t.role == "lead"
        ],
        free_helpers=[
            (t.id, f"{names.school(t.school_code)} {t.name}") for t in teachers if t.role != "lead"
        ],
        free_lead_rooms=[(r.id, names.room(r.id)) for r in rooms if r.kind is RoomKind.LEAD],
        free_rooms=[(r.id, names.room(r.id)) for r in rooms if r.kind is not RoomKind.LEAD],
        free_classes=[
            (g, f"{names.school(names.classes[g].school_code)} {names.group(g)}")
            for g in free.classes
            if names.schools[names.classes[g].school_code].role is SchoolRole.RECEIVING
        ],
        subjects=[
            (s.slug, names.subject(s.slug, request[LOCALE])) for s in names.subjects.values()
        ],
        may_edit=may_edit(request),
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        zone=term.zone,
    )


async def _stand_ins(
    connection: Connection, names: Names, session: Session
) -> dict[Participant, list[tuple[str, str]]]:
    """Who could stand in for each participant: free then, of the same school, and for the lead a
    teacher of the subject."""
    free = await free_between(connection, session.starts_at, session.ends_at)
    found = {}
    for participant in session.participants:
        if participant.role is ParticipantRole.OBSERVER or participant.room_id is None:
            continue
        leads = participant.role is ParticipantRole.LEAD
        school = names.rooms[participant.room_id].school_code
        found[participant] = [
            (t, names.teacher(t))
            for t in free.teachers
            if names.teachers[t].school_code == school
            and (not leads or session.subject in names.teachers[t].subjects)
        ]
    return found


async def _joining(connection: Connection, session: Session, on: date) -> list[Session]:
    """Other lessons of the subject, of classes and rooms that are not in this one, that could be
    made up together with it."""
    since, until = on - _OWED, on + HORIZON
    owing = await changes.owing(connection, session.subject or "", since, until)
    return [s for s in owing if s.id != session.id and not _taken(s) & _taken(session)]


def _taken(session: Session) -> set[str | None]:
    return {
        each
        for p in session.participants
        if p.role is ParticipantRole.RECEIVING
        for each in (p.class_id, p.room_id)
    }


def _classes(session: Session) -> set[str]:
    return {p.class_id for p in session.participants if p.class_id is not None}


def _day(text: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise Refused(422, "A day is given by a date such as 2026-09-07.") from None
