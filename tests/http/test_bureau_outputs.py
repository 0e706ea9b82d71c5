"""The bureau's figures in every form: they agree cell by cell, and stay as they were known."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import aiohttp
import pytest

from classroom_sync.pages.dashboard import TABLE
from classroom_sync.pages.names import read_names
from classroom_sync.reports import exports
from classroom_sync.reports.document import measures_of
from classroom_sync.reports.labels import labels
from classroom_sync.reports.numbers import plain, share
from classroom_sync.reports.pictures import TREND
from db import calendar, city, registers, rollups
from db.pool import Connection
from scheduler.indicators.values import Dimension, Measure, Row, Week
from scheduler.model import School, SchoolRole, Term
from tests.http.bureau import AT, PERIOD, Numbers, file, got, linked, read
from tests.http.conftest import Site
from tests.indicator_world import AS_OF, HUBS, RECEIVING, SINCE, World
from tests.reports import paper, readers

_SPRING = Term(
    "s", "Spring", "Asia/Shanghai", date(2027, 2, 22), date(2027, 2, 22), date(2027, 7, 2)
)


@pytest.mark.parametrize(
    ("of", "by", "locale"),
    [
        ("city", Dimension.SCHOOL, "en"),
        ("city", Dimension.MODE, "zh-CN"),
        (f"school:{RECEIVING[0]}", Dimension.SUBJECT, "zh-CN"),
    ],
)
async def test_page_workbook_csv_json_and_paper_say_the_same(
    bureau: Site, reader: aiohttp.ClientSession, of: str, by: Dimension, locale: str
) -> None:
    found = await read(bureau, of, by)
    report = found.report
    expected = readers.of_report(report)
    build = readers.build_of_report(report)
    asked = f"{AT}&of={of}&by={by.value}&lang={locale}"
    assert readers.of_json(await file(reader, f"{asked}&format=json")) == (expected, build)
    assert readers.of_csv(await file(reader, f"{asked}&format=csv")) == (expected, build)
    cut = (report.cut.dimension.value, report.cut.key)
    figures, days = readers.of_xlsx(await file(reader, f"{asked}&format=xlsx"), locale, cut)
    async with bureau.pool.connection() as connection:
        label = labels(await read_names(connection), locale)
    assert days == build
    assert figures == {
        key: (over, under, ratio and pytest.approx(ratio, rel=1e-14))
        for key, (over, under, ratio) in expected.items()
    }
    paper.compare(await file(reader, f"{asked}&format=pdf"), report, label, locale)
    page = await got(reader, f"/bureau?{asked}")
    shown = linked(page)
    for i in report.indicators:
        for m in i.measures:
            assert shown[of, i.number, m.slug, "numerator"] == plain(m.numerator)
            if m.denominator is not None:
                assert shown[of, i.number, m.slug, "denominator"] == plain(m.denominator)
    table = page[page.index('class="breakdown"') :]
    rows = Numbers(table[: table.index("</table>")]).rows[1:]
    [(_, wanted)] = report.breakdowns
    assert [[_squeezed(cell) for cell in row] for row in rows] == [
        [_squeezed(cell) for cell in _cells(row, wanted, label(by, row.key))] for row in wanted
    ]

    days, weeks = (
        [[_squeezed(cell) for cell in row] for row in Numbers(each).rows[1:]]
        for each in re.findall(r'<details class="data">(.*?)</details>', page, re.DOTALL)
    )
    assert [row[:3] for row in days] == [
        [day.isoformat(), *("" if n is None else str(n) for n in both)]
        for day, both in build.items()
    ]
    assert [row[:2] for row in weeks] == [
        ["" if w.number is None else str(w.number), w.monday.isoformat()] for w in report.trend
    ]
    assert [row[2:] for row in weeks] == [list(_of_week(w)) for w in report.trend]


def _of_week(week: Week) -> Iterator[str]:
    """The measures of a week in the page's table: the two sides of each, and its share."""
    found = measures_of(week.indicators)
    for key in sorted(TREND):
        m = found[key]
        assert m.denominator is not None, "what is drawn week by week is a share"
        yield from (plain(m.numerator), plain(m.denominator), share(m.ratio))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _cells(row: Row, rows: Sequence[Row], name: str) -> list[str]:
    """A row of the page's table: what a figure of it says, and its two sides."""
    keys = [k for k in TABLE if any(k in measures_of(each.indicators) for each in rows)]
    found = measures_of(row.indicators)
    return [name, *(_cell(found[key]) if key in found else "" for key in keys)]


def _cell(m: Measure) -> str:
    if m.denominator is None:
        return plain(m.numerator)
    return f"{share(m.ratio)}{plain(m.numerator)} / {plain(m.denominator)}"


async def _later(site: Site, world: World) -> None:
    """What becomes known after the cut-off: a made-up lesson, an evaluation, a room that is retired
    and one that is accepted with an earlier date, other names, grades and enrolment, a school that
    is closed and one that is new, another term; and weeks are rolled up."""
    at = AS_OF + timedelta(hours=1)
    link = next(x for x in world.links if x.status == "absent" and x.due)
    async with site.pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO attendance (participant_id, revision, session_id, status, valid, seconds,"
            " planned_seconds, interruptions, took_floor, rules_version, derived_at)"
            " VALUES ($1, 2, $2, 'made_up', true, 0, 2400, 0, true, 'test', $3)",
            link.participant,
            link.session,
            at,
        )
        await connection.execute(
            "INSERT INTO evaluations (session_id, evaluated_by, evaluated_at, score)"
            " VALUES ($1, 'x', $2, 80)",
            link.session,
            at,
        )
        for room, becomes in ((link.room, "retired"), (f"{RECEIVING[1]}-R2", "accepted")):
            await connection.execute(
                "SELECT move_room($1, $2, '2026-10-10', $3, 'x', 'for a good reason', NULL)",
                room,
                becomes,
                at,
            )
        await _registers_change(connection, link.school, at)
        await connection.execute("UPDATE rooms SET name = 'said ' || name")
        await calendar.add_term(connection, _SPRING)
        for monday in await rollups.changed(connection, AS_OF.date()):
            await rollups.roll_up(connection, monday)


async def _registers_change(connection: Connection, closed: str, at: datetime) -> None:
    """Everything that registers say becomes another, in the same term."""
    schools = await city.schools(connection)
    new = School("2132000019", "New", "new", SchoolRole.RECEIVING, HUBS[0], 20)
    await registers.put(
        connection,
        [*(replace(s, name=f"Said {s.name}", short_name=f"said {s.name}") for s in schools), new],
        [replace(t, name=f"Said {t.name}") for t in await city.teachers(connection)],
        [
            replace(g, name=f"said {g.name}", grade=g.grade + 2, enrolment=g.enrolment + 7)
            for g in await city.class_groups(connection)
        ],
        at,
    )
    for school in schools:
        if school.code == closed:
            await registers.retire(connection, school, SINCE, at)


async def test_the_page_stays_as_well(
    bureau: Site, world: World, reader: aiohttp.ClientSession
) -> None:
    asked = f"/bureau?{AT}&by=teacher&lang=en"
    before = await got(reader, asked)
    await _later(bureau, world)
    assert await got(reader, asked) == before


@pytest.mark.parametrize("form", list(exports.Form))
async def test_the_same_cut_off_gives_the_same_bytes_whatever_became_known_later(
    bureau: Site, world: World, reader: aiohttp.ClientSession, form: exports.Form
) -> None:
    query = f"{AT}&format={form.value}&lang=zh-CN"
    before = await file(reader, query)
    await _later(bureau, world)
    assert await file(reader, query) == before
    elsewhere = AT.replace(quote(AS_OF.isoformat()), quote(AS_OF.astimezone(UTC).isoformat()))
    assert await file(reader, f"{elsewhere}&format={form.value}&lang=zh-CN") == before
    now = f"{PERIOD}&as_of={quote((AS_OF + timedelta(hours=2)).isoformat())}"
    assert await file(reader, f"{now}&format={form.value}&lang=zh-CN") != before


async def test_without_a_period_it_is_that_of_the_term_at_the_cut_off(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    last_year = Term(
        "o", "Old", "Asia/Shanghai", date(2025, 9, 1), date(2025, 9, 1), date(2026, 1, 23)
    )
    async with bureau.pool.transaction() as connection:
        await calendar.add_term(connection, last_year)
    as_of = quote("2025-10-10T18:00:00+08:00")
    made = json.loads(await file(reader, f"as_of={as_of}&format=json"))
    assert (made["since"], made["until"]) == ("2025-09-01", "2025-10-10")
