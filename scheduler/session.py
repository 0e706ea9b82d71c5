"""The life of a session, and what is due when.

Theory of operation. A session is *scheduled* by the timetable; the clock *opens* it ten minutes
before its bell (the lobby 候课), when devices are checked and rooms join; it is *live* from the
lead's first decodable picture or sound; it *ends* when the teacher ends it, or by the clock ten
minutes after its last bell (DOMAIN 6). One that was never live by its last bell is *missed*. It can
be *cancelled* until it is live. Nothing leads back.

`due` is all the clock does, as a function: it can be asked at any instant, after any restart or
step of the machine's clock, and gives what has not been done yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.model import Session, SessionState

S = SessionState

TRANSITIONS: frozenset[tuple[SessionState, SessionState]] = frozenset(
    {
        (S.SCHEDULED, S.OPEN),
        (S.SCHEDULED, S.CANCELLED),
        (S.SCHEDULED, S.MISSED),
        (S.OPEN, S.LIVE),
        (S.OPEN, S.CANCELLED),
        (S.OPEN, S.MISSED),
        (S.LIVE, S.ENDED),
    }
)

OPENS_BEFORE = timedelta(minutes=10)
OVERRUNS_BY = timedelta(minutes=10)


class Action(StrEnum):
    OPEN = "open"
    END = "end"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done with a session, from which instant on."""

    session: Session
    action: Action
    at: datetime


def next_due(session: Session) -> Due | None:
    """What time will do next with a session; None when it is finished."""
    match session.state:
        case S.SCHEDULED:
            return Due(session, Action.OPEN, session.starts_at - OPENS_BEFORE)
        case S.OPEN:
            return Due(session, Action.MISS, session.ends_at)
        case S.LIVE:
            return Due(session, Action.END, session.ends_at + OVERRUNS_BY)
        case _:
            return None


def due(sessions: Iterable[Session], now: datetime) -> list[Due]:
    """What should have been done by now. A session whose whole time passed unopened is missed."""
    found = []
    for session in sessions:
        coming = next_due(session)
        if coming is None or coming.at > now:
            continue
        if coming.action is Action.OPEN and session.ends_at <= now:
            coming = Due(session, Action.MISS, session.ends_at)
        found.append(coming)
    return sorted(found, key=lambda d: (d.at, str(d.session.id)))
