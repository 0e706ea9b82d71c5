"""What soft rules cost in one draft, in /api/v1: set, or given back their own weights."""

from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import identifier, whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.api.timetable import note, published
from classroom_sync.errors import Refused
from classroom_sync.keys import POOL
from classroom_sync.permissions import Action
from classroom_sync.timetabling import SOFT, rules_of, weights_in
from db import drafts
from db.pool import Connection

Weight = Annotated[int, Field(ge=0, le=1000)]


class Weights(BaseModel, extra="forbid"):
    weights: dict[str, Weight] = Field(
        default={}, description="rule → cost of one unit too many, 0: off; others: their own"
    )


@endpoint(
    "PUT",
    "/timetable/versions/{version}/weights",
    "What soft rules cost in a draft; an empty object resets them to their own weights",
    action=Action.EDIT_TIMETABLE,
    body=Weights,
    answer=Weights,
)
async def set_weights(request: web.Request, body: Weights) -> Weights:
    whole_city(request)
    version_id = identifier(request.match_info["version"])
    if not body.weights.keys() <= SOFT.keys():
        raise Refused(422, "Only soft rules have weights: {rules}.", rules=", ".join(SOFT))
    wanted = {rule: weight for rule, weight in body.weights.items() if weight != SOFT[rule]}
    try:
        async with request.app[POOL].transaction() as connection:
            if not await drafts.set_weights(connection, version_id, wanted):
                raise Refused(
                    404, "There is no such timetable version: it may have been thrown away."
                )
            await note(connection, request, "weights_set", version_id, weights=wanted)
            return await _now(connection, version_id)
    except drafts.NotADraft:
        raise published() from None


async def _now(connection: Connection, version_id: UUID) -> Weights:
    return Weights(weights=weights_in(await rules_of(connection, version_id)))
