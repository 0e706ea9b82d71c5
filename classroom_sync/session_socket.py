"""`/ws/sessions/{session}`: the state of a session to its pages, and what people do there.

Server to page: the state (`live.view`) at once and after each change, with `you` and `slots`. Page
to server: `{"do": "hand" | "lower_hand" | "help" | "sizes" | "heads" | "floor" | "mute" | "record"
| "end"}`; what can't be done is answered `{"type": "refused", "detail": …}`. An observer's page
names its visit (`?visit=`): it has slots, and may send `sizes` alone. docs/protocol.md has the
fields.
"""

import asyncio
from typing import Annotated
from uuid import UUID

import structlog
from aiohttp import WSMsgType, web
from pydantic import BaseModel, Field, ValidationError

from classroom_sync.access import Seat, seat_in
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, NOW, POOL, TRANSLATE, VISITOR
from classroom_sync.live import Live, LiveSession, view
from classroom_sync.node_links import NodeAway
from classroom_sync.observation.access import observers_seat
from classroom_sync.observation.visits import described
from db import accounts
from db.errors import Unreachable

log = structlog.get_logger()

routes = web.RouteTableDef()

_SETTLE = 0.05  # seconds: changes that come together are told together
_MAX_MESSAGE = 4096
_SEEN_EVERY = 60.0  # seconds: an open lesson keeps its web session from idling out


Mid = Annotated[str, Field(max_length=64)]
Width = Annotated[int, Field(ge=0, le=16_384)]  # pixels


class Message(BaseModel, extra="forbid"):
    """What a page asks for; `participant` where it is about somebody else."""

    do: str = Field(max_length=20)
    participant: UUID | None = None
    muted: bool = True
    on: bool = True
    expected: int = Field(0, ge=0, le=500)
    present: int = Field(0, ge=0, le=500)
    why: str = Field("", max_length=200)
    sizes: dict[Mid, Width] = Field({}, max_length=12)


@routes.get("/ws/sessions/{session}")
async def session_socket(request: web.Request) -> web.StreamResponse:
    live = request.app[LIVE]
    observes = "visit" in request.query
    seat = await (
        observers_seat(request) if observes else seat_in(request, request.match_info["session"])
    )
    origin = request.headers.get("Origin", "")
    if origin and origin.partition("://")[2] != request.host:
        raise Refused(403, "This page has grown old: reload it and try again.")
    socket = web.WebSocketResponse(heartbeat=5.0, max_msg_size=_MAX_MESSAGE)
    await socket.prepare(request)
    async with live.watch(seat.session_id) as (session, changed):
        changed.set()
        teller = asyncio.create_task(_tell(request, socket, session, seat, changed))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await _take(request, socket, live, seat, message.data)
        finally:
            teller.cancel()
    return socket


async def _tell(
    request: web.Request,
    socket: web.WebSocketResponse,
    session: LiveSession,
    seat: Seat,
    changed: asyncio.Event,
) -> None:
    visitor = request[VISITOR]
    while not socket.closed:
        try:
            await asyncio.wait_for(changed.wait(), _SEEN_EVERY)
        except TimeoutError:
            if visitor.token_hash is not None:
                try:
                    async with request.app[POOL].connection() as connection:
                        await accounts.touch_web_session(
                            connection, visitor.token_hash, request.app[NOW]()
                        )
                except Unreachable as error:
                    log.warning("visit not noted", cause=str(error))
            continue
        await asyncio.sleep(_SETTLE)
        changed.clear()
        state, plays = view(session), seat.participant_id or seat.visit_id
        state["you"] = str(seat.participant_id) if seat.participant_id else None
        state["slots"] = session.told.slots.get(plays, []) if plays else []
        state["layers"] = (
            session.told.layers.get(seat.participant_id, {}) if seat.participant_id else {}
        )
        if seat.leads:
            state["observed_by"] = described(session.observers.values())
        try:
            await socket.send_json(state)
        except ConnectionResetError:
            return  # the page went away meanwhile; who reads from it sees that too


async def _take(
    request: web.Request, socket: web.WebSocketResponse, live: Live, seat: Seat, data: str
) -> None:
    translate = request[TRANSLATE]
    try:
        await _do(live, seat, Message.model_validate_json(data))
    except Refused as error:
        detail = translate(error.sentence).format(**error.values)
        await socket.send_json({"type": "refused", "detail": detail})
    except ValidationError:
        detail = translate("The page sent something that is not understood: reload it.")
        await socket.send_json({"type": "refused", "detail": detail})
    except (Unreachable, NodeAway) as error:
        log.warning("not done", cause=str(error))
        detail = translate("The server is catching its breath: try again in a few seconds.")
        await socket.send_json({"type": "refused", "detail": detail})


async def _do(live: Live, seat: Seat, message: Message) -> None:
    """Perform a message; what a seat may do is decided here."""
    if seat.visit_id is not None and message.do == "sizes":
        await live.show_at(seat.session_id, seat.visit_id, message.sizes)
        return
    if seat.participant_id is None:
        raise Refused(403, "You may watch here, not take part.")
    about = message.participant or seat.participant_id
    if about != seat.participant_id and not seat.leads:
        raise Refused(403, "Only the lead teacher may do this.")
    marks: dict[str, str] = {"hand": "hand_raised", "lower_hand": "hand_lowered", "help": "help"}
    if message.do in marks:
        await live.mark(seat.session_id, about, marks[message.do])
    elif message.do == "sizes":
        await live.show_at(seat.session_id, seat.participant_id, message.sizes)
    elif message.do == "heads":
        await live.count_heads(
            seat.session_id,
            about,
            expected=message.expected,
            present=message.present,
            by=seat.actor,
            why=message.why,
        )
    elif not seat.leads:
        raise Refused(403, "Only the lead teacher may do this.")
    elif message.do == "floor":
        await live.give_floor(seat.session_id, message.participant)
    elif message.do == "mute":
        await live.mute(seat.session_id, about, muted=message.muted)
    elif message.do == "record":
        await live.record(seat.session_id, seat.actor, on=message.on)
    elif message.do == "end":
        await live.end(seat.session_id, seat.actor)
    else:
        raise Refused(422, "The page sent something that is not understood: reload it.")
