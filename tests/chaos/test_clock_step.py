"""The clock of a server's machine is wrong by an hour in the middle of lessons, and right again."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.held import lessons_held
from tests.chaos.measured import Measured
from tests.e2e.test_clocks import clock_that_can_be_set

_MINUTES = 150  # a lesson that is still on an hour later
_WRONG_FOR = 8.0  # seconds


@pytest.mark.system
async def test_no_presence_is_lost_or_invented(
    tmp_path: Path, said: Callable[[Measured], None]
) -> None:
    file = tmp_path / "clock"
    file.write_text("+0")
    async with lessons_held(
        tmp_path, 2, minutes=_MINUTES, record=False, environment=clock_that_can_be_set(file)
    ) as held:
        for hour, told in (("fast", "+3600"), ("slow", "-3600")):

            async def wrong(told: str = told) -> None:
                file.write_text(told)
                await asyncio.sleep(_WRONG_FOR)
                file.write_text("+0")

            await held.through(f"the clock an hour {hour} for {_WRONG_FOR:.0f} s", wrong)
            assert max(held.faults[-1].dark) < 1.0
        measured = await held.end()
    said(measured)
    measured.judge()
