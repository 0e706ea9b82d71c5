"""The sound of a room in figures, computed by a real browser from sound that is known."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page

from tests.e2e.running import browser, serving_static

pytestmark = pytest.mark.browser

RATE = 48_000

ECHO = """async ([delay, gain, noise, periods]) => {
    const { echo, sequence } = await import("/static/acceptance_sound.js");
    const reference = sequence();
    const length = reference.length;
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
    const recorded = new Float32Array(length * periods);
    for (let n = 0; n < recorded.length; n += 1) {
        const played = reference[(n - delay + length * 9) % length];
        recorded[n] = 0.2 * gain * played + noise * random();
    }
    return echo(recorded, reference, 0.2, 48000);
}"""

LEVELS = """async ([loud, quiet, seconds]) => {
    const { levels } = await import("/static/acceptance_sound.js");
    const samples = new Float32Array(48000 * seconds);
    for (let n = 0; n < samples.length; n += 1) {
        const amplitude = n < samples.length / 2 ? loud : quiet;
        samples[n] = amplitude * Math.sin(n / 10);
    }
    return levels(samples, 48000);
}"""


@pytest.fixture(scope="module")
async def page() -> AsyncIterator[Page]:
    async with serving_static() as url, browser() as chromium:
        opened = await chromium.new_page()
        await opened.goto(url)
        yield opened


async def heard(page: Page, delay_ms: float, loss_db: float, noise: float, periods: int) -> Any:
    delay, gain = round(delay_ms * RATE / 1000), 10 ** (-loss_db / 20)
    return await page.evaluate(ECHO, [delay, gain, noise, periods])


@pytest.mark.parametrize("delay", [0, 5, 37.5, 240, 650])
@pytest.mark.parametrize("loss", [0, 12, 30])
async def test_an_echo_is_found_where_it_is_and_as_loud_as_it_is(
    page: Page, delay: float, loss: float
) -> None:
    found = await heard(page, delay, loss, 0.02, 2)
    assert found["delay"] == pytest.approx(delay, abs=0.1)
    assert found["loss"] == pytest.approx(loss, abs=0.5)


async def test_an_echo_is_found_under_noise_that_is_louder_than_it(page: Page) -> None:
    found = await heard(page, 80, 40, 0.02, 3)  # 0.002 of echo, 0.0058 of noise (effective)
    assert found["delay"] == pytest.approx(80, abs=0.1)
    assert found["loss"] == pytest.approx(40, abs=1.5)


@pytest.mark.parametrize("noise", [0, 0.001, 0.5])
async def test_no_echo_is_found_where_there_is_none(page: Page, noise: float) -> None:
    assert await page.evaluate(ECHO, [0, 0, noise, 2]) is None


async def test_too_little_sound_says_nothing(page: Page) -> None:
    assert await page.evaluate(ECHO, [0, 1, 0, 0]) is None
    assert await page.evaluate(LEVELS, [0.1, 0.1, 0.5]) is None


async def test_levels_are_those_of_the_loud_and_the_quiet_part(page: Page) -> None:
    found = await page.evaluate(LEVELS, [0.1, 0.001, 4])
    assert found["level"] == pytest.approx(-23.0, abs=0.1)  # a sine of 0.1 has 0.0707 effective
    assert found["floor"] == pytest.approx(-63.0, abs=0.1)


async def test_silence_is_as_quiet_as_can_be_said(page: Page) -> None:
    assert await page.evaluate(LEVELS, [0, 0, 2]) == {"level": -120, "floor": -120}
