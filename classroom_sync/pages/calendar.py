"""The term's calendar: its weeks, what departs from the rule and who said so, and what another word
on a day would do to lessons before it is saved."""

from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from classroom_sync.api.calendar import kind_of
from classroom_sync.api.calendar_days import DayWish, changeable, effect_of, wished
from classroom_sync.auth import requires
from classroom_sync.calendar_effects import Effect, with_day, without_own
from classroom_sync.errors import Refused
from classroom_sync.i18n import LOCALES
from classroom_sync.keys import LOCALE, NOW, POOL, TRANSLATE
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.pages.timetable import may_edit
from classroom_sync.permissions import Action
from classroom_sync.timetabling import today
from db import calendar, sessions
from db.pool import Connection
from scheduler.bells import instant
from scheduler.calendar import (
    TeachingDay,
    TeachingWeek,
    known_official_days,
    teaching_day,
    teaching_weeks,
    week_of,
)
from scheduler.model import CalendarDay, SessionState, Term

routes = web.RouteTableDef()

_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Cell:
    """A date in the grid."""

    day: date
    in_term: bool
    runs: TeachingDay | None
    departs: CalendarDay | None  # as it holds
    kind: str  # holiday, makeup or ordinary; "" where the date follows the rule
    own: bool  # the administrator has said so


@dataclass(frozen=True, slots=True)
class Row:
    week: TeachingWeek
    cells: tuple[Cell, ...]
    exams: bool
    past: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """The date under the reader's finger, and what it would become."""

    cell: Cell
    official: CalendarDay | None
    open: bool  # something may still be said of it
    lessons: int  # planned on it
    propose: date | None  # a school day whose timetable it might run
    wish: DayWish | None
    becomes: TeachingDay | None
    effect: Effect | None
    problem: str


@routes.get("/admin/calendar")
@requires(Action.SEE_CITY)
async def term_calendar(request: web.Request) -> web.StreamResponse:
    """A term (`?term=`, by default the present one); one of its days (`?day=`); with `?kind=`,
    `?acts_as=` and `?note=` what that would change."""
    now = request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        terms = await calendar.terms(connection)
        term = await _term(connection, request, terms)
        if term is None:
            return await page(
                request, "term_calendar.html", terms=(), term=None, may_edit=may_edit(request)
            )
        this_day = today(term, now)
        official, own = await calendar.days(connection, term.id)
        exams = await calendar.exam_weeks(connection, term.id)
        names = await read_names(connection)
        chosen = await _chosen(connection, request, term, official, own)
    said = frozenset(d.day for d in own)
    return await page(
        request,
        "term_calendar.html",
        terms=terms,
        term=term,
        today_=this_day,
        rows=[
            Row(
                week,
                tuple(_cell(term, day, said) for day in week.dates),
                week.number in exams,
                week.dates[-1] < this_day,
            )
            for week in teaching_weeks(term)
        ],
        own=[(d, kind_of(d)) for d in own],
        unpublished=known_official_days(term.starts_on, term.ends_on)[1],
        official=len(official),
        begun=term.starts_on <= this_day,
        chosen=chosen,
        names=names,
        note=lambda d: d.note if d.day in said else note_in(d.note, request[LOCALE]),
        official_note=lambda text: note_in(text, request[LOCALE]),
        week_of=lambda day: week_of(term, day),
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        may_edit=may_edit(request),
        zone=term.zone,
    )


async def _term(
    connection: Connection, request: web.Request, terms: tuple[Term, ...]
) -> Term | None:
    if asked := request.query.get("term"):
        found = await calendar.term(connection, asked)
        if found is None:
            raise Refused(404, "There is no such term.")
        return found
    if not terms:
        return None
    this_day = today(terms[-1], request.app[NOW]())
    return await calendar.term_on(connection, this_day) or await calendar.latest_term(connection)


def _cell(term: Term, day: date, said: frozenset[date]) -> Cell:
    departs = next((d for d in term.days if d.day == day), None)
    return Cell(
        day,
        term.starts_on <= day <= term.ends_on,
        teaching_day(term, day),
        departs,
        kind_of(departs) if departs else "",
        day in said,
    )


async def _chosen(
    connection: Connection,
    request: web.Request,
    term: Term,
    official: tuple[CalendarDay, ...],
    own: tuple[CalendarDay, ...],
) -> Chosen | None:
    asked = request.query.get("day")
    if not asked:
        return None
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        raise Refused(422, "A day is given by a date such as 2026-09-07.") from None
    cell = _cell(term, day, frozenset(d.day for d in own))
    answer: dict[str, Any] = {"wish": None, "becomes": None, "effect": None, "problem": ""}
    try:
        changeable(term, day, today(term, request.app[NOW]()))
        answer["open"] = True
        if request.query.get("kind"):
            answer |= await _wished(connection, request, term, day)
    except Refused as refused:
        sentence = request[TRANSLATE](refused.sentence)
        answer["problem"] = sentence.format(**refused.values) if refused.values else sentence
    midnight = instant(day, _MIDNIGHT, term.zone)
    stored = await sessions.between(connection, midnight, midnight + timedelta(days=1))
    return Chosen(
        cell=cell,
        official=next((d for d in official if d.day == day), None),
        lessons=sum(s.state is not SessionState.CANCELLED for s in stored),
        propose=_proposed(term, day, official),
        **({"open": False} | answer),
    )


async def _wished(
    connection: Connection, request: web.Request, term: Term, day: date
) -> dict[str, Any]:
    try:
        wish = DayWish.model_validate(
            {k: v for k, v in request.query.items() if k in DayWish.model_fields and v}
        )
    except ValidationError:
        raise Refused(
            422, "Choose what the day shall be, and a date such as 2026-09-07 for what it runs."
        ) from None
    if wish.kind == "official":
        after = await without_own(connection, term, day)
    else:
        after = with_day(term, wished(term, day, wish))
    return {
        "wish": wish,
        "becomes": teaching_day(after, day),
        "effect": await effect_of(connection, request, term, day, wish),
    }


def note_in(note: str, locale: str) -> str:
    """A note in the reader's language, where it is official and so in both ("国庆节 National Day");
    any other as it is."""
    words = note.split()
    chinese = [word for word in words if not word.isascii()]
    english = [word for word in words if word.isascii()]
    if not chinese or not english:
        return note
    return " ".join(chinese if locale == LOCALES[0] else english)


def _proposed(term: Term, day: date, official: tuple[CalendarDay, ...]) -> date | None:
    """What a make-up workday might run: what is official, else the nearest weekday taken off."""
    departs = next((d for d in (*term.days, *official) if d.day == day and d.acts_as), None)
    if departs is not None:
        return departs.acts_as
    off = [d.day for d in term.days if d.acts_as is None and d.day.isoweekday() <= 5]
    return min(off, key=lambda d: abs(d - day), default=None)
