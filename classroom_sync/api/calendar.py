"""Terms in /api/v1: their dates and weeks, the official calendar, exam weeks.

What is past stays as it was: which days were in the term, and the numbers of its weeks.
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import Literal
from uuid import uuid4

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.planning import plan_sessions
from classroom_sync.timetabling import today
from db import calendar, marks
from db.pool import Connection
from scheduler.calendar import known_official_days, teaching_weeks
from scheduler.model import DEFAULT_ZONE, CalendarDay, Term

_LONGEST = timedelta(weeks=30)  # of a term


class TermDates(BaseModel, extra="forbid"):
    name: str = Field(min_length=1, max_length=80)
    week1_monday: date = Field(description="the Monday of the week that holds 1 September")
    starts_on: date
    ends_on: date


class TermLine(TermDates):
    id: str
    zone: str


class TermsOut(BaseModel):
    terms: list[TermLine]


class DayOut(BaseModel):
    day: date
    kind: Literal["holiday", "makeup", "ordinary"]
    acts_as: date | None
    note: str
    source: Literal["official", "admin"]
    holds: bool = Field(description="false: the administrator has said otherwise")


class WeekOut(BaseModel):
    number: int
    monday: date
    parity: Literal["odd", "even"]
    exams: bool


class WholeTerm(TermLine):
    weeks: list[WeekOut]
    days: list[DayOut] = Field(description="what departs from “weekdays are school days”")
    unpublished_years: list[int] = Field(description="enter their days by hand")


@endpoint(
    "GET",
    "/calendar/terms",
    "Every term, the earliest first",
    action=Action.SEE_CITY,
    answer=TermsOut,
)
async def list_terms(request: web.Request) -> TermsOut:
    async with request.app[POOL].connection() as connection:
        return TermsOut(terms=[_line(t) for t in await calendar.terms(connection)])


@endpoint(
    "GET",
    "/calendar/terms/{term}",
    "A term with its weeks and the days that depart from the rule",
    action=Action.SEE_CITY,
    answer=WholeTerm,
)
async def show_term(request: web.Request) -> WholeTerm:
    async with request.app[POOL].connection() as connection:
        term = await term_of(connection, request)
        official, own = await calendar.days(connection, term.id)
        exams = await calendar.exam_weeks(connection, term.id)
    said = {d.day for d in own}
    days = [_day(d, "official", d.day not in said) for d in official]
    days += [_day(d, "admin", True) for d in own]
    return WholeTerm(
        **_line(term).model_dump(),
        weeks=[
            WeekOut(
                number=w.number,
                monday=w.monday,
                parity="odd" if w.odd else "even",
                exams=w.number in exams,
            )
            for w in teaching_weeks(term)
        ],
        days=sorted(days, key=lambda d: (d.day, d.source)),
        unpublished_years=list(known_official_days(term.starts_on, term.ends_on)[1]),
    )


@endpoint(
    "POST",
    "/calendar/terms",
    "Enter a term; the official holidays and make-up workdays come with it",
    action=Action.EDIT_CALENDAR,
    body=TermDates,
    answer=TermLine,
)
async def add_term(request: web.Request, body: TermDates) -> TermLine:
    whole_city(request)
    _in_order(body)
    term = Term(str(uuid4()), body.name, DEFAULT_ZONE, *_dates(body))
    if term.ends_on < today(term, request.app[NOW]()):
        raise Refused(422, "This term is over: enter one that still has days to come.")
    try:
        async with request.app[POOL].transaction() as connection:
            await calendar.add_term(connection, term)
            known, _ = known_official_days(term.starts_on, term.ends_on)
            await calendar.set_official_days(connection, term.id, known)
            await note(connection, request, "term_added", term, **body.model_dump(mode="json"))
    except calendar.TermsOverlap:
        raise _overlap() from None
    return _line(term)


@endpoint(
    "PUT",
    "/calendar/terms/{term}",
    "Change a term's name and dates; what is past of it stays",
    action=Action.EDIT_CALENDAR,
    body=TermDates,
    answer=TermLine,
)
async def change_term(request: web.Request, body: TermDates) -> TermLine:
    whole_city(request)
    _in_order(body)
    now = request.app[NOW]()
    try:
        async with request.app[POOL].transaction() as connection:
            term = await term_of(connection, request)
            changed = replace(
                term,
                name=body.name,
                week1_monday=body.week1_monday,
                starts_on=body.starts_on,
                ends_on=body.ends_on,
            )
            _past_stays(term, changed, today(term, now))
            await calendar.change_term(connection, changed)
            await plan_sessions(connection, now)
            await note(connection, request, "term_changed", term, **body.model_dump(mode="json"))
    except calendar.TermsOverlap:
        raise _overlap() from None
    return _line(changed)


@endpoint(
    "POST",
    "/calendar/terms/{term}/official-days",
    "Read the official holidays and make-up workdays again; what the administrator said stays",
    action=Action.EDIT_CALENDAR,
)
async def read_official(request: web.Request) -> None:
    whole_city(request)
    now = request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        term = await term_of(connection, request)
        known, missing = known_official_days(term.starts_on, term.ends_on)
        if not known and missing:
            raise Refused(
                409,
                "The official holidays of {years} are not published in this server's calendar "
                "data: enter holidays and make-up workdays by hand, or update the package "
                "chinesecalendar and read them again.",
                years=", ".join(map(str, missing)),
            )
        before = today(term, now)
        official, _ = await calendar.days(connection, term.id)
        past = [d for d in official if d.day < before]
        fresh = [d for d in known if d.day >= before or not official]
        await calendar.set_official_days(connection, term.id, [*past, *fresh])
        await plan_sessions(connection, now)
        await note(connection, request, "official_days_read", term)


@endpoint(
    "PUT",
    "/calendar/terms/{term}/exam-weeks/{week}",
    "Exams are held in this week: it does not count where regular use is counted",
    action=Action.EDIT_CALENDAR,
)
async def add_exam_week(request: web.Request) -> None:
    await _exam_week(request, exams=True)


@endpoint(
    "DELETE",
    "/calendar/terms/{term}/exam-weeks/{week}",
    "No exams are held in this week after all",
    action=Action.EDIT_CALENDAR,
)
async def remove_exam_week(request: web.Request) -> None:
    await _exam_week(request, exams=False)


async def _exam_week(request: web.Request, *, exams: bool) -> None:
    whole_city(request)
    text = request.match_info["week"]
    async with request.app[POOL].transaction() as connection:
        term = await term_of(connection, request)
        weeks = {str(w.number): w for w in teaching_weeks(term)}
        if text not in weeks:
            raise Refused(404, "This term has no such week.")
        if weeks[text].dates[-1] < today(term, request.app[NOW]()):
            raise Refused(422, "This week is past: what has been counted of it stays.")
        await calendar.set_exam_week(connection, term.id, weeks[text].number, exams=exams)
        await note(connection, request, "exam_week_set", term, week=text, exams=exams)


async def term_of(connection: Connection, request: web.Request) -> Term:
    """The term of the address. Raises Refused (404)."""
    found = await calendar.term(connection, request.match_info["term"])
    if found is None:
        raise Refused(404, "There is no such term.")
    return found


def _overlap() -> Refused:
    return Refused(409, "Another term has some of these days: terms do not overlap.")


def _in_order(dates: TermDates) -> None:
    if dates.week1_monday.isoweekday() != 1:
        raise Refused(422, "Week 1 begins on a Monday: choose one.")
    if not dates.week1_monday <= dates.starts_on < dates.week1_monday + timedelta(weeks=1):
        raise Refused(422, "The term's first day is in its week 1.")
    if not dates.starts_on < dates.ends_on <= dates.starts_on + _LONGEST:
        raise Refused(422, "A term ends after it begins, at most 30 weeks later.")


def _past_stays(term: Term, changed: Term, this_day: date) -> None:
    """Raises Refused (422) where a date that is past would run something else."""
    same = (term.week1_monday, term.starts_on) == (changed.week1_monday, changed.starts_on)
    if not same and min(term.starts_on, changed.starts_on) < this_day:
        raise Refused(
            422, "This term has begun: its first day and its week 1 stay; its end may change."
        )
    if term.ends_on != changed.ends_on and min(term.ends_on, changed.ends_on) < this_day:
        raise Refused(422, "A term ends today or later: what has been held stays in it.")


def _dates(body: TermDates) -> tuple[date, date, date]:
    return body.week1_monday, body.starts_on, body.ends_on


def _line(term: Term) -> TermLine:
    return TermLine(
        id=term.id,
        name=term.name,
        zone=term.zone,
        week1_monday=term.week1_monday,
        starts_on=term.starts_on,
        ends_on=term.ends_on,
    )


async def note(
    connection: Connection, request: web.Request, action: str, term: Term, **detail: object
) -> None:
    """In the audit log: what a visitor did to a term."""
    await marks.add_audit(connection, request[VISITOR].actor, action, f"term:{term.id}", **detail)


def kind_of(day: CalendarDay) -> Literal["holiday", "makeup", "ordinary"]:
    """What a departing day is."""
    if day.acts_as is None:
        return "holiday"
    return "ordinary" if day.acts_as == day.day else "makeup"


def _day(of: CalendarDay, source: Literal["official", "admin"], holds: bool) -> DayOut:
    return DayOut(
        day=of.day,
        kind=kind_of(of),
        acts_as=of.acts_as,
        note=of.note,
        source=source,
        holds=holds,
    )
