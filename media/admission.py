"""How many media resources may be open, and how many may be half open.

A resource is *waiting* from its answer until its DTLS handshake is done. Whoever holds a token can
open waiting ones for the price of a POST, so these are few: by participant, by room and by node. A
participant that would exceed its share, or has one waiting when there is no more place, loses its
oldest waiting resource instead (a page that is reloaded leaves them behind, and never hears of it);
only what others would have to pay for is refused. Nothing here knows of time: waiting ends by the
node's own timeout, as everything does.
"""

from dataclasses import dataclass

from media.errors import Overloaded


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of resources: of the node, of a participant, and those of them that wait."""

    of_node: int = 2000
    of_participant: int = 64
    of_unseen: int = 4  # of a participant that only watches
    waiting: int = 1000
    waiting_in_room: int = 200
    waiting_of_participant: int = 8


@dataclass(frozen=True, slots=True)
class _Open:
    room: str
    participant: str


class Admission:
    """Who is in. Every id that `admit` was given must come to `gone`, once or more."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._open: dict[str, _Open] = {}
        self._waiting: dict[str, _Open] = {}  # oldest first

    @property
    def waiting(self) -> int:
        """Resources that are answered and not connected."""
        return len(self._waiting)

    def admit(
        self, resource_id: str, room: str, participant: str, *, unseen: bool = False
    ) -> tuple[str, ...]:
        """Let a resource in; the ids of earlier ones to close for it. Raises Overloaded, and then
        nothing has changed."""
        limits, who = self._limits, _Open(room, participant)
        own = [key for key, held in self._waiting.items() if held == who]
        in_room = sum(held.room == room for held in self._waiting.values())
        room_full = in_room >= limits.waiting_in_room
        node_full = len(self._open) >= limits.of_node or len(self._waiting) >= limits.waiting
        left = max(0, len(own) + 1 - limits.waiting_of_participant)
        if own and (room_full or node_full):
            left = max(left, 1)
        replaced = tuple(own[:left])
        if node_full and not left:
            raise Overloaded("this media node is full: try again in a moment")
        if room_full and not left:
            raise Overloaded("too many are connecting to this lesson: try again in a moment")
        most = limits.of_unseen if unseen else limits.of_participant
        if sum(held == who for held in self._open.values()) - left >= most:
            raise Overloaded("this participant has too many connections: close one of them")
        for key in replaced:
            self.gone(key)
        self._open[resource_id] = self._waiting[resource_id] = who
        return replaced

    def connected(self, resource_id: str) -> None:
        """Its handshake is done; it waits no longer."""
        self._waiting.pop(resource_id, None)

    def gone(self, resource_id: str) -> None:
        """It is closed. Unknown ids are ignored."""
        self._waiting.pop(resource_id, None)
        self._open.pop(resource_id, None)
