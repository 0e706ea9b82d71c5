"""`/ws/sessions/{session}`: the state of a session to its pages, and what people do there.

Server to page: the state (`live.view`) at once and after each change, with `you` and `slots`, and
what has been said that is new to it. Page to server: `{"do": "hand" | "lower_hand" | "help" | …}`;
what can't be done is answered `{"type": "refused", "detail": …}`. An observer's page names its
visit (`?visit=`): it has slots, and may send `sizes` alone. docs/protocol.md has them all, with
their fields.
"""

import asyncio
import time
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

import structlog
from aiohttp import WSMsgType, web
from pydantic import BaseModel, Field, ValidationError

from classroom_sync.access import Seat, seat_in
from classroom_sync.errors import Refused
from classroom_sync.keys import LIVE, NOW, POOL, SOCKETS, TRANSLATE, VISITOR
from classroom_sync.live import Live
from classroom_sync.live_session import UNDER_WAY, LiveSession, view
from classroom_sync.node_links import NodeAway
from classroom_sync.observation.access import observers_seat
from classroom_sync.observation.visits import described
from classroom_sync.talk import LONGEST, LessonTalk, said_view
from db import web_sessions
from db.errors import Unreachable
from scheduler.poll import MOST_HEADS, MOST_OPTIONS, PollMove

log = structlog.get_logger()

routes = web.RouteTableDef()

_SETTLE = 0.05  # seconds: changes that come together are told together
_MAX_MESSAGE = 4096
_SEEN_EVERY = 60.0  # seconds: who takes part in a lesson is not signed out meanwhile
_SEEN_FOR = timedelta(seconds=3 * _SEEN_EVERY)


_WRITABLE = r"^[^\x00]*$"  # what PostgreSQL can hold
Mid = Annotated[str, Field(max_length=64)]
Width = Annotated[int, Field(ge=0, le=16_384)]  # pixels

#: What a page may find wrong with its own devices and line.
Finding = Literal[
    "camera_off", "no_camera", "no_microphone", "no_sound", "echo", "loss_up", "loss_down", "slow"
]
_MARKS: dict[str, str] = {
    "hand": "hand_raised",
    "lower_hand": "hand_lowered",
    "help": "help",
    "end_help": "help_ended",
}
_TALK = ("say", "answer", "worksheet", "poll", "move_poll")


class Message(BaseModel, extra="forbid"):
    """What a page asks for; `participant` where it is about somebody else."""

    do: str = Field(max_length=20)
    participant: UUID | None = None
    muted: bool = True
    on: bool = True
    rooms: bool = False
    expected: int = Field(0, ge=0, le=500)
    present: int = Field(0, ge=0, le=500)
    why: str = Field("", max_length=200, pattern=_WRITABLE)
    sizes: dict[Mid, Width] = Field({}, max_length=12)
    text: str = Field("", max_length=LONGEST, pattern=_WRITABLE)
    options: int = Field(0, ge=0, le=MOST_OPTIONS)
    heads: list[Annotated[int, Field(ge=0, le=MOST_HEADS)]] = Field([], max_length=MOST_OPTIONS)
    move: PollMove | None = None
    findings: list[Finding] = Field([], max_length=8)
    off: frozenset[Literal["microphone", "camera"]] = frozenset()


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
    web_session = request[VISITOR].session_id
    assert web_session is not None, "who has a seat is signed in or paired"
    async with live.watch(seat.session_id) as (session, changed):
        changed.set()
        teller = asyncio.create_task(_tell(request, socket, session, seat, changed))
        try:
            takes_part = partial(_takes_part, session, seat)
            with request.app[SOCKETS].held(web_session, socket, takes_part):
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
    told = session.talk.told - len(session.talk.said)
    seen_at = float("-inf")
    while not socket.closed:
        if _takes_part(session, seat) and time.monotonic() - seen_at >= _SEEN_EVERY:
            seen_at = time.monotonic()
            await _note_teaching(request)
        try:
            await asyncio.wait_for(changed.wait(), _SEEN_EVERY)
        except TimeoutError:
            continue
        await asyncio.sleep(_SETTLE)
        changed.clear()
        state, plays = view(session), seat.participant_id or seat.visit_id
        state["you"] = str(seat.participant_id) if seat.participant_id else None
        mine = seat.participant_id
        node, media = session.node_of(mine), session.told_of(plays)
        state["node"] = str(node) if node else None
        state["slots"] = media.slots.get(plays, []) if plays else []
        state["layers"] = media.layers.get(mine, {}) if mine else {}
        state["replaced"] = media.replaced.get(mine, []) if mine else []
        if seat.leads:
            state["observed_by"] = described(session.observers.values())
        said, told = session.talk.since(told), session.talk.told
        try:
            await socket.send_json(state)
            if said:
                await socket.send_json(said_view(said))
        except ConnectionResetError:
            return  # the page went away meanwhile; who reads from it sees that too


def _takes_part(session: LiveSession, seat: Seat) -> bool:
    return seat.participant_id is not None and session.session.state in UNDER_WAY


async def _note_teaching(request: web.Request) -> None:
    """Limits of web sessions wait while somebody takes part in a lesson."""
    visitor, now = request[VISITOR], request.app[NOW]()
    if visitor.account_id is None or visitor.session_id is None:
        return  # a room's screen stays in by itself
    try:
        async with request.app[POOL].connection() as connection:
            await web_sessions.touch_teaching(connection, visitor.session_id, now, now + _SEEN_FOR)
    except Unreachable as error:
        log.warning("visit not noted", cause=str(error))


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
    if message.do in _MARKS:
        await live.mark(seat.session_id, about, _MARKS[message.do])
    elif message.do in _TALK:
        await _talk(live, seat, seat.participant_id, message)
    elif message.do == "findings":
        await live.find(seat.session_id, seat.participant_id, message.findings)
    elif message.do == "sizes":
        await live.show_at(seat.session_id, seat.participant_id, message.sizes)
    elif message.do == "devices":
        await live.switch(seat.session_id, seat.participant_id, frozenset(message.off))
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
    elif message.do == "push_to_talk":
        await live.let_push_to_talk(seat.session_id, about, on=message.on)
    elif message.do == "record":
        await live.record(seat.session_id, seat.actor, on=message.on, rooms=message.rooms)
    elif message.do == "end":
        await live.end(seat.session_id, seat.actor)
    else:
        raise Refused(422, "The page sent something that is not understood: reload it.")


async def _talk(live: Live, seat: Seat, participant_id: UUID, message: Message) -> None:
    """What is said and asked beside the sound; polls and worksheets are the lead's."""
    session = await live.need(seat.session_id)
    if session.session.state not in UNDER_WAY:
        raise Refused(409, "This lesson is not under way.")
    try:
        async with session.reading:  # nothing that was read before it may undo it
            await _perform(live.talk, session, seat, participant_id, message)
    finally:
        session.changed()  # also where it was refused: another control process may have moved it


async def _perform(
    talk: LessonTalk, session: LiveSession, seat: Seat, participant_id: UUID, message: Message
) -> None:
    of = session.talk
    if message.do == "say":
        await talk.say(seat.session_id, of, participant_id, message.text)
    elif message.do == "answer":
        await talk.answer(of, participant_id, message.heads)
    elif not seat.leads:
        raise Refused(403, "Only the lead teacher may do this.")
    elif message.do == "worksheet":
        await talk.put_worksheet(seat.session_id, of, participant_id, message.text)
    elif message.do == "poll":
        await talk.open_poll(seat.session_id, of, message.text, message.options)
    elif message.move is not None:
        await talk.move_poll(seat.session_id, of, message.move)
