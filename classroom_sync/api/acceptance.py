"""Acceptance tests in /api/v1: asked for, taken up by the room's screen, finished, read."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.acceptance import certificate, run, words
from classroom_sync.acceptance.media import listener, media_room, sender
from classroom_sync.access import identifier
from classroom_sync.api.media_grants import MediaGrant, media_grant
from classroom_sync.api.registry import endpoint
from classroom_sync.keys import POOL, SETTINGS, TRANSLATE, VISITOR
from classroom_sync.permissions import Action
from classroom_sync.tokens import MediaToken
from db.acceptance import AcceptanceTest
from scheduler.acceptance import Figure, Verdict


class TestOut(BaseModel):
    id: UUID


@endpoint(
    "POST",
    "/rooms/{room}/acceptance-tests",
    "Ask for a room's acceptance test; its screen takes it up",
    action=Action.ASK_FOR_TEST,
    answer=TestOut,
)
async def ask_for_test(request: web.Request) -> TestOut:
    return TestOut(id=await run.ask(request, request.match_info["room"]))


class Plan(BaseModel):
    id: UUID
    kind: str = Field(description="of the room: one that only listens has no camera to be tested")
    seconds: int = Field(description="how long it measures")
    media_seconds: float = Field(description="of them, how long media flows before the cut")
    publish: MediaGrant
    play: MediaGrant


@endpoint(
    "POST",
    "/acceptance-tests/{test}/begin",
    "Take a test of one's own room up: what to measure, and media tokens for it",
    action=Action.RUN_TEST,
    answer=Plan,
)
async def begin_test(request: web.Request) -> Plan:
    test_id = identifier(request.match_info["test"])
    room = await run.begin(request, test_id)
    seconds, name = request.app[SETTINGS].acceptance_seconds, media_room(test_id)

    by = request[VISITOR].session_id
    send = MediaToken(test_id, sender(test_id), "publish", "lead", test=True, holder=by)
    listen = MediaToken(test_id, listener(test_id), "subscribe", "observer", test=True, holder=by)
    return Plan(
        id=test_id,
        kind=room.kind.value,
        seconds=seconds,
        media_seconds=seconds * run.MEDIA_PART,
        publish=media_grant(request, send, f"/whip/{name}/{sender(test_id)}", run.GOOD_FOR),
        play=media_grant(request, listen, f"/whep/{name}", run.GOOD_FOR),
    )


Lines = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]  # frames per second
Level = Annotated[float, Field(ge=-200, le=20, allow_inf_nan=False)]  # dBFS
Gain = Annotated[float, Field(ge=-60, le=200, allow_inf_nan=False)]  # dB
Milliseconds = Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)]
Megabits = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]  # a second
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)]


class Reported(BaseModel, extra="forbid", strict=True):
    """What the room's browser measured; null where it could not, which is judged as such."""

    camera_lines: Lines | None = None
    camera_rate: Rate | None = None
    microphone_level: Level | None = None
    noise_floor: Level | None = None
    echo_delay: Milliseconds | None = None
    echo_return_loss: Gain | None = None
    throughput_up: Megabits | None = None
    throughput_down: Megabits | None = None
    round_trip: Milliseconds | None = None
    delay: Milliseconds | None = None
    jitter: Milliseconds | None = None
    loss_up: Percent | None = None
    loss_down: Percent | None = None
    reconnect: Seconds | None = None


class FigureOut(BaseModel):
    figure: str
    name: str
    value: float | None
    written: str = Field(description="the value with its unit")
    asked: str = Field(description="what is good, and in brackets the limit")
    verdict: str = Field(description="pass, limit or fail")
    measured_by: str = Field(description="browser, node or server: whose figure is judged")
    mend: str | None = Field(description="what to do, where it is not good")


class ResultOut(BaseModel):
    id: UUID
    room: str
    asked_at: datetime
    finished_at: datetime | None
    passed: bool | None
    certificate: str | None = Field(description="canonical JSON, as it was signed")
    signature: str | None = Field(description="compact JWS of it, Ed25519")
    figures: list[FigureOut]


def _result(request: web.Request, test: AcceptanceTest) -> ResultOut:
    translate = request[TRANSLATE]
    found = certificate.read(test.certificate).figures if test.certificate else ()
    return ResultOut(
        id=test.id,
        room=test.room_id,
        asked_at=test.asked_at,
        finished_at=test.finished_at,
        passed=test.passed,
        certificate=test.certificate,
        signature=test.signature,
        figures=[
            FigureOut(
                figure=j.figure.value,
                name=words.name(j.figure, translate),
                value=j.value,
                written=words.value_of(j),
                asked=words.asked_of(j),
                verdict=j.verdict.value,
                measured_by=j.source.value,
                mend=None if j.verdict is Verdict.PASS else words.mend(j.figure, translate),
            )
            for j in found
        ],
    )


async def _read(request: web.Request) -> ResultOut:
    test_id = identifier(request.match_info["test"])
    async with request.app[POOL].connection() as connection:
        test = await run.visible_test(request, connection, test_id)
    return _result(request, test)


@endpoint(
    "POST",
    "/acceptance-tests/{test}/result",
    "Finish a test of one's own room with what its browser measured",
    action=Action.RUN_TEST,
    body=Reported,
    answer=ResultOut,
)
async def finish_test(request: web.Request, body: Reported) -> ResultOut:
    test_id = identifier(request.match_info["test"])
    await run.finish(request, test_id, {Figure(k): v for k, v in body.model_dump().items()})
    return await _read(request)


@endpoint(
    "GET",
    "/acceptance-tests/{test}",
    "The result of an acceptance test",
    action=Action.SEE_TEST,
    answer=ResultOut,
)
async def get_test(request: web.Request) -> ResultOut:
    return await _read(request)
