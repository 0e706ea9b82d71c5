"""Figures of the past count classes, teachers and schools as the registers had them then."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from db import calendar, city, registers, rollups
from db.indicators import report, rows_behind
from db.pool import Connection, Pool
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Cut, Dimension, Report, Side
from scheduler.model import ClassGroup, School, SchoolRole, Teacher, Term
from tests.indicator_world import (
    AS_OF,
    HUBS,
    RECEIVING,
    SINCE,
    TERM,
    TODAY,
    UNTIL,
    ZONE,
    World,
    build,
)

RULES = AttendanceRules()
CITY = Cut(SINCE, UNTIL)
SPRING = Term(
    "s", "Spring", "Asia/Shanghai", date(2027, 2, 22), date(2027, 2, 22), date(2027, 7, 2)
)
NEXT_TERM = datetime(2027, 2, 25, 9, tzinfo=ZONE)
BREAKDOWNS = (Dimension.SCHOOL, Dimension.MONTH)
A_CLASS = f"{RECEIVING[0]}-301"


@pytest.fixture
async def world(pool: Pool) -> World:
    async with pool.transaction() as connection:
        built = await build(connection, 31)
        await calendar.add_term(connection, SPRING)
        return built


async def reported(pool: Pool, cut: Cut = CITY, as_of: datetime = AS_OF) -> Report:
    async with pool.connection() as connection:
        return await report(connection, cut, as_of, RULES, BREAKDOWNS)


def measure(found: Report, number: int, slug: str) -> tuple[float, float | None]:
    [indicator] = [i for i in found.indicators if i.number == number]
    [one] = [m for m in indicator.measures if m.slug == slug]
    return one.numerator, one.denominator


async def moves_up(connection: Connection, world: World, at: datetime) -> None:
    """The new year's registers: every class a grade up and larger, a teacher and a school more."""
    await registers.put(
        connection,
        [School("2132000014", "School 4", "s4", SchoolRole.RECEIVING, HUBS[0], 20)],
        [Teacher(f"{RECEIVING[0]}-T9", RECEIVING[0], "T9", "assistant", (), 3)],
        [
            *(
                replace(c, name=f"{c.grade + 1}(1)", grade=c.grade + 1, enrolment=c.enrolment + 5)
                for c in sorted(world.classes.values(), key=lambda c: -c.grade)
            ),
            ClassGroup("new", "2132000014", "1(1)", 1, 40),
        ],
        at,
    )


async def test_last_terms_figures_stay_when_classes_move_up(pool: Pool, world: World) -> None:
    later = NEXT_TERM + timedelta(days=4)
    before = await reported(pool, as_of=later)
    async with pool.transaction() as connection:
        await moves_up(connection, world, NEXT_TERM)
    assert await reported(pool, as_of=later) == before
    spring = Cut(SPRING.starts_on, later.date())
    assert measure(await reported(pool, spring, later), 7, "reach")[1] == (
        sum(c.enrolment + 5 for c in world.classes.values()) + 40
    )
    assert measure(await reported(pool, spring, later), 2, "school_coverage")[1] == 4
    not_yet = await reported(pool, spring, NEXT_TERM - timedelta(hours=1))
    assert measure(not_yet, 7, "reach")[1] == sum(c.enrolment for c in world.classes.values())


async def test_a_correction_holds_for_the_term_it_is_made_in_and_no_earlier_report(
    pool: Pool, world: World
) -> None:
    at = AS_OF - timedelta(days=3)
    before = await reported(pool), await reported(pool, as_of=at - timedelta(hours=1))
    async with pool.transaction() as connection:
        for monday in await rollups.changed(connection, TODAY):
            await rollups.roll_up(connection, monday)
        known = world.classes[A_CLASS]
        await registers.put(
            connection, [], [], [replace(known, grade=6, enrolment=known.enrolment - 1)], at
        )
    after = await reported(pool)
    assert await reported(pool, as_of=at - timedelta(hours=1)) == before[1]
    assert measure(after, 7, "reach")[1] == (measure(before[0], 7, "reach")[1] or 0) - 1
    mine = {x.participant for x in world.links if x.klass == A_CLASS and x.due}
    async with pool.connection() as connection:
        page = await rows_behind(
            connection, CITY, AS_OF, 4, "delivery", Side.DENOMINATOR, limit=1000
        )
        assert {line.participant_id for line in page.lines if line.grade == 6} == mine != set()
        earlier = await rows_behind(
            connection,
            CITY,
            at - timedelta(hours=1),
            4,
            "delivery",
            Side.DENOMINATOR,
            limit=1000,
        )
        assert {line.grade for line in earlier.lines} == {3, 4}
        assert await rollups.check_rollups(connection, SINCE, UNTIL) == ()
    async with pool.transaction() as connection:
        for monday in await rollups.changed(connection, TODAY):
            await rollups.roll_up(connection, monday)
    assert await reported(pool) == after


async def test_who_left_counts_for_the_period_in_which_they_were_there(
    pool: Pool, world: World
) -> None:
    later = NEXT_TERM + timedelta(days=30)
    closed = await _closed(pool, later)
    assert measure(await reported(pool, as_of=later), 2, "school_coverage")[1] == 3
    whole = Cut(SINCE, later.date())
    assert measure(await reported(pool, whole, later), 2, "school_coverage")[1] == 3
    since = Cut(NEXT_TERM.date(), later.date())
    found = await reported(pool, since, later)
    assert measure(found, 2, "school_coverage")[1] == 2
    assert measure(found, 15, "teachers")[1] == 6
    assert measure(found, 7, "reach")[1] == sum(
        c.enrolment for c in world.classes.values() if c.school_code != closed.code
    )
    months = {row.key: row.indicators for row in dict(found.breakdowns)[Dimension.MONTH]}
    for month, indicators in months.items():
        cut = Cut(since.since, since.until, Dimension.MONTH, month)
        same = (await reported(pool, cut, later)).indicators
        assert tuple(i for i in same if i.number != 1) == indicators


async def _closed(pool: Pool, now: datetime) -> School:
    """A receiving school that was closed on the third day of the spring term."""
    async with pool.transaction() as connection:
        [school] = [s for s in await city.schools(connection) if s.code == RECEIVING[0]]
        await registers.retire(connection, school, NEXT_TERM.date(), now - timedelta(days=1))
    return school


async def test_a_teacher_who_moved_researched_for_the_school_of_then(
    pool: Pool, world: World
) -> None:
    later = NEXT_TERM + timedelta(days=4)
    before = await reported(pool, as_of=later)
    moved = next(t for t in world.teachers if (t.id, t.school_code) in world.meetings[0].attended)
    async with pool.transaction() as connection:
        there = replace(moved, school_code=RECEIVING[1], name="Another name")
        await registers.put(connection, [], [there], [], NEXT_TERM)
    assert await reported(pool, as_of=later) == before


async def test_names_are_those_of_the_day_as_known_then(pool: Pool, world: World) -> None:
    async with pool.transaction() as connection:
        await moves_up(connection, world, NEXT_TERM)
    async with pool.connection() as connection:
        for day, as_of, name, schools in (
            (UNTIL, NEXT_TERM, "3(1)", 6),
            (TERM.ends_on, NEXT_TERM + timedelta(days=9), "3(1)", 6),
            (SPRING.starts_on, NEXT_TERM, "4(1)", 6),
            (SPRING.starts_on, NEXT_TERM - timedelta(hours=1), "3(1)", 5),
        ):
            said = await city.registers_on(connection, day, as_of)
            assert {c.id: c.name for c in said.class_groups}[A_CLASS] == name, (day, as_of)
            assert len(said.schools) == schools, (day, as_of)
