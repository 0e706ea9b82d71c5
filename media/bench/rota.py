"""Things done over and over, each at the same interval: a queue instead of a heap."""

import bisect
from collections import deque
from collections.abc import Callable
from operator import itemgetter

_DUE = itemgetter(0)
_PATIENCE = 5
Action = Callable[[int], None]


class Rota:
    """Actions that each fall due every `interval`, at moments of their own (all in nanoseconds of
    one clock). What was done goes to the end of the queue: nothing is sorted again."""

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self._queue: deque[tuple[int, Action]] = deque()

    def add(self, first: int, action: Action) -> None:
        """From `first` on, which is less than an interval away."""
        bisect.insort(self._queue, (first, action), key=_DUE)

    def run(self, now: int, late: list[int] | None = None) -> None:
        """Do what is due, telling each when it was; how late each was goes into `late`. Who has
        fallen `_PATIENCE` intervals behind leaves out what he missed, as a camera does."""
        queue, interval = self._queue, self.interval
        while queue and queue[0][0] <= now:
            due, action = queue.popleft()
            if late is not None:
                late.append(now - due)
            action(due)
            following = (now if now - due > _PATIENCE * interval else due) + interval
            if queue and queue[-1][0] > following:
                self.add(following, action)
            else:
                queue.append((following, action))

    def next(self, latest: int) -> int:
        """When there is something to do, at the latest at `latest`."""
        return min(self._queue[0][0], latest) if self._queue else latest
