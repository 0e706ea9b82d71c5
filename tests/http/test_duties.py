"""What the leader of the clock does goes on, whatever goes wrong in it."""

import asyncio

import pytest

from classroom_sync.duties import again
from db.errors import Unreachable


@pytest.mark.parametrize(
    "wrong", [Unreachable("away"), OSError(28, "no space left"), KeyError("x")]
)
async def test_a_duty_that_fails_is_tried_again_and_stops_nothing_beside_it(
    wrong: Exception,
) -> None:
    tried, done = 0, asyncio.Event()

    async def duty() -> None:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise wrong
        done.set()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        beside = group.create_task(asyncio.Event().wait())
        failing = group.create_task(again("try", duty, 0))
        await done.wait()
        assert not beside.done()
        beside.cancel()
        failing.cancel()
