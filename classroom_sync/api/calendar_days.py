"""Single days of the calendar in /api/v1: holidays and make-up workdays, and what they would do.

The official calendar proposes, the administrator decides; a day that is past stays as it was.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import whole_city
from classroom_sync.api.calendar import note, term_of
from classroom_sync.api.registry import endpoint
from classroom_sync.calendar_effects import Effect, effect, with_day, without_own
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL
from classroom_sync.permissions import Action
from classroom_sync.planning import plan_sessions
from classroom_sync.timetabling import today
from db import calendar
from db.pool import Connection
from scheduler.model import CalendarDay, Occurrence, Term


class DayWish(BaseModel, extra="forbid"):
    kind: Literal["holiday", "makeup", "ordinary", "official"]
    acts_as: date | None = Field(
        default=None, description="the date whose timetable a make-up day runs"
    )
    note: str = Field(default="", max_length=80)


class LessonOn(BaseModel):
    day: date
    starts: str
    ends: str
    subject: str
    lead_room_id: str
    lead_teacher_id: str
    class_ids: list[str]


class ClassApart(BaseModel):
    session: UUID
    day: date
    starts: str
    ends: str
    subject: str | None


class EffectOut(BaseModel):
    cancelled: list[LessonOn]
    held: list[LessonOn]
    staying: int = Field(description="opened or cancelled already: they stay as they are")
    apart: list[ClassApart] = Field(
        description="outside of the timetable on a day that is off from then on: held all the same"
    )


@endpoint(
    "POST",
    "/calendar/terms/{term}/days/{day}/effect",
    "What a word on a day would do to lessons; nothing is saved",
    action=Action.SEE_CITY,
    body=DayWish,
    answer=EffectOut,
)
async def day_effect(request: web.Request, body: DayWish) -> EffectOut:
    async with request.app[POOL].connection() as connection:
        term = await term_of(connection, request)
        found = await effect_of(connection, request, term, day_in(request, term), body)
    return EffectOut(
        cancelled=[_lesson(o, term) for o in found.cancelled],
        held=[_lesson(o, term) for o in found.held],
        staying=found.staying,
        apart=[
            ClassApart(
                session=s.id,
                day=s.on_day,
                starts=_at(s.starts_at, term),
                ends=_at(s.ends_at, term),
                subject=s.subject,
            )
            for s in found.apart
        ],
    )


@endpoint(
    "PUT",
    "/calendar/terms/{term}/days/{day}",
    "Say that a day is a holiday, a make-up workday or an ordinary day",
    action=Action.EDIT_CALENDAR,
    body=DayWish,
)
async def set_day(request: web.Request, body: DayWish) -> None:
    whole_city(request)
    now = request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        term = await term_of(connection, request)
        day = day_in(request, term)
        if body.kind == "official":
            await calendar.reset_day(connection, term.id, day)
        else:
            await calendar.set_day(connection, term.id, wished(term, day, body))
        await plan_sessions(connection, now)
        await note(
            connection, request, "day_set", term, day=str(day), **body.model_dump(mode="json")
        )


@endpoint(
    "DELETE",
    "/calendar/terms/{term}/days/{day}",
    "Take back what was said of a day: the official calendar holds",
    action=Action.EDIT_CALENDAR,
)
async def reset_day(request: web.Request) -> None:
    await set_day(request, DayWish(kind="official"))


def day_in(request: web.Request, term: Term) -> date:
    """The day of the address, which must be in the term and not past. Raises Refused (422)."""
    try:
        day = date.fromisoformat(request.match_info["day"])
    except ValueError:
        raise Refused(422, "A day is given by a date such as 2026-09-07.") from None
    return changeable(term, day, today(term, request.app[NOW]()))


def changeable(term: Term, day: date, this_day: date) -> date:
    """The day, where something may still be said of it. Raises Refused (422)."""
    if not term.starts_on <= day <= term.ends_on:
        raise Refused(
            422,
            "This day is not in the term ({first} to {last}): change the term's dates first.",
            first=term.starts_on,
            last=term.ends_on,
        )
    if day < this_day:
        raise Refused(422, "This day is past: what was held on it stays as it was.")
    return day


def wished(term: Term, day: date, wish: DayWish) -> CalendarDay:
    """What the administrator wants a day to be. Raises Refused (422)."""
    if wish.kind == "holiday":
        return CalendarDay(day, None, wish.note)
    if wish.kind == "ordinary":
        if day.isoweekday() > 5:
            raise Refused(
                422,
                "A weekend has no timetable of its own: choose the school day whose timetable "
                "it runs, or make it a day without lessons.",
            )
        return CalendarDay(day, day, wish.note)
    if wish.acts_as is None:
        raise Refused(422, "Choose the school day whose timetable this day runs.")
    if not term.week1_monday <= wish.acts_as <= term.ends_on or wish.acts_as.isoweekday() > 5:
        raise Refused(
            422, "A make-up workday runs the timetable of a Monday to Friday within the term."
        )
    return CalendarDay(day, wish.acts_as, wish.note)


async def effect_of(
    connection: Connection, request: web.Request, term: Term, day: date, wish: DayWish
) -> Effect:
    """What a wish for a day would do. Raises Refused."""
    if wish.kind == "official":
        after = await without_own(connection, term, day)
    else:
        after = with_day(term, wished(term, day, wish))
    return await effect(connection, term, after, [day], request.app[NOW]())


def _lesson(of: Occurrence, term: Term) -> LessonOn:
    return LessonOn(
        day=of.day,
        starts=_at(of.starts_at, term),
        ends=_at(of.ends_at, term),
        subject=of.lesson.subject,
        lead_room_id=of.lesson.lead_room_id,
        lead_teacher_id=of.lesson.lead_teacher_id,
        class_ids=[r.class_id for r in of.lesson.receivers],
    )


def _at(instant: datetime, term: Term) -> str:
    return f"{instant.astimezone(ZoneInfo(term.zone)):%H:%M}"
