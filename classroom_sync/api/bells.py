"""Bell schedules in /api/v1: a school's periods from a date on.

Bells that have rung stay: what is entered, changed or taken back begins tomorrow or later. Only a
school without any bells may enter its first from an earlier day on.
"""

from datetime import date, time

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import own_school
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.planning import plan_sessions
from classroom_sync.timetabling import need_term, today
from db import calendar, city, marks, timetable
from db.pool import Connection
from scheduler.bells import overlaps
from scheduler.model import BellPeriod, BellSchedule

MOST_PERIODS = 20
_FOR_EVER = date(9999, 12, 31)


class PeriodData(BaseModel, extra="forbid"):
    period: int = Field(ge=1, le=MOST_PERIODS)
    starts: time = Field(description="local time of the term's zone, as 08:30")
    ends: time
    by_hand: bool = Field(False, description="no solver and no repair proposes a lesson in it")


class Bells(BaseModel, extra="forbid"):
    periods: list[PeriodData] = Field(min_length=1, max_length=MOST_PERIODS)


class ScheduleOut(BaseModel):
    school_code: str
    valid_from: date
    valid_until: date | None = Field(description="the day before the next ones; none: open")
    periods: list[PeriodData]


class SchedulesOut(BaseModel):
    schedules: list[ScheduleOut]


@endpoint(
    "GET",
    "/bells",
    "Every school's bell schedules, each with the days it holds",
    action=Action.SEE_CITY,
    answer=SchedulesOut,
)
async def list_bells(request: web.Request) -> SchedulesOut:
    async with request.app[POOL].connection() as connection:
        found = await calendar.bells(connection)
    return SchedulesOut(
        schedules=[
            ScheduleOut(
                school_code=s.school_code,
                valid_from=s.valid_from,
                valid_until=last_day(found, s),
                periods=[
                    PeriodData(period=p.period, starts=p.starts, ends=p.ends, by_hand=p.by_hand)
                    for p in s.periods
                ],
            )
            for s in found
        ]
    )


def last_day(schedules: tuple[BellSchedule, ...], of: BellSchedule) -> date | None:
    """The last day on which a schedule holds: the day before its school's next one."""
    later = [
        s.valid_from
        for s in schedules
        if s.school_code == of.school_code and s.valid_from > of.valid_from
    ]
    return date.fromordinal(min(later).toordinal() - 1) if later else None


@endpoint(
    "PUT",
    "/schools/{school}/bells/{day}",
    "A school's bells from a day on, in place of any that begin on that day",
    action=Action.KEEP_TIMES,
    body=Bells,
)
async def put_bells(request: web.Request, body: Bells) -> None:
    now = request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        school, day = await _about(connection, request, first_too=True)
        schedule = BellSchedule(
            school,
            day,
            tuple(BellPeriod(p.period, p.starts, p.ends, p.by_hand) for p in body.periods),
        )
        _rings_in_order(schedule)
        await calendar.replace_bells(connection, schedule)
        await _lessons_ring(connection, school, day)
        await plan_sessions(connection, now)
        await marks.add_audit(
            connection,
            request[VISITOR].actor,
            "bells_set",
            f"school:{school}",
            valid_from=str(day),
            **body.model_dump(mode="json"),
        )


@endpoint(
    "DELETE",
    "/schools/{school}/bells/{day}",
    "Take back bells that have not begun: those before them hold on",
    action=Action.KEEP_TIMES,
)
async def remove_bells(request: web.Request) -> None:
    now = request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        school, day = await _about(connection, request, first_too=False)
        own = [s for s in await calendar.bells(connection) if s.school_code == school]
        if day not in [s.valid_from for s in own]:
            raise Refused(404, "This school has no bells that begin on this day.")
        if len(own) == 1:
            raise Refused(409, "These are the school's only bells: change them, but keep some.")
        await calendar.remove_bells(connection, school, day)
        await _lessons_ring(connection, school, day)
        await plan_sessions(connection, now)
        await marks.add_audit(
            connection,
            request[VISITOR].actor,
            "bells_removed",
            f"school:{school}",
            valid_from=str(day),
        )


async def _about(
    connection: Connection, request: web.Request, *, first_too: bool
) -> tuple[str, date]:
    """The school and day of the address. Raises Refused."""
    school = request.match_info["school"]
    own_school(request, school)
    if school not in [s.code for s in await city.schools(connection)]:
        raise Refused(404, "There is no such school.")
    try:
        day = date.fromisoformat(request.match_info["day"])
    except ValueError:
        raise Refused(422, "A day is given by a date such as 2026-09-07.") from None
    this_day = today(await need_term(connection), request.app[NOW]())
    rung = any(s.school_code == school for s in await calendar.bells(connection))
    if day <= this_day and (rung or not first_too):
        raise Refused(
            422, "Bells that have rung stay: choose a day after today from which others hold."
        )
    return school, day


def _rings_in_order(schedule: BellSchedule) -> None:
    """Raises Refused (422) with the periods that can't ring so."""
    numbers = [p.period for p in schedule.periods]
    twice = sorted({n for n in numbers if numbers.count(n) > 1})
    if twice:
        raise Refused(422, "Period {period} is there twice: number each once.", period=twice[0])
    for p in schedule.periods:
        if p.starts >= p.ends:
            raise Refused(422, "Period {period} ends before it begins.", period=p.period)
    for one, other in overlaps(schedule):
        raise Refused(
            422,
            "Period {other} begins before period {one} has ended: mend the times, or the order.",
            one=one,
            other=other,
        )


async def _lessons_ring(connection: Connection, school: str, day: date) -> None:
    """Raises Refused (409) where a published lesson of a hub would be in a period that it no
    longer has, on the days its bells of this day hold."""
    schedules = await calendar.bells(connection)
    held = [s for s in schedules if s.school_code == school and s.valid_from <= day]
    now_valid = max(held, key=lambda s: s.valid_from)
    until = last_day(schedules, now_valid) or _FOR_EVER
    numbers = {p.period for p in now_valid.periods}
    for version in await timetable.versions_between(connection, day, until):
        for lesson in version.lessons:
            if lesson.hub_code == school and lesson.period not in numbers:
                raise Refused(
                    409,
                    "Version {version} of the timetable has a lesson in period {period}, which "
                    "these bells do not have: keep the period, or publish another version first.",
                    version=version.number,
                    period=lesson.period,
                )
