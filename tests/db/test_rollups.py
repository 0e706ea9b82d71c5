"""A report reads the same with roll-ups as without, and a roll-up that is wrong is found."""

from datetime import date, datetime, timedelta

import asyncpg
import pytest

from db import rollups
from db.indicators import report, rows_behind
from db.pool import Connection, Pool
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Cut, Dimension, IndicatorRules, Report, Side
from tests.indicator_world import AS_OF, SINCE, TODAY, UNTIL, ZONE, World, build

RULES = AttendanceRules()
CITY = Cut(SINCE, UNTIL)
BREAKDOWNS = (Dimension.SCHOOL, Dimension.MONTH, Dimension.SUBJECT)
LATER = TODAY + timedelta(days=60)  # when whole blocks of weeks are over
#: Periods that begin and end within weeks, and instants to look from.
LOOKS = [
    (Cut(SINCE, UNTIL), AS_OF),
    (Cut(date(2026, 9, 10), date(2026, 10, 6)), AS_OF),
    (Cut(SINCE, UNTIL), datetime(2026, 9, 16, 12, tzinfo=ZONE)),
    (Cut(SINCE, UNTIL, Dimension.MONTH, "2026-09"), AS_OF),
]


async def stored(pool: Pool, seed: int) -> World:
    async with pool.transaction() as connection:
        return await build(connection, seed)


async def reports(pool: Pool) -> list[Report]:
    async with pool.connection() as connection:
        return [await report(connection, cut, as_of, RULES, BREAKDOWNS) for cut, as_of in LOOKS]


async def roll_all(pool: Pool) -> list[date]:
    async with pool.transaction() as connection:
        weeks = await rollups.changed(connection, TODAY)
        for monday in weeks:
            await rollups.roll_up(connection, monday)
        await rollups.roll_up_blocks(connection, LATER)
    return weeks


async def rolled(connection: Connection) -> set[date]:
    rows = await connection.fetch("SELECT monday FROM rollup_weeks")
    return {row["monday"] for row in rows}


async def test_a_report_is_the_same_with_and_without_roll_ups(pool: Pool) -> None:
    await stored(pool, 21)
    before = await reports(pool)
    assert await roll_all(pool) == [date(2026, 8, 31) + timedelta(weeks=n) for n in range(6)]
    async with pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM rollup_blocks") >= 1
    assert await reports(pool) == before


async def test_the_roll_ups_are_really_read(pool: Pool, dsn: str) -> None:
    await stored(pool, 21)
    await roll_all(pool)
    before = await reports(pool)
    owner = await asyncpg.connect(dsn)
    for sums_or_sets in ("rollup_sums SET due = due + 1", "rollup_sets SET leads = leads + 1"):
        await owner.execute(f"UPDATE {sums_or_sets}")
        after = await reports(pool)
        assert [a == b for a, b in zip(after, before, strict=True)] == [False] * 4
        before = after
    for of_years in (
        "rollup_owed SET required = required + 1",
        "rollup_reach SET weeks = 0",
        "research_facts SET seconds = seconds + 60",
        "rollup_block_members SET most = most + 1",
    ):
        await owner.execute(f"UPDATE {of_years}")
        after = await reports(pool)
        assert after[0] != before[0]
        before = after
    await owner.close()


async def late(connection: Connection, world: World, at: datetime) -> None:
    """A first link becomes full after all."""
    link = next(x for x in world.links if x.status == "absent" and x.due)
    await connection.execute(
        "INSERT INTO attendance (participant_id, revision, session_id, status, valid, seconds,"
        " planned_seconds, interruptions, took_floor, rules_version, expected, present, derived_at)"
        " VALUES ($1, 2, $2, 'full', true, 2400, 2400, 0, true, 'test', 30, 30, $3)",
        link.participant,
        link.session,
        at,
    )


async def test_what_comes_late_is_in_the_next_report_and_not_in_an_earlier_one(pool: Pool) -> None:
    world = await stored(pool, 22)
    await roll_all(pool)
    before = await reports(pool)
    async with pool.transaction() as connection:
        await late(connection, world, AS_OF + timedelta(hours=1))
    async with pool.connection() as connection:
        after = AS_OF + timedelta(hours=2)
        newest = await report(connection, CITY, after, RULES, BREAKDOWNS)
    assert newest.indicators != before[0].indicators
    assert await reports(pool) == before
    assert len(await roll_all(pool)) == 1
    assert await reports(pool) == before
    async with pool.connection() as connection:
        assert await report(connection, CITY, after, RULES, BREAKDOWNS) == newest
        assert await rollups.check_rollups(connection, SINCE, UNTIL) == ()


async def test_a_change_that_is_not_committed_while_its_week_is_rolled_up_is_not_forgotten(
    pool: Pool,
) -> None:
    world = await stored(pool, 23)
    await roll_all(pool)
    async with pool.transaction() as writing:
        await late(writing, world, AS_OF - timedelta(minutes=1))
        async with pool.transaction() as rolling:
            for monday in await rolled(rolling):
                await rollups.roll_up(rolling, monday)
    async with pool.connection() as connection:
        assert len(await rollups.changed(connection, TODAY)) == 1
    fresh = await reports(pool)
    await roll_all(pool)
    assert await reports(pool) == fresh


async def test_other_limits_are_rolled_up_anew(pool: Pool) -> None:
    await stored(pool, 24)
    await roll_all(pool)
    strict = IndicatorRules(delay_limit_ms=100, loss_limit=0.01)
    async with pool.transaction() as connection:
        before = await report(connection, CITY, AS_OF, RULES, (), strict)
        weeks = await rollups.changed(connection, TODAY, strict)
        assert len(weeks) == 6
        for monday in weeks:
            await rollups.roll_up(connection, monday, strict)
        assert await report(connection, CITY, AS_OF, RULES, (), strict) == before
        assert await rollups.changed(connection, TODAY, strict) == []


async def test_a_week_with_a_lesson_that_was_never_closed_is_read_from_its_links(
    pool: Pool,
) -> None:
    world = await stored(pool, 25)
    await roll_all(pool)
    before = (await reports(pool))[0]
    like = world.links[0].session
    async with pool.transaction() as connection:
        copied = await connection.fetchval(
            "INSERT INTO sessions (kind, on_day, subject, starts_at, ends_at)"
            " SELECT kind, on_day, subject, starts_at + interval '5 hours',"
            " ends_at + interval '5 hours' FROM sessions WHERE id = $1 RETURNING id",
            like,
        )
        await connection.execute(
            "INSERT INTO participants (session_id, role, room_id, class_id, teacher_id)"
            " SELECT $1, role, room_id, class_id, teacher_id FROM participants"
            " WHERE session_id = $2",
            copied,
            like,
        )
    after = (await reports(pool))[0]
    added = sum(x.session == like for x in world.links)
    due = [next(i for i in r.indicators if i.number == 4).measures[0] for r in (before, after)]
    assert (due[1].denominator or 0) - (due[0].denominator or 0) == added
    async with pool.connection() as connection:
        page = await rows_behind(
            connection, CITY, AS_OF, 4, "delivery", Side.DENOMINATOR, limit=1000
        )
    assert sum(line.status is None for line in page.lines) == added


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ("UPDATE link_facts SET present = present + 1 WHERE present IS NOT NULL", "links"),
        ("DELETE FROM research_facts", "research"),
        ("UPDATE rollup_sums SET delivered = delivered + 1", "sums"),
        ("DELETE FROM rollup_members", "members"),
        ("UPDATE rollup_makeups SET in_time = in_time + 1", "makeups"),
        ("UPDATE rollup_owed SET required = required + 1", "makeups"),
        ("UPDATE rollup_block_members SET weeks = weeks # 1", "block"),
        ("UPDATE rollup_sets SET pupils = pupils + 1", "sets"),
        ("DELETE FROM rollup_block_members WHERE kind = 'class'", "block"),
        ("DELETE FROM rollup_reach WHERE kind = 'grade'", "reach"),
    ],
)
async def test_a_check_finds_what_differs_from_its_source(
    pool: Pool, dsn: str, wrong: str, field: str
) -> None:
    await stored(pool, 26)
    await roll_all(pool)
    async with pool.connection() as connection:
        assert await rollups.check_rollups(connection, SINCE, UNTIL) == ()
    owner = await asyncpg.connect(dsn)
    await owner.execute(wrong)
    await owner.close()
    async with pool.connection() as connection:
        found = await rollups.check_rollups(connection, SINCE, UNTIL)
    assert found
    assert all(getattr(each, field) > 0 for each in found)


async def test_who_turns_out_not_to_have_attended_a_meeting_is_in_no_later_report(
    pool: Pool,
) -> None:
    await stored(pool, 28)
    before = await reports(pool)
    at = AS_OF + timedelta(hours=1)
    async with pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO attendance (participant_id, revision, session_id, status, valid, seconds,"
            " planned_seconds, interruptions, took_floor, rules_version, derived_at)"
            " SELECT participant_id, 2, session_id, 'absent', false, 0, 3600, 0, false, 'test', $1"
            " FROM research_facts WHERE on_day BETWEEN $2 AND $3 AND attended LIMIT 1",
            at,
            SINCE,
            UNTIL,
        )
        assert await rollups.check_rollups(connection, SINCE, UNTIL) == ()
    assert await reports(pool) == before
    async with pool.connection() as connection:
        after = await report(connection, CITY, at, RULES)
    attended = [
        next(m.numerator for i in r.indicators for m in i.measures if m.slug == "attendances")
        for r in (before[0], after)
    ]
    assert attended[1] == attended[0] - 1


async def test_a_rooms_other_phase_is_in_the_figures_at_once(pool: Pool) -> None:
    world = await stored(pool, 27)
    room = world.links[0].room
    async with pool.transaction() as connection:
        await connection.execute("UPDATE rooms SET phase = 3 - phase WHERE id = $1", room)
        assert await rollups.check_rollups(connection, SINCE, UNTIL) == ()
