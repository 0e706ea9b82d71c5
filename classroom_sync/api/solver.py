"""The solver in /api/v1: begun, watched while it searches, stopped with the best kept."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import whole_city
from classroom_sync.api.registry import endpoint
from classroom_sync.api.timetable import need_version
from classroom_sync.errors import Refused
from classroom_sync.keys import LOCALE, NOW, POOL, SOLVER, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.solver_runs import Busy, Run, Wish
from classroom_sync.timetabling import RULES, city_now, need_term, rules_of
from db import drafts, marks
from scheduler.model import Lesson
from scheduler.plan import Plan

_WORKERS = 4  # even on two cores, as docs/benchmarks.md measured


class SolverWish(BaseModel, extra="forbid"):
    base: UUID | None = Field(
        None, description="a version to build on, by its weights; none: from scratch"
    )
    keep: Literal["locked", "all"] = Field(default="locked", description="which lessons of `base`")
    seconds: int = Field(default=60, ge=1, le=1800, description="how long to search")
    seed: int = Field(default=1, ge=0, le=2**31 - 1, description="same seed, same answer")


class Unmet(BaseModel):
    what: str
    why: str | None


class SolverState(BaseModel):
    state: Literal["idle", "running", "stopping", "done", "failed"]
    started_at: datetime | None = None
    limit: float | None = Field(default=None, description="seconds it may search")
    seconds: float | None = None
    best: int | None = Field(default=None, description="cost of the best timetable so far")
    bound: int | None = Field(default=None, description="no timetable costs less")
    gap: float | None = None
    missing: int | None = Field(default=None, description="lessons a week without a place")
    proven: bool = Field(default=False, description="no better timetable exists")
    repeatable: bool = True
    draft: UUID | None = Field(default=None, description="the draft that the result became")
    unmet: list[Unmet] = []
    impossible: list[str] = []


def state_of(run: Run | None, locale: str) -> SolverState:
    """What is known of a run, in a language."""
    if run is None:
        return SolverState(state="idle")
    known = run.result or run.progress or {}
    found = {k: known[k] for k in ("seconds", "best", "bound", "gap", "missing") if k in known}
    result = run.result or {}
    return SolverState(
        state=run.state,
        started_at=run.started_at,
        limit=run.wish.seconds,
        **found,
        proven=result.get("proven", False),
        repeatable=result.get("repeatable", True),
        draft=run.draft,
        unmet=[
            Unmet(what=u["what"][locale], why=u["why"][locale] if u["why"] else None)
            for u in result.get("unmet", ())
        ],
        impossible=[each[locale] for each in result.get("impossible", ())],
    )


@endpoint(
    "GET",
    "/timetable/solver",
    "The solver run under way, or the last one",
    action=Action.SEE_CITY,
    answer=SolverState,
)
async def get_solver(request: web.Request) -> SolverState:
    return state_of(request.app[SOLVER].run, request[LOCALE])


@endpoint(
    "POST",
    "/timetable/solver",
    "Search for a timetable from the demands; one search at a time",
    action=Action.EDIT_TIMETABLE,
    body=SolverWish,
    answer=SolverState,
)
async def start_solver(request: web.Request, body: SolverWish) -> SolverState:
    whole_city(request)
    async with request.app[POOL].transaction() as connection:
        term = await need_term(connection)
        of = await city_now(connection, term, request.app[NOW]())
        lessons: tuple[Lesson, ...] = ()
        locked: frozenset[UUID] = frozenset()
        by = RULES
        if body.base is not None:
            base = await need_version(connection, body.base)
            locked = await drafts.locked(connection, base.id)
            by = await rules_of(connection, base.id)
            lessons = tuple(k for k in base.lessons if body.keep == "all" or k.id in locked)
        if not of.demands:
            raise Refused(409, "No demands are entered: there is nothing to search for.")
        wish = Wish(
            Plan(of, lessons, by, term),
            term.id,
            body.seconds,
            body.seed,
            _WORKERS,
            request[VISITOR].actor,
            locked,
        )
        try:
            run = request.app[SOLVER].start(wish)
        except Busy:
            raise Refused(
                409, "A search is under way already: wait for it, or stop it first."
            ) from None
        await marks.add_audit(connection, wish.actor, "solver_started", f"term:{term.id}")
    return state_of(run, request[LOCALE])


@endpoint(
    "POST",
    "/timetable/solver/stop",
    "Stop the search; the best found so far is kept",
    action=Action.EDIT_TIMETABLE,
)
async def stop_solver(request: web.Request) -> None:
    whole_city(request)
    await request.app[SOLVER].stop()


@endpoint(
    "GET",
    "/timetable/solver/events",
    "The solver's state whenever it changes, as server-sent events",
    action=Action.SEE_CITY,
)
async def watch_solver(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    with suppress(ConnectionError, asyncio.CancelledError):
        async for run in request.app[SOLVER].watch():
            state = state_of(run, request[LOCALE])
            await response.write(f"data: {state.model_dump_json()}\n\n".encode())
    return response
