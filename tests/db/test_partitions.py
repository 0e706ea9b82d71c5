"""Evidence and presence by month: moved in, made ahead, dropped; nothing refused for its date."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from db import partitions, presence
from db.migrate import migrate, shipped
from db.partitions import ByMonth
from db.pool import Connection, Pool
from tests.db.test_nouns import attendance, evidence
from tests.worlds import NOON, build, lesson, plan


async def _places(connection: Connection, table: str) -> dict[str, int]:
    rows = await connection.fetch(
        f"SELECT tableoid::regclass::text AS name, count(*) AS n FROM {table} GROUP BY 1"
    )
    return {row["name"]: row["n"] for row in rows}


async def test_rows_go_to_their_month_and_to_another_place_until_it_is_made(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson(), NOON.replace(year=2031))
        far = [(n, evidence(planned, 5 * n)) for n in (1, 2)]
        years = timedelta(days=5 * 365)
        moved = [
            (n, type(e)(**{**_fields(e), "from_at": e.from_at + years, "to_at": e.to_at + years}))
            for n, e in far
        ]
        await presence.add_evidence(connection, uuid4(), moved)
        assert await _places(connection, "evidence") == {"evidence_other": 2}
        day = moved[0][1].from_at.date()
        assert await partitions.make(connection, ByMonth.EVIDENCE, day, day) == 1
        assert await partitions.make(connection, ByMonth.EVIDENCE, day, day) == 0
        assert await _places(connection, "evidence") == {f"evidence_{day:%Y_%m}": 2}


def _fields(value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in type(value).__dataclass_fields__}  # type: ignore[attr-defined]  # a dataclass


async def test_months_are_made_ahead(pool: Pool) -> None:
    now = datetime(2033, 1, 20, tzinfo=UTC)
    async with pool.transaction() as connection:
        assert await partitions.make_ahead(connection, now) == 8
        assert await partitions.make_ahead(connection, now) == 0
        found = await partitions.months(connection, ByMonth.PRESENCE)
    assert {date(2033, m, 1) for m in (1, 2, 3, 4)} <= set(found)


async def test_an_old_month_is_dropped_and_a_young_one_is_not(pool: Pool) -> None:
    old, today = date(2020, 3, 1), datetime.now(UTC).date()
    async with pool.transaction() as connection:
        await partitions.make(connection, ByMonth.EVIDENCE, old, old)
        assert old in await partitions.months(connection, ByMonth.EVIDENCE)
        cut = today - timedelta(days=200)
        assert await partitions.drop_before(connection, ByMonth.EVIDENCE, cut) == (old,)
        assert await partitions.drop_before(connection, ByMonth.EVIDENCE, cut) == ()
    with pytest.raises(asyncpg.CheckViolationError):
        async with pool.transaction() as connection:
            await partitions.drop_before(connection, ByMonth.EVIDENCE, today)


async def test_months_go_when_they_are_older_than_is_kept(pool: Pool) -> None:
    now = datetime.now(UTC)
    old = {ByMonth.EVIDENCE: date(2020, 3, 1), ByMonth.PRESENCE: date(2020, 4, 1)}
    async with pool.transaction() as connection:
        for table, month in old.items():
            await partitions.make(connection, table, month, month)
        await partitions.tend(connection, now, None)
        for table, month in old.items():
            assert month in await partitions.months(connection, table)
        await partitions.tend(connection, now, 200)
        for table in ByMonth:
            kept = await partitions.months(connection, table)
            assert min(kept) >= (now - timedelta(days=231)).date()
            assert now.date().replace(day=1) in kept


async def test_the_application_changes_no_row_of_a_month(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await build(connection)
        planned = await plan(connection, lesson())
        await presence.add_evidence(connection, uuid4(), [(1, evidence(planned, 0))])
        await presence.add_attendance(connection, attendance(planned))
        [place] = await _places(connection, "evidence")
    for table in ("evidence", "presence", place, "evidence_other"):
        for verb in (f"DELETE FROM {table}", f"UPDATE {table} SET from_at = from_at"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with pool.transaction() as connection:
                    await connection.execute(verb)


async def test_what_was_there_before_is_moved_in(dsn: str) -> None:
    """A database of the version before, with rows in it."""
    owner = await asyncpg.connect(dsn)
    await owner.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await owner.execute("GRANT USAGE ON SCHEMA public TO classroom_sync_app")
    before = tuple(m for m in shipped() if m.name < "0017")
    await migrate(owner, before)
    later = {  # columns that those who fill the database name today
        "bell_periods": ("by_hand boolean NOT NULL DEFAULT false",),
        "participants": (
            "muted boolean NOT NULL DEFAULT false",
            "push_to_talk boolean NOT NULL DEFAULT false",
            "node_id uuid",
            "makes_up_id uuid",
        ),
    }
    for table, columns in later.items():
        for column in columns:
            await owner.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    await build(owner)
    planned = await plan(owner, lesson())
    await owner.execute(
        "INSERT INTO evidence SELECT $1, n, $2, $3, $4::timestamptz + n * interval '5 s',"
        " $4::timestamptz + (n + 1) * interval '5 s', true, true, 1, 1, 1, 1, 0, 0, 0"
        " FROM generate_series(1, 20) n",
        uuid4(),
        planned.session_id,
        planned.receiving,
        NOON,
    )
    await presence.add_attendance(owner, attendance(planned))
    kept = await owner.fetch("SELECT * FROM evidence ORDER BY seq")
    for table, columns in later.items():
        for column in columns:
            await owner.execute(f"ALTER TABLE {table} DROP COLUMN {column.split()[0]}")
    await migrate(owner)
    assert await owner.fetch("SELECT * FROM evidence ORDER BY seq") == kept
    assert await _places(owner, "evidence") == {"evidence_2026_09": 20}
    assert await _places(owner, "presence") == {"presence_2026_09": 1}
    await owner.close()
