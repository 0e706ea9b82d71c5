"""7:40 in the morning: a teacher is ill or a room is down, and what would change least."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import TypeAdapter

from classroom_sync.api.repair import DatedChangeData, changes_data
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, TRANSLATE
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.pages.timetable import may_edit
from classroom_sync.permissions import Action
from classroom_sync.single_days import read_week
from classroom_sync.timetabling import RULES, city_now, need_term, rules_of, today
from db import timetable
from scheduler import words
from scheduler.dated import WeekAhead, dated_changes
from scheduler.diff import ChangeKind, by_lesson, lessons_of
from scheduler.outages import WeekOutage, outages
from scheduler.rules import Rules

if TYPE_CHECKING:
    from scheduler.repair import Proposal

routes = web.RouteTableDef()

_SECONDS = 10.0  # of searching, for each week: of effort, and of the clock
_DAYS = 31  # of an absence, at most
_one_at_a_time = asyncio.Semaphore(1)


@dataclass(frozen=True, slots=True)
class Told:
    """A change in the reader's words, and the day on which it is to be made."""

    sentence: str
    day: date | None


@dataclass(frozen=True, slots=True)
class WeekProposal:
    """What one teaching week would look like without the teacher or the room."""

    number: int
    dates: tuple[date, ...]
    changes: tuple[Told, ...]
    lost: tuple[tuple[str, str | None], ...]  # what finds no place, and why
    moved: int  # lessons, as people count them: whatever number of classes are in each
    substituted: int
    unplaced: int  # what classes lose, each its own
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
        who = request.query.get("who")
        if who and who not in names.teachers and who not in names.rooms:
            raise Refused(422, "Choose a teacher or a room that there is.")
        absent = outages(term, who, max(since, today(term, now)), until) if who else ()
        held = await timetable.versions_between(connection, since, until)
        by = await rules_of(connection, held[-1].id) if held else RULES
        weeks = [
            (part, await read_week(connection, term, of, part.week, now, part.dates))
            for part in absent
        ]
    async with _one_at_a_time:
        proposals = [await asyncio.to_thread(_proposal, by, *week) for week in weeks]
    found = [(*week, proposal) for week, proposal in zip(weeks, proposals, strict=True)]
    steps = [step for _, ahead, p in found for step in dated_changes(ahead, p.lessons)]
    return await page(
        request,
        "repair.html",
        term=term,
        names=names,
        who=who,
        name=names.teacher(who) or names.room(who),
        since=since,
        until=until,
        by_school=names.by_school(),
        weeks=[_told(request, *each) for each in found] if who else None,
        acceptance=TypeAdapter(list[DatedChangeData]).dump_json(changes_data(steps)).decode(),
        acceptable=bool(steps),
        may_edit=may_edit(request),
        zone=term.zone,
    )


def _proposal(by: Rules, part: WeekOutage, ahead: WeekAhead) -> "Proposal":
    # The solver is large, and most servers never come here.
    from scheduler.repair import repair
    from scheduler.solver import Search
    from scheduler.solver.change import NoRooms

    try:
        return repair(
            ahead.city, by, ahead.lessons, [part.outage], Search(limit=_SECONDS, within=_SECONDS)
        )
    except NoRooms:
        raise Refused(
            409, "The timetable has too few rooms for its own lessons: mend that first."
        ) from None


def _told(
    request: web.Request, part: WeekOutage, ahead: WeekAhead, found: "Proposal"
) -> WeekProposal:
    def say(sentence: words.Sentence) -> str:
        return sentence.say(request[TRANSLATE], request[LOCALE])

    changes = []
    for change in by_lesson(ahead.city, found.changes):
        at = change.before or change.after
        changes.append(Told(say(change.sentence), ahead.days.get(at.weekday) if at else None))
    return WeekProposal(
        part.week,
        part.dates,
        tuple(changes),
        tuple(
            (
                say(words.demand(ahead.city, u.demand, u.lessons)),
                say(u.cause.sentence(ahead.city)) if u.cause else None,
            )
            for u in found.lost
        ),
        lessons_of(found.changes, ChangeKind.MOVED),
        lessons_of(found.changes, ChangeKind.SUBSTITUTED),
        sum(u.lessons for u in found.lost),
        found.proven,
    )


def _date(text: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise Refused(422, "A day is given by a date such as 2026-09-07.") from None
