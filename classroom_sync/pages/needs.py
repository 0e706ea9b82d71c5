"""What a receiving school declared it can't give in full: subjects by grades (indicator 10)."""

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.keys import LOCALE, POOL, VISITOR
from classroom_sync.pages.bells import may_keep
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from db import needs
from scheduler.model import SchoolRole

routes = web.RouteTableDef()


@routes.get("/admin/needs")
@requires(Action.SEE_CITY)
async def declared_needs(request: web.Request) -> web.StreamResponse:
    """The needs of a school (`?school=`, by default one's own, else the first)."""
    locale = request[LOCALE]
    async with request.app[POOL].connection() as connection:
        names = await read_names(connection)
        schools = [
            s
            for s in sorted(names.schools.values(), key=lambda s: s.code)
            if s.role is SchoolRole.RECEIVING and s.retired_on is None
        ]
        asked = request.query.get("school") or request[VISITOR].school_code
        school = next((s for s in schools if s.code == asked), next(iter(schools), None))
        found = await needs.declared(connection, school.code) if school else ()
    code = school.code if school else ""
    grades = {g.grade for g in names.classes.values() if g.school_code == code}
    return await page(
        request,
        "needs.html",
        schools=schools,
        school=school,
        subjects=[(s.slug, names.subject(s.slug, locale)) for s in names.subjects.values()],
        grades=sorted(grades | {need.grade for need in found}),
        needs={(need.subject, need.grade): need for need in found},
        may_edit=may_keep(request, school),
    )
