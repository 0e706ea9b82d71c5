"""The report against a count of the same links one by one; and every figure against its list."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from db.behind import NoSuchFigure
from db.indicators import report, rows_behind
from db.pool import Pool
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Cut, Dimension, Indicator, Listed, Report, Side
from tests.indicator_world import (
    AS_OF,
    RECEIVING,
    SINCE,
    UNTIL,
    Figures,
    L,
    World,
    build,
    count,
    only,
)

D = Dimension
RULES = AttendanceRules()
CITY = Cut(SINCE, UNTIL)
OF_LESSONS = frozenset({4, 5, 7, 8, 11, 12, 13, 14})


def figures(found: tuple[Indicator, ...]) -> Figures:
    return {(i.number, m.slug): (m.numerator, m.denominator) for i in found for m in i.measures}


async def stored(pool: Pool, seed: int) -> World:
    async with pool.transaction() as connection:
        return await build(connection, seed)


async def reported(pool: Pool, cut: Cut, *breakdowns: Dimension) -> Report:
    async with pool.connection() as connection:
        return await report(connection, cut, AS_OF, RULES, breakdowns)


@pytest.mark.parametrize("seed", range(5))
async def test_all_sixteen_are_what_counting_one_by_one_gives(pool: Pool, seed: int) -> None:
    world = await stored(pool, seed)
    found = await reported(pool, CITY, D.SCHOOL, D.MONTH)
    assert [i.number for i in found.indicators] == list(range(1, 17))
    assert figures(found.indicators) == count(world)
    by = dict(found.breakdowns)
    assert {row.key: figures(row.indicators) for row in by[D.SCHOOL]} == {
        code: count(world, lambda x, c=code: x.school == c, school=code) for code in RECEIVING
    }
    assert {row.key: figures(row.indicators) for row in by[D.MONTH]} == {
        month: count(world, lambda x, m=month: x.day.isoformat()[:7] == m, month=month)
        for month in ("2026-09", "2026-10")
    }


KEYS: dict[Dimension, Callable[[L], str]] = {
    D.ROOM: lambda x: x.room,
    D.HUB: lambda x: x.hub,
    D.SUBJECT: lambda x: x.subject,
    D.TEACHER: lambda x: x.lead,
    D.MODE: lambda x: "interactive" if x.interactive else "broadcast",
    D.PHASE: lambda x: str(x.phase),
}


@pytest.mark.parametrize("dimension", KEYS)
async def test_figures_of_lessons_are_told_apart_by_every_dimension(
    pool: Pool, dimension: Dimension
) -> None:
    world, key = await stored(pool, 6), KEYS[dimension]
    found = await reported(pool, CITY, dimension)
    [(_, rows)] = found.breakdowns
    lessons = {row.key: only(figures(row.indicators), OF_LESSONS) for row in rows}
    happened = {key(x) for x in world.links if x.due}
    assert happened <= lessons.keys()
    for each in happened:
        expected = only(count(world, lambda x, e=each: key(x) == e), OF_LESSONS)
        expected.pop((7, "reach"))
        assert lessons[each] == expected, each


async def test_a_cut_of_one_school_is_that_schools_row(pool: Pool) -> None:
    await stored(pool, 7)
    [(_, rows)] = (await reported(pool, CITY, D.SCHOOL)).breakdowns
    for row in rows:
        cut = Cut(SINCE, UNTIL, D.SCHOOL, row.key)
        assert (await reported(pool, cut)).indicators == row.indicators


async def test_a_cut_of_one_month_is_that_months_row(pool: Pool) -> None:
    await stored(pool, 7)
    [(_, rows)] = (await reported(pool, CITY, D.MONTH)).breakdowns
    for row in rows:
        found = await reported(pool, Cut(SINCE, UNTIL, D.MONTH, row.key))
        assert tuple(i for i in found.indicators if i.number != 1) == row.indicators


async def test_the_trend_adds_up_to_the_period(pool: Pool) -> None:
    await stored(pool, 8)
    found = await reported(pool, CITY)
    assert [week.number for week in found.trend] == [1, 2, 3, 4, 5, 6, 7]
    whole = figures(found.indicators)
    for figure in ((4, "delivery"), (8, "attendance"), (9, "weeks"), (12, "interrupted")):
        weekly = [figures(week.indicators)[figure] for week in found.trend]
        assert sum(n for n, _ in weekly) == whole[figure][0]
        assert sum(d or 0 for _, d in weekly) == whole[figure][1]


CUTS = [CITY, Cut(SINCE, UNTIL, D.SCHOOL, RECEIVING[0]), Cut(SINCE, UNTIL, D.MONTH, "2026-09")]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.dimension.value)
async def test_every_list_adds_up_to_its_figure(pool: Pool, cut: Cut) -> None:
    await stored(pool, 9)
    found = await reported(pool, cut)
    wrong = []
    for indicator in found.indicators:
        for measure in indicator.measures:
            for side, figure in (
                (Side.NUMERATOR, measure.numerator),
                (Side.DENOMINATOR, measure.denominator),
            ):
                if figure is None:
                    continue
                lines, after = [], None
                while True:
                    async with pool.connection() as connection:
                        page = await rows_behind(
                            connection,
                            cut,
                            AS_OF,
                            indicator.number,
                            measure.slug,
                            side,
                            after,
                            limit=7,
                        )
                    lines += page.lines
                    if (after := page.after) is None:
                        break
                total = sum(line.amount for line in lines)
                if total != figure or len({line.id for line in lines}) != len(lines):
                    wrong.append((indicator.number, measure.slug, side, figure, total))
    assert wrong == []


async def test_a_list_leads_to_links_and_names_missing_head_counts(pool: Pool) -> None:
    world = await stored(pool, 10)
    async with pool.connection() as connection:
        rooms = await rows_behind(connection, CITY, AS_OF, 3, "room_use", Side.NUMERATOR)
        heads = await rows_behind(
            connection, CITY, AS_OF, 8, "attendance", Side.DENOMINATOR, limit=1000
        )
    by_id = {x.participant: x for x in world.links}
    for line in rooms.lines:
        assert line.listed is Listed.ROOM
        assert line.participant_id is not None
        link = by_id[line.participant_id]
        assert line.room_id in (link.room, link.lead_room)
    missing = {line.participant_id for line in heads.lines if line.expected is None}
    assert missing == {
        x.participant for x in world.links if x.due and x.expected is None and x.seconds
    }


@pytest.mark.parametrize(
    ("indicator", "measure", "side"),
    [(17, "x", Side.NUMERATOR), (4, "x", Side.NUMERATOR), (5, "led", Side.DENOMINATOR)],
)
async def test_a_figure_that_does_not_exist_has_no_list(
    pool: Pool, indicator: int, measure: str, side: Side
) -> None:
    async with pool.connection() as connection:
        with pytest.raises(NoSuchFigure):
            await rows_behind(connection, CITY, AS_OF, indicator, measure, side)


@pytest.mark.parametrize(
    "after",
    ["", "x", "2026-09-01", f"2026-09-01|{RECEIVING[0]}", "2026-09-01T00:00:00|" + "0" * 32],
)
async def test_a_list_goes_on_only_from_a_line_of_its_own(pool: Pool, after: str) -> None:
    async with pool.connection() as connection:
        with pytest.raises(NoSuchFigure):
            await rows_behind(connection, CITY, AS_OF, 4, "delivery", Side.NUMERATOR, after=after)


async def test_what_became_known_later_is_not_in_an_earlier_report(pool: Pool) -> None:
    world = await stored(pool, 11)
    before = await reported(pool, CITY)
    link = next(x for x in world.links if x.status == "absent" and x.due)
    async with pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO attendance (participant_id, revision, session_id, status, valid, seconds,"
            " planned_seconds, interruptions, took_floor, rules_version, derived_at)"
            " VALUES ($1, 2, $2, 'full', true, 2400, 2400, 0, true, 'test', $3)",
            link.participant,
            link.session,
            AS_OF + timedelta(hours=1),
        )
        await connection.execute(
            "INSERT INTO evaluations (session_id, evaluated_by, evaluated_at, score)"
            " VALUES ($1, 'x', $2, 80)",
            link.session,
            AS_OF + timedelta(hours=1),
        )
    assert await reported(pool, CITY) == before
    async with pool.connection() as connection:
        after = await report(connection, CITY, AS_OF + timedelta(hours=2), RULES)
    assert figures(after.indicators)[4, "delivery"][0] == (
        figures(before.indicators)[4, "delivery"][0] + 1
    )


async def test_a_city_without_anything_has_dashes_and_no_errors(pool: Pool) -> None:
    found = await reported(pool, CITY, *D)
    ratios = {m.ratio for i in found.indicators for m in i.measures}
    assert ratios == {None}
    assert found.burn_up == found.burn_up[:1]
