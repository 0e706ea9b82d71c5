"""Who may publish and play: a media token's grant, at control processes and media nodes alike."""

import time
from collections.abc import Container, Hashable
from datetime import UTC, datetime

from classroom_sync import tokens
from classroom_sync.acceptance.media import check_room, media_room
from classroom_sync.limits import TokenBuckets, per_holder
from media.grant import Grant
from media.http import Authorize, Forbidden, TooMany, Unauthorized
from media.specs import Source


def granted(key: bytes, text: str, now: datetime) -> Grant:
    """What a token allows. Raises Unauthorized."""
    try:
        token = tokens.verify(key, text, now)
    except tokens.BadToken as error:
        raise Unauthorized(str(error)) from error
    room = str(token.session_id)
    if token.test:
        room = media_room(token.session_id)
    elif token.checks is not None:
        room = check_room(token.session_id, token.checks)
    return Grant(
        room,
        str(token.participant_id),
        token.direction,
        token.role,
        Source(token.stream),
        token.unseen,
        str(token.holder) if token.holder else "",
    )


def count(buckets: TokenBuckets, key: Hashable) -> None:
    """One more request of `key`. Raises TooMany."""
    wait = buckets.take(key, time.monotonic())
    if wait:
        raise TooMany(wait)


def authorizer(key: bytes, withdrawn: Container[str] = ()) -> Authorize:
    """What media/http.py asks of each request: a media token's grant, for what it is for.
    `withdrawn`: holders whose tokens are good no more."""
    buckets = per_holder()

    async def authorize(text: str, direction: str, room: str, participant: str | None) -> Grant:
        grant = granted(key, text, datetime.now(UTC))
        count(buckets, grant)
        if grant.holder in withdrawn:
            raise Unauthorized("the token was withdrawn: sign in, or pair the screen, again")
        if grant.room != room or grant.direction != direction:
            raise Forbidden("the token is for another lesson or direction")
        if participant is not None and grant.participant != participant:
            raise Forbidden("the token is for another participant")
        return grant

    return authorize
