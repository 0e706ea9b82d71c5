"""Recordings in /api/v1: switched on and off, listed, published, cut, deleted."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import seat_in
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, POOL, SETTINGS, VISITOR, WORKS
from classroom_sync.permissions import Action
from classroom_sync.recording_access import ready_for, recording_for, watched_for
from classroom_sync.recording_list import read_list
from classroom_sync.recording_works import WorkFailed
from classroom_sync.store import StoreError
from db import marks, meetings, recordings
from scheduler.model import DEFAULT_ZONE
from scheduler.recording import Recording, RecordingState, delete_after


class RecordWish(BaseModel, extra="forbid"):
    on: bool = Field(description="record from now on, or no longer")
    rooms: bool = Field(
        False,
        description="the classrooms' pictures too, where that is allowed; in a meeting everybody's",
    )


@endpoint(
    "POST",
    "/sessions/{session}/recording",
    "Record a lesson or a meeting under way, or stop recording it",
    action=Action.TEACH,
    body=RecordWish,
)
async def record(request: web.Request, body: RecordWish) -> None:
    seat = await seat_in(request, request.match_info["session"])
    if not seat.leads:
        raise Refused(403, "Only the lead teacher may do this.")
    await request.app[LIVE].record(seat.session_id, seat.actor, on=body.on, rooms=body.rooms)


class RecordingOut(BaseModel):
    id: UUID
    session: UUID | None
    title: str = Field(description="of an upload, or a meeting")
    state: str = Field(description="recording, joining, uploading, ready, failed or deleted")
    cause: str | None = Field(description="why it failed, or ended before its lesson")
    started_at: datetime
    ended_at: datetime | None
    duration_ms: int | None
    bytes: int | None
    mime: str | None
    published: bool
    delete_after: datetime | None
    media: str | None = Field(description="where its main picture and sound are, by ranges")


class RecordingsOut(BaseModel):
    recordings: list[RecordingOut]


def _out(of: Recording, meeting: str | None = None) -> RecordingOut:
    ready = of.state is RecordingState.READY
    return RecordingOut(
        id=of.id,
        session=of.session_id,
        title=meeting or of.title,
        state=of.state.value,
        cause=of.cause,
        started_at=of.started_at,
        ended_at=of.ended_at,
        duration_ms=of.duration_ms,
        bytes=of.bytes,
        mime=of.mime,
        published=of.published,
        delete_after=of.delete_after,
        media=f"/recordings/{of.id}/media/main/1" if ready else None,
    )


@endpoint(
    "GET",
    "/recordings",
    "The recordings of one's own lessons and meetings, or of one's school or city",
    action=Action.KEEP_RECORDINGS,
    answer=RecordingsOut,
)
async def list_recordings(request: web.Request) -> RecordingsOut:
    async with request.app[POOL].connection() as connection:
        lines = await read_list(request, connection)
    return RecordingsOut(recordings=[_out(line.recording, line.meeting) for line in lines])


@endpoint(
    "GET",
    "/recordings/{recording}",
    "One recording",
    action=Action.KEEP_RECORDINGS,
    answer=RecordingOut,
)
async def get_recording(request: web.Request) -> RecordingOut:
    async with request.app[POOL].connection() as connection:
        found, _ = await watched_for(request, connection)
        of = [found.session_id] if found.session_id is not None else []
        titles = await meetings.titles(connection, of)
    return _out(found, next(iter(titles.values()), None))


class PublishWish(BaseModel, extra="forbid"):
    published: bool


@endpoint(
    "POST",
    "/recordings/{recording}/publication",
    "Publish a recording, which keeps it until the school year ends; or take that back",
    action=Action.KEEP_RECORDINGS,
    body=PublishWish,
)
async def publish(request: web.Request, body: PublishWish) -> None:
    async with request.app[POOL].transaction() as connection:
        found = await ready_for(request, connection)
        day = found.started_at.astimezone(ZoneInfo(DEFAULT_ZONE)).date()
        until = delete_after(
            found.started_at,
            published=body.published,
            raw_days=request.app[SETTINGS].recording_days,
            year_ends=await recordings.year_ends(connection, day),
            zone=DEFAULT_ZONE,
        )
        await recordings.publish(connection, found.id, published=body.published, delete_after=until)
        action = "recording_published" if body.published else "recording_withdrawn"
        await marks.add_audit(connection, request[VISITOR].actor, action, f"recording:{found.id}")


class CutWish(BaseModel, extra="forbid"):
    from_seconds: float = Field(0, ge=0, description="cut off what is before; at a key frame")
    to_seconds: float = Field(ge=0, description="cut off what is after")


@endpoint(
    "POST",
    "/recordings/{recording}/cut",
    "Cut the start and the end off, for good; nothing is encoded anew",
    action=Action.KEEP_RECORDINGS,
    body=CutWish,
)
async def cut(request: web.Request, body: CutWish) -> None:
    async with request.app[POOL].connection() as connection:
        found = await ready_for(request, connection)
    try:
        await request.app[WORKS].cut(
            found,
            round(body.from_seconds * 1000),
            round(body.to_seconds * 1000),
            request[VISITOR].actor,
        )
    except WorkFailed:
        raise Refused(
            422, "Nothing would be left: choose an earlier start or a later end."
        ) from None
    except StoreError:
        raise Refused(503, "The store of recordings can't be reached: try again later.") from None


@endpoint(
    "DELETE",
    "/recordings/{recording}",
    "Delete a recording's files; its row stays",
    action=Action.KEEP_RECORDINGS,
)
async def delete(request: web.Request) -> None:
    async with request.app[POOL].connection() as connection:
        found = await recording_for(request, connection)
    if found.state not in (RecordingState.READY, RecordingState.FAILED):
        raise Refused(409, "This recording is not ready.")
    try:
        await request.app[WORKS].delete(found, request[VISITOR].actor)
    except StoreError:
        raise Refused(503, "The store of recordings can't be reached: try again later.") from None


@endpoint(
    "POST",
    "/recordings/{recording}/joining",
    "Try once more to join what failed",
    action=Action.KEEP_RECORDINGS,
)
async def join_again(request: web.Request) -> None:
    async with request.app[POOL].transaction() as connection:
        found = await recording_for(request, connection)
        if not await recordings.join_again(connection, found.id):
            raise Refused(409, "Only a recording that failed can be tried again.")
        about = f"recording:{found.id}"
        await marks.add_audit(connection, request[VISITOR].actor, "recording_retried", about)
