"""The leader derives what came late: what is new each time, and the days before it one by one."""

from datetime import timedelta
from uuid import UUID

from db import presence, sessions
from tests.http.conftest import Site


async def ended_unseen(site: Site) -> UUID:
    """A lesson that was ended by a process which died before it derived anything."""
    async with site.pool.transaction() as connection:
        assert await sessions.go_live(connection, site.planned.session_id, site.now)
        assert await sessions.end(connection, site.planned.session_id, site.now)
    return site.planned.session_id


async def derived(site: Site) -> int:
    async with site.pool.connection() as connection:
        return len(await presence.attendance_of_session(connection, site.planned.session_id))


async def test_a_lesson_of_days_ago_is_reached_backwards_day_by_day(site: Site) -> None:
    await ended_unseen(site)
    since = site.now - timedelta(days=1)
    site.now += timedelta(days=4)
    for _ in range(4):
        await site.live.derive_late(since)
        assert await derived(site) == 0
    await site.live.derive_late(since)
    assert await derived(site) == 1


async def test_a_head_count_that_came_late_is_derived_the_next_time(site: Site) -> None:
    await ended_unseen(site)
    since = site.now - timedelta(days=1)
    await site.live.derive_late(since)
    assert await derived(site) == 1
    async with site.pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO head_counts (participant_id, expected, present, counted_by)"
            " VALUES ($1, 40, 33, 'x')",
            site.planned.receiving,
        )
    await site.live.derive_late(since)
    async with site.pool.connection() as connection:
        [found] = await presence.attendance_of_session(connection, site.planned.session_id)
    assert found.present == 33
