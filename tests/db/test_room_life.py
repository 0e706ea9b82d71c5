"""The life of a room as the database keeps it, whatever the code does."""

import asyncio
from datetime import date
from uuid import UUID, uuid4

import asyncpg
import pytest

from db import acceptance, city, room_life
from db.pool import Connection, Pool
from db.room_life import CannotMove
from scheduler.model import RoomKind, RoomStatus
from scheduler.room_life import TRANSITIONS
from tests.worlds import FAR, NOON, build

DAY = date(2026, 9, 7)
REASON = "accepted on paper before this server"


async def _planned(connection: Connection, room_id: str = "new") -> None:
    await room_life.add_planned(
        connection,
        room_id=room_id,
        school_code=FAR,
        name=room_id,
        kind=RoomKind.INTERACTIVE,
        phase=2,
        planned_on=DAY,
        funding="city budget 2026",
        actor="account:admin",
    )


async def _move(
    connection: Connection,
    target: RoomStatus,
    why: str = "",
    test_id: UUID | None = None,
    day: date = DAY,
    room_id: str = "new",
) -> None:
    async with connection.transaction():
        await room_life.move(
            connection,
            room_id,
            target,
            on_day=day,
            at=NOON,
            actor="account:admin",
            why=why,
            test_id=test_id,
        )


async def _test(connection: Connection, room_id: str, *, passed: bool) -> UUID:
    test_id = uuid4()
    await acceptance.ask(connection, test_id, room_id, "device:x", NOON, None)
    await acceptance.finish(
        connection, test_id, NOON, passed=passed, certificate="{}", signature="s", key_id="k"
    )
    return test_id


async def test_the_database_has_the_schedulers_table(pool: Pool) -> None:
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT from_status, to_status FROM room_transitions")
    assert {(a, b) for a, b in rows} == {(a.value, b.value) for a, b in TRANSITIONS}


async def test_a_room_lives_from_plan_to_end_and_each_step_is_remembered(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await _planned(connection)
        await _move(connection, RoomStatus.INSTALLED, "handed over by the builder")
        test_id = await _test(connection, "new", passed=True)
        await _move(connection, RoomStatus.ACCEPTED, "", test_id)
        await _move(connection, RoomStatus.RETIRED, "school closed", day=date(2027, 1, 1))
        life = await room_life.life(connection, "new")
        history = await room_life.history(connection, "new")
    assert life is not None
    assert (life.planned_on, life.installed_on, life.accepted_on, life.retired_on) == (
        DAY,
        DAY,
        DAY,
        date(2027, 1, 1),
    )
    assert [(m.from_status, m.to_status, m.why, m.test_id) for m in history] == [
        (None, "planned", "planned", None),
        ("planned", "installed", "handed over by the builder", None),
        ("installed", "accepted", "", test_id),
        ("accepted", "retired", "school closed", None),
    ]


@pytest.mark.parametrize(
    ("at", "target"),
    sorted((a, b) for a in RoomStatus for b in RoomStatus if (a, b) not in TRANSITIONS),
)
async def test_a_step_that_is_not_in_the_table_is_refused(
    dsn: str, pool: Pool, at: RoomStatus, target: RoomStatus
) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await _planned(connection)
    owner = await asyncpg.connect(dsn)
    await owner.execute(
        "UPDATE rooms SET status = $1, accepted_on = '2026-09-07' WHERE id = 'new'", at.value
    )
    await owner.close()
    async with pool.connection() as connection:
        with pytest.raises(CannotMove) as refused:
            await _move(connection, target, REASON)
    assert refused.value.rule == "rooms_move_along"


async def test_only_a_passed_test_of_its_own_or_a_reason_accepts_a_room(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await _planned(connection)
        await _move(connection, RoomStatus.INSTALLED)
        tries: list[tuple[str, UUID | None]] = [
            ("", None),
            ("  ok         ", None),
            (REASON, await _test(connection, "new", passed=False)),
            (REASON, await _test(connection, f"{FAR}-R1", passed=True)),
            (REASON, uuid4()),
        ]
        for why, test_id in tries:
            with pytest.raises(CannotMove) as refused:
                await _move(connection, RoomStatus.ACCEPTED, why, test_id)
            assert refused.value.rule == "rooms_accepted_for_a_reason"
        await _move(connection, RoomStatus.ACCEPTED, REASON)


async def test_dates_follow_the_order_of_life(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await _planned(connection)
        with pytest.raises(CannotMove, match="rooms_dates_in_order"):
            await _move(connection, RoomStatus.INSTALLED, day=date(2026, 9, 6))


async def test_of_two_who_accept_at_once_one_does(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        await _planned(connection)
        await _move(connection, RoomStatus.INSTALLED)

    async def accept() -> bool:
        try:
            async with pool.connection() as connection:
                await _move(connection, RoomStatus.ACCEPTED, REASON)
        except CannotMove:
            return False
        return True

    assert sorted(await asyncio.gather(accept(), accept())) == [False, True]
    async with pool.connection() as connection:
        assert len(await room_life.history(connection, "new")) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rooms SET status = 'accepted'",
        "UPDATE rooms SET accepted_on = '2020-01-01'",
        "DELETE FROM rooms",
        "INSERT INTO room_history (room_id, to_status, actor, why)"
        " SELECT id, 'x', 'x', 'x' FROM rooms",
        "UPDATE room_history SET why = ''",
        "DELETE FROM room_history",
        "UPDATE acceptance_results SET passed = true",
        "DELETE FROM acceptance_results",
        "DELETE FROM acceptance_evidence",
        "UPDATE acceptance_tests SET room_id = 'x'",
    ],
)
async def test_the_application_cannot_go_round_it(pool: Pool, statement: str) -> None:
    async with pool.transaction() as connection:
        await build(connection)
    async with pool.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_rooms_of_the_register_say_that_they_were_taken_over(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        histories = [
            await room_life.history(connection, r.id) for r in await city.rooms(connection)
        ]
    assert [(m.to_status, m.on_day, m.why) for [m] in histories] == [
        ("accepted", date(2020, 12, 1), "taken over from the register")
    ] * 4
