"""Shifts in /api/v1: a receiving school's word on what a hub's period displaces."""

from collections.abc import Iterable
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.api.registry import endpoint
from classroom_sync.api.timetable import need_version
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.timetabling import city_now, need_term
from db import drafts, marks
from scheduler.bells import NoBells
from scheduler.board import PlannedLink, grouped, lay_out
from scheduler.city import City, ShiftDecision
from scheduler.model import Lesson


class ShiftAnswer(BaseModel, extra="forbid"):
    school_code: str = Field(max_length=10, description="the receiving school")
    hub_code: str = Field(max_length=10)
    weekday: int | None = Field(default=None, ge=1, le=7, description="none: every day")
    period: int = Field(ge=1, le=20, description="of the hub's bells")
    approved: bool


class ShiftsAnswer(BaseModel, extra="forbid"):
    school_code: str = Field(max_length=10, description="the receiving school")
    version: UUID = Field(description="whose lessons' shifts are meant")
    approved: bool


class Answered(BaseModel):
    shifts: int = Field(description="how many had no answer, and have one now")


@endpoint(
    "POST",
    "/timetable/shifts",
    "Approve or refuse a shift for one's own school; a later word replaces it",
    action=Action.ANSWER_SHIFTS,
    body=ShiftAnswer,
)
async def answer_shift(request: web.Request, body: ShiftAnswer) -> None:
    visitor, now = request[VISITOR], request.app[NOW]()
    _answers_for(request, body.school_code)
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


@endpoint(
    "POST",
    "/timetable/shifts/unanswered",
    "Approve or refuse all shifts of one's own school in a version that have no answer yet",
    action=Action.ANSWER_SHIFTS,
    body=ShiftsAnswer,
    answer=Answered,
)
async def answer_all_shifts(request: web.Request, body: ShiftsAnswer) -> Answered:
    visitor, now = request[VISITOR], request.app[NOW]()
    _answers_for(request, body.school_code)
    async with request.app[POOL].transaction() as connection:
        term = await need_term(connection)
        of = await city_now(connection, term, now)
        version = await need_version(connection, body.version)
        if body.school_code not in of.school or of.school[body.school_code].hub_code is None:
            raise Refused(422, "There is no such school, or its hub has no such period.")
        said = [
            ShiftDecision(body.school_code, hub, period, body.approved, weekday)
            for hub, weekday, period in sorted(shifts_of(of, version.lessons, body.school_code))
            if of.decision(body.school_code, hub, weekday, period) is None
        ]
        await drafts.decide(connection, term.id, said, visitor.actor, now)
        await marks.add_audit(
            connection,
            visitor.actor,
            "shifts_approved" if body.approved else "shifts_refused",
            f"school:{body.school_code}",
            version=str(version.id),
            shifts=[[each.hub_code, each.weekday, each.period] for each in said],
        )
    return Answered(shifts=len(said))


def shifts_of(
    of: City, lessons: Iterable[Lesson], school_code: str
) -> dict[tuple[str, int, int], list[PlannedLink]]:
    """Hub, weekday and period of the sessions that a school takes part in → its links to them.

    Raises Refused (409) where a school of the lessons has no such bell.
    """
    try:
        board = lay_out(of, lessons)
    except NoBells:
        raise Refused(
            409, "A lesson is in a period that its school's bells do not have: move or remove it."
        ) from None
    links = [k for k in board.links if k.school_code == school_code]
    return grouped(links, lambda k: (k.session.hub_code, k.weekday, k.session.period))


def _answers_for(request: web.Request, school_code: str) -> None:
    if request[VISITOR].school_code not in (None, school_code):
        raise Refused(403, "Only an administrator of this school answers for it.")
