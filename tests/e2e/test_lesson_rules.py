"""The rules of the lesson's pages that touch no page: echo, findings, prompts, loudness."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page

from tests.e2e.running import browser, serving_static

pytestmark = pytest.mark.browser

ECHO = """async ([lag, loss, share, quiet]) => {
    const { compare } = await import("/static/echo.js");
    let seed = 7;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const voice = () => {
        const found = [];
        while (found.length < 260) {
            const level = -45 + 30 * random();
            for (let n = 2 + 6 * random(); n > 0; n -= 1) found.push(level + 4 * random());
            for (let n = 1 + 8 * random(); n > 0; n -= 1) found.push(-90);
        }
        return found.slice(0, 260);
    };
    const [far, own] = [voice(), voice()];
    const heard = (n) => share * (far[n - lag] ?? -90) + (1 - share) * own[n] - loss;
    const near = far.map((_, n) => Math.max(heard(n), -95));
    return compare(quiet ? far.map(() => -90) : far, near);
}"""


@pytest.fixture(scope="module")
async def page() -> AsyncIterator[Page]:
    async with serving_static() as url, browser() as chromium:
        opened = await chromium.new_page()
        await opened.goto(url)
        yield opened


async def call(page: Page, module: str, name: str, *arguments: Any) -> Any:
    """What a module's function gives."""
    script = (
        """async ([module, name, values]) => (await import(`/static/${module}`))[name](...values)"""
    )
    return await page.evaluate(script, [module, name, list(arguments)])


@pytest.mark.parametrize("lag", [0, 3, 14])
@pytest.mark.parametrize("loss", [0, 15])
async def test_a_voice_that_comes_back_is_alike_at_its_lag(page: Page, lag: int, loss: int) -> None:
    found = await page.evaluate(ECHO, [lag, loss, 1, False])
    assert found["alike"] > 0.9
    assert found["lag"] == lag


async def test_two_voices_at_once_are_not_taken_for_an_echo(page: Page) -> None:
    assert (await page.evaluate(ECHO, [0, 0, 0, False]))["alike"] < 0.6


async def test_a_closed_microphone_is_no_echo_and_silence_says_nothing(page: Page) -> None:
    assert await page.evaluate(ECHO, [0, 80, 1, False]) == {"alike": 0, "lag": 0}
    assert await page.evaluate(ECHO, [0, 0, 1, True]) is None
    assert await call(page, "echo.js", "compare", [-20] * 10, [-20] * 10) is None


FINE = {"silent": False, "echo": False, "slow": False}
NOTHING = {"sent": 0, "lostUp": 0, "received": 0, "lostDown": 0}


@pytest.mark.parametrize(
    ("now", "findings"),
    [
        ({"sent": 1000, "lostUp": 20, "received": 1000, "lostDown": 20}, []),
        ({"sent": 1000, "lostUp": 60, "received": 1000, "lostDown": 0}, ["loss_up"]),
        ({"sent": 1000, "lostUp": 0, "received": 900, "lostDown": 100}, ["loss_down"]),
        ({"sent": 20, "lostUp": 10, "received": 20, "lostDown": 10}, []),  # too few to tell
    ],
)
async def test_loss_is_found_where_it_is(
    page: Page, now: dict[str, int], findings: list[str]
) -> None:
    assert (
        await call(page, "quality.js", "judge", NOTHING, now, {**FINE, "stream": None}) == findings
    )


async def test_what_is_wrong_with_devices_is_found(page: Page) -> None:
    script = """async () => {
        const { judge } = await import("/static/quality.js");
        const nothing = { sent: 0, lostUp: 0, received: 0, lostDown: 0 };
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
        const fine = { stream, silent: false, echo: false, slow: false };
        const found = [judge(nothing, nothing, fine)];
        found.push(judge(nothing, nothing, { ...fine, silent: true, echo: true, slow: true }));
        stream.getVideoTracks()[0].enabled = false;
        found.push(judge(nothing, nothing, fine));
        for (const track of stream.getTracks()) track.stop();
        found.push(judge(nothing, nothing, fine));
        return found;
    }"""
    assert await page.evaluate(script) == [
        [],
        ["echo", "no_sound", "slow"],
        ["camera_off"],
        ["no_camera", "no_microphone"],
    ]


def state(**more: Any) -> dict[str, Any]:
    """A live lesson as a room is told of it, a minute and a half after its bell."""
    room = {"role": "receiving", "findings": [], "hand": False, "heads": [30, 30]}
    return {
        "state": "live",
        "starts_at": "2026-09-07T00:00:00Z",
        "you": "me",
        "floor": None,
        "poll": None,
        "participants": [
            {**room, "id": "lead", "role": "lead"},
            {**room, "id": "me", **more.pop("me", {})},
            {**room, "id": "other", **more.pop("other", {})},
        ],
        **more,
    }


NOW = 1_788_739_290_000  # 90 s after the bell, ms
POLL = {"id": "p", "state": "open", "answers": {}}


@pytest.mark.parametrize(
    ("told", "had_floor", "prompt"),
    [
        (state(state="open"), None, "doors"),
        (state(me={"heads": None}), None, "heads"),
        (state(), None, "watch"),
        (state(me={"hand": True}), None, "hand"),
        (state(floor="me", poll=POLL), None, "floor"),
        (state(floor="other"), None, "watch"),
        (state(poll=POLL), NOW - 1000, "poll"),
        (state(poll={**POLL, "answers": {"me": [1, 2]}}), None, "watch"),
        (state(me={"heads": None}), NOW - 1000, "feedback"),
        (state(), NOW - 61_000, "watch"),
    ],
)
async def test_the_assistant_is_prompted_for_what_matters_now(
    page: Page, told: dict[str, Any], had_floor: int | None, prompt: str
) -> None:
    assert await call(page, "prompts.js", "promptFor", told, NOW, had_floor) == prompt


@pytest.mark.parametrize(
    ("told", "whose", "volume"),
    [
        (state(), "other", 1),
        (state(floor="other"), "other", 1),
        (state(floor="me"), "other", 0.2),
        (state(floor="me"), "lead", 1),
        (state(other={"findings": ["echo"]}), "other", 0.2),
        (state(floor="other", other={"findings": ["echo"]}), "other", 1),
        (state(), None, 1),
    ],
)
async def test_classes_without_the_floor_step_back(
    page: Page, told: dict[str, Any], whose: str | None, volume: float
) -> None:
    assert await call(page, "sound_places.js", "volumeOf", told, whose) == volume
