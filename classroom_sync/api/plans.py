"""Shared lesson plans 教案 in /api/v1: every save is a version, and none is lost.

A save says by If-Match on top of which version it was written. Where another was saved meanwhile,
it is answered 412 with that version and what it changed: nothing of either is thrown away.
"""

import asyncio
from datetime import datetime
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync import markdown
from classroom_sync.access import identifier
from classroom_sync.api.registry import endpoint
from classroom_sync.api.versions import base_of, conflict, etag_of
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.meetings import author_of, need_plan
from classroom_sync.pages.names import read_names
from classroom_sync.permissions import Action
from db import marks, meetings, plans, sessions
from db.pool import Connection
from scheduler.meeting import PlanVersion, compare
from scheduler.model import SessionKind

LONGEST = 60_000  # characters of a plan: it fits a request with all of them Chinese


class PlanText(BaseModel, extra="forbid"):
    text: str = Field(max_length=LONGEST, description="Markdown")


class PlanHtml(BaseModel):
    html: str


class Restoration(BaseModel, extra="forbid"):
    version: int = Field(ge=1)


class ForLesson(BaseModel, extra="forbid"):
    session: UUID | None = Field(description="the dated lesson that the plan is for; null: none")


class TwoVersions(BaseModel, extra="forbid"):
    old: int = Field(ge=1)
    new: int = Field(ge=1)


class PlanVersionOut(BaseModel):
    version: int
    author: str
    saved_at: datetime
    restores: int | None


class PlanOut(PlanVersionOut):
    id: UUID
    title: str
    subject: str | None
    text: str = Field(description="Markdown")
    html: str = Field(description="the same as HTML without scripts, to be shown")
    versions: list[PlanVersionOut]


class LineOut(BaseModel):
    change: str = Field(description="same, added or removed")
    text: str


class DiffOut(BaseModel):
    old: int
    new: int
    lines: list[LineOut]


def _base(request: web.Request) -> int:
    """The version that a save was written on. Raises Refused (428, 412)."""
    found = base_of(request)
    if found is None:
        raise Refused(412, "There is no such version of this lesson plan.")
    return found


async def _out(connection: Connection, plan_id: UUID, title: str, subject: str | None) -> PlanOut:
    found = await plans.versions(connection, plan_id)
    newest = found[-1]
    return PlanOut(
        id=plan_id,
        title=title,
        subject=subject,
        version=newest.number,
        author=newest.author,
        saved_at=newest.saved_at,
        restores=newest.restores,
        text=newest.text,
        html=await asyncio.to_thread(markdown.html, newest.text),
        versions=[
            PlanVersionOut(
                version=v.number, author=v.author, saved_at=v.saved_at, restores=v.restores
            )
            for v in found
        ],
    )


def _answer(found: PlanOut) -> web.Response:
    return web.Response(
        text=found.model_dump_json(),
        content_type="application/json",
        headers={"ETag": etag_of(found.version)},
    )


@endpoint(
    "GET",
    "/plans/{plan}",
    "A lesson plan: its newest version with its ETag, and who saved which",
    action=Action.SEE_MEETINGS,
    answer=PlanOut,
)
async def get_plan(request: web.Request) -> web.StreamResponse:
    plan = await need_plan(request, identifier(request.match_info["plan"]))
    async with request.app[POOL].connection() as connection:
        return _answer(await _out(connection, plan.id, plan.title, plan.subject))


@endpoint(
    "GET",
    "/plans/{plan}/versions/{number}",
    "One version of a lesson plan",
    action=Action.SEE_MEETINGS,
    answer=PlanText,
)
async def get_plan_version(request: web.Request) -> PlanText:
    plan = await need_plan(request, identifier(request.match_info["plan"]))
    async with request.app[POOL].connection() as connection:
        found = await _version(connection, plan.id, request.match_info["number"])
    return PlanText(text=found.text)


async def _version(connection: Connection, plan_id: UUID, number: int | str) -> PlanVersion:
    known = str(number).isascii() and str(number).isdigit() and len(str(number)) < 10
    found = await plans.version(connection, plan_id, int(number)) if known else None
    if found is None:
        raise Refused(404, "There is no such version of this lesson plan.")
    return found


@endpoint(
    "GET",
    "/plans/{plan}/diff",
    "How one version of a lesson plan differs from another, line by line",
    action=Action.SEE_MEETINGS,
    query=TwoVersions,
    answer=DiffOut,
)
async def compare_plan_versions(request: web.Request, query: TwoVersions) -> DiffOut:
    plan = await need_plan(request, identifier(request.match_info["plan"]))
    async with request.app[POOL].connection() as connection:
        old = await _version(connection, plan.id, query.old)
        new = await _version(connection, plan.id, query.new)
    return DiffOut(old=query.old, new=query.new, lines=await _lines(old.text, new.text))


async def _lines(old: str, new: str) -> list[LineOut]:
    compared = await asyncio.to_thread(compare, old, new)
    return [LineOut(change=line.change.value, text=line.text) for line in compared]


@endpoint(
    "PUT",
    "/plans/{plan}",
    "Save a lesson plan as a new version, on top of the one that If-Match names",
    action=Action.MEET,
    body=PlanText,
    answer=PlanOut,
)
async def save_plan(request: web.Request, body: PlanText) -> web.StreamResponse:
    return await _save(request, body.text)


@endpoint(
    "POST",
    "/plans/{plan}/restoration",
    "Bring an earlier version back, as a new one on top of the one that If-Match names",
    action=Action.MEET,
    body=Restoration,
    answer=PlanOut,
)
async def restore_plan_version(request: web.Request, body: Restoration) -> web.StreamResponse:
    return await _save(request, None, body.version)


async def _save(
    request: web.Request, text: str | None, restores: int | None = None
) -> web.StreamResponse:
    plan_id, base = identifier(request.match_info["plan"]), _base(request)
    plan = await need_plan(request, plan_id)
    try:
        async with request.app[POOL].transaction() as connection:
            if restores is not None:
                text = (await _version(connection, plan_id, restores)).text
            await plans.save(
                connection,
                plan_id,
                base,
                text or "",
                saved_by=request[VISITOR].actor,
                author=author_of(request, await read_names(connection)),
                at=request.app[NOW](),
                restores=restores,
            )
            found = await _out(connection, plan_id, plan.title, plan.subject)
            concerned = await meetings.of_plan(connection, plan_id)
    except plans.Stale as error:
        return await _conflict(request, plan_id, base, error.current)
    for session_id in concerned:
        await request.app[LIVE].read_again(session_id)
    return _answer(found)


async def _conflict(
    request: web.Request, plan_id: UUID, base: int, current: PlanVersion
) -> web.Response:
    """412: the version that holds, and what was changed since the one the save was written on."""
    async with request.app[POOL].connection() as connection:
        old = await plans.version(connection, plan_id, base)
    changed = await _lines(old.text if old else "", current.text)
    detail = request[TRANSLATE](
        "{author} saved version {number} meanwhile: look at what was changed, and save again."
    ).format(author=current.author, number=current.number)
    return conflict(
        current.number,
        detail,
        version=current.number,
        author=current.author,
        text=current.text,
        changed=[line.model_dump() for line in changed],
    )


@endpoint(
    "PUT",
    "/plans/{plan}/lesson",
    "Say which dated lesson a lesson plan is for: one of somebody called to a meeting about it",
    action=Action.MEET,
    body=ForLesson,
)
async def attach_plan(request: web.Request, body: ForLesson) -> None:
    plan = await need_plan(request, identifier(request.match_info["plan"]))
    async with request.app[POOL].transaction() as connection:
        if body.session is not None:
            lesson = await sessions.session(connection, body.session)
            called = await _called(connection, plan.id)
            if (
                lesson is None
                or lesson.kind is not SessionKind.LIVE_LESSON
                or called.isdisjoint(p.teacher_id for p in lesson.participants)
            ):
                raise Refused(422, "There is no such lesson: reload the page.")
        await plans.attach(connection, plan.id, body.session)
        await marks.add_audit(
            connection,
            request[VISITOR].actor,
            "plan_attached",
            f"plan:{plan.id}",
            session=str(body.session) if body.session else None,
        )


async def _called(connection: Connection, plan_id: UUID) -> set[str]:
    """The teachers who were called to a meeting about a plan."""
    held = await sessions.by_ids(connection, await meetings.of_plan(connection, plan_id))
    return {p.teacher_id for s in held for p in s.participants if p.teacher_id is not None}


@endpoint(
    "POST",
    "/plans/{plan}/preview",
    "Markdown as HTML without scripts, to be shown; nothing is saved",
    action=Action.MEET,
    body=PlanText,
    answer=PlanHtml,
)
async def preview_plan(request: web.Request, body: PlanText) -> PlanHtml:
    await need_plan(request, identifier(request.match_info["plan"]))
    return PlanHtml(html=await asyncio.to_thread(markdown.html, body.text))
