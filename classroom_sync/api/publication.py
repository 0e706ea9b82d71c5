"""The publication of a draft in /api/v1."""

from datetime import date

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import identifier, whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.api.timetable import VersionOut, need_version
from classroom_sync.keys import LOCALE, NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.publishing import publish
from classroom_sync.timetabling import need_term
from db.pool import Connection


class Publication(BaseModel, extra="forbid"):
    valid_from: date = Field(description="today or later")
    despite_conflicts: bool = False


class PublishedVersion(VersionOut):
    said: list[str] = Field(description="what clashes, and what of single days could not be kept")


class Foreseen(BaseModel):
    said: list[str] = Field(description="what would clash, and what of single days would be lost")


class _Undone(Exception):
    """Ends the transaction of a publication that was only tried."""


@endpoint(
    "POST",
    "/timetable/versions/{version}/publication/preview",
    "What publishing a draft from a day on would not keep; nothing is saved",
    action=Action.EDIT_TIMETABLE,
    body=Publication,
    answer=Foreseen,
)
async def preview_publication(request: web.Request, body: Publication) -> Foreseen:
    whole_city(request)
    said: list[str] = []
    try:
        async with request.app[POOL].transaction() as connection:
            said += (await _publish(request, connection, body)).said
            raise _Undone
    except _Undone:
        return Foreseen(said=said)


@endpoint(
    "POST",
    "/timetable/versions/{version}/publication",
    "Publish a draft from a day on; it can't change any more",
    action=Action.EDIT_TIMETABLE,
    body=Publication,
    answer=PublishedVersion,
)
async def publish_draft(request: web.Request, body: Publication) -> PublishedVersion:
    whole_city(request)
    async with request.app[POOL].transaction() as connection:
        return await _publish(request, connection, body)


async def _publish(
    request: web.Request, connection: Connection, body: Publication
) -> PublishedVersion:
    draft = await need_version(connection, identifier(request.match_info["version"]))
    done = await publish(
        connection,
        await need_term(connection),
        draft,
        body.valid_from,
        request.app[NOW](),
        request[VISITOR].actor,
        despite_conflicts=body.despite_conflicts,
    )
    now_is = await need_version(connection, draft.id)
    return PublishedVersion(
        **VersionOut.model_validate(now_is).model_dump(),
        said=[each.say(request[TRANSLATE], request[LOCALE]) for each in done.said],
    )
