"""7:40 in the morning: a teacher is ill or a room is down, and what would change least."""

import asyncio
from dataclasses import dataclass
from datetime import date, time, timedelta
from uuid import UUID

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, TRANSLATE
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.pages.teacher import day_of
from classroom_sync.pages.timetable import may_edit
from classroom_sync.permissions import Action
from classroom_sync.timetabling import RULES, city_now, need_term, today
from db import sessions, timetable
from scheduler import words
from scheduler.bells import instant
from scheduler.calendar import teaching_days
from scheduler.city import City
from scheduler.diff import Change, ChangeKind
from scheduler.model import Lesson, ParticipantRole, Session, SessionState, Term
from scheduler.repair import Proposal, WeekOutage, held_in, outages, repair
from scheduler.solver import Search
from scheduler.solver.change import NoRooms

routes = web.RouteTableDef()

Planned = dict[tuple[UUID | None, date], Session]  # by lesson and day

_SECONDS = 10.0  # of searching, for each week
_NOON = time(12)  # is in its own day in every zone
_DAYS = 31  # of an absence, at most
_one_at_a_time = asyncio.Semaphore(1)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A substitution in one planned session, as the API takes it."""

    session: UUID
    participant: UUID
    teacher: str


@dataclass(frozen=True, slots=True)
class Told:
    """A change in the reader's words, and the day on which it is to be made."""

    sentence: str
    day: date | None
    accept: "Acceptance | None" = None  # where one step on a planned session does it


@dataclass(frozen=True, slots=True)
class WeekProposal:
    """What one teaching week would look like without the teacher or the room."""

    number: int
    dates: tuple[date, ...]
    changes: tuple[Told, ...]
    lost: tuple[tuple[str, str | None], ...]  # what finds no place, and why
    moved: int
    substituted: int
    proven: bool


@routes.get("/admin/repair")
@requires(Action.SEE_CITY)
async def propose(request: web.Request) -> web.StreamResponse:
    """Who can't be had, from when to when (`?who=`, `?since=`, `?until=`), and the proposal."""
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        names = await read_names(connection)
        of = await city_now(connection, term, now)
        day = min(max(today(term, now), term.starts_on), term.ends_on)
        since = _date(request.query.get("since"), day)
        until = max(since, _date(request.query.get("until"), since))
        if until - since > timedelta(days=_DAYS):
            raise Refused(422, "Ask for at most a month at once: for longer, solve anew.")
        held = await timetable.versions_between(connection, since, until)
        first, last = (day_of(instant(d, _NOON, term.zone), term.zone) for d in (since, until))
        stored = await sessions.between(connection, first[0], last[1])
    planned = {(s.lesson_id, s.on_day): s for s in stored}
    who = request.query.get("who")
    weeks = None
    if who:
        if who not in names.teachers and who not in names.rooms:
            raise Refused(422, "Choose a teacher or a room that there is.")
        lessons = held[-1].lessons if held else ()
        async with _one_at_a_time:
            weeks = await asyncio.to_thread(_proposals, of, term, lessons, who, since, until)
    told = None
    if weeks is not None:
        told = [_told(request, of, term, planned, *week) for week in weeks]
    return await page(
        request,
        "repair.html",
        term=term,
        names=names,
        who=who,
        name=names.teacher(who) or names.room(who),
        since=since,
        until=until,
        teachers=[
            (t.id, f"{names.school(t.school_code)} {t.name}") for t in names.teachers.values()
        ],
        rooms=[(r, names.room(r)) for r in names.rooms],
        weeks=told,
        may_edit=may_edit(request),
        zone=term.zone,
    )


def _proposals(
    of: City, term: Term, lessons: tuple[Lesson, ...], who: str, since: date, until: date
) -> list[tuple[WeekOutage, Proposal]]:
    found = []
    for part in outages(term, who, since, until):
        week = [k for k in held_in(lessons, part.week) if _within(k, part.week)]
        try:
            proposal = repair(of, RULES, week, [part.outage], Search(limit=_SECONDS))
        except NoRooms:
            raise Refused(
                409, "The timetable has too few rooms for its own lessons: mend that first."
            ) from None
        found.append((part, proposal))
    return found


def _within(lesson: Lesson, week: int) -> bool:
    return (lesson.week_from or week) <= week <= (lesson.week_until or week)


def _told(
    request: web.Request,
    of: City,
    term: Term,
    planned: Planned,
    part: WeekOutage,
    found: Proposal,
) -> WeekProposal:
    def say(sentence: words.Sentence) -> str:
        return sentence.say(request[TRANSLATE], request[LOCALE])

    around = timedelta(days=14)  # a make-up workday may lie outside of its own week
    days = {
        day.weekday: day.day
        for day in teaching_days(term, part.dates[0] - around, part.dates[-1] + around)
        if day.week == part.week
    }
    changes = []
    for change in found.changes:
        at = change.before or change.after
        day = days.get(at.weekday) if at else None
        changes.append(Told(say(change.sentence), day, _acceptance(planned, change, day)))
    return WeekProposal(
        part.week,
        part.dates,
        tuple(changes),
        tuple(
            (
                say(words.demand(of, u.demand, u.lessons)),
                say(u.cause.sentence(of)) if u.cause else None,
            )
            for u in found.lost
        ),
        found.moved,
        found.substituted,
        found.proven,
    )


def _acceptance(planned: Planned, change: Change, day: date | None) -> Acceptance | None:
    before, after = change.before, change.after
    if before is None or after is None or day is None:
        return None
    session = planned.get((before.id, day))
    if session is None or session.state not in (SessionState.SCHEDULED, SessionState.OPEN):
        return None
    wanted: dict[tuple[ParticipantRole, str | None], str] = {}
    if change.kind is ChangeKind.SUBSTITUTED:
        if {r.class_id for r in before.receivers} != set(change.classes):
            return None  # some classes stay with their teacher: two lessons, not a substitution
        wanted[ParticipantRole.LEAD, None] = after.lead_teacher_id
    elif change.kind is ChangeKind.ASSISTANT and len(change.classes) == 1:
        helpers = {r.class_id: r.assistant_id for r in after.receivers}
        if helper := helpers.get(change.classes[0]):
            wanted[ParticipantRole.RECEIVING, change.classes[0]] = helper
    for participant in session.participants:
        teacher = wanted.get((participant.role, participant.class_id))
        if teacher is not None and teacher != participant.teacher_id:
            return Acceptance(session.id, participant.id, teacher)
    return None


def _date(text: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise Refused(422, "A day is given by a date such as 2026-09-07.") from None
