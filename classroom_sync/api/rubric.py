"""The city's rubric for observations in /api/v1: read by whoever observes, kept by the city."""

from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field, StringConstraints

from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.permissions import Action
from db import marks, rubrics
from scheduler.observation import WHOLE, Criterion, Rubric, Scale

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Hint = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]


class CriterionIn(BaseModel, extra="forbid"):
    name_zh: Words
    name_en: Words
    hint_zh: Hint = ""
    hint_en: Hint = ""
    weight: int = Field(ge=1, le=WHOLE, description="of 100, which all of them add up to")


class RubricIn(BaseModel, extra="forbid"):
    after: int = Field(ge=1, description="the version that this one follows")
    title_zh: Words
    title_en: Words
    scale: Literal["five", "hundred"] = Field(description="marks from 1 to 5, or from 0 to 100")
    criteria: list[CriterionIn] = Field(min_length=1, max_length=20)


class RubricOut(BaseModel):
    number: int
    title_zh: str
    title_en: str
    scale: str
    criteria: list[CriterionIn]


def _out(of: Rubric) -> RubricOut:
    return RubricOut(
        number=of.number,
        title_zh=of.title_zh,
        title_en=of.title_en,
        scale=of.scale.value,
        criteria=[
            CriterionIn(
                name_zh=c.name_zh,
                name_en=c.name_en,
                hint_zh=c.hint_zh,
                hint_en=c.hint_en,
                weight=c.weight,
            )
            for c in of.criteria
        ],
    )


@endpoint("GET", "/rubric", "The rubric that holds", action=Action.OBSERVE, answer=RubricOut)
async def get_rubric(request: web.Request) -> RubricOut:
    async with request.app[POOL].connection() as connection:
        return _out(await rubrics.current(connection))


@endpoint(
    "POST",
    "/rubric",
    "A new version of the rubric; observations made before keep theirs",
    action=Action.KEEP_RUBRIC,
    body=RubricIn,
    answer=RubricOut,
)
async def keep_rubric(request: web.Request, body: RubricIn) -> RubricOut:
    visitor = request[VISITOR]
    if visitor.school_code is not None:
        raise Refused(403, "The rubric is the whole city's: only those of the city change it.")
    weights = sum(criterion.weight for criterion in body.criteria)
    if weights != WHOLE:
        raise Refused(422, "The weights add up to {sum}: make that 100.", sum=weights)
    for names in ([c.name_zh for c in body.criteria], [c.name_en for c in body.criteria]):
        if len(set(names)) != len(names):
            raise Refused(422, "Two criteria have the same name: make each one clear.")
    async with request.app[POOL].transaction() as connection:
        number = await rubrics.add(
            connection,
            after=body.after,
            title_zh=body.title_zh,
            title_en=body.title_en,
            scale=Scale(body.scale),
            criteria=[
                Criterion(n, c.name_zh, c.name_en, c.hint_zh, c.hint_en, c.weight)
                for n, c in enumerate(body.criteria, start=1)
            ],
            made_by=visitor.actor,
            at=request.app[NOW](),
        )
        if number is None:
            raise Refused(409, "The rubric was changed meanwhile: reload the page, then try again.")
        await marks.add_audit(connection, visitor.actor, "rubric_changed", f"rubric:{number}")
        return _out(await rubrics.current(connection))
