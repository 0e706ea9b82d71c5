"""The clock of a server's machine is set on by an hour in the middle of lessons, and back again."""

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

        async def wrong() -> None:
            file.write_text("+3600")
            await asyncio.sleep(_WRONG_FOR)
            file.write_text("+0")

        await held.through(f"the clock an hour fast for {_WRONG_FOR:.0f} s", wrong, clock=False)
        assert max(held.faults[0].dark) < 1.0
        measured = await held.end()
    said(measured)
    measured.judge()
