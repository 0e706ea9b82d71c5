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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--minutes",
        type=float,
        default=0.0,
        help="how long the database is away and packets are lost (default: some seconds)",
    )
