"""Shifts in /api/v1: a receiving school's word on what a hub's period displaces."""

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.timetabling import city_now, need_term
from db import drafts, marks
from scheduler.city import ShiftDecision


class ShiftAnswer(BaseModel, extra="forbid"):
    school_code: str = Field(max_length=10, description="the receiving school")
    hub_code: str = Field(max_length=10)
    weekday: int | None = Field(default=None, ge=1, le=7, description="none: every day")
    period: int = Field(ge=1, le=20, description="of the hub's bells")
    approved: bool


@endpoint(
    "POST",
    "/timetable/shifts",
    "Approve or refuse a shift for one's own school; a later word replaces it",
    action=Action.ANSWER_SHIFTS,
    body=ShiftAnswer,
)
async def answer_shift(request: web.Request, body: ShiftAnswer) -> None:
    visitor, now = request[VISITOR], request.app[NOW]()
    if visitor.school_code not in (None, body.school_code):
        raise Refused(403, "Only an administrator of this school answers for it.")
    async with request.app[POOL].transaction() as connection:
        term = await need_term(connection)
        of = await city_now(connection, term, now)
        school = of.school.get(body.school_code)
        rings = body.period in of.periods.get(body.hub_code, {})
        if school is None or school.hub_code is None or not rings:
            raise Refused(422, "There is no such school, or its hub has no such period.")
        said = ShiftDecision(
            body.school_code, body.hub_code, body.period, body.approved, body.weekday
        )
        await drafts.decide(connection, term.id, [said], visitor.actor, now)
        await marks.add_audit(
            connection,
            visitor.actor,
            "shift_approved" if body.approved else "shift_refused",
            f"school:{body.school_code}",
            hub=body.hub_code,
            weekday=body.weekday,
            period=body.period,
        )
