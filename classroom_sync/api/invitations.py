"""Invitations in /api/v1: teachers of other schools who are asked to observe a lesson."""

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.observation.access import invited_by
from classroom_sync.permissions import Action
from db import city, invitations, marks


class InvitationIn(BaseModel, extra="forbid"):
    teacher: str = Field(min_length=1, max_length=100)


@endpoint(
    "POST",
    "/sessions/{session}/invitations",
    "Invite a teacher who takes no part in a lesson to observe it",
    action=Action.INVITE_OBSERVERS,
    body=InvitationIn,
)
async def invite(request: web.Request, body: InvitationIn) -> None:
    async with request.app[POOL].transaction() as connection:
        session = await invited_by(request, connection)
        if all(teacher.id != body.teacher for teacher in await city.teachers(connection)):
            raise Refused(404, "There is no such teacher: choose one from the list.")
        if any(p.teacher_id == body.teacher for p in session.participants):
            raise Refused(409, "This teacher takes part in the lesson: invite somebody else.")
        actor = request[VISITOR].actor
        now = request.app[NOW]()
        if await invitations.invite(connection, session.id, body.teacher, actor, now):
            about = f"session:{session.id}"
            await marks.add_audit(
                connection, actor, "observer_invited", about, teacher=body.teacher
            )


@endpoint(
    "DELETE",
    "/sessions/{session}/invitations/{teacher}",
    "Take an invitation back; what the teacher has written stays",
    action=Action.INVITE_OBSERVERS,
)
async def withdraw(request: web.Request) -> None:
    async with request.app[POOL].transaction() as connection:
        session = await invited_by(request, connection)
        teacher = request.match_info["teacher"]
        if not await invitations.withdraw(connection, session.id, teacher):
            raise Refused(404, "This teacher is not invited.")
        about, actor = f"session:{session.id}", request[VISITOR].actor
        await marks.add_audit(connection, actor, "invitation_withdrawn", about, teacher=teacher)
