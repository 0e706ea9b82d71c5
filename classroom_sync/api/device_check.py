"""The device check before a lesson: media to the lesson's own node and back, seen by nobody."""

from datetime import timedelta
from uuid import uuid5

from aiohttp import web
from pydantic import BaseModel

from classroom_sync.acceptance.media import check_room
from classroom_sync.access import seat_in
from classroom_sync.api.media_grants import MediaGrant, media_grant
from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import VISITOR
from classroom_sync.permissions import Action
from classroom_sync.tokens import MediaToken

_GOOD_FOR = timedelta(minutes=5)


class DeviceCheck(BaseModel):
    publish: MediaGrant
    play: MediaGrant


@endpoint(
    "POST",
    "/sessions/{session}/device-check",
    "Media tokens to send one's picture and sound to the lesson's node, and get them back",
    action=Action.TAKE_PART,
    answer=DeviceCheck,
)
async def check_devices(request: web.Request) -> DeviceCheck:
    seat = await seat_in(request, request.match_info["session"])
    if seat.participant_id is None:
        raise Refused(403, "This lesson is not one of yours.")
    sender, session = seat.participant_id, seat.session_id
    listener = uuid5(sender, "listener")  # a participant never gets itself
    room = check_room(session, sender)
    by = request[VISITOR].session_id
    send = MediaToken(session, sender, "publish", "lead", checks=sender, holder=by)
    listen = MediaToken(session, listener, "subscribe", "observer", checks=sender, holder=by)
    return DeviceCheck(
        publish=media_grant(request, send, f"/whip/{room}/{sender}", _GOOD_FOR),
        play=media_grant(request, listen, f"/whep/{room}", _GOOD_FOR),
    )
