"""The bureau's pages: each number opens its list, and every step is on record."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest

from classroom_sync.pages.dashboard import LINES
from classroom_sync.pages.evidence import by_minute
from classroom_sync.reports import exports
from classroom_sync.reports.numbers import plain, share
from db import city, presence, sessions
from db.presence import EvidenceRow
from media.evidence import Evidence
from scheduler.indicators.values import Dimension, Side
from tests import indicator_world
from tests.http.bureau import AT, PERIOD, Numbers, file, got, linked, read
from tests.http.conftest import Site, sign_in
from tests.indicator_world import AS_OF, RECEIVING, L, World
from tests.reports import readers

_YEARS = ("Reports are of the years 2000 to 2199: choose other days.", "报表只涵盖 2000 年")
_LENGTH = ("A report is of ten years at most: choose a shorter period.", "一份报表最长十年")
_PART = ("There is no such part of the city: choose one from the list.", "没有这个范围")


async def test_every_number_of_the_page_opens_a_list_that_adds_up_to_it(
    bureau: Site, reader: aiohttp.ClientSession
) -> None:
    page = Numbers(await got(reader, f"/bureau?{AT}"))
    assert len(page.links) > 100
    for href, text in dict(page.links).items():
        total, at = 0.0, href
        while at:
            listing = await got(reader, at)
            rows = Numbers(listing).rows[1:]
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
        seen += [row[0] for row in Numbers(table[: table.index("</table>")]).rows[1:]]
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
    minutes = [row for row in Numbers(page).rows if row and row[-1].startswith("Rows: ")]
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
    stored = [row[-1] for row in Numbers(below).rows if row and "#" in row[-1]]
    assert stored == [f"{str(node)[:8]}#{n}" for n in range(360, 400)]
    whole = await got(reader, f"/bureau/links/{link}?raw=1")
    [more] = re.findall(r'rel="next" href="([^"]*)#raw"', whole)
    rest = await got(reader, f"/bureau/links/{link}{more.replace('&amp;', '&')}")
    assert [row[-1] for row in Numbers(rest).rows if row and "#" in row[-1]] == [
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


async def dark_room(bureau: Site, world: World) -> L:
    """The newest link that has ended; an alert of its room stands."""
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
    return link


async def test_schools_stand_beside_their_hub_with_the_figures_of_the_report(
    bureau: Site, reader: aiohttp.ClientSession, world: World
) -> None:
    link = await dark_room(bureau, world)
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


async def test_a_room_that_was_entered_since_takes_no_page_of_the_past_away(
    bureau: Site, reader: aiohttp.ClientSession, world: World, dsn: str
) -> None:
    link = await dark_room(bureau, world)
    assert "dark: " in await got(reader, f"/bureau/schools?{AT}")
    owner = await asyncpg.connect(dsn)
    try:
        await owner.execute(
            "UPDATE room_versions SET known_at = $2 WHERE id = $1",
            link.room,
            AS_OF + timedelta(days=1),
        )
    finally:
        await owner.close()
    assert "dark: " not in await got(reader, f"/bureau/schools?{AT}")
    await got(reader, f"/bureau/wall?{AT}")
