"""The digest of a day: what was held, who was dark, and which make-ups are owed (DOMAIN 9).

Whether a link is to be made up, by when, and whether it has been, stands in its attendance.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduler.model import AttendanceStatus, Session, SessionState, Term


@dataclass(frozen=True, slots=True)
class Link:
    """A link as the digest needs it, with its newest attendance (None: not settled yet)."""

    session_id: UUID
    participant_id: UUID
    on_day: date
    subject: str | None
    room_id: str
    class_id: str
    status: AttendanceStatus | None
    cause: str | None
    makeup_due_on: date | None  # None: nothing is due
    made_up_on: date | None
    makeup: bool = False  # it makes up for one that is owed, unless that is excused

    @property
    def owed(self) -> bool:
        return self.makeup_due_on is not None and self.made_up_on is None and not self.makeup


@dataclass(frozen=True, slots=True)
class DarkRoom:
    """A room that was dark in a lesson of the day."""

    session_id: UUID
    room_id: str
    dark_since: datetime
    closed_at: datetime | None  # None: it still is
    times: int


@dataclass(frozen=True, slots=True)
class Owed:
    """A link that is to be made up, and by when (inclusive)."""

    link: Link
    due_on: date
    overdue: bool


@dataclass(frozen=True, slots=True)
class Digest:
    zone: str
    day: date
    planned: int  # sessions of the day
    held: int
    not_held: int
    cancelled: int
    links: Mapping[str, int]  # by status of the day's links; "open": not settled yet
    dark: tuple[DarkRoom, ...]
    owed: tuple[Owed, ...]  # the longest owed first


def due(
    terms: Iterable[Term], now: datetime, at: time, done: Iterable[tuple[str, date]]
) -> list[tuple[str, date]]:
    """The zones whose digest of today should be made by now, each with its date there."""
    done = set(done)
    found = set()
    for term in terms:
        local = now.astimezone(ZoneInfo(term.zone))
        key = (term.zone, local.date())
        if term.starts_on <= local.date() <= term.ends_on and local.time() >= at:
            found.add(key)
    return sorted(found - done)


def digest(
    zone: str,
    day: date,
    sessions: Sequence[Session],
    links: Sequence[Link],
    dark: Iterable[DarkRoom],
) -> Digest:
    """The digest of a day from its sessions, all links that may owe (those of the day among them),
    and the rooms that were dark."""
    of = Counter(s.state for s in sessions if s.on_day == day)
    statuses = Counter(
        link.status.value if link.status else "open" for link in links if link.on_day == day
    )
    owed = [
        Owed(link, link.makeup_due_on, link.makeup_due_on < day)
        for link in links
        if link.owed and link.makeup_due_on is not None
    ]
    return Digest(
        zone=zone,
        day=day,
        planned=sum(of.values()),
        held=of[SessionState.ENDED] + of[SessionState.LIVE],
        not_held=of[SessionState.MISSED],
        cancelled=of[SessionState.CANCELLED],
        links=dict(sorted(statuses.items())),
        dark=tuple(sorted(dark, key=lambda d: (d.dark_since, d.room_id))),
        owed=tuple(sorted(owed, key=lambda o: (o.link.on_day, o.link.room_id))),
    )
