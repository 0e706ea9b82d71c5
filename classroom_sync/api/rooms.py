"""The life of rooms in /api/v1: planned, installed, accepted, retired; who, when and why."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from classroom_sync import room_moves
from classroom_sync.access import whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from db import acceptance, city, marks, room_life
from scheduler.model import RoomKind, RoomStatus

Text = Annotated[str, Field(max_length=500)]


class RoomIn(BaseModel, extra="forbid"):
    id: str = Field(pattern=r"^[A-Za-z0-9-]{1,40}$", description="its address in this server")
    school_code: str = Field(pattern=r"^[0-9]{10}$")
    name: str = Field(min_length=1, max_length=60)
    kind: RoomKind
    phase: Literal[1, 2]
    planned_on: date | None = Field(None, description="none: today")
    funding: Text = ""


class MoveOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    from_status: str | None
    to_status: str
    on_day: date | None
    at: datetime
    actor: str
    why: str
    test_id: UUID | None


class TestBrief(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None
    passed: bool | None


class RoomLifeOut(BaseModel):
    room: str
    status: str
    phase: int
    funding: str
    planned_on: date | None
    installed_on: date | None
    accepted_on: date | None
    retired_on: date | None
    history: list[MoveOut]
    tests: list[TestBrief] = Field(description="acceptance tests, newest first")


@endpoint(
    "POST",
    "/rooms",
    "Enter a planned room into the register",
    action=Action.MANAGE_ROOMS,
    body=RoomIn,
)
async def add_room(request: web.Request, body: RoomIn) -> None:
    whole_city(request)
    today = room_moves.local_day(request.app[NOW]())
    if body.planned_on is not None and body.planned_on > today:
        raise Refused(422, "That day has not come yet: say when it was, not when it will be.")
    async with request.app[POOL].transaction() as connection:
        if body.school_code not in {s.code for s in await city.schools(connection)}:
            raise Refused(404, "There is no such school: see the list of schools.")
        try:
            await room_life.add_planned(
                connection,
                room_id=body.id,
                school_code=body.school_code,
                name=body.name,
                kind=body.kind,
                phase=body.phase,
                planned_on=body.planned_on or today,
                funding=body.funding,
                actor=request[VISITOR].actor,
            )
        except room_life.RoomExists as error:
            raise Refused(409, "There is a room of that name: see the list of rooms.") from error
        actor = request[VISITOR].actor
        await marks.add_audit(connection, actor, "room_planned", f"room:{body.id}")


@endpoint(
    "GET",
    "/rooms/{room}/life",
    "A room's status, dates, funding, history and acceptance tests",
    action=Action.SEE_CITY,
    answer=RoomLifeOut,
)
async def get_life(request: web.Request) -> RoomLifeOut:
    room_id = request.match_info["room"]
    async with request.app[POOL].connection() as connection:
        life = await room_moves.need_life(connection, room_id)
        history = await room_life.history(connection, room_id)
        tests = await acceptance.of_room(connection, room_id)
    return RoomLifeOut(
        room=room_id,
        status=life.status,
        phase=life.phase,
        funding=life.funding,
        planned_on=life.planned_on,
        installed_on=life.installed_on,
        accepted_on=life.accepted_on,
        retired_on=life.retired_on,
        history=[MoveOut.model_validate(m) for m in history],
        tests=[TestBrief.model_validate(t) for t in tests],
    )


class Step(BaseModel, extra="forbid"):
    status: Literal["installed", "accepted", "retired"]
    on: date | None = Field(None, description="the day it became so; none: today")
    why: Text = Field("", description="accepted without a passed test: the reason, a sentence")


@endpoint(
    "POST",
    "/rooms/{room}/status",
    "Move a room along its life; accepted only for a reason, else by its test",
    action=Action.MANAGE_ROOMS,
    body=Step,
)
async def move_room(request: web.Request, body: Step) -> None:
    whole_city(request)
    async with request.app[POOL].transaction() as connection:
        await room_moves.move(
            connection,
            request.match_info["room"],
            RoomStatus(body.status),
            on_day=body.on,
            now=request.app[NOW](),
            actor=request[VISITOR].actor,
            why=body.why,
        )


class Note(BaseModel, extra="forbid"):
    phase: Literal[1, 2]
    funding: Text = ""


@endpoint(
    "PUT",
    "/rooms/{room}/note",
    "Set a room's build phase and the note on its funding",
    action=Action.MANAGE_ROOMS,
    body=Note,
)
async def note_room(request: web.Request, body: Note) -> None:
    whole_city(request)
    room_id = request.match_info["room"]
    async with request.app[POOL].transaction() as connection:
        await room_moves.need_life(connection, room_id)
        await room_life.note(connection, room_id, body.phase, body.funding)
        await marks.add_audit(
            connection,
            request[VISITOR].actor,
            "room_noted",
            f"room:{room_id}",
            phase=body.phase,
            funding=body.funding,
        )
