"""What people want of a room, kept for rooms where nobody is yet, or not at the moment."""

from collections import OrderedDict
from dataclasses import dataclass, field

_MOST = 1000  # rooms


@dataclass(slots=True)
class Wishes:
    """Who is to have the floor (None: the lead), whose sound is kept from everyone, and whether the
    room is recorded, the others too beside its lead; not `led`: who speaks instead of one."""

    floor: str | None = None
    muted: set[str] = field(default_factory=set)
    recorded: bool = False
    others: bool = False
    led: bool = True

    def mute(self, participant: str, *, muted: bool) -> None:
        """Mute a participant, or no longer."""
        if muted:
            self.muted.add(participant)
        else:
            self.muted.discard(participant)


class WishBook:
    """The wishes of rooms that have not ended; of so many at most, the last asked for."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, Wishes] = OrderedDict()

    def of(self, room: str) -> Wishes:
        """Those of a room, to read or to change."""
        self._of.setdefault(room, Wishes())
        self._of.move_to_end(room)
        if len(self._of) > _MOST:
            self._of.popitem(last=False)
        return self._of[room]

    def forget(self, room: str) -> None:
        """The room has ended."""
        self._of.pop(room, None)
