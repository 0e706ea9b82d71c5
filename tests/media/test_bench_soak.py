"""Memory is flat: a node that two hundred real peers have joined and left holds what it held."""

import pytest

from media.bench.soak import Sample, Soak, soak
from media.bench.systems import ours, server_command

#: Per 100 joins. A resource left behind is dozens of Python objects and, with its DTLS association
#: and SRTP sessions, some 100 kB; an allocator that fills its last page is neither.
_OBJECTS = 1000
_MEGABYTES = 4.0


@pytest.fixture(scope="module")
async def soaked() -> Soak:
    with ours(server_command()) as running:
        return await soak(running, (50, 50, 50, 50))


async def test_peers_join_have_media_and_leave(soaked: Soak) -> None:
    assert [sample.joins for sample in soaked.samples] == [0, 50, 100, 150, 200]
    assert soaked.samples[-1].received > 100 * 50  # of 100 viewers, each had a key frame at least


async def test_joins_and_leaves_leave_no_socket_and_no_task(soaked: Soak) -> None:
    _, after_50, *_, after_200 = soaked.samples
    assert after_200.descriptors <= after_50.descriptors
    assert after_200.tasks <= after_50.tasks


async def test_joins_and_leaves_leave_no_object_and_no_memory(soaked: Soak) -> None:
    assert soaked.growth("objects") < _OBJECTS
    assert soaked.growth("rss_mb") < _MEGABYTES


def test_growth_is_the_slope_of_the_later_half() -> None:
    held = (500, 90, 10, 12, 14, 16)
    samples = (Sample(50 * i, 0, 0, 7, 0, n, 0) for i, n in enumerate(held))
    found = Soak("ours", tuple(samples))
    assert found.growth("objects") == pytest.approx(4)
    assert found.growth("descriptors") == 0
