"""Demands 开课需求 in /api/v1: how many lessons a week of a subject each class is to have."""

from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import own_school
from classroom_sync.api.needs import OfSchool
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import POOL, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.timetabling import need_term
from db import city, drafts, marks, timetable
from scheduler.model import Demand, SchoolRole, Weeks


class DemandOut(BaseModel):
    class_id: str
    subject: str
    weeks: Weeks
    lessons_per_week: int


class DemandsOut(BaseModel):
    term: str
    demands: list[DemandOut]


class DemandIn(BaseModel, extra="forbid"):
    classes: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=200)
    subject: str = Field(max_length=64)
    weeks: Literal["all", "odd", "even"] = "all"
    lessons_per_week: int = Field(ge=0, le=10, description="0: it asks for none any more")


class Copied(BaseModel):
    demands: int


@endpoint(
    "GET",
    "/demands",
    "What the classes of a school are to be taught this term",
    action=Action.SEE_CITY,
    query=OfSchool,
    answer=DemandsOut,
)
async def get_demands(request: web.Request, query: OfSchool) -> DemandsOut:
    async with request.app[POOL].connection() as connection:
        term = await need_term(connection)
        groups = {g.id: g for g in await city.class_groups(connection)}
        found = await drafts.demands(connection, term.id)
    return DemandsOut(
        term=term.id,
        demands=[
            DemandOut(
                class_id=d.class_id,
                subject=d.subject,
                weeks=d.weeks,
                lessons_per_week=d.lessons_per_week,
            )
            for d in found
            if groups[d.class_id].school_code == query.school
        ],
    )


@endpoint(
    "PUT",
    "/demands",
    "How many lessons a week of a subject some classes are to have this term",
    action=Action.DECLARE_NEEDS,
    body=DemandIn,
)
async def ask_for(request: web.Request, body: DemandIn) -> None:
    visitor = request[VISITOR]
    weeks = Weeks(body.weeks)
    async with request.app[POOL].transaction() as connection:
        term = await need_term(connection)
        groups = {g.id: g for g in await city.class_groups(connection)}
        schools = {s.code: s for s in await city.schools(connection)}
        classes = dict.fromkeys(body.classes)
        for each in classes:
            group = groups.get(each)
            if group is None or schools[group.school_code].role is not SchoolRole.RECEIVING:
                raise Refused(422, "There is no such class of a receiving school.")
            own_school(request, group.school_code)
        if body.subject not in {s.slug for s in await city.subjects(connection)}:
            raise Refused(422, "There is no such subject.")
        wanted = [Demand(each, body.subject, body.lessons_per_week, weeks) for each in classes]
        await timetable.set_demands(connection, term.id, wanted)
        await marks.add_audit(
            connection,
            visitor.actor,
            "demand_set",
            f"term:{term.id}",
            classes=list(classes),
            subject=body.subject,
            weeks=weeks.value,
            lessons=body.lessons_per_week,
        )


@endpoint(
    "POST",
    "/demands/copy",
    "Take over what a school asked for in the term before; what is entered already stays",
    action=Action.DECLARE_NEEDS,
    body=OfSchool,
    answer=Copied,
)
async def copy_demands(request: web.Request, body: OfSchool) -> Copied:
    own_school(request, body.school)
    async with request.app[POOL].transaction() as connection:
        term = await need_term(connection)
        copied = await timetable.copy_demands(connection, term.id, body.school)
        await marks.add_audit(
            connection,
            request[VISITOR].actor,
            "demands_copied",
            f"term:{term.id}",
            school=body.school,
            demands=copied,
        )
    return Copied(demands=copied)
