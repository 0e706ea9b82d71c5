"""What stands beside the picture of a lesson or a recording: the observer's form, and comments."""

import json
from dataclasses import dataclass

from classroom_sync.auth import Visitor
from classroom_sync.observation.access import leads, may_observe
from classroom_sync.observation.record import Reviewed, as_told, read_reviewed
from db.pool import Connection
from scheduler.model import Session
from scheduler.observation import Rubric


@dataclass(frozen=True, slots=True)
class Panel:
    """`observes`: the visitor may evaluate and comment; otherwise they lead, and answer."""

    session: Session
    observes: bool
    rubric: Rubric
    reviewed: Reviewed
    comments: str  # JSON


async def read_panel(connection: Connection, visitor: Visitor, session: Session) -> Panel | None:
    """The panel of a session for a visitor; None for who neither observes nor leads it."""
    observes = await may_observe(connection, visitor, session)
    if not observes and not leads(visitor, session):
        return None
    found = await read_reviewed(connection, visitor, session)
    newest = max(found.rubrics)
    return Panel(
        session,
        observes,
        found.rubrics[found.mine.rubric if found.mine else newest],
        found,
        _for_a_page(json.dumps(as_told(found.remarks), default=_text)),
    )


def _text(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _for_a_page(text: str) -> str:
    """JSON that can't end the element it stands in."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
