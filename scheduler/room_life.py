"""The life of a room, and what is known of it.

Theory of operation. A room is *planned* (it has a phase and money), *installed* once it is built,
*accepted* when it has passed the acceptance test or an administrator says for what reason it counts
without one, and *retired* at the end. Nothing leads back: a room that was rebuilt is another room.
The database holds the same table (`room_transitions`) and moves rooms only along it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from scheduler.model import RoomStatus

S = RoomStatus

TRANSITIONS: frozenset[tuple[RoomStatus, RoomStatus]] = frozenset(
    {
        (S.PLANNED, S.INSTALLED),
        (S.PLANNED, S.RETIRED),
        (S.INSTALLED, S.ACCEPTED),
        (S.INSTALLED, S.RETIRED),
        (S.ACCEPTED, S.RETIRED),
    }
)

LEAST_REASON = 10  # characters of the reason for which a room is accepted without a test


@dataclass(frozen=True, slots=True)
class RoomLife:
    """The dates of a room; None: not so far, or the register did not say."""

    room_id: str
    status: RoomStatus
    phase: int
    funding: str
    planned_on: date | None
    installed_on: date | None
    accepted_on: date | None
    retired_on: date | None


@dataclass(frozen=True, slots=True)
class RoomMove:
    """One entry of a room's history: who moved it, when, to what, and why."""

    from_status: RoomStatus | None  # None: entered into the register
    to_status: RoomStatus
    on_day: date | None  # None: the register did not say
    at: datetime
    actor: str
    why: str
    test_id: UUID | None  # the acceptance test it passed


def may_become(status: RoomStatus) -> tuple[RoomStatus, ...]:
    """What a room of a status may become next, in the order of life."""
    return tuple(target for target in S if (status, target) in TRANSITIONS)
