"""One cluster for all tests of the folder: they go from what harms nothing to what harms most."""

from collections.abc import AsyncIterator

import pytest

from tests.hosts.cluster import Cluster, cluster
from tests.weak.namespaces import missing


@pytest.fixture(scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Running hosts. A machine that can't make namespaces says what it lacks."""
    lacking = missing()
    if lacking is not None:
        pytest.fail(lacking, pytrace=False)
    async with cluster(tmp_path_factory.mktemp("hosts")) as found:
        yield found
