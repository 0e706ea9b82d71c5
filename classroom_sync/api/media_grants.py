"""What a browser needs to publish or play: an address, a token, and the servers to use."""

from datetime import timedelta

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync import tokens
from classroom_sync.ice_servers import ice_servers
from classroom_sync.keys import MEDIA_KEY, NOW, SETTINGS
from classroom_sync.tokens import MediaToken


class IceServerOut(BaseModel):
    """As RTCPeerConnection takes it."""

    urls: str
    username: str = ""
    credential: str = ""


class MediaGrant(BaseModel):
    url: str = Field(description="where to POST the offer (WHIP or WHEP)")
    token: str
    ice_servers: list[IceServerOut] = Field(description="STUN and TURN servers to use")


def media_grant(
    request: web.Request, token: MediaToken, url: str, lifetime: timedelta = tokens.LIFETIME
) -> MediaGrant:
    """A token signed now, good at `url` for `lifetime`."""
    now = request.app[NOW]()
    servers = ice_servers(request.app[SETTINGS], str(token.participant_id), now)
    return MediaGrant(
        url=url,
        token=tokens.issue(request.app[MEDIA_KEY], token, now, lifetime),
        ice_servers=[
            IceServerOut(urls=s.url, username=s.username, credential=s.credential) for s in servers
        ],
    )
