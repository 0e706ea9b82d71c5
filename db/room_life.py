"""The life of rooms: their dates and history, and the one way in which they move."""

from datetime import date, datetime
from uuid import UUID

import asyncpg

from db.pool import Connection
from db.queries import named
from db.rows import value
from scheduler.model import RoomKind, RoomStatus
from scheduler.room_life import RoomLife, RoomMove

_sql = named("room_life")


class CannotMove(Exception):
    """The room stays as it is: `rule` is rooms_move_along, rooms_accepted_for_a_reason or
    rooms_dates_in_order."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class RoomExists(Exception):
    """There is a room of that id, or of that name in its school."""


async def add_planned(
    connection: Connection,
    *,
    room_id: str,
    school_code: str,
    name: str,
    kind: RoomKind,
    phase: int,
    planned_on: date,
    funding: str,
    actor: str,
) -> None:
    """Enter a planned room into the register, in a transaction. Raises RoomExists."""
    try:
        await _sql.say_who(connection, actor=actor, why="planned")
        await _sql.add_room(
            connection,
            id=room_id,
            school_code=school_code,
            name=name,
            kind=kind,
            phase=phase,
            planned_on=planned_on,
            funding=funding,
        )
    except asyncpg.UniqueViolationError as error:
        raise RoomExists(room_id) from error


async def life(connection: Connection, room_id: str) -> RoomLife | None:
    row = await _sql.life(connection, room_id=room_id)
    return None if row is None else value(RoomLife, row)


async def history(connection: Connection, room_id: str) -> list[RoomMove]:
    """Everything that became of a room, in order."""
    return [value(RoomMove, row) async for row in _sql.history(connection, room_id=room_id)]


async def note(connection: Connection, room_id: str, phase: int, funding: str) -> None:
    """Set the build phase and the note on its funding."""
    await _sql.note(connection, room_id=room_id, phase=phase, funding=funding)


async def move(
    connection: Connection,
    room_id: str,
    target: RoomStatus,
    *,
    on_day: date,
    at: datetime,
    actor: str,
    why: str,
    test_id: UUID | None = None,
) -> None:
    """Move a room and write its history, in one statement. Raises CannotMove.

    To be accepted it must have passed `test_id`, or `why` must be a reason.
    """
    try:
        await _sql.move(
            connection,
            room_id=room_id,
            target=target,
            on_day=on_day,
            at=at,
            actor=actor,
            why=why,
            test_id=test_id,
        )
    except asyncpg.CheckViolationError as error:
        raise CannotMove(error.constraint_name or "") from error
