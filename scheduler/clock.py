"""The clock: does what `session.due` says when it becomes due. The only APScheduler file.

Recurrence is ours (the timetable's), single dates are APScheduler's. The truth is re-read every few
seconds and at every wake-up, so that an opening is missed neither after a restart, nor after the
process was suspended, nor when the machine's clock was set.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from scheduler.model import Session
from scheduler.session import Due, due, next_due

log = structlog.get_logger()

HORIZON = timedelta(hours=1)  # sessions that begin later are not looked at yet
LOOK_AGAIN = 10.0  # seconds

Unfinished = Callable[[datetime], Awaitable[Iterable[Session]]]
Perform = Callable[[Due], Awaitable[None]]


class SessionClock:
    """Opens, ends and misses sessions. `unfinished(until)` reads those that begin before `until`;
    `perform(due)` does one thing and may be asked to do it again. Run it on the leader only."""

    def __init__(
        self,
        unfinished: Unfinished,
        perform: Perform,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        look_again: float = LOOK_AGAIN,
    ) -> None:
        self._unfinished = unfinished
        self._perform = perform
        self._now = now
        self._look_again = look_again
        self._turn = asyncio.Lock()
        self._scheduler = AsyncIOScheduler(timezone=UTC)

    def start(self) -> None:
        """Begin: at once, then at every instant that matters."""
        self._scheduler.add_job(
            self.refresh,
            IntervalTrigger(seconds=self._look_again, timezone=UTC),
            id="look",
            next_run_time=datetime.now(UTC),
            coalesce=True,
            misfire_grace_time=None,
        )
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)

    async def refresh(self) -> None:
        """Read the truth, do what is due, and wake up again for what comes next."""
        async with self._turn:
            try:
                now = self._now()
                sessions = list(await self._unfinished(now + HORIZON))
                for item in due(sessions, now):
                    log.info("due", action=item.action, session=str(item.session.id))
                    await self._perform(item)
                self._wake_for(sessions, now)
            except Exception as error:
                log.exception("the clock could not do its work", cause=str(error))

    def _wake_for(self, sessions: Iterable[Session], now: datetime) -> None:
        coming = {item.at for s in sessions if (item := next_due(s)) is not None and item.at > now}
        wanted = {f"at {instant.isoformat()}": instant for instant in coming}
        for job in self._scheduler.get_jobs():
            if job.id.startswith("at ") and job.id not in wanted:
                job.remove()
        for name, instant in wanted.items():
            self._scheduler.add_job(
                self.refresh,
                DateTrigger(instant, timezone=UTC),
                id=name,
                replace_existing=True,
                coalesce=True,
                misfire_grace_time=None,
            )
