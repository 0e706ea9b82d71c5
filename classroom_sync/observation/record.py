"""The record 听课记录 of a session: what observers gave and said, as far as a visitor sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from classroom_sync.auth import Visitor
from classroom_sync.observation.access import may_see_each
from db import comments, observations, recordings, rubrics
from db.pool import Connection
from scheduler.model import Session
from scheduler.observation import (
    Comment,
    Observation,
    Rubric,
    Summary,
    place,
    standing,
    summarize,
)
from scheduler.recording import Recording, RecordingState


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment with its answers, and where a recording shows what it is about, if one does."""

    comment: Comment
    answers: tuple[Comment, ...]
    recording_id: UUID | None
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """`mine`: the visitor's own newest observation; `shown`: those that stand and that they see;
    `count`: how many stand in all."""

    summaries: tuple[Summary, ...]
    shown: tuple[Observation, ...]
    mine: Observation | None
    count: int
    sees_each: bool
    rubrics: dict[int, Rubric]
    remarks: tuple[Remark, ...]
    recordings: tuple[Recording, ...]  # that are ready


def placed(found: Sequence[Comment], ready: Sequence[Recording]) -> tuple[Remark, ...]:
    """Comments in the order of the lesson, each with its answers and its place."""
    remarks = []
    for comment in found:
        if comment.answers_id is not None:
            continue
        places = [(r.id, ms) for r in ready if (ms := place(r, comment.at)) is not None]
        recording_id, at_ms = places[0] if places else (None, None)
        answers = tuple(c for c in found if c.answers_id == comment.id)
        remarks.append(Remark(comment, answers, recording_id, at_ms))
    return tuple(remarks)


def as_told(remarks: Sequence[Remark]) -> list[dict[str, Any]]:
    """Comments and their answers as pages and programs get them (`api.observation_comments`)."""
    return [
        {
            "id": each.id,
            "who": each.observer.name,
            "at": each.at,
            "text": each.text,
            "answers": each.answers_id,
            "recording": remark.recording_id,
            "at_ms": remark.at_ms,
        }
        for remark in remarks
        for each in (remark.comment, *remark.answers)
    ]


async def read_reviewed(connection: Connection, visitor: Visitor, session: Session) -> Reviewed:
    """The record of a session that the visitor may review."""
    every = await observations.of_session(connection, session.id)
    versions = await rubrics.rubrics(connection)
    said = await comments.of_session(connection, session.id)
    kept = await recordings.recordings_of_session(connection, session.id)
    ready = [r for r in kept if r.state is RecordingState.READY]
    each, stand = await may_see_each(connection, visitor, session), standing(every)
    own = [o for o in every if o.observer.account_id == visitor.account_id]
    return Reviewed(
        summaries=tuple(summarize(versions, every)),
        shown=tuple(o for o in stand if each or o.observer.account_id == visitor.account_id),
        mine=own[-1] if own else None,
        count=len(stand),
        sees_each=each,
        rubrics={rubric.number: rubric for rubric in versions},
        remarks=placed(said, ready),
        recordings=tuple(ready),
    )
