"""Rooms that are dark while their lesson should be live: a rule over what was seen and the clock.

A lesson should be live from its first bell to its last. A room is there while what the lesson asks
of it flows (as in `attendance`: the lead sends, an interactive room sends and is reached, one that
listens is reached); it is *dark* when that has not been so for `dark_after`. While the lead itself
is dark nobody can be reached, so the others are asked for what they send alone; nor does anybody
miss what the lead had not begun to send. Evidence is some seconds old when it can be read (at most
12: a slice of 5, its confirmation within 6, a batch each second), which `dark_after` must exceed;
looked at every few seconds, a room that goes dark is told of within a minute.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from scheduler.model import ParticipantRole, RoomKind


@dataclass(frozen=True, slots=True)
class AlertRules:
    """When a room is dark."""

    dark_after: timedelta = timedelta(seconds=40)


@dataclass(frozen=True, slots=True)
class Seat:
    """One room in a lesson that should be live, and until when something decodable was seen."""

    session_id: UUID
    participant_id: UUID
    room_id: str
    role: ParticipantRole
    kind: RoomKind
    interactive: bool  # of the lesson
    starts_at: datetime
    ends_at: datetime
    sent_until: datetime | None
    received_until: datetime | None
    sent_since: datetime | None = None  # of a lead: since when it has sent without a break


@dataclass(frozen=True, slots=True)
class Dark:
    """A room that is dark, and since when."""

    seat: Seat
    since: datetime


def dark(seats: Iterable[Seat], now: datetime, rules: AlertRules) -> list[Dark]:
    """The rooms that are dark now, in the order of lessons and rooms."""
    lessons: defaultdict[UUID, list[Seat]] = defaultdict(list)
    for seat in seats:
        if seat.starts_at <= now < seat.ends_at:
            lessons[seat.session_id].append(seat)
    found = []
    for lesson in lessons.values():
        leads = [s for s in lesson if s.role is ParticipantRole.LEAD]
        led = any(now - _there_until(s) < rules.dark_after for s in leads)
        led_since = min((s.sent_since for s in leads if s.sent_since), default=None)
        for seat in lesson:
            if not led and seat.role is not ParticipantRole.LEAD and _listens(seat):
                continue  # there is nothing to hear
            since = _there_until(seat, reachable=led, led_since=led_since)
            if now - since >= rules.dark_after:
                found.append(Dark(seat, since))
    return sorted(found, key=lambda d: (d.seat.starts_at, str(d.seat.session_id), d.seat.room_id))


def _listens(seat: Seat) -> bool:
    return seat.role is not ParticipantRole.LEAD and (
        not seat.interactive or seat.kind is RoomKind.CLOUD
    )


def _there_until(
    seat: Seat, *, reachable: bool = True, led_since: datetime | None = None
) -> datetime:
    """Until when a room was there as it should be; its lesson's first bell if never since."""
    sent = seat.sent_until or seat.starts_at
    received = max(seat.received_until or seat.starts_at, led_since or seat.starts_at)
    if seat.role is ParticipantRole.LEAD or not reachable:
        last = sent
    elif _listens(seat):
        last = received
    else:
        last = min(sent, received)
    return max(last, seat.starts_at)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be told: rooms that went dark, and alerts (lesson, room) that are over."""

    opened: tuple[Dark, ...]
    back: tuple[tuple[UUID, str], ...]
    ended: tuple[tuple[UUID, str], ...]


def changes(
    found: Sequence[Dark],
    seats: Iterable[Seat],
    standing: Iterable[tuple[UUID, str]],
    now: datetime,
) -> Changes:
    """Compare what is dark with the alerts that stand, each named by lesson and room.

    An alert is over when its room is there again, or its lesson no longer should be live.
    """
    standing = set(standing)
    is_dark = {(d.seat.session_id, d.seat.room_id): d for d in found}
    on = {(s.session_id, s.room_id) for s in seats if s.starts_at <= now < s.ends_at}
    over = sorted(standing - is_dark.keys(), key=str)
    return Changes(
        opened=tuple(d for key, d in is_dark.items() if key not in standing),
        back=tuple(key for key in over if key in on),
        ended=tuple(key for key in over if key not in on),
    )
