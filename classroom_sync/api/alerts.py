"""Alerts and digests in /api/v1."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from db import alerts, city, digests

_SINCE = timedelta(days=1)


class AlertOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    session_id: UUID
    participant_id: UUID
    room_id: str
    dark_since: datetime
    opened_at: datetime
    closed_at: datetime | None
    closed_why: str | None = Field(description="back, or ended with the lesson; none: it stands")
    times: int = Field(description="how often it has been opened")


class Alerts(BaseModel):
    alerts: list[AlertOut]


@endpoint(
    "GET",
    "/alerts",
    "Rooms that are dark in a lesson, and those that were in the last day",
    action=Action.SEE_CITY,
    answer=Alerts,
)
async def list_alerts(request: web.Request) -> Alerts:
    school = request[VISITOR].school_code
    async with request.app[POOL].connection() as connection:
        found = await alerts.since(connection, request.app[NOW]() - _SINCE, 500)
        of = {r.id: r.school_code for r in await city.rooms(connection)}
    seen = [a for a in found if school in (None, of[a.room_id])]
    return Alerts(alerts=[AlertOut.model_validate(a) for a in seen])


class DigestOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    zone: str
    day: date
    made_at: datetime
    content: dict[str, Any] = Field(description="as it is sent by webhook: docs/alerts.md")


@endpoint(
    "GET",
    "/digests/{day}",
    "The digest of a day",
    action=Action.SEE_CITY,
    answer=DigestOut,
)
async def get_digest(request: web.Request) -> DigestOut:
    try:
        day = date.fromisoformat(request.match_info["day"])
    except ValueError:
        raise Refused(422, "That is not a day: write it as 2026-09-01.") from None
    async with request.app[POOL].connection() as connection:
        found = await digests.digest(connection, day)
    if found is None:
        raise Refused(404, "There is no digest of that day: it is made in the evening.")
    return DigestOut.model_validate(found)
