"""What tests of pages share."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.e2e.running import RunningDemo, browser, demo


@pytest.fixture(scope="module")
async def site(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[RunningDemo, Browser]]:
    """A demo city for the tests of a module, and a browser."""
    data = tmp_path_factory.mktemp("demo") / "data"
    async with (
        demo(data, "--port", "0", "--udp-port", "0") as running,
        browser() as chromium,
    ):
        yield running, chromium
