"""Each school's bells: what holds when, and what is to come."""

from dataclasses import dataclass
from datetime import date, timedelta

from aiohttp import web

from classroom_sync.api.bells import MOST_PERIODS, last_day
from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from classroom_sync.timetabling import need_term, today
from db import calendar
from scheduler.model import BellSchedule, School

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Schedule:
    bells: BellSchedule
    until: date | None
    state: str  # past, now or coming


@routes.get("/admin/bells")
@requires(Action.SEE_CITY)
async def bells(request: web.Request) -> web.StreamResponse:
    """A school's schedules (`?school=`); `?from=` opens those of a day to be changed, or a new one
    as a copy of the latest."""
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        names = await read_names(connection)
        stored = await calendar.bells(connection)
    this_day = today(term, request.app[NOW]())
    school = chosen_school(request, names.schools)
    own = [s for s in stored if school is not None and s.school_code == school.code]
    found = [_schedule(stored, s, this_day) for s in own]
    opened = next(
        (s for s in found if str(s.bells.valid_from) == request.query.get("from")),
        None,
    )
    return await page(
        request,
        "bells.html",
        term=term,
        schools=sorted(names.schools.values(), key=lambda s: s.code),
        school=school,
        schedules=found[::-1],
        opened=opened if opened and opened.state == "coming" else None,
        like=(opened or (found[-1] if found else None)),
        rows=MOST_PERIODS,
        first_day=this_day + timedelta(days=1) if own else term.starts_on,
        may_edit=may_keep(request, school),
        zone=term.zone,
    )


def chosen_school(request: web.Request, schools: dict[str, School]) -> School | None:
    """The school asked for (`?school=`), else the visitor's own, else the first. Raises Refused
    (404)."""
    asked = request.query.get("school") or request[VISITOR].school_code
    if asked and asked not in schools:
        raise Refused(404, "There is no such school.")
    return schools[asked] if asked else next(iter(schools.values()), None)


def may_keep(request: web.Request, school: School | None) -> bool:
    """Whether the visitor may change a school's bells and busy times."""
    visitor = request[VISITOR]
    return (
        visitor.role is Role.ADMIN
        and school is not None
        and visitor.school_code in (None, school.code)
    )


def _schedule(stored: tuple[BellSchedule, ...], of: BellSchedule, this_day: date) -> Schedule:
    until = last_day(stored, of)
    if of.valid_from > this_day:
        return Schedule(of, until, "coming")
    return Schedule(of, until, "past" if until is not None and until < this_day else "now")
