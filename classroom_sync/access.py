"""Which object a visitor may touch: their seat in a session, their school's rooms."""

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from classroom_sync.errors import NO_SUCH_PAGE, Refused
from classroom_sync.keys import LIVE, VISITOR
from classroom_sync.permissions import Action, Role, allowed
from db import accounts
from db.accounts import Account
from db.pool import Connection
from scheduler.model import ParticipantRole


@dataclass(frozen=True, slots=True)
class Seat:
    """A visitor's place in a session; `participant_id` None: may look, takes no part. An observer
    has the visit as which they watch."""

    session_id: UUID
    participant_id: UUID | None
    role: ParticipantRole | None
    actor: str
    visit_id: UUID | None = None

    @property
    def leads(self) -> bool:
        return self.role is ParticipantRole.LEAD


def identifier(text: str) -> UUID:
    """An id from a URL. Raises Refused (404)."""
    try:
        return UUID(text)
    except ValueError:
        raise Refused(404, NO_SUCH_PAGE) from None


async def seat_in(request: web.Request, session: str) -> Seat:
    """The visitor's seat in a session. Raises Refused: 401, 403 or 404.

    A room device sits where its room does, a teacher where they are lead or assistant; who may see
    the city may look at any session, an administrator of one school at those of that school.
    """
    visitor = request[VISITOR]
    if visitor.role is None:
        raise Refused(401, "Please sign in first.")
    session_id = identifier(session)
    live = await request.app[LIVE].need(session_id)
    for place in live.places.values():
        participant = place.participant
        if (visitor.role is Role.ROOM and participant.room_id == visitor.room_id) or (
            visitor.role is Role.TEACHER
            and visitor.teacher_id is not None
            and participant.teacher_id == visitor.teacher_id
        ):
            return Seat(session_id, participant.id, participant.role, visitor.actor)
    own = visitor.school_code
    taking_part = {place.school_code for place in live.places.values()}
    if allowed(visitor.role, Action.SEE_CITY) and (own is None or own in taking_part):
        return Seat(session_id, None, None, visitor.actor)
    raise Refused(403, "This lesson is not one of yours.")


def whole_city(request: web.Request) -> None:
    """Only an administrator of the whole city goes on. Raises Refused (403)."""
    if request[VISITOR].school_code is not None:
        raise Refused(403, "Only an administrator of the whole city changes the timetable.")


def own_school(request: web.Request, school_code: str) -> None:
    """Only an administrator of this school, or of the whole city, goes on. Raises Refused (403)."""
    if request[VISITOR].school_code not in (None, school_code):
        raise Refused(403, "Only an administrator of this school answers for it.")


async def kept_account(request: web.Request, connection: Connection, account_id: UUID) -> Account:
    """An account that the visitor keeps. Raises Refused (403, 404).

    An administrator of one school keeps the accounts of that school, never those of the city.
    """
    found = await accounts.account(connection, account_id)
    own = request[VISITOR].school_code
    if found is None:
        raise Refused(404, "There is no such account: see the list of people.")
    if own is not None and found.school_code != own:
        raise Refused(403, "This account belongs to another school, or to the city.")
    return found
