"""The life of one WHIP or WHEP media resource: its ICE sessions and their ETags (RFC 9725, 4.3).

A table of what a PATCH may do:

    If-Match              new credentials   outcome
    missing               any               428: PreconditionRequired
    current ETag          no                trickle
    current ETag or *     yes               restart: a new ETag
    *                     no                trickle
    anything else         any               412: PreconditionFailed
"""

from dataclasses import dataclass
from enum import Enum

from media.errors import PreconditionFailed, PreconditionRequired


class Patch(Enum):
    TRICKLE = "trickle"
    RESTART = "restart"


@dataclass(slots=True)
class IceSession:
    """The current ICE session of a resource: the client's credentials and our ETag (unquoted)."""

    ufrag: str
    password: str
    etag: str

    @property
    def quoted_etag(self) -> str:
        return f'"{self.etag}"'

    def judge(self, if_match: str | None, ufrag: str, password: str) -> Patch:
        """What a PATCH with these values is. Raises PreconditionRequired, PreconditionFailed."""
        if if_match is None or not if_match.strip():
            raise PreconditionRequired(
                "PATCH needs the If-Match header with the ETag of the ICE session"
            )
        restarts = bool(ufrag) and (ufrag, password) != (self.ufrag, self.password)
        # Strong comparison (RFC 9110, 8.8.3.2): a weak tag never matches. Ours has no comma.
        tags = {tag.strip() for tag in if_match.split(",")}
        if self.quoted_etag not in tags and tags.isdisjoint(("*", '"*"')):
            raise PreconditionFailed("the ICE session has changed: use the ETag of the last answer")
        return Patch.RESTART if restarts else Patch.TRICKLE
