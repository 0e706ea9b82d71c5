"""Where one is signed in, in words: the browser and its system, not what it says of itself."""

import pytest

from classroom_sync.browsers import named
from tests.http.conftest import Site, sign_in

_MOZILLA = "Mozilla/5.0"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "known"),
    [
        (
            f"{_MOZILLA} (X11; Linux x86_64) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36",
            ("Chrome", "Linux"),
        ),
        (
            f"{_MOZILLA} (X11; Linux x86_64) {_WEBKIT} HeadlessChrome/126.0.0.0 Safari/537.36",
            ("Chromium", "Linux"),
        ),
        (
            f"{_MOZILLA} (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/126.0.0.0 Safari/537.36"
            " Edg/126.0.0.0",
            ("Edge", "Windows"),
        ),
        (
            f"{_MOZILLA} (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
            ("Firefox", "Windows"),
        ),
        (
            f"{_MOZILLA} (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            ("Safari", "iPhone"),
        ),
        (
            f"{_MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
            ("Safari", "macOS"),
        ),
        (
            f"{_MOZILLA} (Linux; Android 10; K) {_WEBKIT} Version/4.0 Chrome/116.0.0.0 Mobile"
            " Safari/537.36 XWEB/1160117 MicroMessenger/8.0.47",
            ("WeChat", "Android"),
        ),
        ("curl/8.5.0", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_browser_and_its_system_are_named(agent: str, known: tuple[str, str]) -> None:
    assert named(agent) == known


async def test_ones_account_page_says_them_and_which_zone_its_times_are_of(site: Site) -> None:
    agent = f"{_MOZILLA} (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
    headers = {"Accept": "text/html", "Accept-Language": "en", "User-Agent": agent}
    async with site.browser(**headers) as browser:
        await sign_in(browser, "bureau")
        async with browser.get("/account") as response:
            text = await response.text()
    assert ">Firefox on Windows</td>" in text
    assert f">{agent}<" not in text
    assert "Times are those of Asia/Shanghai." in text
