"""When a school keeps its teachers and classes for itself, week by week."""

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.exchange import day_within
from classroom_sync.keys import NOW, POOL
from classroom_sync.pages.bells import chosen_school, may_keep
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from classroom_sync.timetabling import need_term
from db import busy, calendar
from db.busy import BusyLine
from scheduler.city import bells_on

routes = web.RouteTableDef()


@routes.get("/admin/busy")
@requires(Action.SEE_CITY)
async def busy_times(request: web.Request) -> web.StreamResponse:
    """The week of a teacher or class (`?of=`) of a school (`?school=`): which of the school's own
    periods it keeps."""
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        names = await read_names(connection)
        lines = await busy.of_term(connection, term.id)
        schedules = bells_on(await calendar.bells(connection), day_within(term, request.app[NOW]()))
    school = chosen_school(request, names.schools)
    code = school.code if school else ""
    teachers = [(t.id, t.name) for t in names.teachers.values() if t.school_code == code]
    classes = [(g.id, g.name) for g in names.classes.values() if g.school_code == code]
    ids = [who for who, _ in (*teachers, *classes)]
    asked = request.query.get("of", "")
    chosen = asked if asked in ids else next(iter(ids), "")
    bells = next((s for s in schedules if s.school_code == code), None)
    kept: dict[tuple[int, int], BusyLine] = {
        (line.weekday, line.period): line
        for line in lines
        if chosen and chosen in (line.teacher_id, line.class_id)
    }
    counts: dict[str, int] = {}
    for line in lines:
        who = line.teacher_id or line.class_id or ""
        counts[who] = counts.get(who, 0) + 1
    return await page(
        request,
        "busy_times.html",
        schools=sorted(names.schools.values(), key=lambda s: s.code),
        school=school,
        teachers=teachers,
        classes=classes,
        chosen=chosen,
        is_class=chosen in names.classes,
        name=names.teacher(chosen) or names.group(chosen),
        counts=counts,
        periods=sorted(bells.periods, key=lambda p: p.period) if bells else [],
        kept=kept,
        weekdays=sorted({1, 2, 3, 4, 5, *(weekday for weekday, _ in kept)}),
        may_edit=may_keep(request, school),
        zone=term.zone,
    )
