"""Busy times in /api/v1: the weekly periods a school keeps a teacher or a class for itself."""

from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from classroom_sync.access import identifier, own_school
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import POOL, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.timetabling import need_term
from db import busy, calendar, city, marks
from db.pool import Connection
from scheduler.model import BusyTime


class BusyData(BaseModel, extra="forbid"):
    """Of one teacher or one class."""

    teacher_id: str | None = Field(None, max_length=64)
    class_id: str | None = Field(None, max_length=64)
    weekday: int = Field(ge=1, le=7, description="ISO: 1 Monday … 7 Sunday")
    period: int = Field(ge=1, le=20, description="of the school's own bells")
    reason: str = Field("", max_length=80)


class BusyOut(BusyData):
    model_config = ConfigDict(from_attributes=True)
    id: UUID


class BusyTimesOut(BaseModel):
    busy_times: list[BusyOut]


class BusyMade(BaseModel):
    id: UUID


@endpoint(
    "GET",
    "/busy-times",
    "When schools keep their teachers and classes for themselves",
    action=Action.SEE_CITY,
    answer=BusyTimesOut,
)
async def list_busy_times(request: web.Request) -> BusyTimesOut:
    async with request.app[POOL].connection() as connection:
        found = await busy.of_term(connection, (await need_term(connection)).id)
    return BusyTimesOut(busy_times=[BusyOut.model_validate(each) for each in found])


@endpoint(
    "POST",
    "/busy-times",
    "Keep a teacher or a class of one's own school in a period of every week",
    action=Action.KEEP_TIMES,
    body=BusyData,
    answer=BusyMade,
)
async def add_busy_time(request: web.Request, body: BusyData) -> BusyMade:
    kept = BusyTime(body.teacher_id, body.class_id, body.weekday, body.period, body.reason)
    try:
        async with request.app[POOL].transaction() as connection:
            own_school(request, await _school(connection, kept))
            term = await need_term(connection)
            await _rings(connection, kept)
            made = await busy.add(connection, term.id, kept)
            await marks.add_audit(
                connection,
                request[VISITOR].actor,
                "busy_time_added",
                f"busy:{made}",
                **body.model_dump(mode="json"),
            )
    except busy.KeptAlready:
        raise Refused(409, "This period is kept already: take it back first.") from None
    return BusyMade(id=made)


@endpoint(
    "DELETE",
    "/busy-times/{busy}",
    "Let lessons have a teacher or class in this period again",
    action=Action.KEEP_TIMES,
)
async def remove_busy_time(request: web.Request) -> None:
    async with request.app[POOL].transaction() as connection:
        line = await busy.one(connection, identifier(request.match_info["busy"]))
        if line is None:
            raise Refused(404, "There is no such busy time: it may have been taken back.")
        kept = BusyTime(line.teacher_id, line.class_id, line.weekday, line.period, line.reason)
        own_school(request, await _school(connection, kept))
        await busy.remove(connection, line.id)
        await marks.add_audit(
            connection, request[VISITOR].actor, "busy_time_removed", f"busy:{line.id}"
        )


async def _school(connection: Connection, kept: BusyTime) -> str:
    """The school of the one teacher or class. Raises Refused (422)."""
    if (kept.teacher_id is None) == (kept.class_id is None):
        raise Refused(422, "A busy time is of one teacher or of one class.")
    people = {t.id: t.school_code for t in await city.teachers(connection)}
    classes = {g.id: g.school_code for g in await city.class_groups(connection)}
    school = people.get(kept.teacher_id or "") or classes.get(kept.class_id or "")
    if school is None:
        raise Refused(422, "There is no such teacher or class.")
    return school


async def _rings(connection: Connection, kept: BusyTime) -> None:
    school = await _school(connection, kept)
    schedules = [s for s in await calendar.bells(connection) if s.school_code == school]
    if not any(p.period == kept.period for s in schedules for p in s.periods):
        raise Refused(422, "The school's bells have no such period.")
