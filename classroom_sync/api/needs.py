"""Declared needs in /api/v1: what a receiving school can't give in full (indicator 10)."""

from datetime import date
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import own_school
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from db import calendar, city, marks, needs
from db.needs import DeclaredNeed, NotDeclarable
from scheduler.model import DEFAULT_ZONE, SchoolRole


class OfSchool(BaseModel, extra="forbid"):
    school: str = Field(max_length=10)


class NeedOut(BaseModel):
    subject: str
    grade: int
    declared_on: date


class NeedsOut(BaseModel):
    school: str
    needs: list[NeedOut]


class NeedIn(BaseModel, extra="forbid"):
    school_code: str = Field(max_length=10, description="the receiving school")
    subject: str = Field(max_length=40)
    grade: int = Field(ge=1, le=9)
    declared: bool = Field(description="false: from today on the school gives it in full itself")


@endpoint(
    "GET",
    "/needs",
    "What a school declared it can't give in full",
    action=Action.SEE_CITY,
    query=OfSchool,
    answer=NeedsOut,
)
async def get_needs(request: web.Request, query: OfSchool) -> NeedsOut:
    async with request.app[POOL].connection() as connection:
        found = await needs.declared(connection, query.school)
    return NeedsOut(
        school=query.school,
        needs=[
            NeedOut(subject=need.subject, grade=need.grade, declared_on=need.declared_on)
            for need in found
        ],
    )


@endpoint(
    "POST",
    "/needs",
    "Declare, or withdraw, that one's own school can't give a subject in a grade in full",
    action=Action.DECLARE_NEEDS,
    body=NeedIn,
)
async def declare(request: web.Request, body: NeedIn) -> None:
    visitor = request[VISITOR]
    own_school(request, body.school_code)
    async with request.app[POOL].transaction() as connection:
        schools = {s.code: s for s in await city.schools(connection)}
        school = schools.get(body.school_code)
        if school is None or school.role is not SchoolRole.RECEIVING:
            raise Refused(422, "There is no such receiving school: see the list of schools.")
        term = await calendar.latest_term(connection)
        zone = ZoneInfo(term.zone if term else DEFAULT_ZONE)
        today = request.app[NOW]().astimezone(zone).date()
        if body.declared:
            need = DeclaredNeed(school.code, body.subject, body.grade, today, visitor.actor)
            try:
                await needs.declare(connection, need)
            except NotDeclarable:
                raise Refused(
                    422, "There is no such subject, or it was withdrawn today: try tomorrow."
                ) from None
        elif not await needs.withdraw(connection, school.code, body.subject, body.grade, today):
            raise Refused(409, "This was not declared before today: only what was is withdrawn.")
        await marks.add_audit(
            connection,
            visitor.actor,
            "need_declared" if body.declared else "need_withdrawn",
            f"school:{school.code}",
            subject=body.subject,
            grade=body.grade,
        )
