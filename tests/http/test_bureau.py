"""The bureau's pages and files: the same figures in all, each opens its list, all on record."""

import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID, uuid4

import aiohttp
import pytest

from classroom_sync import tokens
from classroom_sync.pages.dashboard import LINES, TABLE
from classroom_sync.pages.evidence import by_minute
from classroom_sync.pages.names import read_names
from classroom_sync.reports import exports
from classroom_sync.reports.document import measures_of
from classroom_sync.reports.labels import labels
from classroom_sync.reports.numbers import plain, share
from classroom_sync.reports.pictures import TREND
from classroom_sync.reports.reading import Found, Wanted, read_report
from db import accounts, calendar, city, presence, rollups, sessions
from db.pool import Pool
from db.presence import EvidenceRow
from media.evidence import Evidence
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Dimension, IndicatorRules, Measure, Row, Side, Week
from scheduler.model import Term
from tests import indicator_world
from tests.http.conftest import MEDIA_KEY, Site, served, sign_in
from tests.indicator_world import AS_OF, RECEIVING, World
from tests.reports import paper, readers
from tests.worlds import Planned

PERIOD = "since=2026-09-01&until=2026-10-14"
AT = f"{PERIOD}&as_of={quote(AS_OF.isoformat())}"


@pytest.fixture
async def world(pool: Pool) -> World:
    async with pool.transaction() as connection:
        return await indicator_world.build(connection, seed=3)


@pytest.fixture
async def bureau(world: World, pool: Pool, tmp_path: Path) -> AsyncIterator[Site]:
    first = world.links[0]
    planned = Planned(first.session, first.participant, first.participant)
    async with served(pool, tmp_path, planned, AS_OF + timedelta(days=1)) as site:
        yield site


@pytest.fixture
async def reader(bureau: Site) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    async with bureau.browser(**headers) as browser:
        await sign_in(browser, "bureau")
        yield browser


async def read(site: Site, of: str = "city", by: Dimension = Dimension.SCHOOL) -> Found:
    wanted = Wanted(
        since=indicator_world.SINCE, until=indicator_world.UNTIL, as_of=AS_OF, of=of, by=by
    )
    async with site.pool.connection() as connection:
        return await read_report(connection, wanted, AS_OF, AttendanceRules(), IndicatorRules())


async def got(browser: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    async with browser.get(path) as response:
        text = await response.text()
        assert response.status == status, (path, text[:300])
        return text


async def file(browser: aiohttp.ClientSession, query: str) -> bytes:
    async with browser.get(f"/api/v1/reports/coverage?{query}") as response:
        assert response.status == 200, await response.text()
        assert "attachment" in response.headers["Content-Disposition"]
        return await response.read()


class _Numbers(HTMLParser):
    """Links to lists with their texts, and cells of tables."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self._href: str | None = None
        self._in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "a" and (given.get("href") or "").startswith("/bureau/behind"):
            self._href = given["href"]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = None
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._href is not None:
            self.links.append((self._href, data.strip()))
        if self._in_cell:
            self.rows[-1][-1] += data


def linked(page: str) -> dict[tuple[str, int, str, str], str]:
    """(of, indicator, measure, side) → the number that is the link; the same everywhere it is."""
    found: dict[tuple[str, int, str, str], str] = {}
    for href, text in _Numbers(page).links:
        query = {name: values[0] for name, values in parse_qs(urlsplit(href).query).items()}
        assert query["as_of"] == AS_OF.isoformat()
        key = (query["of"], int(query["indicator"]), query["measure"], query["side"])
        assert found.setdefault(key, text) == text
    return found


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
    rows = _Numbers(table[: table.index("</table>")]).rows[1:]
    [(_, wanted)] = report.breakdowns
    assert [[_squeezed(cell) for cell in row] for row in rows] == [
        [_squeezed(cell) for cell in _cells(row, wanted, label(by, row.key))] for row in wanted
    ]

    days, weeks = (
        [[_squeezed(cell) for cell in row] for row in _Numbers(each).rows[1:]]
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


async def test_every_number_of_the_page_opens_a_list_that_adds_up_to_it(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    page = _Numbers(await got(reader, f"/bureau?{AT}"))
    assert len(page.links) > 100
    for href, text in dict(page.links).items():
        total, at = 0.0, href
        while at:
            listing = await got(reader, at)
            rows = _Numbers(listing).rows[1:]
            total += sum(float(row[-2].replace(",", "")) for row in rows)
            more = re.search(r'rel="next" href="([^"]+)"', listing)
            at = "/bureau/behind" + more[1].replace("&amp;", "&") if more else ""
        assert plain(round(total, 2)) == text, href


async def test_a_list_leads_to_a_link_with_its_intervals(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    query = f"indicator=4&measure=delivery&side=denominator&{AT}"
    listing = await got(reader, f"/bureau/behind?{query}")
    links = re.findall(r'href="(/bureau/links/[^"]+)"', listing)
    _, due, _ = readers.of_report((await read(bureau)).report)["city", "", 4, "delivery"]
    assert len(links) == len(set(links)) == due
    assert 'id="intervals"' in await got(reader, links[0])


async def test_a_long_table_goes_on_from_page_to_page(
    world: World, bureau: Site, reader: aiohttp.ClientSession
) -> None:
    some = world.rooms[f"{RECEIVING[0]}-R1"]
    async with bureau.pool.transaction() as connection:
        await city.add_rooms(
            connection,
            [
                replace(some, id=f"{some.school_code}-X{n:03}", name=f"X{n:03}")
                for n in range(2 * LINES)
            ],
        )
    at, seen = f"/bureau?{PERIOD}&by=room", list[str]()
    while at and len(seen) < 4 * LINES:
        page = await got(reader, at)
        table = page[page.index('class="breakdown"') :]
        seen += [row[0] for row in _Numbers(table[: table.index("</table>")]).rows[1:]]
        after = re.search(r'rel="next" href="([^"]+)#breakdown"', page)
        at = after[1].replace("&amp;", "&") if after else ""
    rooms = [row.key for row in (await read(bureau, by=Dimension.ROOM)).report.breakdowns[0][1]]
    assert len(seen) == len(set(seen)) == len(rooms) > 2 * LINES
    for start in ("-1", "x", "99999999999", "²"):
        await got(reader, f"/bureau?{PERIOD}&by=room&start={start}")


async def test_a_part_of_the_city_is_shown_without_the_targets_of_the_whole(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    school = RECEIVING[0]
    page = await got(reader, f"/bureau?{AT}&of=school:{school}&by=subject")
    assert "School 1" in page
    found = await read(bureau, f"school:{school}", Dimension.SUBJECT)
    assert found.report.targets == ()
    over, under, _ = readers.of_report(found.report)["school", school, 4, "delivery"]
    shown = linked(page)
    assert shown[f"school:{school}", 4, "delivery", "numerator"] == plain(over)
    assert shown[f"school:{school}", 4, "delivery", "denominator"] == plain(under)
    assert {of for of, *_ in shown} == {f"school:{school}"}


@pytest.mark.parametrize("by", list(Dimension))
async def test_figures_can_be_told_apart_by_every_dimension(
    bureau: Site, reader: aiohttp.ClientSession, by: Dimension
) -> None:
    await got(reader, f"/bureau?{AT}&by={by.value}")
    for form in exports.Form:
        assert await file(reader, f"{AT}&by={by.value}&format={form.value}")


async def _later(site: Site, world: World) -> None:
    """What becomes known after the cut-off: a made-up lesson, an evaluation, a room that is retired
    and one that is accepted with an earlier date, another term; and weeks are rolled up."""
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
        await calendar.add_term(connection, _SPRING)
        for monday in await rollups.changed(connection, AS_OF.date()):
            await rollups.roll_up(connection, monday)


_SPRING = Term(
    "s", "Spring", "Asia/Shanghai", date(2027, 2, 22), date(2027, 2, 22), date(2027, 7, 2)
)


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


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-10-02&until=2026-10-01",
        "since=yesterday",
        "of=school:nobody",
        "of=nonsense",
        "of=month:2026-13",
        "by=weather",
        "as_of=2026-10-01T00:00:00",
        f"of={'x' * 5000}",
    ],
)
async def test_what_is_not_on_the_form_is_refused_with_a_sentence(
    reader: aiohttp.ClientSession, query: str
) -> None:
    assert 'class="code"' in await got(reader, f"/bureau?{query}", 422)
    async with reader.get(f"/api/v1/reports/coverage?{query}") as response:
        assert response.status == 422
        assert response.content_type == "application/problem+json"


_YEARS = ("Reports are of the years 2000 to 2199: choose other days.", "报表只涵盖 2000 年")
_LENGTH = ("A report is of ten years at most: choose a shorter period.", "一份报表最长十年")
_PART = ("There is no such part of the city: choose one from the list.", "没有这个范围")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=1000-01-01", _YEARS),
        ("since=0001-01-01&until=0001-01-07", _YEARS),
        ("since=9999-12-01&until=9999-12-31", _YEARS),
        ("since=2026-09-01&until=2200-01-01", _YEARS),
        (f"as_of={quote('0001-01-01T00:00:00+14:00')}", _YEARS),
        ("as_of=9999-12-31T23:59:59Z", _YEARS),
        ("since=2016-01-01&until=2026-01-01", _LENGTH),
        ("since=2000-01-01", _LENGTH),
        ("of=month:9999-12", _PART),
        ("of=month:0000-01", _PART),
    ],
)
async def test_periods_that_no_report_has_are_refused_everywhere_in_both_languages(
    reader: aiohttp.ClientSession, query: str, said: tuple[str, str]
) -> None:
    for path in (
        f"/bureau?{query}",
        f"/bureau/wall?{query}",
        f"/bureau/behind?indicator=4&measure=delivery&{query}",
        f"/api/v1/reports/coverage?{query}",
    ):
        for language, sentence in zip(("en", "zh-CN"), said, strict=True):
            async with reader.get(path, headers={"Accept-Language": language}) as response:
                assert response.status == 422, path
                text = await response.text()
                if response.content_type == "application/problem+json":
                    text = json.loads(text)["detail"]
                assert sentence in text, path


@pytest.mark.parametrize(
    "query",
    ["since=2016-01-02&until=2025-12-31", "since=2199-12-01&until=2199-12-31", "of=month:2199-12"],
)
async def test_periods_at_the_edges_have_a_report(
    reader: aiohttp.ClientSession, query: str
) -> None:
    await got(reader, f"/bureau?{query}")
    async with reader.get(f"/api/v1/reports/coverage?{query}") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "query",
    [
        "",
        "indicator=17&measure=delivery",
        "indicator=4&measure=nothing",
        "indicator=4&measure=delivery&side=left",
        "indicator=5&measure=led&side=denominator",
        "indicator=²&measure=delivery",
    ],
)
async def test_there_is_no_list_behind_what_is_no_figure(
    reader: aiohttp.ClientSession, query: str
) -> None:
    await got(reader, f"/bureau/behind?{query}", 404)


async def test_exports_and_every_step_down_are_in_the_audit_log(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    link = bureau.planned.receiving
    await file(reader, f"{AT}&format=xlsx&of=school:{RECEIVING[0]}")
    await got(reader, f"/bureau/behind?indicator=4&measure=delivery&side=numerator&{AT}")
    await got(reader, f"/bureau/links/{link}?raw=1")
    assert await _audited(bureau) == [
        (
            "account:bureau",
            "report_exported",
            f"coverage:school:{RECEIVING[0]}:2026-09-01:2026-10-14",
            {"format": "xlsx", "by": "school", "as_of": AS_OF.isoformat()},
        ),
        (
            "account:bureau",
            "list_seen",
            "coverage:city:2026-09-01:2026-10-14",
            {"indicator": 4, "measure": "delivery", "side": Side.NUMERATOR.value},
        ),
        ("account:bureau", "evidence_seen", f"participant:{link}", {"raw": True}),
    ]


async def _audited(site: Site) -> list[tuple[str, str, str, dict[str, Any]]]:
    async with site.pool.connection() as connection:
        rows = await connection.fetch(
            "SELECT actor, action, object, detail FROM audit"
            " WHERE action IN ('report_exported', 'list_seen', 'evidence_seen') ORDER BY id"
        )
    kept = ("since", "until")
    return [
        (
            r["actor"],
            r["action"],
            r["object"],
            {name: v for name, v in r["detail"].items() if name not in kept},
        )
        for r in rows
    ]


async def test_evidence_is_read_by_the_minute_and_its_rows_are_below(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    link, node = bureau.planned.receiving, uuid4()
    async with bureau.pool.transaction() as connection:
        session = await sessions.session_of_participant(connection, link)
        assert session is not None
        rows = [
            Evidence(
                room=str(session.id),
                participant=str(link),
                from_at=session.starts_at + timedelta(seconds=n),
                to_at=session.starts_at + timedelta(seconds=n + 1),
                sent_decodable=True,
                received_decodable=n % 2 == 0,
                packets_in=100,
                bytes_in=100_000,
                packets_out=10,
                bytes_out=10_000,
                lost_in=0,
                lost_out=0,
                jitter_ms=1.0,
                rtt_ms=20.0 + n // 40,
                reason=None,
            )
            for n in range(400)
        ]
        await presence.add_evidence(connection, node, list(enumerate(rows)))
    page = await got(reader, f"/bureau/links/{link}")
    minutes = [row for row in _Numbers(page).rows if row and row[-1].startswith("Rows: ")]
    assert [(r[1], r[2], r[3], r[-2], r[-1]) for r in minutes] == [
        ("60.0", "30.0", "6,000", "20–21 ms", "Rows: 60"),
        ("60.0", "30.0", "6,000", "22 ms", "Rows: 60"),
        ("60.0", "30.0", "6,000", "23–24 ms", "Rows: 60"),
        ("60.0", "30.0", "6,000", "25 ms", "Rows: 60"),
        ("60.0", "30.0", "6,000", "26–27 ms", "Rows: 60"),
        ("60.0", "30.0", "6,000", "28 ms", "Rows: 60"),
        ("40.0", "20.0", "4,000", "29 ms", "Rows: 40"),
    ]
    assert 'id="raw"' not in page
    [*_, last] = re.findall(r'href="(\?raw=1[^"]*)#raw"', page)
    below = await got(reader, f"/bureau/links/{link}{last.replace('&amp;', '&')}")
    stored = [row[-1] for row in _Numbers(below).rows if row and "#" in row[-1]]
    assert stored == [f"{str(node)[:8]}#{n}" for n in range(360, 400)]
    whole = await got(reader, f"/bureau/links/{link}?raw=1")
    [more] = re.findall(r'rel="next" href="([^"]*)#raw"', whole)
    rest = await got(reader, f"/bureau/links/{link}{more.replace('&amp;', '&')}")
    assert [row[-1] for row in _Numbers(rest).rows if row and "#" in row[-1]] == [
        f"{str(node)[:8]}#{n}" for n in range(300, 400)
    ]


async def test_a_link_and_the_one_that_makes_up_for_it_lead_to_each_other(
    world: World, bureau: Site, reader: aiohttp.ClientSession
) -> None:
    makeup = next(x for x in world.links if x.makeup_of is not None)
    original = next(x for x in world.links if x.participant == makeup.makeup_of)
    async with bureau.pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO attendance (participant_id, revision, session_id, status, valid, seconds,"
            " planned_seconds, interruptions, took_floor, rules_version, derived_at, made_up_on,"
            " made_up_by)"
            " VALUES ($1, 2, $2, 'made_up', true, 0, 2400, 0, true, 'test', $3, $4, $5)",
            original.participant,
            original.session,
            AS_OF,
            makeup.day,
            makeup.participant,
        )
    page = await got(reader, f"/bureau/links/{original.participant}")
    assert f'href="/bureau/links/{makeup.participant}">in another lesson</a>' in page
    page = await got(reader, f"/bureau/links/{makeup.participant}")
    assert f'<dt>Makes up for</dt><dd><a href="/bureau/links/{original.participant}">' in page


async def test_the_wall_shows_the_same_figures_without_a_way_out(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    bureau.now = AS_OF
    wall = await got(reader, f"/bureau/wall?{AT}")
    found = await read(bureau)
    for (part, _, number, slug), (over, *_) in readers.of_report(found.report).items():
        if part == "city":
            assert plain(over) in wall, (number, slug)
    assert "/logout" not in wall
    assert "/bureau/behind" not in wall


async def _opened(site: Site) -> str:
    """The address of a wall that the bureau opens."""
    async with site.browser(Accept="text/html") as browser:
        form = {"csrf": await sign_in(browser, "bureau"), "of": "city", "by": "hub"}
        async with browser.post("/bureau/wall", data=form, allow_redirects=False) as response:
            assert response.status == 303, await response.text()
            return response.headers["Location"]


async def test_a_walls_address_needs_no_sign_in_and_outlives_every_session(bureau: Site) -> None:
    address = await _opened(bureau)
    bureau.now += timedelta(days=300)
    async with bureau.browser(Accept="text/html") as screen:
        assert 'id="views"' in await got(screen, address)
        await got(screen, "/bureau", 401)
        bureau.now += timedelta(days=70)
        await got(screen, address, 404)


async def test_a_walls_address_ends_with_the_password_that_made_it(bureau: Site) -> None:
    address = await _opened(bureau)
    async with bureau.pool.transaction() as connection:
        account = await accounts.account_by_login(connection, "bureau")
        assert account is not None
        await accounts.set_password(connection, account.id, "another hash")
    async with bureau.browser(Accept="text/html") as screen:
        await got(screen, address, 404)


async def test_a_forged_walls_address_opens_nothing(bureau: Site) -> None:
    address = await _opened(bureau)
    media = tokens.issue(
        MEDIA_KEY, tokens.MediaToken(uuid4(), uuid4(), "publish", "lead"), bureau.now
    )
    async with bureau.browser(Accept="text/html") as screen:
        for forged in (address[:-4] + "AAAA", "/wall/x", f"/wall/{media}", f"/wall/{'x' * 3000}"):
            await got(screen, forged, 404)


async def test_a_teacher_opens_no_wall(bureau: Site) -> None:
    async with bureau.browser(Accept="text/html") as browser:
        form = {"csrf": await sign_in(browser, "lead"), "of": "city"}
        async with browser.post("/bureau/wall", data=form) as response:
            assert response.status == 403


async def test_a_city_before_its_first_lesson_is_told_what_to_do(site: Site) -> None:
    async with site.browser(Accept="text/html", **{"Accept-Language": "en"}) as browser:
        await sign_in(browser, "bureau")
        page = await got(browser, "/bureau?since=2026-09-01&until=2026-09-02")
    assert "ask the administrator to publish the timetable" in page


async def test_the_language_changes_without_losing_the_question(
    reader: aiohttp.ClientSession,
) -> None:
    page = await got(reader, "/bureau/behind?indicator=4&measure=delivery&side=numerator")
    [href] = re.findall(r'href="(\?[^"]*lang=zh-CN)"', page)
    assert "开课率" in await got(reader, "/bureau/behind" + href.replace("&amp;", "&"))


def test_a_minute_has_sixty_seconds_whatever_rows_begin_in_it() -> None:
    at = datetime(2026, 9, 7, 1, 0, tzinfo=UTC)
    rows = [
        EvidenceRow(
            node_id=UUID(int=1),
            seq=n,
            session_id=UUID(int=2),
            participant_id=UUID(int=3),
            from_at=at + timedelta(seconds=3 + 5 * n),
            to_at=at + timedelta(seconds=8 + 5 * n),
            sent_decodable=True,
            received_decodable=n == 11,
            packets_in=1,
            bytes_in=1,
            packets_out=1,
            bytes_out=1,
            lost_in=0,
            lost_out=0,
            jitter_ms=0.0,
            rtt_ms=None,
            reason=None,
        )
        for n in range(12)
    ]
    assert [(m.starts_at, m.rows, m.sent, m.received) for m in by_minute(rows)] == [
        (at, 12, 57.0, 2.0),
        (at + timedelta(minutes=1), 0, 3.0, 3.0),
    ]


async def test_schools_stand_beside_their_hub_with_the_figures_of_the_report(
    bureau: Site, reader: aiohttp.ClientSession, world: World
) -> None:
    link = max((k for k in world.links if k.state == "ended"), key=lambda k: (k.starts, k.school))
    async with bureau.pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO alerts (session_id, participant_id, room_id, dark_since, opened_at)"
            " VALUES ($1, $2, $3, $4, $4)",
            link.session,
            link.participant,
            link.room,
            AS_OF,
        )
    page = await got(reader, f"/bureau/schools?{AT}")
    families = page.split('<section class="family"')[1:]
    assert len(families) == len(indicator_world.HUBS)
    figures = readers.of_report((await read(bureau)).report)
    for hub, family in zip(indicator_world.HUBS, families, strict=True):
        tiles = re.findall(r'<article class="school card.*?</article>', family, re.S)
        mine = [s for s in RECEIVING if indicator_world.HUB_OF[s] == hub]
        assert [re.findall(r'id="s(\d+)"', tile) for tile in tiles] == [[s] for s in (hub, *mine)]
        for school, tile in zip(mine, tiles[1:], strict=True):
            assert f'href="/bureau?of=school:{school}&amp;{PERIOD.replace("&", "&amp;")}"' in tile
            over, under, ratio = figures["school", school, 4, "delivery"]
            assert f"<b>{share(ratio)}</b>" in tile
            assert f">{plain(over)} / {plain(under)}</span>" in tile
            assert ("dark: " in tile) == (school == link.school)
    tile = page[page.index(f'id="s{link.school}"') :]
    assert f'<a href="/bureau/links/{link.participant}">{link.day}' in tile[:2500]
    rooms = await got(reader, f"/bureau/rooms?school={link.school}")
    own = [r for r in world.rooms.values() if r.school_code == link.school]
    assert rooms.count("<tr id=") == len(own)
