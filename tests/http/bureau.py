"""What tests of the bureau share: how pages, files and figures are asked for."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, quote, urlsplit

import aiohttp

from classroom_sync.reports.reading import Found, Wanted, read_report
from scheduler.attendance import AttendanceRules
from scheduler.indicators.values import Dimension, IndicatorRules
from tests import indicator_world
from tests.http.conftest import Site
from tests.indicator_world import AS_OF

PERIOD = "since=2026-09-01&until=2026-10-14"
AT = f"{PERIOD}&as_of={quote(AS_OF.isoformat())}"


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


class Numbers(HTMLParser):
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
    for href, text in Numbers(page).links:
        query = {name: values[0] for name, values in parse_qs(urlsplit(href).query).items()}
        assert query["as_of"] == AS_OF.isoformat()
        key = (query["of"], int(query["indicator"]), query["measure"], query["side"])
        assert found.setdefault(key, text) == text
    return found
