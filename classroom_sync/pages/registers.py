"""The registers: schools, and a school's teachers and classes."""

from collections.abc import Mapping

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, POOL, VISITOR
from classroom_sync.pages.bells import chosen_school, may_keep
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.pages.timetable import may_edit
from classroom_sync.permissions import Action
from scheduler.model import SchoolRole

routes = web.RouteTableDef()

KINDS = ("schools", "teachers", "classes")


@routes.get("/admin/registers")
@requires(Action.SEE_CITY)
async def registers(request: web.Request) -> web.StreamResponse:
    """`?kind=` of KINDS, of a school (`?school=`); `?edit=` opens an entry to be changed."""
    kind = request.query.get("kind", KINDS[0])
    if kind not in KINDS:
        raise Refused(422, "The registers are of schools, teachers and classes.")
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
    school = chosen_school(request, names.schools)
    code = school.code if school else ""
    teachers = [t for t in names.teachers.values() if t.school_code == code]
    classes = [g for g in names.classes.values() if g.school_code == code]
    shown: dict[str, Mapping[str, object]] = {
        "schools": names.schools,
        "teachers": names.teachers,
        "classes": names.classes,
    }
    schools = sorted(names.schools.values(), key=lambda s: s.code)
    return await page(
        request,
        "registers.html",
        kind=kind,
        kinds=KINDS,
        schools=schools,
        school=school,
        teachers=teachers,
        classes=classes,
        hubs=[(s.code, s.short_name) for s in schools if s.role is SchoolRole.HUB],
        opened=shown[kind].get(request.query.get("edit", "")),
        names=names,
        subject=lambda slug: names.subject(slug, request[LOCALE]),
        may_edit=may_edit(request) if kind == "schools" else may_keep(request, school),
        whole_city=request[VISITOR].school_code is None,
    )
