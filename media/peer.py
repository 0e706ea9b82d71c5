"""One media resource's way to its client: what was granted, where it is, and the wire to it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from media.answer import Tagged
from media.grant import Grant
from media.ice import Credentials
from media.resource import IceSession
from media.specs import PublisherSpec, SubscriberSpec
from media.udp import Address
from media.wire import Wire


@dataclass(frozen=True, slots=True)
class Answer:
    """201: where the resource is, which ICE session it has, and the SDP."""

    resource_id: str
    etag: str  # quoted
    sdp: str


class Peer:
    """See the module; also the agent's `IcePeer`. `moved` is called when its address changes."""

    def __init__(
        self,
        resource_id: str,
        grant: Grant,
        ice: IceSession,
        local: Credentials,
        moved: "Callable[[Peer], None]",
    ) -> None:
        self.resource_id = resource_id
        self.grant = grant
        self.ice = ice
        self.local = local
        self.address: Address | None = None
        self.consented_at = time.monotonic()
        self.heard_at = float("-inf")  # authentic RTCP
        self.checked = asyncio.Event()
        self.in_room = False
        self.task: asyncio.Task[None] | None = None
        self.wire: Wire | None = None
        self.spec: PublisherSpec | SubscriberSpec | None = None
        self.bundle = Tagged("", ())
        self.setup = "passive"
        self._moved = moved

    def path_changed(self, first: bool) -> None:
        self.checked.set()
        self._moved(self)
