"""Moving a room along its life, for whoever may, with sentences for what can't be done."""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from classroom_sync.errors import Refused
from db import city, marks, room_life
from db.pool import Connection
from scheduler.model import DEFAULT_ZONE, Room, RoomStatus
from scheduler.room_life import LEAST_REASON, RoomLife, may_become


async def need_room(connection: Connection, room_id: str) -> Room:
    """A room of the register. Raises Refused (404)."""
    room = next((r for r in await city.rooms(connection) if r.id == room_id), None)
    if room is None:
        raise Refused(404, "There is no such room: see the list of rooms.")
    return room


async def need_life(connection: Connection, room_id: str) -> RoomLife:
    """The life of a room. Raises Refused (404)."""
    life = await room_life.life(connection, room_id)
    if life is None:
        raise Refused(404, "There is no such room: see the list of rooms.")
    return life


def local_day(now: datetime) -> date:
    """Today where the rooms are."""
    return now.astimezone(ZoneInfo(DEFAULT_ZONE)).date()


async def move(
    connection: Connection,
    room_id: str,
    target: RoomStatus,
    *,
    on_day: date | None,
    now: datetime,
    actor: str,
    why: str,
    test_id: UUID | None = None,
) -> None:
    """Move a room in the caller's transaction; without a day it becomes so today.

    Raises Refused: 404, 409 (the room is not at that point), 422 (no reason, or a date out of
    order). Accepted without a test it is by a reason alone.
    """
    today = local_day(now)
    life = await need_life(connection, room_id)
    if target not in may_become(life.status):
        raise Refused(409, "A room goes from planned to installed, accepted and retired, in order.")
    day = on_day or today
    if day > today:
        raise Refused(422, "That day has not come yet: say when it was, not when it will be.")
    if target is RoomStatus.ACCEPTED and test_id is None and len(why.strip()) < LEAST_REASON:
        raise Refused(
            422,
            "Without a passed test a room is accepted for a reason only: give it in a sentence.",
        )
    try:
        await room_life.move(
            connection,
            room_id,
            target,
            on_day=day,
            at=now,
            actor=actor,
            why=why,
            test_id=test_id,
        )
    except room_life.CannotMove as error:
        if error.rule == "rooms_dates_in_order":
            raise Refused(
                422, "The dates of a room follow one another: see its history."
            ) from error
        raise Refused(409, "The room was changed meanwhile: reload the page.") from error
    await marks.add_audit(
        connection,
        actor,
        f"room_{target.value}",
        f"room:{room_id}",
        why=why,
        test=str(test_id) if test_id else None,
    )
