"""What lessons displace in each receiving school, and what that school's administrator says."""

from dataclasses import dataclass

from aiohttp import web

from classroom_sync.access import identifier
from classroom_sync.api.shifts import shifts_of
from classroom_sync.api.timetable import need_version
from classroom_sync.auth import requires
from classroom_sync.keys import LOCALE, NOW, POOL, VISITOR
from classroom_sync.pages.names import Names, read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action, Role
from classroom_sync.timetabling import city_now, need_term, today
from db import drafts, timetable
from scheduler.board import PlannedLink
from scheduler.city import City, clock
from scheduler.model import SchoolRole, TimetableVersion

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class ShiftLine:
    """A hub's period on a weekday, as a receiving school meets it."""

    school_code: str
    hub_code: str
    weekday: int
    period: int
    session: str  # its time: "08:30–09:10"
    busy: str  # the classes' time
    displaced: tuple[tuple[int, str], ...]  # the school's own periods, with their times
    lessons: tuple[tuple[str, str], ...]  # class and subject
    approved: bool | None  # None: nobody has answered yet


@routes.get("/admin/shifts")
@requires(Action.SEE_CITY)
async def shifts(request: web.Request) -> web.StreamResponse:
    """The shifts of a version (`?version=`, by default the one that holds) in one's own school, or
    in the one chosen (`?school=`)."""
    visitor, now = request[VISITOR], request.app[NOW]()
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        names = await read_names(connection)
        of = await city_now(connection, term, now)
        found = await drafts.versions(connection, term.id)
        if asked := request.query.get("version"):
            version: TimetableVersion | None = await need_version(connection, identifier(asked))
        else:
            day = min(max(today(term, now), term.starts_on), term.ends_on)
            held = await timetable.versions_between(connection, day, day)
            version = held[-1] if held else None
    schools = [s for s in names.schools.values() if s.role is SchoolRole.RECEIVING]
    if visitor.school_code is not None:
        schools = [s for s in schools if s.code == visitor.school_code]
    wanted = request.query.get("school")
    school = next((s for s in schools if s.code == wanted), schools[0] if schools else None)
    lines = []
    if version is not None and school is not None:
        lines = _lines(of, names, shifts_of(of, version.lessons, school.code), request[LOCALE])
    return await page(
        request,
        "shifts.html",
        term=term,
        schools=schools,
        school=school,
        versions=found,
        version=version,
        lines=lines,
        unanswered=sum(line.approved is None for line in lines),
        may_answer=visitor.role is Role.ADMIN,
        zone=term.zone,
    )


def _lines(
    of: City,
    names: Names,
    by_time: dict[tuple[str, int, int], list[PlannedLink]],
    locale: str,
) -> list[ShiftLine]:
    found = []
    for (hub, weekday, period), some in sorted(by_time.items(), key=lambda item: item[0][1:]):
        first = some[0]
        own = of.periods[first.school_code]
        said = of.decision(first.school_code, hub, weekday, period)
        found.append(
            ShiftLine(
                first.school_code,
                hub,
                weekday,
                period,
                f"{clock(first.session.starts)}–{clock(first.session.ends)}",
                f"{clock(first.starts)}–{clock(first.ends)}",
                tuple((n, f"{own[n].starts:%H:%M}–{own[n].ends:%H:%M}") for n in first.displaced),
                tuple(
                    (names.group(k.class_id), names.subject(k.subject, locale))
                    for k in sorted(some, key=lambda k: (k.class_id, k.subject))
                ),
                said.approved if said is not None else None,
            )
        )
    return found
