"""What has been given out to get in by: paired screens, calendar addresses, media tokens."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from classroom_sync.access import identifier
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from db import accounts, city, feeds, marks, withdrawals
from db.pool import Connection


class DeviceOut(BaseModel):
    id: UUID
    room: str
    school: str
    paired_at: datetime


class CalendarOut(BaseModel):
    id: UUID
    scope: str = Field(description="teacher, room, class or school")
    subject: str = Field(description="whose lessons: the id in that register")
    by: str = Field(description="name of the account that made it")
    made_at: datetime
    used_at: datetime | None


class MediaTokenOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    session_id: UUID
    participant_id: UUID
    direction: str
    stream: str
    made_by: str
    made_at: datetime
    until: datetime


class Given(BaseModel):
    devices: list[DeviceOut]
    calendars: list[CalendarOut]
    media_tokens: list[MediaTokenOut] = Field(
        description="made by hand; those of pages end with their web session"
    )


async def given_out(request: web.Request, connection: Connection) -> Given:
    """What holds, of the city or of the visitor's own school."""
    own, now = request[VISITOR].school_code, request.app[NOW]()
    schools = {r.id: r.school_code for r in await city.rooms(connection)}
    makers = await _makers(connection, own)
    return Given(
        devices=[
            DeviceOut(id=d.id, room=d.room_id, school=schools[d.room_id], paired_at=d.paired_at)
            for d in await accounts.devices(connection)
            if d.revoked_at is None and own in (None, schools[d.room_id])
        ],
        calendars=[
            CalendarOut(
                id=t.id,
                scope=t.scope,
                subject=t.subject_id,
                by=login,
                made_at=t.made_at,
                used_at=t.used_at,
            )
            for t, login in await feeds.all_tokens(connection)
            if t.made_by in makers
        ],
        media_tokens=[
            MediaTokenOut.model_validate(t)
            for t in await withdrawals.media_tokens(connection, now)
            if own in (None, t.school_code)
        ],
    )


async def _makers(connection: Connection, own: str | None) -> set[UUID]:
    """The accounts whose calendar addresses are seen."""
    found = await accounts.all_accounts(connection)
    return {a.id for a in found if own is None or a.school_code == own}


@endpoint(
    "GET",
    "/given",
    "Paired screens, calendar addresses and media tokens that hold",
    action=Action.KEEP_ACCESS,
    answer=Given,
)
async def list_given(request: web.Request) -> Given:
    async with request.app[POOL].connection() as connection:
        return await given_out(request, connection)


def _one_of(known: Iterable[DeviceOut | CalendarOut | MediaTokenOut], text: str) -> UUID:
    """An id from the URL that is in the visitor's list. Raises Refused (404)."""
    wanted = identifier(text)
    if wanted not in {each.id for each in known}:
        raise Refused(404, "This is not given out any more: see the list.")
    return wanted


@endpoint(
    "DELETE",
    "/devices/{device}",
    "Revoke a paired screen: it is put out within seconds",
    action=Action.KEEP_ACCESS,
)
async def revoke_device(request: web.Request) -> None:
    actor, now = request[VISITOR].actor, request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        known = (await given_out(request, connection)).devices
        device_id = _one_of(known, request.match_info["device"])
        room = await accounts.revoke_device(connection, device_id, now)
        await marks.add_audit(connection, actor, "device_revoked", f"device:{device_id}", room=room)


@endpoint(
    "DELETE",
    "/calendars/{feed}",
    "Revoke a calendar address",
    action=Action.KEEP_ACCESS,
)
async def revoke_calendar(request: web.Request) -> None:
    actor, now = request[VISITOR].actor, request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        known = (await given_out(request, connection)).calendars
        feed_id = _one_of(known, request.match_info["feed"])
        [made_by] = [t.made_by for t, _ in await feeds.all_tokens(connection) if t.id == feed_id]
        await feeds.revoke_token(connection, feed_id, made_by, now)
        await marks.add_audit(connection, actor, "feed_revoked", f"feed:{feed_id}")


@endpoint(
    "DELETE",
    "/media-tokens/{token}",
    "Revoke a media token made by hand: its connection ends within seconds",
    action=Action.KEEP_ACCESS,
)
async def revoke_media_token(request: web.Request) -> None:
    actor, now = request[VISITOR].actor, request.app[NOW]()
    async with request.app[POOL].transaction() as connection:
        known = (await given_out(request, connection)).media_tokens
        token_id = _one_of(known, request.match_info["token"])
        await withdrawals.revoke_media_token(connection, token_id, now)
        await marks.add_audit(connection, actor, "media_token_revoked", f"media_token:{token_id}")
