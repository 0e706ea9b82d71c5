"""Comments of observers on instants of a session, and the answers to them; all of them stay."""

from datetime import datetime
from typing import Any
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.observation import Comment, Observer

_sql = named("comments")


async def add(
    connection: Connection,
    comment_id: UUID,
    *,
    session_id: UUID,
    account_id: UUID,
    at: datetime,
    answers_id: UUID | None,
    text: str,
    made_at: datetime,
) -> bool:
    """Keep a comment under an id of its writer's choice; False: there is one of that id."""
    return bool(
        await _sql.add(
            connection,
            id=comment_id,
            session_id=session_id,
            account_id=account_id,
            at=at,
            answers_id=answers_id,
            text=text,
            made_at=made_at,
        )
    )


async def of_session(connection: Connection, session_id: UUID) -> list[Comment]:
    """Those of a session, answers too, by what they are about."""
    return [_comment(row) async for row in _sql.of_session(connection, session_id=session_id)]


async def comment(connection: Connection, comment_id: UUID) -> Comment | None:
    row = await _sql.comment(connection, id=comment_id)
    return None if row is None else _comment(row)


async def count_of(connection: Connection, session_id: UUID, account_id: UUID) -> int:
    """How many an account has made on a session."""
    return int(await _sql.count_of(connection, session_id=session_id, account_id=account_id))


def _comment(row: Any) -> Comment:
    return value(Comment, row, observer=value(Observer, row))
