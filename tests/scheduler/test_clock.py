"""The clock with real APScheduler and real, short instants."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from scheduler.clock import SessionClock
from scheduler.model import Session, SessionState
from scheduler.session import Action, Due
from tests.scheduler.test_session import SCHEDULED

_INTO = {Action.OPEN: SessionState.OPEN, Action.MISS: SessionState.MISSED}


class _Truth:
    """Stands for the database: sessions that move when they are told to."""

    def __init__(self, *sessions: Session) -> None:
        self.sessions = {s.id: s for s in sessions}
        self.done: asyncio.Queue[tuple[Action, datetime]] = asyncio.Queue()

    async def unfinished(self, until: datetime) -> Iterable[Session]:
        return [s for s in self.sessions.values() if s.starts_at < until]

    async def perform(self, item: Due) -> None:
        moved = replace(item.session, state=_INTO[item.action])
        self.sessions[moved.id] = moved
        await self.done.put((item.action, datetime.now(UTC)))


def _at(starts_at: datetime, length: timedelta) -> Session:
    return replace(SCHEDULED, id=uuid4(), starts_at=starts_at, ends_at=starts_at + length)


async def test_it_opens_and_misses_at_the_instant_not_at_the_next_look() -> None:
    now = datetime.now(UTC)
    opens = now + timedelta(seconds=0.6)
    truth = _Truth(_at(opens + timedelta(minutes=10), timedelta(minutes=40)))
    clock = SessionClock(truth.unfinished, truth.perform, look_again=60)
    clock.start()
    try:
        action, at = await asyncio.wait_for(truth.done.get(), 5)
    finally:
        clock.stop()
    assert action is Action.OPEN
    assert timedelta(0) <= at - opens < timedelta(seconds=1)


async def test_after_being_away_it_does_at_once_what_it_missed() -> None:
    now = datetime.now(UTC)
    truth = _Truth(
        _at(now - timedelta(minutes=5), timedelta(minutes=40)),
        _at(now - timedelta(hours=2), timedelta(minutes=40)),
    )
    clock = SessionClock(truth.unfinished, truth.perform, look_again=60)
    clock.start()
    try:
        done = [await asyncio.wait_for(truth.done.get(), 5) for _ in range(2)]
    finally:
        clock.stop()
    assert [action for action, _ in done] == [Action.MISS, Action.OPEN]


async def test_a_failure_does_not_stop_it() -> None:
    truth = _Truth(_at(datetime.now(UTC), timedelta(minutes=40)))
    asked = 0

    async def unfinished(until: datetime) -> Iterable[Session]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ConnectionError("the database is away")
        return await truth.unfinished(until)

    clock = SessionClock(unfinished, truth.perform, look_again=0.1)
    clock.start()
    try:
        action, _ = await asyncio.wait_for(truth.done.get(), 5)
    finally:
        clock.stop()
    assert action is Action.OPEN
