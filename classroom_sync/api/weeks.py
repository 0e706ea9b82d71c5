"""Weeks of a draft copied onto others, in /api/v1; the answer undoes it."""

from typing import Literal
from uuid import uuid4

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import identifier, whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.api.timetable import Changed, apply, need_version, note
from classroom_sync.errors import Refused
from classroom_sync.keys import POOL
from classroom_sync.permissions import Action
from classroom_sync.timetabling import need_term
from db import drafts
from scheduler.calendar import week_of
from scheduler.model import Weeks
from scheduler.weeks import copied, parity_copy, range_copy


class WeeksCopy(BaseModel, extra="forbid"):
    """What some weeks hold, others shall hold: `range` needs `first`, `last` and `to`."""

    copy_of: Literal["range", "odd", "even"]
    first: int | None = Field(None, ge=1, le=60, description="first teaching week to copy")
    last: int | None = Field(None, ge=1, le=60)
    to: int | None = Field(None, ge=1, le=60, description="the week that the first is copied to")


@endpoint(
    "POST",
    "/timetable/versions/{version}/weeks",
    "Let some weeks of a draft hold what others do: a range, or odd or even weeks",
    action=Action.EDIT_TIMETABLE,
    body=WeeksCopy,
    answer=Changed,
)
async def copy_weeks(request: web.Request, body: WeeksCopy) -> Changed:
    whole_city(request)
    version_id = identifier(request.match_info["version"])
    async with request.app[POOL].transaction() as connection:
        term = await need_term(connection)
        draft = await need_version(connection, version_id)
        locked = await drafts.locked(connection, draft.id)
        total = week_of(term, term.ends_on)
        found = copied(draft.lessons, locked, _weeks(body, total), total, uuid4)
        wanted = drafts.Change(found.put, found.locked, found.remove)
        undo = await apply(connection, request, version_id, wanted)
        await note(
            connection, request, "weeks_copied", version_id, **body.model_dump(exclude_none=True)
        )
    return undo


def _weeks(wish: WeeksCopy, total: int) -> dict[int, int]:
    if wish.copy_of != "range":
        return parity_copy(Weeks(wish.copy_of), total)
    first, to = wish.first, wish.to
    last = wish.last if wish.last is not None else first
    if first is None or last is None or to is None or last < first:
        raise Refused(422, "Say which weeks are copied, from the first to the last, and to which.")
    end = to + last - first
    if max(last, end) > total:
        raise Refused(422, "The term ends with week {count}.", count=total)
    if first <= end and to <= last:
        raise Refused(422, "Weeks are copied to other weeks than themselves.")
    return range_copy(first, last, to)
