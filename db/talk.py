"""What is said and asked in a lesson beside its sound: chat, the worksheet, polls."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.poll import Poll, PollState

_sql = named("talk")


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a participant."""

    id: UUID
    participant_id: UUID
    body: str
    at: datetime


async def add_message(
    connection: Connection,
    session_id: UUID,
    participant_id: UUID,
    kind: Literal["said", "worksheet"],
    body: str,
) -> Said:
    """Add what was said, or the worksheet's address ('' takes it away)."""
    row = await _sql.add_message(
        connection, session_id=session_id, participant_id=participant_id, kind=kind, body=body
    )
    return value(Said, row)


async def last_messages(connection: Connection, session_id: UUID, most: int) -> list[Said]:
    """The newest `most` messages of a session, oldest first."""
    found = _sql.last_messages(connection, session_id=session_id, most=most)
    return [value(Said, row) async for row in found]


async def worksheet(connection: Connection, session_id: UUID) -> str:
    """The address of a session's worksheet; '' if there is none."""
    return str(await _sql.worksheet(connection, session_id=session_id) or "")


async def add_poll(connection: Connection, session_id: UUID, poll: Poll) -> bool:
    """Show a new poll; False where the session shows one already."""
    try:
        async with connection.transaction():
            await _sql.add_poll(
                connection,
                poll_id=poll.id,
                session_id=session_id,
                question=poll.question,
                options=poll.options,
                state=poll.state,
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def move_poll(connection: Connection, poll: Poll, to: PollState) -> bool:
    """Move a poll on from the state that is known; whether it was this call that did."""
    moved = await _sql.move_poll(connection, poll_id=poll.id, state=to, from_state=poll.state)
    return bool(moved)


async def polls_held(connection: Connection, session_id: UUID) -> int:
    """How many polls a session has had."""
    return int(await _sql.polls_held(connection, session_id=session_id))


async def shown_poll(connection: Connection, session_id: UUID) -> Poll | None:
    """The poll that a session shows, with its answers."""
    row = await _sql.shown_poll(connection, session_id=session_id)
    if row is None:
        return None
    answers = {
        each["participant_id"]: tuple(each["heads"])
        async for each in _sql.answers_of_poll(connection, poll_id=row["id"])
    }
    return value(Poll, row, answers=answers)


async def add_answer(
    connection: Connection, poll_id: UUID, participant_id: UUID, heads: tuple[int, ...]
) -> bool:
    """A class's hands per option; whether the poll still took it."""
    taken = await _sql.add_answer(
        connection, poll_id=poll_id, participant_id=participant_id, heads=list(heads)
    )
    return bool(taken)
