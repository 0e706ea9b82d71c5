"""Comments on instants of a lesson in /api/v1, made while it is on or on its recording."""

from datetime import datetime, timedelta
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from classroom_sync.api.registry import endpoint
from classroom_sync.errors import Refused
from classroom_sync.keys import NOW, POOL, VISITOR
from classroom_sync.observation.access import leads, reviewed
from classroom_sync.observation.record import as_told, placed
from classroom_sync.permissions import Action
from db import comments, recordings
from db.pool import Connection
from scheduler.model import Session, SessionState
from scheduler.observation import instant
from scheduler.recording import RecordingState

MOST = 500  # comments of one account on one lesson
_DAY_MS = 24 * 3600 * 1000


class CommentIn(BaseModel, extra="forbid"):
    """About the instant `ago_ms` ago, or about `at_ms` of a recording, or an answer."""

    id: UUID = Field(description="chosen at random by who sends it: sent twice, it counts once")
    text: str = Field(min_length=1, max_length=2000)
    ago_ms: int = Field(0, ge=0, le=_DAY_MS)
    recording: UUID | None = None
    at_ms: int = Field(0, ge=0, le=_DAY_MS)
    answers: UUID | None = Field(None, description="the comment that this one answers")


class CommentOut(BaseModel):
    id: UUID
    who: str
    at: datetime = Field(description="the instant of the lesson that it is about")
    text: str
    answers: UUID | None
    recording: UUID | None = Field(description="which recording shows that instant")
    at_ms: int | None = Field(description="and where")


class CommentsOut(BaseModel):
    comments: list[CommentOut]


@endpoint(
    "POST",
    "/sessions/{session}/comments",
    "Comment on an instant of a lesson, or answer a comment",
    action=Action.REVIEW,
    body=CommentIn,
    answer=CommentsOut,
)
async def add_comment(request: web.Request, body: CommentIn) -> CommentsOut:
    visitor, now = request[VISITOR], request.app[NOW]()
    text = body.text.strip()
    if not text:
        raise Refused(422, "Write something first.")
    async with request.app[POOL].transaction() as connection:
        session = await reviewed(request, connection)
        if body.answers is None and leads(visitor, session):
            raise Refused(403, "The lead teacher answers comments; observers make them.")
        assert visitor.account_id is not None, "only accounts observe"
        at = await _about(connection, session, body, now)
        if await comments.count_of(connection, session.id, visitor.account_id) >= MOST:
            raise Refused(429, "You have made very many comments on this lesson already.")
        new = await comments.add(
            connection,
            body.id,
            session_id=session.id,
            account_id=visitor.account_id,
            at=at,
            answers_id=body.answers,
            text=text,
            made_at=now,
        )
        if not new:
            known = await comments.comment(connection, body.id)
            assert known is not None, "comments are not deleted"
            if (known.session_id, known.observer.account_id) != (session.id, visitor.account_id):
                raise Refused(409, "There is another comment of that id: choose a new one.")
        return await _read(connection, session)


async def _about(
    connection: Connection, session: Session, body: CommentIn, now: datetime
) -> datetime:
    """The instant that a comment is about. Raises Refused: 404, 409, 422."""
    if body.answers is not None:
        answered = await comments.comment(connection, body.answers)
        if answered is None or answered.session_id != session.id or answered.answers_id:
            raise Refused(404, "There is no such comment to answer.")
        return answered.at
    if session.state not in (SessionState.OPEN, SessionState.LIVE, SessionState.ENDED):
        raise Refused(409, "This lesson was not held yet: there is nothing to evaluate.")
    if body.recording is not None:
        recording = await recordings.recording(connection, body.recording)
        if recording is None or recording.session_id != session.id:
            raise Refused(404, "There is no such recording.")
        shown = instant(recording, body.at_ms)
        if shown is None or recording.state is not RecordingState.READY:
            raise Refused(409, "This recording is not ready.")
        return shown
    at = min(now - timedelta(milliseconds=body.ago_ms), session.closed_at or now)
    if session.opened_at is not None and at < session.opened_at:
        raise Refused(422, "That was before the lesson's doors opened.")
    return at


async def _read(connection: Connection, session: Session) -> CommentsOut:
    said = await comments.of_session(connection, session.id)
    kept = await recordings.recordings_of_session(connection, session.id)
    ready = [r for r in kept if r.state is RecordingState.READY]
    told = as_told(placed(said, ready))
    return CommentsOut(comments=[CommentOut.model_validate(each) for each in told])


@endpoint(
    "GET",
    "/sessions/{session}/comments",
    "The comments on a lesson with their answers, each with its place on the recording",
    action=Action.REVIEW,
    answer=CommentsOut,
)
async def list_comments(request: web.Request) -> CommentsOut:
    async with request.app[POOL].connection() as connection:
        return await _read(connection, await reviewed(request, connection))
