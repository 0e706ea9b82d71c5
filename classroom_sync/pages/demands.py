"""What classes are to be taught: subjects by classes, as the solver is asked for."""

from collections import defaultdict

from aiohttp import web

from classroom_sync.auth import requires
from classroom_sync.keys import LOCALE, POOL, VISITOR
from classroom_sync.pages.bells import may_keep
from classroom_sync.pages.names import read_names
from classroom_sync.pages.rendering import page
from classroom_sync.permissions import Action
from classroom_sync.timetabling import need_term
from db import drafts
from scheduler.model import Demand, SchoolRole

routes = web.RouteTableDef()


@routes.get("/admin/demands")
@requires(Action.SEE_CITY)
async def demands(request: web.Request) -> web.StreamResponse:
    """The demands of a school's classes (`?school=`, by default one's own, else the first)."""
    locale = request[LOCALE]
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        names = await read_names(connection)
        wanted = await drafts.demands(connection, term.id)
    schools = [
        s
        for s in sorted(names.schools.values(), key=lambda s: s.code)
        if s.role is SchoolRole.RECEIVING and s.retired_on is None
    ]
    asked = request.query.get("school") or request[VISITOR].school_code
    school = next((s for s in schools if s.code == asked), next(iter(schools), None))
    groups = [
        g
        for g in names.classes.values()
        if school is not None and g.school_code == school.code and g.retired_on is None
    ]
    found: dict[tuple[str, str], list[Demand]] = defaultdict(list)
    for demand in wanted:
        found[demand.class_id, demand.subject].append(demand)
    ours = {g.id for g in groups}
    return await page(
        request,
        "demands.html",
        term=term,
        schools=schools,
        school=school,
        groups=sorted(groups, key=lambda g: (g.grade, g.name)),
        subjects=[(s.slug, names.subject(s.slug, locale)) for s in names.subjects.values()],
        demands=found,
        lessons=sum(d.lessons_per_week for d in wanted if d.class_id in ours),
        may_edit=may_keep(request, school),
    )
