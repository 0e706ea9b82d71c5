"""The endpoints of /api/v1."""

from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from classroom_sync import auth, passwords, second_factor
from classroom_sync.access import seat_in
from classroom_sync.api.media_grants import MediaGrant, media_grant
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.figures import read_coverage
from classroom_sync.keys import LIMITS, LIVE, NOW, POOL, SETTINGS, VISITOR
from classroom_sync.live_session import view
from classroom_sync.permissions import Action
from classroom_sync.tokens import MediaToken
from db import city, presence, sessions
from db.web_sessions import Stage
from scheduler.indicators.values import Indicator


class SignIn(BaseModel, extra="forbid"):
    login: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=200)
    code: str | None = Field(
        None, min_length=1, max_length=40, description="of the second factor, where there is one"
    )


class SignedIn(BaseModel):
    name: str
    role: str
    csrf: str = Field(description="send it as X-CSRF-Token with every unsafe request")


@endpoint(
    "POST",
    "/sign-in",
    "Sign in; sets the session cookie",
    action=None,
    body=SignIn,
    answer=SignedIn,
)
async def sign_in(request: web.Request, body: SignIn) -> web.StreamResponse:
    auth.count_try(request)
    now, rules = request.app[NOW](), request.app[SETTINGS].entry_rules
    pool, strangers = request.app[POOL], request.app[LIMITS].strangers
    account = await auth.check_sign_in(pool, strangers, body.login, body.password, now, rules)
    async with pool.connection() as connection:
        stage = await auth.next_stage(connection, account, rules)
        if stage is Stage.ENROLMENT:
            raise Refused(403, "Your account needs a second factor: sign in in a browser first.")
        if stage is Stage.SECOND_FACTOR:
            if body.code is None:
                raise Refused(401, "The code of the second factor is needed too: send it along.")
            await second_factor.check(connection, account, body.code, now, rules)
        if await passwords.overdue(connection, account, now, rules):
            raise Refused(403, "Your password has to be changed: sign in in a browser first.")
        before = auth.presented(request)
        token = await auth.begin(connection, now, account_id=account.id, before=before)
        await auth.entered(connection, account)
        csrf = await auth.csrf_of(connection, token)
    response = web.json_response(
        SignedIn(name=account.name, role=account.role, csrf=csrf).model_dump()
    )
    auth.give_cookie(request, response, token)
    return response


class Pairing(BaseModel, extra="forbid"):
    code: str = Field(min_length=1, max_length=40)


class Paired(BaseModel):
    room: str
    csrf: str


@endpoint(
    "POST",
    "/pairings",
    "Pair this device with a room by a code",
    action=None,
    body=Pairing,
    answer=Paired,
)
async def pair(request: web.Request, body: Pairing) -> web.StreamResponse:
    auth.count_try(request)
    now, before = request.app[NOW](), auth.presented(request)
    async with request.app[POOL].transaction() as connection:
        token = await auth.pair(connection, body.code, now, before)
        found = await auth.web_session(connection, token)
    assert found is not None, "it was just begun"
    assert found.room_id is not None, "a device has a room"
    response = web.json_response(Paired(room=found.room_id, csrf=found.csrf).model_dump())
    auth.give_cookie(request, response, token, lasting=True)
    return response


class SchoolOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    code: str
    name: str
    short_name: str
    role: str
    hub_code: str | None


class Schools(BaseModel):
    schools: list[SchoolOut]


@endpoint("GET", "/schools", "All schools", action=Action.SEE_CITY, answer=Schools)
async def list_schools(request: web.Request) -> Schools:
    async with request.app[POOL].connection() as connection:
        found = await city.schools(connection)
    return Schools(schools=[SchoolOut.model_validate(s) for s in found])


class RoomOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: str
    school_code: str
    name: str
    kind: str
    phase: int
    status: str
    accepted_on: date | None


class Rooms(BaseModel):
    rooms: list[RoomOut]


@endpoint("GET", "/rooms", "All rooms", action=Action.SEE_CITY, answer=Rooms)
async def list_rooms(request: web.Request) -> Rooms:
    async with request.app[POOL].connection() as connection:
        found = await city.rooms(connection)
    return Rooms(rooms=[RoomOut.model_validate(r) for r in found])


class PairingCodeOut(BaseModel):
    code: str
    room: str
    expires_at: datetime


@endpoint(
    "POST",
    "/rooms/{room}/pairing-codes",
    "A new pairing code for a room",
    action=Action.PAIR_ROOMS,
    answer=PairingCodeOut,
)
async def new_pairing_code(request: web.Request) -> PairingCodeOut:
    code = await auth.new_pairing_code(request, request.match_info["room"])
    return PairingCodeOut(code=code.code, room=code.room_id, expires_at=code.expires_at)


class SessionBrief(BaseModel):
    id: UUID
    kind: str
    subject: str | None
    state: str
    starts_at: datetime
    ends_at: datetime
    interactive: bool


class Sessions(BaseModel):
    sessions: list[SessionBrief]


class Range(BaseModel, extra="forbid"):
    since: datetime | None = None
    until: datetime | None = None


@endpoint(
    "GET",
    "/sessions",
    "Sessions in a range; by default the day around now",
    action=Action.SEE_CITY,
    query=Range,
    answer=Sessions,
)
async def list_sessions(request: web.Request, query: Range) -> Sessions:
    now = request.app[NOW]()
    since = _aware(query.since) or now - timedelta(hours=12)
    until = _aware(query.until) or now + timedelta(hours=12)
    if until - since > timedelta(days=62):
        raise Refused(422, "Ask for at most two months at once.")
    async with request.app[POOL].connection() as connection:
        found = await sessions.between(connection, since, until)
    return Sessions(sessions=[SessionBrief.model_validate(s, from_attributes=True) for s in found])


def _aware(instant: datetime | None) -> datetime | None:
    if instant is not None and instant.tzinfo is None:
        raise Refused(422, "Times need a zone, such as 2026-09-01T08:30:00+08:00.")
    return instant


class SessionOut(BaseModel):
    session: dict[str, Any] = Field(description="as the pages get it: docs/protocol.md")
    attendance: list[dict[str, Any]]


@endpoint(
    "GET",
    "/sessions/{session}",
    "One session, and what became of it",
    action=Action.TAKE_PART_OR_SEE,
    answer=SessionOut,
)
async def get_session(request: web.Request) -> SessionOut:
    seat = await seat_in(request, request.match_info["session"])
    live = await request.app[LIVE].need(seat.session_id)
    async with request.app[POOL].connection() as connection:
        found = await presence.attendance_of_session(connection, seat.session_id)
    return SessionOut(
        session=view(live),
        attendance=[
            {
                "participant": str(a.participant_id),
                "status": a.status.value,
                "valid": a.valid,
                "seconds": a.seconds,
                "planned_seconds": a.planned_seconds,
                "interruptions": a.interruptions,
                "expected": a.expected,
                "present": a.present,
                "cause": a.cause,
                "rules_version": a.rules_version,
            }
            for a in found
        ],
    )


class TokenWish(BaseModel, extra="forbid"):
    direction: Literal["publish", "subscribe"]
    stream: Literal["camera", "screen"] = "camera"


class TokenOut(MediaGrant):
    participant: UUID


@endpoint(
    "POST",
    "/sessions/{session}/tokens",
    "A media token for the visitor's own seat",
    action=Action.TAKE_PART,
    body=TokenWish,
    answer=TokenOut,
)
async def new_token(request: web.Request, body: TokenWish) -> TokenOut:
    seat = await seat_in(request, request.match_info["session"])
    if seat.participant_id is None or seat.role is None:
        raise Refused(403, "This lesson is not one of yours.")
    session = (await request.app[LIVE].need(seat.session_id)).session
    role = session.media_role(seat.role)
    token = MediaToken(
        seat.session_id,
        seat.participant_id,
        body.direction,
        role.value,
        body.stream,
        holder=request[VISITOR].session_id,
    )
    publish = body.direction == "publish"
    whip, whep = f"/whip/{seat.session_id}/{seat.participant_id}", f"/whep/{seat.session_id}"
    grant = media_grant(request, token, whip if publish else whep)
    return TokenOut(participant=seat.participant_id, **dict(grant))


class Heads(BaseModel, extra="forbid"):
    participant: UUID
    expected: int = Field(ge=0, le=500)
    present: int = Field(ge=0, le=500)
    why: str = Field("", max_length=200)


@endpoint(
    "POST",
    "/sessions/{session}/head-counts",
    "A head count, or the correction of one",
    action=Action.COUNT_HEADS,
    body=Heads,
)
async def count_heads(request: web.Request, body: Heads) -> None:
    seat = await seat_in(request, request.match_info["session"])
    if seat.participant_id not in (None, body.participant) and not seat.leads:
        raise Refused(403, "This room is not yours.")
    await request.app[LIVE].count_heads(
        seat.session_id,
        body.participant,
        expected=body.expected,
        present=body.present,
        by=request[VISITOR].actor,
        why=body.why,
    )


@endpoint("POST", "/sessions/{session}/end", "End a live session", action=Action.TEACH)
async def end_session(request: web.Request) -> None:
    seat = await seat_in(request, request.match_info["session"])
    if not seat.leads:
        raise Refused(403, "Only the lead teacher may do this.")
    await request.app[LIVE].end(seat.session_id, seat.actor)


class Period(BaseModel, extra="forbid"):
    since: date | None = None
    until: date | None = None
    as_of: datetime | None = None


class MeasureOut(BaseModel):
    slug: str
    unit: str = Field(description="share (of the denominator), count or hours")
    numerator: float
    denominator: float | None


class IndicatorOut(BaseModel):
    number: int = Field(description="1 to 16, as docs/coverage.md defines them")
    slug: str
    measures: list[MeasureOut]


class SchoolIndicators(BaseModel):
    school: str
    indicators: list[IndicatorOut]


class CoverageOut(BaseModel):
    since: date
    until: date
    as_of: datetime
    rules_version: str
    indicators: list[IndicatorOut]
    schools: list[SchoolIndicators]


def _indicators(found: tuple[Indicator, ...]) -> list[IndicatorOut]:
    return [
        IndicatorOut(
            number=indicator.number,
            slug=indicator.slug,
            measures=[
                MeasureOut(
                    slug=m.slug, unit=m.unit, numerator=m.numerator, denominator=m.denominator
                )
                for m in indicator.measures
            ],
        )
        for indicator in found
    ]


@endpoint(
    "GET",
    "/coverage",
    "The sixteen indicators of a period: of the city, and of each receiving school",
    action=Action.SEE_COVERAGE,
    query=Period,
    answer=CoverageOut,
)
async def get_coverage(request: web.Request, query: Period) -> CoverageOut:
    found = (await read_coverage(request, query.since, query.until, _aware(query.as_of))).report
    [(_, schools)] = found.breakdowns
    return CoverageOut(
        since=found.cut.since,
        until=found.cut.until,
        as_of=found.as_of,
        rules_version=found.rules.version,
        indicators=_indicators(found.indicators),
        schools=[
            SchoolIndicators(school=row.key, indicators=_indicators(row.indicators))
            for row in schools
        ],
    )
