"""The clock: does what `session.due` says when it becomes due. The only APScheduler file.

Recurrence is ours (the timetable's), single dates are APScheduler's. The truth is re-read every few
seconds of monotonic time, at every instant that matters, and within a second of any step of the
machine's clock (its setting, or its sleep), so that an opening is missed neither after a restart,
nor after the process was suspended, nor when the clock was set forward or back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from scheduler.model import Session
from scheduler.session import Due, due, next_due

log = structlog.get_logger()

HORIZON = timedelta(hours=1)  # sessions that begin later are not looked at yet
LOOK_AGAIN = 10.0  # seconds
_STEP_SEEN_WITHIN = 1.0  # seconds
_STEP = 1.0  # seconds by which wall clock and monotonic clock must part to call it a step

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
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin: at once, then at every instant that matters."""
        self._scheduler.start()
        self._looking = asyncio.create_task(self._look())

    def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._scheduler.shutdown(wait=False)

    async def _look(self) -> None:
        while True:
            await self.refresh()
            await self._look_is_due()

    async def _look_is_due(self) -> None:
        """Return after `look_again` seconds, or soon after the wall clock was set."""
        monotonic = asyncio.get_running_loop().time
        ends = monotonic() + self._look_again
        apart = self._now().timestamp() - monotonic()
        while (left := ends - monotonic()) > 0:
            await asyncio.sleep(min(left, _STEP_SEEN_WITHIN))
            step = self._now().timestamp() - monotonic() - apart
            if abs(step) > _STEP:
                log.warning("the machine's clock was set", seconds=round(step, 1))
                return

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
