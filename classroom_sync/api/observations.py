"""Observations in /api/v1: begun, saved as they are written, submitted for good, and summarized."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.access import identifier
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.observation.access import may_observe, observed, reviewed
from classroom_sync.observation.record import Reviewed, read_reviewed
from classroom_sync.permissions import Action
from db import evaluations, marks, observations, rubrics, sessions
from db.pool import Connection
from scheduler.model import SessionState
from scheduler.observation import Observation, Rubric, Spread, score, unmarked

Position = Annotated[int, Field(ge=1, le=20)]
MarkIn = Annotated[int, Field(ge=0, le=100)]
Note = Annotated[str, Field(max_length=2000)]

#: A lesson can be evaluated from its first minute on; one that was not held can't.
EVALUATED = (SessionState.LIVE, SessionState.ENDED)


class MarkOut(BaseModel):
    position: int = Field(description="of the criterion, from 1")
    mark: int | None
    note: str


class ObservationOut(BaseModel):
    id: UUID
    session: UUID
    observer: str
    rubric: int = Field(description="the version of the rubric that it is by")
    corrects: UUID | None
    marks: list[MarkOut]
    remark: str
    saved_at: datetime
    submitted_at: datetime | None
    score: float | None = Field(description="of 100; once it is submitted")


def _out(of: Observation) -> ObservationOut:
    return ObservationOut(
        id=of.id,
        session=of.session_id,
        observer=of.observer.name,
        rubric=of.rubric,
        corrects=of.corrects_id,
        marks=[MarkOut(position=m.position, mark=m.mark, note=m.note) for m in of.marks],
        remark=of.remark,
        saved_at=of.saved_at,
        submitted_at=of.submitted_at,
        score=of.score,
    )


@endpoint(
    "POST",
    "/sessions/{session}/observations",
    "One's draft of a lesson: the one there is, a new one, or a correction of what was submitted",
    action=Action.OBSERVE,
    answer=ObservationOut,
)
async def begin_observation(request: web.Request) -> ObservationOut:
    account_id, now = request[VISITOR].account_id, request.app[NOW]()
    assert account_id is not None, "only accounts observe"
    async with request.app[POOL].transaction() as connection:
        session = await observed(request, connection)
        if session.state not in (SessionState.OPEN, *EVALUATED):
            raise Refused(409, "This lesson was not held yet: there is nothing to evaluate.")
        return _out(await observations.begin(connection, session.id, account_id, now))


class Changes(BaseModel, extra="forbid"):
    """What has changed since it was saved last."""

    marks: dict[Position, MarkIn | None] = Field({}, max_length=20)
    notes: dict[Position, Note] = Field({}, max_length=20)
    remark: str | None = Field(None, max_length=4000)


@endpoint(
    "PATCH",
    "/observations/{observation}",
    "Save what has changed of one's draft",
    action=Action.OBSERVE,
    body=Changes,
    answer=ObservationOut,
)
async def save_observation(request: web.Request, body: Changes) -> ObservationOut:
    async with request.app[POOL].transaction() as connection:
        mine, rubric = await _draft(request, connection)
        positions = {criterion.position for criterion in rubric.criteria}
        if not (body.marks.keys() | body.notes.keys()) <= positions:
            raise Refused(422, "The rubric of this observation has no such criterion.")
        given = [mark for mark in body.marks.values() if mark is not None]
        if any(not rubric.scale.lowest <= mark <= rubric.scale.highest for mark in given):
            raise Refused(
                422,
                "A mark is from {lowest} to {highest}.",
                lowest=rubric.scale.lowest,
                highest=rubric.scale.highest,
            )
        await observations.save(
            connection,
            mine.id,
            marks=body.marks,
            notes=body.notes,
            remark=body.remark,
            at=request.app[NOW](),
        )
        return _out(await _read(connection, mine.id))


@endpoint(
    "POST",
    "/observations/{observation}/submission",
    "Submit one's observation: it stays as it is, and the lesson counts as evaluated",
    action=Action.OBSERVE,
    answer=ObservationOut,
)
async def submit_observation(request: web.Request) -> ObservationOut:
    async with request.app[POOL].transaction() as connection:
        mine, rubric = await _draft(request, connection)
        session = await sessions.session(connection, mine.session_id)
        assert session is not None, "sessions that are observed are not deleted"
        if session.state not in EVALUATED:
            raise Refused(409, "This lesson was not held yet: there is nothing to evaluate.")
        left = unmarked(rubric, mine.marks)
        if left:
            raise Refused(
                422,
                "Criteria without a mark: {count}. Give each one, then submit.",
                count=len(left),
            )
        actor, worth = request[VISITOR].actor, score(rubric, mine.marks)
        await observations.submit(connection, mine.id, worth, request.app[NOW]())
        await evaluations.add_evaluation(connection, session.id, actor, worth, mine.id)
        await marks.add_audit(
            connection,
            actor,
            "observation_submitted",
            f"session:{session.id}",
            observation=str(mine.id),
        )
        return _out(await _read(connection, mine.id))


async def _draft(request: web.Request, connection: Connection) -> tuple[Observation, Rubric]:
    """The draft of the request's path, which is the visitor's own, held, and its rubric. Raises
    Refused: 403, 404, or 409 once it is submitted."""
    observation_id, visitor = identifier(request.match_info["observation"]), request[VISITOR]
    await observations.hold(connection, observation_id)
    found = await observations.observation(connection, observation_id)
    if found is None or found.observer.account_id != visitor.account_id:
        raise Refused(404, "There is no such observation of yours.")
    session = await sessions.session(connection, found.session_id)
    assert session is not None, "sessions that are observed are not deleted"
    if not await may_observe(connection, visitor, session):
        raise Refused(403, "You are not an observer of this lesson: ask to be invited.")
    if found.submitted_at is not None:
        raise Refused(409, "This observation has been submitted: correct it by a new one.")
    versions = {rubric.number: rubric for rubric in await rubrics.rubrics(connection)}
    return found, versions[found.rubric]


async def _read(connection: Connection, observation_id: UUID) -> Observation:
    found = await observations.observation(connection, observation_id)
    assert found is not None, "it was just written"
    return found


class SpreadOut(BaseModel):
    count: int
    mean: float
    deviation: float | None = Field(description="of the sample; null for fewer than two")
    lowest: float
    highest: float


class CriterionOut(SpreadOut):
    position: int
    name_zh: str
    name_en: str
    weight: int


class SummaryOut(BaseModel):
    rubric: int
    criteria: list[CriterionOut]
    score: SpreadOut


class ObservationsOut(BaseModel):
    summaries: list[SummaryOut] = Field(description="one for each version of the rubric")
    observations: list[ObservationOut] = Field(description="those that the visitor may see")


def _spread(of: Spread) -> dict[str, object]:
    return {name: getattr(of, name) for name in SpreadOut.model_fields}


def _summaries(found: Reviewed) -> list[SummaryOut]:
    return [
        SummaryOut(
            rubric=summary.rubric.number,
            score=SpreadOut.model_validate(_spread(summary.score)),
            criteria=[
                CriterionOut.model_validate(
                    _spread(spread)
                    | {
                        "position": criterion.position,
                        "name_zh": criterion.name_zh,
                        "name_en": criterion.name_en,
                        "weight": criterion.weight,
                    }
                )
                for criterion, spread in summary.criteria
            ],
        )
        for summary in found.summaries
    ]


@endpoint(
    "GET",
    "/sessions/{session}/observations",
    "What the observations of a lesson come to, and those that one may see",
    action=Action.REVIEW,
    answer=ObservationsOut,
)
async def list_observations(request: web.Request) -> ObservationsOut:
    async with request.app[POOL].connection() as connection:
        session = await reviewed(request, connection)
        found = await read_reviewed(connection, request[VISITOR], session)
    return ObservationsOut(
        summaries=_summaries(found), observations=[_out(each) for each in found.shown]
    )
