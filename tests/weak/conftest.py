"""A machine that can't make namespaces fails these tests and says what it lacks."""

import pytest

from tests.weak.namespaces import missing


@pytest.fixture(autouse=True, scope="session")
def namespaces_can_be_made() -> None:
    lacking = missing()
    if lacking is not None:
        pytest.fail(lacking, pytrace=False)
