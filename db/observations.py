"""What observers wrote of sessions: drafts that are saved as they are written, and what stays."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.observation import Mark, Observation, Observer

_sql = named("observations")


async def begin(
    connection: Connection, session_id: UUID, account_id: UUID, at: datetime
) -> Observation:
    """The observer's draft of a session: the one there is, or a new one, by the rubric that holds.

    Where the observer has submitted one before, the draft is its correction and begins with what
    was in it, by its own rubric. In the caller's transaction.
    """
    await _sql.begin(connection, session_id=session_id, account_id=account_id, at=at)
    mine = [o for o in await of_session(connection, session_id) if o.submitted_at is None]
    return next(o for o in mine if o.observer.account_id == account_id)


async def of_session(connection: Connection, session_id: UUID) -> list[Observation]:
    """All of a session, drafts and corrected ones too, by their beginning."""
    rows = [row async for row in _sql.of_session(connection, session_id=session_id)]
    return await _whole(connection, rows)


async def of_account(
    connection: Connection, account_id: UUID, limit: int = 50
) -> list[Observation]:
    """The newest of an observer, each without those that it corrects."""
    found = _sql.of_account(connection, account_id=account_id, limit=limit)
    return await _whole(connection, [row async for row in found])


async def observation(connection: Connection, observation_id: UUID) -> Observation | None:
    row = await _sql.observation(connection, id=observation_id)
    return None if row is None else (await _whole(connection, [row]))[0]


async def hold(connection: Connection, observation_id: UUID) -> None:
    """Let nobody else change an observation until this transaction ends."""
    await _sql.hold(connection, id=observation_id)


async def save(
    connection: Connection,
    observation_id: UUID,
    *,
    marks: Mapping[int, int | None],
    notes: Mapping[int, str],
    remark: str | None,
    at: datetime,
) -> bool:
    """Keep what has changed of a draft, by position; None: the remark has not. False: it is
    submitted, and nothing was kept. In the caller's transaction, which holds it."""
    if not await _sql.save(connection, id=observation_id, remark=remark, at=at):
        return False
    for position, mark in marks.items():
        await _sql.save_mark(connection, id=observation_id, position=position, mark=mark)
    for position, note in notes.items():
        await _sql.save_note(connection, id=observation_id, position=position, note=note)
    return True


async def submit(connection: Connection, observation_id: UUID, score: float, at: datetime) -> bool:
    """Let a draft stay as it is, `score` of 100; whether it was this call that did so."""
    return bool(await _sql.submit(connection, id=observation_id, score=score, at=at))


async def _whole(connection: Connection, rows: list[Any]) -> list[Observation]:
    marks: dict[UUID, list[Mark]] = defaultdict(list)
    async for row in _sql.marks_of(connection, ids=[row["id"] for row in rows]):
        marks[row["observation_id"]].append(value(Mark, row))
    return [
        value(Observation, row, observer=value(Observer, row), marks=tuple(marks[row["id"]]))
        for row in rows
    ]
