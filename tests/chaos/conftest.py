"""What the measurements of faults say goes to the terminal, whether a test passes or not."""

from collections.abc import Callable

import pytest

from tests.chaos.measured import Measured


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[Measured], None]:
    """Prints what was measured."""

    def say(measured: Measured) -> None:
        with capsys.disabled():
            measured.say()

    return say
