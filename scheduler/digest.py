"""The digest of a day: what was held, who was dark, and which make-ups are owed (DOMAIN 9).

A link that was there for less than it should (or whose lesson was not held, or was cancelled by its
school or for the network) is to be made up within ten school days. It is owed until a make-up of it
was valid for the same class.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduler.calendar import teaching_days
from scheduler.model import AttendanceStatus, Session, SessionState, Term

MAKE_UP_WITHIN = 10  # school days
_REACH = timedelta(days=120)  # in which ten school days are found, holidays or not
_OWING_CAUSES = ("school", "network")


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
    made_up: bool  # a make-up of it was valid
    makeup: bool = False  # it is a make-up itself: what it was for is owed, not it


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
    """A link that is to be made up, and by when (inclusive); None: the term ends before."""

    link: Link
    due_by: date | None
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


def owes(link: Link) -> bool:
    """Whether a link is to be made up."""
    if link.made_up or link.makeup or link.status is None:
        return False
    if link.status is AttendanceStatus.EXCUSED:
        return link.cause in _OWING_CAUSES
    if link.status is AttendanceStatus.PARTIAL:
        return link.cause == "too_short"
    return link.status is AttendanceStatus.ABSENT


def due_by(term: Term, on_day: date) -> date | None:
    """The last school day on which a lesson of `on_day` can be made up in time."""
    days = teaching_days(term, on_day + timedelta(days=1), on_day + _REACH)
    return next((d.day for n, d in enumerate(days, start=1) if n == MAKE_UP_WITHIN), None)


def digest(
    term: Term,
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
    owed = []
    for link in links:
        if owes(link):
            until = due_by(term, link.on_day)
            owed.append(Owed(link, until, until is not None and until < day))
    return Digest(
        zone=term.zone,
        day=day,
        planned=sum(of.values()),
        held=of[SessionState.ENDED] + of[SessionState.LIVE],
        not_held=of[SessionState.MISSED],
        cancelled=of[SessionState.CANCELLED],
        links=dict(sorted(statuses.items())),
        dark=tuple(sorted(dark, key=lambda d: (d.dark_since, d.room_id))),
        owed=tuple(sorted(owed, key=lambda o: (o.link.on_day, o.link.room_id))),
    )
